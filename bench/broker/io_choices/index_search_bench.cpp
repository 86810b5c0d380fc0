// SPDX-License-Identifier: Apache-2.0
// How an index in the page cache is searched: docs/decisions/007-indexes-are-read-not-mapped.md.
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <benchmark/benchmark.h>

namespace ottla::broker {
namespace {

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

}  // namespace
}  // namespace ottla::broker
