// SPDX-License-Identifier: Apache-2.0
#include "broker/log/dump/findings.hpp"

#include <algorithm>

#include <fmt/core.h>

namespace ottla::broker::log::dump {

Findings::Pairs& Findings::in(ByFile& files, const std::string& path) {
    const auto found = std::find_if(files.begin(), files.end(), [&](const auto& file) { return file.first == path; });
    if (found != files.end()) return found->second;
    return files.emplace_back(path, Pairs()).second;
}

void Findings::print(const TextSink& sink) {
    const auto say = [&](const ByFile& files, std::string_view title, fmt::string_view line) {
        for (const auto& [path, pairs] : files) {
            sink(fmt::format("{}{}\n", title, path));
            for (const auto& [first, second] : pairs) sink(fmt::vformat(line, fmt::make_format_args(first, second)));
        }
    };
    // Kafka's tool gives these last first, and the gaps by their offsets.
    for (auto& [path, pairs] : index_mismatches_) std::reverse(pairs.begin(), pairs.end());
    for (auto& [path, pairs] : gaps_) std::stable_sort(pairs.begin(), pairs.end());
    say(index_mismatches_, "Mismatches in :", "  Index offset: {}, log offset: {}\n");
    say(timestamp_mismatches_, "Found timestamp mismatch in :", "  Index timestamp: {}, log timestamp: {}\n");
    say(not_rising_, "Found out of order timestamp in :", "  Index timestamp: {}, Previously indexed timestamp: {}\n");
    say(not_found_, "The following indexed offsets are not found in :", "Indexed offset: {}, found log offset: {}\n");
    say(gaps_, "Non-consecutive offsets in ", "  {} is followed by {}\n");
}

}  // namespace ottla::broker::log::dump
