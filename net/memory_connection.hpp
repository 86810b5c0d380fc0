// SPDX-License-Identifier: Apache-2.0
// What the memory network is made of: two pipes per connection, and the state that hosts and connections share.
// Internal to memory_network.cpp and memory_connection.cpp.
#pragma once

#include <array>
#include <deque>
#include <list>
#include <map>
#include <optional>
#include <set>

#include "net/memory_network.hpp"
#include "net/signal.hpp"

namespace ottla::net {

class MemoryConnection;

struct MemoryListenerState {
    explicit MemoryListenerState(asio::any_io_executor executor) : arrived(std::move(executor)) {}
    std::deque<std::shared_ptr<MemoryConnection>> backlog;
    Signal arrived;
    bool closed = false;
};

struct MemoryNetwork::State {
    State(Timers& t, base::Random r, MemoryNetworkOptions o) : timers(t), random(r), options(o) {}

    bool is_cut(const std::string& from, const std::string& to) const { return cuts.contains({from, to}); }
    Duration draw_delay() { return Duration(random.between(options.delay_min.count(), options.delay_max.count())); }
    // How much of `count` is moved at once.
    std::size_t draw_part(std::size_t count);
    void tell(MemoryNetworkEvent::Kind kind, std::uint64_t connection, int to, std::uint64_t checksum = 0) const {
        if (on_event) on_event({kind, connection, to, checksum});
    }
    // Alive ones between two hosts, oldest first; any host when `b` is empty.
    std::vector<std::shared_ptr<MemoryConnection>> connections(const std::string& a, const std::string& b) const;
    bool is_up(const std::string& host) const;

    Timers& timers;
    base::Random random;
    MemoryNetworkOptions options;
    MemoryNetworkCounts counts;
    std::function<void(const MemoryNetworkEvent&)> on_event;
    std::set<std::pair<std::string, std::string>> cuts;  // from, to
    std::map<std::string, std::map<std::uint16_t, std::shared_ptr<MemoryListenerState>>> listeners;
    std::map<std::uint64_t, std::weak_ptr<MemoryConnection>> alive;
    std::list<Signal*> connecting;  // wait for a link to heal
    std::uint64_t next_connection = 1;
    std::uint16_t next_port = 20'000;
};

// Both directions of one connection. End 0 connected, end 1 accepted; pipe i carries bytes to end i.
class MemoryConnection : public std::enable_shared_from_this<MemoryConnection> {
public:
    using IoHandler = Stream::IoHandler;

    MemoryConnection(std::shared_ptr<MemoryNetwork::State>, std::string client, std::string server,
                     asio::any_io_executor);
    ~MemoryConnection();

    std::uint64_t id() const noexcept { return id_; }
    const std::string& host(int end) const noexcept { return hosts_[static_cast<std::size_t>(end)]; }
    void set_executor(int end, asio::any_io_executor e) { executors_[static_cast<std::size_t>(end)] = std::move(e); }
    const asio::any_io_executor& executor(int end) const { return executors_[static_cast<std::size_t>(end)]; }

    void read(int end, asio::mutable_buffer, IoHandler);
    void write(int end, std::span<const asio::const_buffer>, IoHandler);
    void close(int end);
    void reset();
    // The program at that end dies without a word.
    void vanish(int end);
    // Reads and writes under way never complete.
    void drop_waiting();
    // A link has healed: what was held back goes on.
    void resume();

private:
    struct Segment {
        TimePoint at;
        Bytes bytes;  // empty: the end of the stream
    };
    struct Pipe {
        std::deque<Segment> under_way;
        std::deque<Bytes> arrived;
        std::size_t used = 0;  // bytes under way and arrived
        TimePoint last_at{};
        bool armed = false;
        bool end_arrived = false;
        bool is_owed = false;  // its end has gone silently, and has not acknowledged everything
        asio::mutable_buffer reading;
        IoHandler reader;
        std::vector<asio::const_buffer> writing;
        IoHandler writer;
    };
    enum class EndState : std::uint8_t { open, closed, vanished };

    Pipe& to(int end) { return pipes_[static_cast<std::size_t>(end)]; }
    EndState& state(int end) { return ends_[static_cast<std::size_t>(end)]; }
    void send(int to_end, Bytes);
    void arm(int end);
    void deliver(int end);
    void serve_reader(int end);
    void serve_writer(int to_end);
    void reset_later();
    // The end that is left asks now and then whether the other is there.
    void probe_later(TimePoint silent_since, Duration pause);
    void finish(int end, IoHandler&, error_code, std::size_t);
    void watch_cancel(int end, IoHandler&, IoHandler Pipe::*which, int pipe);

    std::shared_ptr<MemoryNetwork::State> network_;
    std::uint64_t id_;
    std::array<std::string, 2> hosts_;
    std::array<asio::any_io_executor, 2> executors_;
    std::array<Pipe, 2> pipes_;
    std::array<EndState, 2> ends_{};
    bool reset_ = false;
};

}  // namespace ottla::net
