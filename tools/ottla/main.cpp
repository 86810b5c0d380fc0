// SPDX-License-Identifier: Apache-2.0
// ottla: the command line. Builds the parser from the table of verbs, runs the one that was asked for, and turns what
// goes wrong into one line on standard error and an exit code: 0 done, 1 failed, 2 wrongly asked.
#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <map>
#include <string>

#include <unistd.h>

#include <CLI/CLI.hpp>

#include "tools/ottla/output.hpp"
#include "tools/ottla/verb.hpp"

namespace ottla::tools {

namespace {

std::atomic<bool> stop{false};
static_assert(std::atomic<bool>::is_always_lock_free);

// The first Ctrl-C asks the verb to end in order, the second ends the process. A reader that leaves (`| head`) is
// seen by the write that fails. Only here does anything touch the state of the process.
void take_signals() {
    struct sigaction ask {};
    ask.sa_handler = [](int) { stop = true; };
    ask.sa_flags = static_cast<int>(SA_RESETHAND);
    sigaction(SIGINT, &ask, nullptr);
    sigaction(SIGTERM, &ask, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
}

// What a newcomer should try, for the failures that newcomers meet.
const char* advice(ErrorCode code) {
    switch (code) {
        case ErrorCode::all_brokers_down:
        case ErrorCode::transport:
        case ErrorCode::resolve:
            return "Is a broker running there? 'ottla dev' starts one; -b HOST:PORT or $OTTLA_BOOTSTRAP names another.";
        case ErrorCode::unknown_topic:
        case ErrorCode::unknown_topic_or_partition:
            return "'ottla topic list' shows what there is; 'ottla topic create NAME' makes one.";
        default: return nullptr;
    }
}

int complain(const std::string& verb, const std::string& what, int code) {
    std::fprintf(stderr, "%s: %s\n", verb.c_str(), what.c_str());
    return code;
}

int run(const std::string& verb, const Action& action) {
    Output out(STDOUT_FILENO);
    Session session{out, stop, isatty(STDERR_FILENO) == 1, isatty(STDOUT_FILENO) == 1};
    int code = exit_failure;
    try {
        code = action(session);
    } catch (const UsageError& e) {
        code = complain(verb, e.what(), exit_usage);
    } catch (const Exception& e) {
        code = complain(verb, e.what(), exit_failure);
        if (const char* line = advice(e.error().code())) std::fprintf(stderr, "%s\n", line);
    } catch (const std::exception& e) {
        code = complain(verb, e.what(), exit_failure);
    }
    out.flush();
    if (out.error() != 0)
        return complain(verb, std::string("standard output: ") + std::strerror(out.error()), exit_failure);
    return code;
}

// The subcommand at the end of `path`, whose parents stand above it in the table.
CLI::App& place(CLI::App& root, std::string_view path, std::string_view about) {
    CLI::App* at = &root;
    while (true) {
        const auto space = path.find(' ');
        if (space == std::string_view::npos) break;
        at = at->get_subcommand(std::string(path.substr(0, space)));
        path.remove_prefix(space + 1);
    }
    return *at->add_subcommand(std::string(path), std::string(about));
}

// The first word on the command line that should be a verb and is none; nothing when all are.
const char* unknown_verb(CLI::App& root, int argc, char** argv) {
    CLI::App* at = &root;
    for (int i = 1; i < argc && argv[i][0] != '-'; ++i) {
        const auto below = at->get_subcommands({});
        if (below.empty()) return nullptr;
        const auto next = std::find_if(below.begin(), below.end(), [&](auto* sub) { return sub->check_name(argv[i]); });
        if (next == below.end()) return argv[i];
        at = *next;
    }
    return nullptr;
}

int start(int argc, char** argv) {
    CLI::App app("Kafka for C++: a broker to develop with, and a client for any Kafka cluster.", "ottla");
    app.require_subcommand(1);
    app.set_version_flag("--version", std::string("ottla ") + OTTLA_VERSION);
    app.set_help_flag("-h,--help", "Say what there is and exit");
    app.option_defaults()->always_capture_default(false);

    std::map<const CLI::App*, std::pair<std::string, Action>> actions;
    for (const Verb& verb : verbs()) {
        CLI::App& sub = place(app, verb.path, verb.about);
        if (verb.declare)
            actions.emplace(&sub, std::pair("ottla " + std::string(verb.path), verb.declare(sub)));
        else
            sub.require_subcommand(1);
    }
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        if (e.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) {
            app.exit(e);
            return exit_ok;
        }
        if (const char* word = unknown_verb(app, argc, argv))
            return complain("ottla", std::string("there is no verb '") + word + "'; 'ottla --help' lists them",
                            exit_usage);
        app.exit(e);
        return exit_usage;
    }
    const CLI::App* chosen = &app;
    while (!actions.contains(chosen)) chosen = chosen->get_subcommands().front();
    const auto& [name, action] = actions.at(chosen);
    return run(name, action);
}

}  // namespace
}  // namespace ottla::tools

int main(int argc, char** argv) {
    ottla::tools::take_signals();
    return ottla::tools::start(argc, argv);
}
