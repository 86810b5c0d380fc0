// SPDX-License-Identifier: Apache-2.0
// Programs of the examples as processes: run to their end, or started, read from and killed.
#pragma once

#include <array>
#include <chrono>
#include <cstdio>
#include <functional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

namespace ottla::test_programs {

struct Ran {
    int status;
    std::string output;  // of both kinds
};

// By the shell.
inline Ran run(const std::string& command) {
    Ran ran{-1, {}};
    FILE* pipe = popen(("(" + command + ") 2>&1").c_str(), "r");
    if (!pipe) return ran;
    std::array<char, 4096> chunk;
    while (const auto n = fread(chunk.data(), 1, chunk.size(), pipe)) ran.output.append(chunk.data(), n);
    ran.status = pclose(pipe);
    return ran;
}

// A program that runs beside the test; its standard output is read. Killed at the end at the latest.
class Started {
public:
    explicit Started(std::vector<std::string> words) {
        std::array<int, 2> ends{};
        if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
        std::vector<char*> arguments;
        for (auto& word : words) arguments.push_back(word.data());
        arguments.push_back(nullptr);
        process_ = ::fork();
        if (process_ == 0) {
            ::dup2(ends[1], STDOUT_FILENO);
            ::execv(arguments[0], arguments.data());
            ::_exit(127);
        }
        ::close(ends[1]);
        output_ = ends[0];
    }
    Started(const Started&) = delete;
    Started& operator=(const Started&) = delete;
    ~Started() {
        if (process_ > 0) end(SIGKILL);
        ::close(output_);
    }

    const std::string& seen() const noexcept { return seen_; }
    // Reads on until the output is as it should be. False: it never was within the time, or the program has ended.
    bool read_until(const std::function<bool(const std::string&)>& is_enough, std::chrono::seconds within) {
        const auto until = std::chrono::steady_clock::now() + within;
        while (!is_enough(seen_)) {
            const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
            pollfd ready{output_, POLLIN, 0};
            if (left.count() <= 0 || ::poll(&ready, 1, static_cast<int>(left.count())) <= 0) return false;
            if (!read_some()) return is_enough(seen_);
        }
        return true;
    }
    // To the end of its output; its status.
    int end(int signal) {
        if (signal != 0) ::kill(process_, signal);
        while (read_some()) {
        }
        int status = -1;
        ::waitpid(std::exchange(process_, -1), &status, 0);
        return status;
    }

private:
    bool read_some() {
        std::array<char, 4096> chunk;
        const auto n = ::read(output_, chunk.data(), chunk.size());
        if (n > 0) seen_.append(chunk.data(), static_cast<std::size_t>(n));
        return n > 0;
    }

    pid_t process_ = -1;
    int output_ = -1;
    std::string seen_;
};

inline std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    for (std::size_t at = 0; at < text.size();) {
        const auto end = text.find('\n', at);
        if (end == std::string::npos) break;  // not whole
        lines.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    return lines;
}

}  // namespace ottla::test_programs
