// SPDX-License-Identifier: Apache-2.0
// Any bytes as the files of a partition, opened as after a crash or as after a stop in order. After a crash it always
// opens, unless a newer broker wrote it, everything that is left is sound, and a second start finds the same; after a
// stop in order it may refuse, but what it serves ends. The first byte decides how it is opened.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <source_location>

#include <ottla/protocol/record_batch_builder.hpp>

#include "broker/log/log.hpp"
#include "tests/fuzz/log_files.hpp"

namespace {

using namespace ottla;
using namespace ottla::broker::log;

const std::string directory = "/logs/topic-0";

void expect(bool condition, std::source_location where = std::source_location::current()) {
    if (condition) return;
    std::fprintf(stderr, "expected at line %u\n", static_cast<unsigned>(where.line()));
    std::abort();
}

LogConfig small() {
    LogConfig config;
    config.segment_bytes = 4096;
    config.index_interval_bytes = 64;
    return config;
}

// Reads from the start to the end as a consumer does. `sound`: nothing may be wrong on the way.
void read_all(const Log& log, std::size_t bytes_max, bool sound) {
    std::int64_t offset = log.start_offset();
    while (offset < log.end().offset) {
        const auto plan = log.plan_read(offset, bytes_max, log.end());
        expect(plan.has_value());
        const auto slice = plan->run();
        expect(slice || !sound);
        if (!slice || slice->range.length == 0) return;
        const auto bytes = slice->range.read();
        expect(bytes.has_value());
        protocol::RecordBatchReader reader(*bytes);
        const std::int64_t before = offset;
        while (true) {
            const auto batch = reader.next();
            expect(batch || !sound);
            if (!batch) return;
            if (!*batch) break;
            if (sound) {
                expect((*batch)->check_crc());
                expect((*batch)->header().last_offset() >= offset);
                expect((*batch)->header().next_offset() <= log.end().offset);
            }
            offset = std::max(offset, (*batch)->header().next_offset());
        }
        if (offset <= before) {
            expect(!sound);
            return;
        }
    }
}

void look_up(const Log& log, bool sound) {
    const std::int64_t middle = log.start_offset() + (log.end().offset - log.start_offset()) / 2;
    for (const std::int64_t offset : {log.start_offset(), middle, log.end().offset}) {
        const auto position = log.position_of(offset);
        expect(position || !sound);
        if (position && sound) expect(position->offset <= log.end().offset);
    }
    for (const std::int64_t timestamp : {std::int64_t{-1}, std::int64_t{0}, std::int64_t{1'700'000'000'000}})
        (void)log.plan_time(timestamp, log.end()).run();
    (void)log.plan_max_timestamp(log.end()).run();
}

struct Seen {
    explicit Seen(const Log& log)
        : start(log.start_offset()),
          end(log.end()),
          bytes(log.bytes()),
          epochs(log.epochs().entries()),
          producers(log.producers().entries()) {}
    friend bool operator==(const Seen&, const Seen&) = default;

    std::int64_t start;
    LogPosition end;
    std::uint64_t bytes;
    std::vector<EpochEntry> epochs;
    std::vector<ProducerEntry> producers;
};

std::unique_ptr<Log> reopen(MemoryDisk& disk, bool clean) {
    disk.restart();
    Log::OpenOptions options;
    options.clean = clean;
    auto log = Log::open(disk, directory, small(), options);
    expect(log.has_value());
    return std::move(*log);
}

void write_on(Log& log) {
    const std::int64_t end = log.end().offset;
    if (end == std::numeric_limits<std::int64_t>::max()) return;  // there are no more offsets
    protocol::RecordBatchBuilder builder{Buffer()};
    builder.append(1000, {}, as_bytes("value"));
    const Buffer batch = builder.finish();
    AppendOptions options;
    options.leader_epoch = log.epochs().latest().value_or(0);
    const auto appended = log.append(batch.span(), options);
    expect(appended && log.end().offset == end + 1);
}

// Nothing that lies on a disk may keep a partition from opening after a crash, nor change at a second start.
void after_a_crash(MemoryDisk& disk) {
    if (const auto opened = Log::open(disk, directory, small(), {}); !opened) {
        expect(opened.error() == ErrorCode::unsupported_version);
        return;
    }
    auto log = reopen(disk, false);
    const Seen first(*log);
    read_all(*log, 1, true);
    read_all(*log, 1000, true);
    look_up(*log, true);
    log = reopen(disk, false);
    expect(Seen(*log) == first);
    expect(log->close().has_value());
    log = reopen(disk, true);
    expect(Seen(*log) == first);
    read_all(*log, 300, true);
    look_up(*log, true);
    write_on(*log);
    expect(log->truncate_to(log->start_offset() + (log->end().offset - log->start_offset()) / 2).has_value());
    expect(log->sync().has_value());
    const std::int64_t cut = log->end().offset;
    log = reopen(disk, false);
    // A cut in a gap that compaction left is not seen again: the log ends with its last batch.
    expect(log->end().offset <= cut);
}

void as_it_stands(MemoryDisk& disk, std::uint8_t how) {
    Log::OpenOptions options;
    options.clean = (how & 2) != 0;
    options.recovery_point = options.clean ? 0 : 1 + how / 4;
    const auto log = Log::open(disk, directory, small(), options);
    if (!log) return;
    expect((*log)->end().offset >= (*log)->start_offset());
    read_all(**log, 200, false);
    look_up(**log, false);
    (void)(*log)->truncate_to((*log)->start_offset() + ((*log)->end().offset - (*log)->start_offset()) / 3);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 1) return 0;
    const std::uint8_t how = data[0];
    MemoryDisk disk;
    tests::put_on_disk(disk, directory, tests::cut_log_files(ByteSpan(data + 1, size - 1), (how & 1) == 0));
    if ((how & 0xfe) == 0)
        after_a_crash(disk);
    else
        as_it_stands(disk, how);
    return 0;
}
