// SPDX-License-Identifier: Apache-2.0
// Packer: compresses whole batches, on workers where there are some, several at a time, so that the loop goes on.
#pragma once

#include <memory>

#include <boost/asio/any_io_executor.hpp>
#include <ottla/bytes.hpp>
#include <ottla/error.hpp>
#include <ottla/function.hpp>

#include "base/buffer_pool.hpp"
#include "base/workers.hpp"
#include "client/config/client_config.hpp"

namespace ottla::client {

// One batch in work. The loop's again when `is_done`.
struct Packing {
    Buffer packed;
    Error error;  // none: `packed` is the whole batch
    bool is_done = false;
};

class Packer {
public:
    // Without workers everything is done at once. `done` is called on the loop after each that was not, until forget(),
    // which must have been called before this goes. What is in work may outlive this.
    Packer(const ProducerConfig&, base::BufferPool&, base::Workers*, boost::asio::any_io_executor loop,
           Function<void()> done);
    Packer(const Packer&) = delete;
    Packer& operator=(const Packer&) = delete;
    ~Packer() = default;

    // `done` is not called any more. On the loop.
    void forget();
    // `plain`: a whole batch. On the loop.
    std::shared_ptr<Packing> pack(Buffer plain);

private:
    struct Shared;
    std::shared_ptr<Shared> shared_;
    base::Workers* workers_;
};

}  // namespace ottla::client
