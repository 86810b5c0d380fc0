// SPDX-License-Identifier: Apache-2.0
#include "broker/log/dump/verify_index.hpp"
#include "broker/log/marker.hpp"

namespace ottla::broker::log::dump {

TransactionIndexVerifier::TransactionIndexVerifier(Problems& problems, std::string path)
    : problems_(problems),
      path_(std::move(path)) {
    problems_.with_text(path_, [&](const std::string& text) { read(text); });
}

void TransactionIndexVerifier::read(const std::string& text) {
    constexpr std::size_t size = TransactionIndexEntry::size;
    if (text.size() % size != 0)
        problems_.say(path_, fmt::format("{} bytes are not whole entries of {}", text.size(), size));
    std::int64_t before = -1;
    for (std::size_t at = 0; text.size() - at >= size; at += size) {
        std::int16_t version = 0;
        const Line line{TransactionIndexEntry::read(as_bytes(text).data() + at, version), at};
        const auto& entry = line.entry;
        if (version != TransactionIndexEntry::version) {
            problems_.say(path_, fmt::format("at {}: an entry of version {}", at, version));
            continue;
        }
        if (entry.first_offset < 0 || entry.first_offset >= entry.last_offset)
            say(line, fmt::format("begins at {}", entry.first_offset));
        if (entry.last_stable_offset < 0 || entry.last_stable_offset > entry.last_offset + 1)
            say(line, fmt::format("has the last stable offset {}", entry.last_stable_offset));
        if (entry.last_offset <= before) say(line, fmt::format("follows the one of {}", before));
        before = entry.last_offset;
        lines_.push_back(line);
    }
    std::ranges::stable_sort(lines_, {}, [](const Line& line) { return line.entry.last_offset; });
}

void TransactionIndexVerifier::batch(const FoundBatch& batch) {
    const auto& header = batch.header;
    while (next_ != lines_.size() && lines_[next_].entry.last_offset <= header.last_offset()) {
        const Line& line = lines_[next_++];
        const auto marker =
            line.entry.last_offset >= header.base_offset && header.is_control() && batch.bytes.size() >= header.size
                ? marker_in(header, batch.bytes.subspan(header.size))
                : std::nullopt;
        if (!marker)
            say(line, "has no marker there");
        else if (marker->committed)
            say(line, "was committed");
        else if (header.producer_id != line.entry.producer_id)
            say(line, fmt::format("is of producer {}", header.producer_id));
    }
}

void TransactionIndexVerifier::end() {
    while (next_ != lines_.size()) say(lines_[next_++], "has no marker there");
}

void TransactionIndexVerifier::say(const Line& line, std::string_view what) {
    problems_.say(path_, fmt::format("at {}: the transaction of producer {} that offset {} aborts {}", line.at,
                                     line.entry.producer_id, line.entry.last_offset, what));
}

}  // namespace ottla::broker::log::dump
