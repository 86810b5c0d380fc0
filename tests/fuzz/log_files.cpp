// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/log_files.hpp"

#include <array>
#include <limits>
#include <string_view>

#include <ottla/protocol/big_endian.hpp>
#include <ottla/protocol/record_batch.hpp>

#include "base/crc32c.hpp"
#include "broker/log/segment.hpp"
#include "broker/log/segment_files.hpp"

namespace ottla::tests {

using protocol::load_big;
using protocol::RecordBatchHeader;

void patch_segment(std::vector<std::uint8_t>& bytes) {
    for (std::size_t at = 0; bytes.size() - at >= RecordBatchHeader::size;) {
        const auto header = RecordBatchHeader::read(bytes.data() + at);
        const std::size_t left = bytes.size() - at;
        if (header.length < 0 || header.total_size() > left || header.total_size() < RecordBatchHeader::size) return;
        protocol::patch_crc(std::span(bytes).subspan(at, header.total_size()));
        at += header.total_size();
    }
}

void patch_producer_snapshot(std::vector<std::uint8_t>& bytes) {
    constexpr std::size_t crc_at = 2, crc_from = 6;
    if (bytes.size() >= crc_from)
        protocol::store_big(bytes.data() + crc_at, base::crc32c(ByteSpan(bytes).subspan(crc_from)));
}

std::vector<LogFile> cut_log_files(ByteSpan input, bool right_checksums) {
    constexpr std::array<std::string_view, 6> suffixes = {".log",      ".index",    ".timeindex",
                                                          ".txnindex", ".snapshot", ".checkpoint"};
    constexpr std::size_t head = 5;
    std::vector<LogFile> files;
    while (input.size() >= head) {
        const std::size_t kind = (input[0] & 0x7f) % (suffixes.size() + 1);
        std::int64_t offset = load_big<std::uint16_t>(input.data() + 1);
        if ((input[0] & 0x80) != 0) offset = std::numeric_limits<std::int64_t>::max() - offset;
        const std::size_t length =
            std::min<std::size_t>(load_big<std::uint16_t>(input.data() + 3), input.size() - head);
        const ByteSpan bytes = input.subspan(head, length);
        input = input.subspan(head + length);
        LogFile file;
        file.bytes.assign(bytes.begin(), bytes.end());
        if (kind == suffixes.size()) {
            file.name = broker::log::leader_epoch_checkpoint_name;
        } else {
            // A checkpoint's name has an epoch behind the offset.
            file.name = broker::log::segment_name(offset, kind == 5 ? "-0000000001.checkpoint" : suffixes[kind]);
            if (right_checksums && (kind == 0 || kind == 5)) patch_segment(file.bytes);
            if (right_checksums && kind == 4) patch_producer_snapshot(file.bytes);
        }
        files.push_back(std::move(file));
    }
    return files;
}

void put_on_disk(broker::log::Disk& disk, const std::string& directory, const std::vector<LogFile>& files) {
    disk.make_directory(directory).value();
    for (const auto& file : files) {
        disk.create(broker::log::join_path(directory, file.name)).value()->write_at(0, ByteSpan(file.bytes)).value();
    }
}

}  // namespace ottla::tests
