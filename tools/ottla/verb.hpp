// SPDX-License-Identifier: Apache-2.0
// What a verb of the command line is: a row in the table of verbs.cpp, a file of its own that declares the options
// and does the work. A verb answers with its exit code, or throws: UsageError (2), ottla::Exception (1).
#pragma once

#include <atomic>
#include <functional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

#include <ottla/result.hpp>

namespace CLI {
class App;
}

namespace ottla::tools {

class Output;

enum ExitCode : int { exit_ok = 0, exit_failure = 1, exit_usage = 2 };

// The command line asks for what cannot be: a wrong setting, options that contradict each other.
class UsageError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

// What main hands to every verb.
struct Session {
    // Standard output, buffered.
    Output& out;
    // Set when the user wants the program to end (Ctrl-C, SIGTERM).
    const std::atomic<bool>& stop;
    bool stderr_is_terminal = false;
    bool stdout_is_terminal = false;

    // A line for people on standard error; progress and hints are said on a terminal only.
    void hint(std::string_view line) const;
};

using Action = std::function<int(Session&)>;

struct Verb {
    // "topic create": the words on the command line.
    std::string_view path;
    std::string_view about;
    // Declares the options on its subcommand; what it gives back is run after parsing.
    Action (*declare)(CLI::App&);
};

std::span<const Verb> verbs();

// The value, or the error thrown with `what` before it.
template <class T>
T expect(Result<T> result, std::string_view what) {
    if (result.has_error()) throw Exception(result.error().with_context(what));
    if constexpr (!std::is_void_v<T>) return std::move(*result);
}

}  // namespace ottla::tools
