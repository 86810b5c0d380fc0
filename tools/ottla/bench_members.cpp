// SPDX-License-Identifier: Apache-2.0
// ottla bench members: members of one or many groups in one process, on one loop, that say what they are given and give
// back: "EVENT ns group/member + 0,1,2" and "- 0,1". Until they are stopped; then all leave, and "END ns" is last.
// Times are of CLOCK_MONOTONIC, so that those of several processes can be put side by side.
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <sys/resource.h>

#include <fmt/format.h>
#include <boost/asio/io_context.hpp>
#include <CLI/CLI.hpp>

#include <ottla/consumer.hpp>

#include "tools/ottla/connection.hpp"
#include "tools/ottla/numbers.hpp"
#include "tools/ottla/output.hpp"
#include "tools/ottla/verb.hpp"

namespace ottla::tools {

namespace {

struct MembersOptions {
    Connection connection;
    std::string topic = "bench";
    std::string group = "bench";
    std::int32_t groups = 1;
    std::int32_t members = 1;
    bool is_idle = false;
};

std::int64_t monotonic_ns() { return std::chrono::steady_clock::now().time_since_epoch().count(); }

// Each has a few connections.
void allow_many_files() {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

class BenchMember {
public:
    BenchMember(boost::asio::io_context& loop, const Config& config, std::string name, bool is_idle, Output& out)
        : consumer_(Consumer::create(loop.get_executor(), config).value()),
          name_(std::move(name)),
          is_idle_(is_idle),
          out_(out) {}

    void begin(const std::string& topic) {
        expect(consumer_.subscribe({topic}), "subscribing");
        poll();
    }
    // `done` is called once it has left.
    template <class Done>
    void leave(Done done) {
        leaves_ = true;
        consumer_.async_close(std::chrono::seconds(10), [done](const Result<void>&) { done(); });
    }
    bool has_partitions() const noexcept { return held_ != 0; }

private:
    void poll() {
        consumer_.async_poll(std::chrono::seconds(1), [this](Result<std::optional<Event>> event) {
            if (event && *event) take(**event);
            if (!leaves_ && !(event.has_error() && event.error() == ErrorCode::closed)) poll();
        });
    }

    void take(const Event& event) {
        if (const auto* assigned = std::get_if<AssignedPartitions>(&event)) {
            held_ += assigned->partitions.size();
            say('+', assigned->partitions);
            if (is_idle_ && !assigned->partitions.empty()) be_idle(assigned->partitions);
        } else if (const auto* revoked = std::get_if<RevokedPartitions>(&event)) {
            held_ -= revoked->partitions.size();
            say('-', revoked->partitions);
        } else if (const auto* error = std::get_if<Error>(&event)) {
            out_.print(fmt::format("ERROR {} {} {}\n", monotonic_ns(), name_, to_string(*error)));
            out_.flush();
        }
    }

    // Reads nothing, and has committed something.
    void be_idle(std::vector<TopicPartition> partitions) {
        (void)consumer_.pause(partitions);
        for (auto& one : partitions) one.offset = Offset(0);
        consumer_.async_commit(std::move(partitions), answer_within, [](const Result<std::vector<TopicPartition>>&) {});
    }

    void say(char sign, const std::vector<TopicPartition>& partitions) {
        std::string numbers;
        for (const auto& one : partitions) numbers += (numbers.empty() ? "" : ",") + std::to_string(one.partition);
        out_.print(fmt::format("EVENT {} {} {} {}\n", monotonic_ns(), name_, sign, numbers));
        out_.flush();
    }

    Consumer consumer_;
    std::string name_;
    bool is_idle_;
    Output& out_;
    std::size_t held_ = 0;
    bool leaves_ = false;
};

using BenchMembers = std::vector<std::unique_ptr<BenchMember>>;

BenchMembers make_members(boost::asio::io_context& loop, const MembersOptions& options, Output& out) {
    BenchMembers members;
    for (std::int32_t g = 0; g < options.groups; ++g) {
        const std::string group = options.groups == 1 ? options.group : fmt::format("{}-{}", options.group, g);
        const Config config = to_config(options.connection, {{"group.id", group}});
        for (std::int32_t m = 0; m < options.members; ++m) {
            members.push_back(
                std::make_unique<BenchMember>(loop, config, fmt::format("{}/{}", group, m), options.is_idle, out));
        }
    }
    return members;
}

int bench_members(Session& session, const MembersOptions& options) {
    allow_many_files();
    boost::asio::io_context loop{1};
    const auto work = boost::asio::make_work_guard(loop);
    auto members = make_members(loop, options, session.out);
    const auto say = [&](std::string_view what) {
        session.out.print(fmt::format("{} {}\n", what, monotonic_ns()));
        session.out.flush();
    };
    say("BEGIN");
    for (const auto& member : members) member->begin(options.topic);
    constexpr std::chrono::milliseconds look_after{20};
    for (bool all_have = false; !session.stop;) {
        loop.run_for(look_after);
        const auto has = [](const auto& member) { return member->has_partitions(); };
        if (!all_have && std::all_of(members.begin(), members.end(), has)) {
            all_have = true;
            say("ALL");
        }
    }
    say("LEAVING");
    std::size_t left = 0;
    for (const auto& member : members) member->leave([&left] { ++left; });
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(15);
    while (left < members.size() && std::chrono::steady_clock::now() < deadline) loop.run_for(look_after);
    say("END");
    return left == members.size() ? exit_ok : exit_failure;
}

}  // namespace

Action declare_bench_members(CLI::App& app) {
    auto options = std::make_shared<MembersOptions>();
    add_connection(app, options->connection);
    app.add_option("--topic", options->topic, "The topic that they read; it must exist")->capture_default_str();
    app.add_option("--group", options->group, "The group, or how the names of the groups begin")->capture_default_str();
    app.add_option("--groups", options->groups, "How many groups")->check(whole_number(1, 100'000));
    app.add_option("--members", options->members, "How many members of each")->check(whole_number(1, 100'000));
    app.add_flag("--idle", options->is_idle, "They commit once, then only stay members: nothing is fetched");
    return [options](Session& session) { return bench_members(session, *options); };
}

}  // namespace ottla::tools
