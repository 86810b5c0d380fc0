// SPDX-License-Identifier: Apache-2.0
#include "net/chain_cursor.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/assert.hpp"

namespace ottla::net {

namespace {

Result<Bytes> read_piece(const protocol::FileRange& range, std::size_t count, base::BufferPool& pool) {
    Buffer into = pool.take(count);
    into.resize(count);
    auto got = range.file->read_at(range.position, {into.data(), count});
    if (!got) return got.error();
    if (*got != count)
        return Error::of(ErrorCode::file_system, fmt::format("a file that is being sent ends at {}, {} bytes too early",
                                                             range.position + *got, count - *got));
    return std::move(into).freeze();
}

}  // namespace

void ChainCursor::push(protocol::Chain chain) {
    for (const auto& piece : chain.pieces()) pieces_.push_back(piece);
}

Result<void> ChainCursor::gather(std::vector<boost::asio::const_buffer>& out) {
    out.clear();
    std::size_t total = 0;
    for (std::size_t i = 0; i < pieces_.size() && out.size() < buffers_max; ++i) {
        if (const auto* range = std::get_if<protocol::FileRange>(&pieces_[i])) {
            if (total >= file_piece_bytes) break;
            const std::size_t count = std::min(range->length, file_piece_bytes);
            auto bytes = read_piece(*range, count, pool_);
            if (!bytes) return bytes.error();
            if (const std::size_t left = range->length - count; left != 0) {
                protocol::FileRange rest(range->file, range->position + count, left);
                pieces_.insert(pieces_.begin() + static_cast<std::ptrdiff_t>(i) + 1, std::move(rest));
            }
            pieces_[i] = std::move(*bytes);
        }
        const Bytes& bytes = std::get<Bytes>(pieces_[i]);
        const std::size_t sent = i == 0 ? sent_of_first_ : 0;
        out.emplace_back(bytes.data() + sent, bytes.size() - sent);
        total += bytes.size() - sent;
    }
    return {};
}

void ChainCursor::consume(std::size_t count) {
    count += sent_of_first_;
    while (!pieces_.empty()) {
        const std::size_t size = std::get<Bytes>(pieces_.front()).size();
        if (count < size) break;
        count -= size;
        pieces_.pop_front();
        if (count == 0) break;
    }
    OTTLA_ASSERT(!pieces_.empty() || count == 0);
    sent_of_first_ = count;
}

}  // namespace ottla::net
