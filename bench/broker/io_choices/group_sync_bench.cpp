// SPDX-License-Identifier: Apache-2.0
// How the files of a group of logs reach stable storage: docs/performance.md.
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include <benchmark/benchmark.h>

#include "bench/broker/io_choices/scratch_file.hpp"

namespace ottla::broker {
namespace {

// So many files that grow, each by a block at a time.
class GrowingFiles {
public:
    // `ahead`: so many bytes of each are there already, as zeros are of a preallocated one, and are written over.
    GrowingFiles(std::size_t count, std::size_t block, std::size_t ahead) : block_(block, 'y'), ahead_(ahead) {
        for (std::size_t i = 0; i < count; ++i) files_.push_back(scratch_file(ahead));
        ::sync();
    }
    ~GrowingFiles() {
        for (const int fd : files_) ::close(fd);
    }
    void append() {
        for (const int fd : files_) {
            if (::pwrite(fd, block_.data(), block_.size(), at_) < 0) std::abort();
        }
        at_ += static_cast<off_t>(block_.size());
        if (ahead_ != 0 && static_cast<std::size_t>(at_) + block_.size() > ahead_) at_ = 0;
    }
    void start_writing() const {
        for (const int fd : files_) ::sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
    }
    void sync_all_of_it() const { ::syncfs(files_.front()); }
    void sync_on(std::size_t threads) const {
        std::vector<std::thread> others;
        for (std::size_t i = 1; i < threads; ++i) others.emplace_back([this, i, threads] { sync(i, threads); });
        sync(0, threads);
        for (auto& thread : others) thread.join();
    }

private:
    // The files from, from + step, from + 2·step, …
    void sync(std::size_t from, std::size_t step) const {
        for (std::size_t i = from; i < files_.size(); i += step) ::fdatasync(files_[i]);
    }

    std::vector<std::uint8_t> block_;
    std::size_t ahead_;
    off_t at_ = 0;
    std::vector<int> files_;
};

// Arguments: files, bytes more in each, threads (0: one syncfs), whether all begin before the first is waited for,
// megabytes that are there already.
void sync_group(benchmark::State& state) {
    GrowingFiles files(static_cast<std::size_t>(state.range(0)), static_cast<std::size_t>(state.range(1)),
                       static_cast<std::size_t>(state.range(4)) << 20);
    const auto threads = static_cast<std::size_t>(state.range(2));
    for (auto _ : state) {
        files.append();
        if (state.range(3) != 0) files.start_writing();
        if (threads == 0)
            files.sync_all_of_it();
        else
            files.sync_on(threads);
    }
}

void group_arguments(benchmark::internal::Benchmark* bench) {
    bench->ArgNames({"files", "bytes", "threads", "begun", "ahead"});
    for (const std::int64_t bytes : {200, 16 << 10}) {
        bench->Args({1, bytes, 1, 0, 0})->Args({1, bytes, 1, 0, 16});
        for (const std::int64_t files : {6, 60}) {
            bench->Args({files, bytes, 1, 0, 0})->Args({files, bytes, 1, 1, 0})->Args({files, bytes, 4, 1, 0});
            bench->Args({files, bytes, 0, 0, 0});
        }
    }
}
BENCHMARK(sync_group)->Apply(group_arguments)->MeasureProcessCPUTime()->UseRealTime();

}  // namespace
}  // namespace ottla::broker
