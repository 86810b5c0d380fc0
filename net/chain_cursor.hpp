// SPDX-License-Identifier: Apache-2.0
// ChainCursor: walks chains from front to back and offers the next bytes as a list of buffers to gather. Ranges of
// files are read in large pieces: on a loopback faster than sendfile (measured), and the same for every stream.
#pragma once

#include <cstddef>
#include <deque>
#include <vector>

#include <boost/asio/buffer.hpp>

#include <ottla/protocol/chain.hpp>
#include <ottla/result.hpp>

#include "base/buffer_pool.hpp"

namespace ottla::net {

class ChainCursor {
public:
    static constexpr std::size_t buffers_max = 64;  // what Asio hands to one writev
    static constexpr std::size_t file_piece_bytes = 1 << 20;

    explicit ChainCursor(base::BufferPool& pool) : pool_(pool) {}

    void push(protocol::Chain);
    bool empty() const noexcept { return pieces_.empty(); }
    // Replaces `out` by the next buffers, at most buffers_max; they stay valid until consume(). None, though the cursor
    // is not empty: what comes next lies on a disk, wanted() has to be read and provide()d. Errors: file_system.
    Result<void> gather(std::vector<boost::asio::const_buffer>& out);
    protocol::FileRange wanted() const;
    void provide(Bytes);
    // That many bytes of them are sent.
    void consume(std::size_t count);

private:
    void replace(std::size_t index, Bytes front);

    base::BufferPool& pool_;
    std::deque<protocol::Chain::Piece> pieces_;
    std::size_t sent_of_first_ = 0;
};

}  // namespace ottla::net
