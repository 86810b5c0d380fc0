// SPDX-License-Identifier: Apache-2.0
#include "broker/log/transaction_index.hpp"

#include <algorithm>
#include <array>

#include <fmt/core.h>

namespace ottla::broker::log {

Result<std::vector<TransactionIndexEntry>> read_transaction_index(const File& file) {
    const auto size = file.size();
    if (!size) return size.error();
    std::vector<std::uint8_t> bytes(*size / TransactionIndexEntry::size * TransactionIndexEntry::size);
    if (auto read = file.read_exactly(0, bytes); !read) return read.error();
    std::vector<TransactionIndexEntry> entries;
    entries.reserve(bytes.size() / TransactionIndexEntry::size);
    for (std::size_t at = 0; at < bytes.size(); at += TransactionIndexEntry::size) {
        std::int16_t version = 0;
        entries.push_back(TransactionIndexEntry::read(bytes.data() + at, version));
        if (version != TransactionIndexEntry::version) {
            return Error::of(ErrorCode::corrupt_storage,
                             fmt::format("'{}' at {}: an entry of version {}", file.path(), at, version));
        }
    }
    return entries;
}

Result<bool> sane_transaction_index(const File& file, std::int64_t base_offset, std::int64_t next_offset) {
    const auto size = file.size();
    if (!size) return size.error();
    if (*size % TransactionIndexEntry::size != 0) return false;
    const auto entries = read_transaction_index(file);
    if (!entries && entries.error() == ErrorCode::corrupt_storage) return false;
    if (!entries) return entries.error();
    std::int64_t before = base_offset - 1;
    for (const auto& entry : *entries) {
        // A marker has an offset of its own, behind what it ends and behind the marker before; what is undecided after
        // it begins at the next offset at the latest.
        const bool sane = entry.producer_id >= 0 && entry.first_offset >= 0 && entry.first_offset < entry.last_offset &&
                          entry.last_offset > before && entry.last_offset < next_offset &&
                          entry.last_stable_offset >= 0 && entry.last_stable_offset <= entry.last_offset + 1;
        if (!sane) return false;
        before = entry.last_offset;
    }
    return true;
}

Result<void> append_to_transaction_index(File& file, const TransactionIndexEntry& entry) {
    const auto size = file.size();
    if (!size) return size.error();
    std::array<std::uint8_t, TransactionIndexEntry::size> bytes;
    entry.write(bytes.data());
    return file.write_at(*size / bytes.size() * bytes.size(), ByteSpan(bytes));
}

Result<void> cut_transaction_index(File& file, std::int64_t offset) {
    const auto entries = read_transaction_index(file);
    if (!entries) return entries.error();
    const auto gone = std::ranges::find_if(*entries, [&](const auto& entry) { return entry.last_offset >= offset; });
    return file.truncate(static_cast<std::uint64_t>(gone - entries->begin()) * TransactionIndexEntry::size);
}

}  // namespace ottla::broker::log
