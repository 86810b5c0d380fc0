// SPDX-License-Identifier: Apache-2.0
// Unpacker: decompresses fetched chunks on workers while they wait to be read, several at a time, and hands everything
// on in the order in which it came. What there is no worker or no room for is decompressed by whoever reads it. Loop
// only.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>

#include <boost/asio/any_io_executor.hpp>
#include <ottla/function.hpp>

#include "base/buffer_pool.hpp"
#include "base/workers.hpp"
#include "client/consumer/fetch_queue.hpp"

namespace ottla::client {

class Unpacker {
public:
    struct Settings {
        bool check_crcs = true;
        std::size_t uncompressed_bytes_max = 100'000'000;
    };
    // `workers` is asked when there is first something for them; null: there are none. `hand_on` is called on the loop,
    // until forget(), which must have been called before this goes. Jobs may outlive this, not the pool.
    Unpacker(Settings, base::BufferPool&, boost::asio::any_io_executor loop, Function<base::Workers*()> workers,
             Function<void(FetchQueue::Item)> hand_on);
    Unpacker(const Unpacker&) = delete;
    Unpacker& operator=(const Unpacker&) = delete;
    ~Unpacker() = default;

    void push(FetchQueue::Item);
    // Something waits here to be handed on.
    bool is_busy() const noexcept;
    void forget();

private:
    struct Waiting;
    struct Shared;
    bool pays(const FetchedChunk&) const;
    std::shared_ptr<Shared> shared_;
};

}  // namespace ottla::client
