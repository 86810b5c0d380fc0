// SPDX-License-Identifier: Apache-2.0
#include "net/chain_cursor.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace ottla::net {

namespace {

// As much of the range's begin as lies in memory.
Result<Bytes> cached_part(const protocol::FileRange& range, base::BufferPool& pool) {
    const std::size_t count = std::min(range.length, ChainCursor::file_piece_bytes);
    Buffer into = pool.take(count);
    into.resize(count);
    const auto got = range.file->read_cached_at(range.position, {into.data(), count});
    if (!got) return got.error();
    into.resize(*got);
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
            auto bytes = cached_part(*range, pool_);
            if (!bytes) return bytes.error();
            if (bytes->empty()) break;
            replace(i, std::move(*bytes));
        }
        const Bytes& bytes = std::get<Bytes>(pieces_[i]);
        const std::size_t sent = i == 0 ? sent_of_first_ : 0;
        out.emplace_back(bytes.data() + sent, bytes.size() - sent);
        total += bytes.size() - sent;
    }
    return {};
}

// The front of the range at `index`, whose rest stays behind it.
void ChainCursor::replace(std::size_t index, Bytes front) {
    const auto& range = std::get<protocol::FileRange>(pieces_[index]);
    if (const std::size_t left = range.length - front.size(); left != 0) {
        protocol::FileRange rest(range.file, range.position + front.size(), left);
        pieces_.insert(pieces_.begin() + static_cast<std::ptrdiff_t>(index) + 1, std::move(rest));
    }
    pieces_[index] = std::move(front);
}

protocol::FileRange ChainCursor::wanted() const {
    const auto& range = std::get<protocol::FileRange>(pieces_.front());
    return {range.file, range.position, std::min(range.length, file_piece_bytes)};
}

void ChainCursor::provide(Bytes bytes) { replace(0, std::move(bytes)); }

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
