// SPDX-License-Identifier: Apache-2.0
// The log on a real disk ($TMPDIR): appends to the page cache, appends that wait for a sync shared by several
// partitions, the lookup before a fetch, and the scan of recovery.
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>
#include <boost/asio.hpp>

#include <ottla/protocol/record_batch_builder.hpp>
#include "broker/log/group_sync.hpp"
#include "broker/log/posix_disk.hpp"
#include "broker/partitions/partition.hpp"
#include "net/timers.hpp"

namespace ottla::broker {
namespace {

using boost::asio::io_context;

class Folder {
public:
    Folder() {
        std::string name = (std::filesystem::temp_directory_path() / "ottla-log-bench-XXXXXX").string();
        path_ = ::mkdtemp(name.data());
    }
    ~Folder() { std::filesystem::remove_all(path_); }
    const std::string& path() const { return path_; }

private:
    std::string path_;
};

Bytes batch_of(std::int64_t bytes) {
    protocol::RecordBatchBuilder builder{Buffer(static_cast<std::size_t>(bytes) + 200)};
    const std::string value(100, 'v');
    while (builder.size() + 110 < static_cast<std::size_t>(bytes)) builder.append(1000, {}, as_bytes(value));
    return builder.finish().freeze();
}

void append_to_page_cache(benchmark::State& state) {
    Folder folder;
    log::PosixDisk disk;
    auto log = log::Log::create(disk, folder.path() + "/t-0", {}, Uuid{}).value();
    const Bytes batch = batch_of(state.range(0));
    for (auto _ : state) {
        benchmark::DoNotOptimize(log->append(batch.span(), {}).value());
        if (log->bytes() > (256U << 20)) {
            state.PauseTiming();
            log->truncate_to(0).value();
            state.ResumeTiming();
        }
    }
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(batch.size()));
}
BENCHMARK(append_to_page_cache)->Arg(1 << 10)->Arg(16 << 10)->Arg(1 << 20);

// Every iteration appends a batch to each partition and waits until all are committed.
void append_and_commit(benchmark::State& state) {
    Folder folder;
    log::PosixDisk disk;
    io_context context;
    net::SystemTimers timers;
    const auto workers = base::make_thread_workers(2, "bench");
    const auto directory = log::LogDirectory::open(disk, folder.path() + "/data", {1, "bench", Uuid{}}, {}).value();
    const auto io = log::GroupSync::make(*directory, log::FlushPolicy::ack, *workers, timers, context.get_executor());
    std::vector<std::shared_ptr<Partition>> partitions;
    for (std::int32_t p = 0; p < state.range(0); ++p) {
        auto log = directory->create_log({"t", p}, Uuid{}, {}).value();
        partitions.push_back(Partition::make({Uuid{}, p}, "t", std::move(log), io, {}));
        partitions.back()->lead(0);
    }
    const Bytes batch = batch_of(state.range(1));
    const auto guard = boost::asio::make_work_guard(context);
    for (auto _ : state) {
        std::size_t open = partitions.size();
        for (const auto& partition : partitions) {
            const auto end = partition->append(batch.span(), log::Origin::client, 0, 0).value().end.offset;
            partition->wait_committed(end, [&open](const Result<void>&) { --open; });
        }
        while (open != 0) context.run_one();
    }
    const auto count = state.iterations() * state.range(0);
    state.SetItemsProcessed(count);
    state.SetBytesProcessed(count * static_cast<std::int64_t>(batch.size()));
    const auto& counts = io->directory().counts();
    state.counters["logs_per_group"] = static_cast<double>(counts.logs_synced.value()) /
                                       static_cast<double>(std::max<std::uint64_t>(1, counts.syncs.value()));
    for (const auto& partition : partitions) partition->sync_and_close().value();
    context.poll();
}
BENCHMARK(append_and_commit)
    ->ArgNames({"partitions", "bytes"})
    ->Args({1, 4 << 10})
    ->Args({1, 64 << 10})
    ->Args({6, 16 << 10})
    ->Args({100, 16 << 10})
    ->Args({1000, 4 << 10})
    ->UseRealTime();

void find_position(benchmark::State& state) {
    Folder folder;
    log::PosixDisk disk;
    auto log = log::Log::create(disk, folder.path() + "/t-0", {}, Uuid{}).value();
    const Bytes batch = batch_of(state.range(0));
    while (log->bytes() < (64U << 20)) log->append(batch.span(), {}).value();
    std::int64_t offset = 0;
    for (auto _ : state) {
        offset = (offset + 7919) % log->end().offset;
        benchmark::DoNotOptimize(log->plan_read(offset, 1U << 20, log->end()).value().run().value());
    }
}
BENCHMARK(find_position)->Arg(300)->Arg(16 << 10);

void recover(benchmark::State& state) {
    Folder folder;
    log::PosixDisk disk;
    std::int64_t bytes = 0;
    {
        auto log = log::Log::create(disk, folder.path() + "/t-0", {}, Uuid{}).value();
        const Bytes batch = batch_of(state.range(0));
        while (log->bytes() < (256U << 20)) log->append(batch.span(), {}).value();
        log->sync().value();
        bytes = static_cast<std::int64_t>(log->bytes());
    }
    for (auto _ : state) benchmark::DoNotOptimize(log::Log::open(disk, folder.path() + "/t-0", {}, {}).value());
    state.SetBytesProcessed(state.iterations() * bytes);
}
BENCHMARK(recover)->Arg(1 << 10)->Arg(16 << 10)->Arg(1 << 20)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace ottla::broker

BENCHMARK_MAIN();
