// SPDX-License-Identifier: Apache-2.0
// Asks the index, also while it is written: log_query DATABASE hosts | severities | search WORDS…
#include <cstdio>
#include <exception>
#include <string>

#include "line_index.hpp"
#include "question.hpp"

namespace {

constexpr std::int64_t found_max = 100;

void print(const logs::LineIndex::Counts& counts) {
    for (const auto& [name, count] : counts) std::printf("%8lld %s\n", static_cast<long long>(count), name.c_str());
}

int answer(logs::LineIndex& index, const std::string& question, const std::string& words) {
    if (question == "hosts") {
        print(index.by_host());
    } else if (question == "severities") {
        print(index.by_severity());
    } else if (question == "search" && !words.empty()) {
        for (const auto& line : index.search(logs::question(words), found_max)) std::printf("%s\n", line.c_str());
    } else {
        std::fprintf(stderr, "usage: log_query DATABASE hosts | severities | search WORDS…\n");
        return 2;
    }
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    std::string words;
    for (int i = 3; i < argc; ++i) words += (words.empty() ? "" : " ") + std::string(argv[i]);
    try {
        logs::LineIndex index(argc > 1 ? argv[1] : ":memory:");
        return answer(index, argc > 2 ? argv[2] : "", words);
    } catch (const std::exception& e) {
        std::fprintf(stderr, "log_query: %s\n", e.what());
        return 1;
    }
}
