// SPDX-License-Identifier: Apache-2.0
// The system calls between which the broker's storage chose, beside each other on the real disk ($TMPDIR) and a
// loopback connection: how a file range goes out, how an index is searched, how many files are synced together.
// docs/decisions/ tells what came of it.
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include <benchmark/benchmark.h>

namespace ottla::broker {
namespace {

// A file without a name in $TMPDIR, of so many bytes.
int scratch_file(std::size_t bytes) {
    std::string name = (std::filesystem::temp_directory_path() / "ottla-io-XXXXXX").string();
    const int fd = ::mkstemp(name.data());
    ::unlink(name.c_str());
    const std::vector<std::uint8_t> block(1 << 20, 'x');
    for (std::size_t done = 0; done < bytes; done += block.size()) {
        if (::write(fd, block.data(), std::min(block.size(), bytes - done)) < 0) std::abort();
    }
    return fd;
}

// A TCP connection over loopback whose other end reads all that comes into one buffer.
class ReadByOther {
public:
    ReadByOther() {
        const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        auto* generic = reinterpret_cast<sockaddr*>(&address);
        if (::bind(listener, generic, size) != 0 || ::listen(listener, 1) != 0) std::abort();
        ::getsockname(listener, generic, &size);
        fd_ = ::socket(AF_INET, SOCK_STREAM, 0);
        if (::connect(fd_, generic, size) != 0) std::abort();
        const int other = ::accept(listener, nullptr, nullptr);
        ::close(listener);
        reader_ = std::thread([other] {
            std::vector<std::uint8_t> into(1 << 20);
            while (::recv(other, into.data(), into.size(), 0) > 0) {
            }
            ::close(other);
        });
    }
    ~ReadByOther() {
        ::close(fd_);
        reader_.join();
    }
    int fd() const noexcept { return fd_; }

private:
    int fd_;
    std::thread reader_;
};

constexpr std::size_t sent_file_bytes = 48 << 20;

void count_sent(benchmark::State& state) {
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(state.range(0)));
}

void send_by_sendfile(benchmark::State& state) {
    ReadByOther connection;
    const int file = scratch_file(sent_file_bytes);
    const auto piece = static_cast<std::size_t>(state.range(0));
    off_t at = 0;
    for (auto _ : state) {
        if (static_cast<std::size_t>(at) + piece > sent_file_bytes) at = 0;
        for (std::size_t left = piece; left != 0;) {
            const ssize_t n = ::sendfile(connection.fd(), file, &at, left);
            if (n <= 0) std::abort();
            left -= static_cast<std::size_t>(n);
        }
    }
    count_sent(state);
    ::close(file);
}

// What the broker does (net/chain_cursor): read into memory that goes round, then write.
void send_from_memory(benchmark::State& state) {
    ReadByOther connection;
    const int file = scratch_file(sent_file_bytes);
    const auto piece = static_cast<std::size_t>(state.range(0));
    std::vector<std::uint8_t> block(piece);
    std::size_t at = 0;
    for (auto _ : state) {
        if (at + piece > sent_file_bytes) at = 0;
        if (::pread(file, block.data(), piece, static_cast<off_t>(at)) != static_cast<ssize_t>(piece)) std::abort();
        at += piece;
        for (std::size_t done = 0; done < piece;) {
            const ssize_t n = ::send(connection.fd(), block.data() + done, piece - done, MSG_NOSIGNAL);
            if (n <= 0) std::abort();
            done += static_cast<std::size_t>(n);
        }
    }
    count_sent(state);
    ::close(file);
}
BENCHMARK(send_by_sendfile)->Arg(16 << 10)->Arg(64 << 10)->Arg(1 << 20)->MeasureProcessCPUTime()->UseRealTime();
BENCHMARK(send_from_memory)->Arg(16 << 10)->Arg(64 << 10)->Arg(1 << 20)->MeasureProcessCPUTime()->UseRealTime();

// An offset index as large as they get by default: 10 MiB, 8 bytes an entry.
constexpr std::size_t index_entries = (10 << 20) / 8;

class IndexOnDisk {
public:
    IndexOnDisk() : path_((std::filesystem::temp_directory_path() / "ottla-index-XXXXXX").string()) {
        const int fd = ::mkstemp(path_.data());
        std::vector<std::uint32_t> entries(2 * index_entries);
        for (std::uint32_t i = 0; i < index_entries; ++i) entries[2 * i] = htonl(i * 40);
        if (::write(fd, entries.data(), entries.size() * 4) < 0) std::abort();
        ::close(fd);
    }
    ~IndexOnDisk() { ::unlink(path_.c_str()); }
    const std::string& path() const noexcept { return path_; }

private:
    std::string path_;
};

template <class EntryAt>
std::size_t search(std::uint32_t wanted, EntryAt entry_at) {
    std::size_t low = 0, high = index_entries;
    while (low < high) {
        const std::size_t middle = low + (high - low) / 2;
        if (ntohl(entry_at(middle)) <= wanted) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

std::uint32_t next_wanted(std::uint32_t& seed) {
    seed = seed * 1664525 + 1013904223;
    return static_cast<std::uint32_t>((std::uint64_t{seed} * index_entries * 40) >> 32);
}

std::size_t search_by_pread(int fd, std::uint32_t wanted) {
    return search(wanted, [fd](std::size_t i) {
        std::uint32_t entry[2];
        if (::pread(fd, entry, sizeof entry, static_cast<off_t>(i * 8)) != sizeof entry) std::abort();
        return entry[0];
    });
}

void index_by_pread(benchmark::State& state) {
    const IndexOnDisk index;
    const int fd = ::open(index.path().c_str(), O_RDONLY);
    std::uint32_t seed = 1;
    for (auto _ : state) benchmark::DoNotOptimize(search_by_pread(fd, next_wanted(seed)));
    ::close(fd);
}

// What the broker does: the file is opened for the search (broker/log/index_file.hpp).
void index_by_open_and_pread(benchmark::State& state) {
    const IndexOnDisk index;
    std::uint32_t seed = 1;
    for (auto _ : state) {
        const int fd = ::open(index.path().c_str(), O_RDWR | O_CLOEXEC);
        benchmark::DoNotOptimize(search_by_pread(fd, next_wanted(seed)));
        ::close(fd);
    }
}

void index_by_mapping(benchmark::State& state) {
    const IndexOnDisk index;
    const int fd = ::open(index.path().c_str(), O_RDONLY);
    void* mapped = ::mmap(nullptr, index_entries * 8, PROT_READ, MAP_SHARED, fd, 0);
    const auto* entries = static_cast<const std::uint32_t*>(mapped);
    std::uint32_t seed = 1;
    for (auto _ : state)
        benchmark::DoNotOptimize(search(next_wanted(seed), [entries](std::size_t i) { return entries[2 * i]; }));
    ::munmap(mapped, index_entries * 8);
    ::close(fd);
}
// A mapping made for one search, so that nothing stays mapped.
void index_by_mapping_each_time(benchmark::State& state) {
    const IndexOnDisk index;
    std::uint32_t seed = 1;
    for (auto _ : state) {
        const int fd = ::open(index.path().c_str(), O_RDONLY | O_CLOEXEC);
        void* mapped = ::mmap(nullptr, index_entries * 8, PROT_READ, MAP_SHARED, fd, 0);
        const auto* entries = static_cast<const std::uint32_t*>(mapped);
        benchmark::DoNotOptimize(search(next_wanted(seed), [entries](std::size_t i) { return entries[2 * i]; }));
        ::munmap(mapped, index_entries * 8);
        ::close(fd);
    }
}
BENCHMARK(index_by_pread);
BENCHMARK(index_by_open_and_pread);
BENCHMARK(index_by_mapping);
BENCHMARK(index_by_mapping_each_time);

// So many growing files, 16 KiB more in each, all on stable storage: what a group of partitions costs.
class GrowingFiles {
public:
    explicit GrowingFiles(std::size_t count) : block_(16 << 10, 'y') {
        for (std::size_t i = 0; i < count; ++i) files_.push_back(scratch_file(0));
    }
    ~GrowingFiles() {
        for (const int fd : files_) ::close(fd);
    }
    void append() {
        for (const int fd : files_) {
            if (::write(fd, block_.data(), block_.size()) < 0) std::abort();
        }
    }
    void start_writing() const {
        for (const int fd : files_) ::sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
    }
    // The files 0, step, 2·step, … behind `from`.
    void sync(std::size_t from, std::size_t step) const {
        for (std::size_t i = from; i < files_.size(); i += step) ::fdatasync(files_[i]);
    }
    void sync_on(std::size_t threads) const {
        std::vector<std::thread> all;
        for (std::size_t i = 0; i < threads; ++i) all.emplace_back([this, i, threads] { sync(i, threads); });
        for (auto& thread : all) thread.join();
    }

private:
    std::vector<std::uint8_t> block_;
    std::vector<int> files_;
};

void sync_one_by_one(benchmark::State& state) {
    GrowingFiles files(static_cast<std::size_t>(state.range(0)));
    for (auto _ : state) {
        files.append();
        files.sync(0, 1);
    }
}

void sync_after_start(benchmark::State& state) {
    GrowingFiles files(static_cast<std::size_t>(state.range(0)));
    for (auto _ : state) {
        files.append();
        files.start_writing();
        files.sync(0, 1);
    }
}

void sync_on_threads(benchmark::State& state) {
    GrowingFiles files(static_cast<std::size_t>(state.range(0)));
    for (auto _ : state) {
        files.append();
        files.sync_on(static_cast<std::size_t>(state.range(1)));
    }
}

void sync_on_threads_after_start(benchmark::State& state) {
    GrowingFiles files(static_cast<std::size_t>(state.range(0)));
    for (auto _ : state) {
        files.append();
        files.start_writing();
        files.sync_on(static_cast<std::size_t>(state.range(1)));
    }
}
BENCHMARK(sync_one_by_one)->Arg(1)->Arg(6)->Arg(60)->MeasureProcessCPUTime()->UseRealTime();
BENCHMARK(sync_after_start)->Arg(1)->Arg(3)->Arg(6)->Arg(60)->MeasureProcessCPUTime()->UseRealTime();
BENCHMARK(sync_on_threads)->Args({6, 3})->Args({60, 4})->Args({60, 8})->MeasureProcessCPUTime()->UseRealTime();
BENCHMARK(sync_on_threads_after_start)
    ->Args({3, 3})
    ->Args({6, 3})
    ->Args({6, 6})
    ->Args({60, 4})
    ->Args({60, 8})
    ->MeasureProcessCPUTime()
    ->UseRealTime();

}  // namespace
}  // namespace ottla::broker

BENCHMARK_MAIN();
