// SPDX-License-Identifier: Apache-2.0
// MainLoops: the threads of a real broker. One io_context per shard, each on one thread; the caller's thread runs the
// first. For mains.
#pragma once

#include <cstddef>
#include <memory>
#include <thread>
#include <vector>

#include <boost/asio/io_context.hpp>

namespace ottla::broker {

class MainLoops {
public:
    explicit MainLoops(std::size_t count);
    ~MainLoops();

    std::vector<boost::asio::any_io_executor> executors();
    boost::asio::io_context& first() noexcept { return *contexts_.front(); }
    // Returns after stop().
    void run();
    // From any thread.
    void stop();

private:
    std::vector<std::unique_ptr<boost::asio::io_context>> contexts_;
    std::vector<std::thread> threads_;
};

}  // namespace ottla::broker
