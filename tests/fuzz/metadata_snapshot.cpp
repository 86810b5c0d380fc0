// SPDX-License-Identifier: Apache-2.0
// Any bytes as a snapshot of the metadata log: what can be read is written again and reads as the same. The first byte
// says whether the checksums are made right, without which little behind them would be reached.
#include <cstdio>
#include <cstdlib>
#include <source_location>

#include "broker/metadata/snapshot_file.hpp"
#include "tests/fuzz/log_files.hpp"

namespace {

using namespace ottla;
using namespace ottla::broker;

const std::string directory = "/metadata";
constexpr SnapshotId given{1000, 3}, first{2000, 3}, second{3000, 3};

void expect(bool condition, std::source_location where = std::source_location::current()) {
    if (condition) return;
    std::fprintf(stderr, "expected at line %u\n", static_cast<unsigned>(where.line()));
    std::abort();
}

bool explained(const Error& error) {
    const bool known = error == ErrorCode::corrupt_storage || error == ErrorCode::bad_message;
    return known && error.text().find(directory) != std::string_view::npos;
}

std::string written(log::Disk& disk, const SnapshotId& id, const Snapshot& snapshot) {
    expect(write_snapshot(disk, directory, id, *snapshot.image, snapshot.last_contained_log_timestamp, 0).has_value());
    return log::read_text(disk, log::join_path(directory, snapshot_name(id))).value();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 1) return 0;
    tests::LogFile file;
    file.name = snapshot_name(given);
    file.bytes.assign(data + 1, data + size);
    if ((data[0] & 1) == 0) tests::patch_segment(file.bytes);
    log::MemoryDisk disk;
    tests::put_on_disk(disk, directory, {file});
    expect(list_metadata_snapshots(disk, directory).value() == std::vector{given});

    const auto timestamp = read_snapshot_timestamp(disk, directory, given);
    expect(timestamp || explained(timestamp.error()));
    const auto snapshot = read_snapshot(disk, directory, given);
    if (!snapshot) {
        expect(explained(snapshot.error()));
        return 0;
    }
    expect(timestamp && *timestamp == snapshot->last_contained_log_timestamp);
    expect(snapshot->image && snapshot->image->offset() == given.end_offset - 1);
    const std::string text = written(disk, first, *snapshot);
    const auto again = read_snapshot(disk, directory, first);
    expect(again.has_value());
    expect(again->last_contained_log_timestamp == *timestamp);
    expect(written(disk, second, *again) == text);
    return 0;
}
