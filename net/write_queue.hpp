// SPDX-License-Identifier: Apache-2.0
// WriteQueue: the sending half of a connection. Chains go out in order; what is pushed while a write runs goes out
// together in the next, gathered. Belongs to the stream's loop.
#pragma once

#include <memory>
#include <vector>

#include <ottla/function.hpp>

#include "base/workers.hpp"
#include "net/chain_cursor.hpp"
#include "net/stream.hpp"

namespace ottla::net {

class WriteQueue : public std::enable_shared_from_this<WriteQueue> {
public:
    // `pool` must outlive the queue, `workers` what it sends: they read ranges of files that are not in memory; null:
    // the loop waits for them. `on_progress` is called after every write that succeeded, and once with the error that
    // ends the queue; never within push().
    WriteQueue(std::shared_ptr<Stream>, base::BufferPool& pool, base::Workers* workers,
               Function<void(const Result<void>&)> on_progress);

    void push(protocol::Chain);
    // Pushed and not yet handed to the system.
    std::size_t unsent_bytes() const noexcept { return unsent_; }
    // Of them, handed over in a write whose end is not known yet: the system may have taken them.
    std::size_t offered_bytes() const noexcept;
    // Nothing is sent or reported any more.
    void stop();

private:
    void write_more();
    void read_wanted();
    void on_read(Result<Bytes>);
    void on_written(error_code, std::size_t);
    void fail(Error);

    std::shared_ptr<Stream> stream_;
    ChainCursor cursor_;
    base::Workers* workers_;
    Function<void(const Result<void>&)> on_progress_;
    std::vector<asio::const_buffer> gathered_;
    std::size_t unsent_ = 0;
    bool writing_ = false;
    bool stopped_ = false;
};

}  // namespace ottla::net
