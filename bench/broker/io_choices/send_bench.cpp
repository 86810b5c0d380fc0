// SPDX-License-Identifier: Apache-2.0
// How a range of a cached file goes out over loopback: docs/decisions/006-ranges-are-sent-from-memory.md.
#include <thread>

#include <arpa/inet.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#include <benchmark/benchmark.h>

#include "bench/broker/io_choices/scratch_file.hpp"

namespace ottla::broker {
namespace {

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

}  // namespace
}  // namespace ottla::broker
