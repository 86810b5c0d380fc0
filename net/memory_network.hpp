// SPDX-License-Identifier: Apache-2.0
// MemoryNetwork: hosts and connections in memory, on handed-in time, one seed deciding delay and fragmentation. Bytes
// of a connection stay in order, as on TCP; connections overtake each other. For the simulator and for tests, on one
// thread. What it does never depends on addresses or on hash iteration.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "base/random.hpp"
#include "net/timers.hpp"
#include "net/transport.hpp"

namespace ottla::net {

struct MemoryNetworkOptions {
    // One way, drawn anew for every write.
    Duration delay_min{0};
    Duration delay_max{0};
    // Reads and writes move a random part of what they could (at least one byte).
    bool fragment = false;
    // Bytes written and not yet read, per direction; a writer waits beyond.
    std::size_t window_bytes = 256 * 1024;
    // TCP, where the other end has gone without a word: what it has not acknowledged is sent again, and after so long
    // without a word it is asked; its host, once it is up again, answers either with a reset. An end that nothing is
    // owed to gives up when it has asked for as long as `keepalive_patience`.
    Duration keepalive_idle = std::chrono::seconds(10);
    Duration keepalive_patience = std::chrono::seconds(9);
};

// What happened so far; faults are counted when they hit something.
struct MemoryNetworkCounts {
    std::uint64_t connections = 0;
    std::uint64_t refused = 0;
    std::uint64_t deliveries = 0;
    std::uint64_t bytes = 0;
    std::uint64_t resets = 0;
    std::uint64_t held_back = 0;  // deliveries that met a cut link
    std::uint64_t fragments = 0;  // reads and writes cut short on purpose
    std::uint64_t lost = 0;       // writes to an end that has gone silently
};

struct MemoryNetworkEvent {
    enum Kind : std::uint8_t { connected, refused, delivered, ended, reset };
    Kind kind;
    std::uint64_t connection;
    int to;                  // 0: the end that connected, 1: the end that accepted
    std::uint64_t checksum;  // of the bytes delivered
};

class MemoryNetwork {
public:
    // `timers` must outlive the network and everything made from it.
    MemoryNetwork(Timers& timers, base::Random random, MemoryNetworkOptions options = {});
    // Drops what waits on its connections, with all that is owned by it; their loop must still stand.
    ~MemoryNetwork();

    // The network as the program on `name` sees it. Listening on any address means listening as `name`; connecting
    // to a name that nobody listens on is refused. "localhost" and "127.0.0.1" mean the host itself. The transport
    // keeps the network's state alive.
    std::unique_ptr<Transport> host(const std::string& name);

    // The link between two hosts stops carrying anything in one direction, or in both: nobody is told. Bytes on the
    // way wait and arrive after heal(), as retransmission would bring them.
    void cut_one_way(const std::string& from, const std::string& to);
    void cut(const std::string& a, const std::string& b);
    void heal(const std::string& a, const std::string& b);
    void heal_all();
    // Every connection between the two breaks now: both ends see a reset, bytes on the way are lost. Returns how many.
    std::size_t reset(const std::string& a, const std::string& b);
    // One connection of those between the two, chosen by the seed. false: there is none.
    bool reset_one(const std::string& a, const std::string& b);

    // The host's process dies: its listeners and its ends go. The others see resets; with `silently` they see
    // nothing (power lost: half-open connections) until the host is up again, or keep-alive gives up on it.
    void crash(const std::string& host, bool silently = false);

    void set_options(MemoryNetworkOptions);
    const MemoryNetworkOptions& options() const noexcept;
    const MemoryNetworkCounts& counts() const noexcept;
    // Called for each delivery and fault, in order: a trace to hash.
    void on_event(std::function<void(const MemoryNetworkEvent&)>);

    struct State;

private:
    std::shared_ptr<State> state_;
};

}  // namespace ottla::net
