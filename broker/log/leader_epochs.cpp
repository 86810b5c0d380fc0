// SPDX-License-Identifier: Apache-2.0
#include "broker/log/leader_epochs.hpp"

#include <algorithm>

#include <fmt/core.h>

#include "broker/log/text_lines.hpp"

namespace ottla::broker::log {

Result<LeaderEpochs> LeaderEpochs::parse(std::string_view text) {
    TextLines lines(text, "leader-epoch-checkpoint");
    auto count = lines.begin_checkpoint();
    if (!count) return count.error();
    LeaderEpochs epochs;
    for (std::int64_t i = 0; i < *count; ++i) {
        EpochEntry entry;
        if (!lines.next(2) || !lines.number(0, entry.epoch) || !lines.number(1, entry.start_offset)) {
            return lines.error("is not '<epoch> <start offset>'");
        }
        if (entry.epoch < 0 || entry.start_offset < 0) return lines.error("has a negative number");
        if (!epochs.entries_.empty() &&
            (entry.epoch <= epochs.entries_.back().epoch || entry.start_offset < epochs.entries_.back().start_offset)) {
            return lines.error("does not rise");
        }
        epochs.entries_.push_back(entry);
    }
    if (!lines.at_end()) return lines.error("is one too many");
    return epochs;
}

std::string LeaderEpochs::to_text() const {
    std::string text = fmt::format("0\n{}\n", entries_.size());
    for (const auto& entry : entries_) text += fmt::format("{} {}\n", entry.epoch, entry.start_offset);
    return text;
}

std::optional<std::int32_t> LeaderEpochs::latest() const noexcept {
    if (entries_.empty()) return std::nullopt;
    return entries_.back().epoch;
}

std::optional<std::int32_t> LeaderEpochs::epoch_of(std::int64_t offset) const noexcept {
    std::optional<std::int32_t> epoch;
    for (const auto& entry : entries_) {
        if (entry.start_offset > offset) break;
        epoch = entry.epoch;
    }
    return epoch;
}

bool LeaderEpochs::assign(std::int32_t epoch, std::int64_t start_offset) {
    if (epoch < 0 || (!entries_.empty() && epoch <= entries_.back().epoch)) return false;
    // An epoch in which nothing was written leaves no trace in the log; its entry gives way.
    while (!entries_.empty() && entries_.back().start_offset >= start_offset) entries_.pop_back();
    entries_.push_back({epoch, start_offset});
    return true;
}

bool LeaderEpochs::begin(std::int32_t epoch, std::int64_t start_offset) {
    const auto impossible = std::erase_if(entries_, [&](const auto& entry) { return entry.epoch > epoch; });
    return assign(epoch, start_offset) || impossible != 0;
}

bool LeaderEpochs::truncate_end(std::int64_t offset) {
    const std::size_t before = entries_.size();
    while (!entries_.empty() && entries_.back().start_offset >= offset) entries_.pop_back();
    return entries_.size() != before;
}

bool LeaderEpochs::truncate_start(std::int64_t offset) {
    const auto covering = epoch_of(offset);
    if (!covering || entries_.front().start_offset == offset) return false;
    std::erase_if(entries_, [&](const auto& entry) { return entry.epoch < *covering; });
    if (entries_.front().start_offset >= offset) return false;
    entries_.front().start_offset = offset;
    return true;
}

EpochEnd LeaderEpochs::end_of(std::int32_t requested, std::int64_t log_end) const noexcept {
    if (requested < 0 || entries_.empty() || requested > entries_.back().epoch) return {};
    if (requested == entries_.back().epoch) return {requested, log_end};
    const auto above = std::upper_bound(entries_.begin(), entries_.end(), requested,
                                        [](std::int32_t epoch, const auto& entry) { return epoch < entry.epoch; });
    // Older than anything known here: its records are gone, so it ends where the first known one begins.
    if (above == entries_.begin()) return {requested, above->start_offset};
    return {std::prev(above)->epoch, above->start_offset};
}

}  // namespace ottla::broker::log
