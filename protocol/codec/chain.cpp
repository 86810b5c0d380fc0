// SPDX-License-Identifier: Apache-2.0
#include <ottla/protocol/chain.hpp>

#include <algorithm>

#include <ottla/protocol/records.hpp>

namespace ottla::protocol {
namespace {

Result<void> append_to(Buffer& out, const FileRange& range) {
    const std::size_t from = out.size();
    out.resize(from + range.length);
    std::size_t done = 0;
    while (done < range.length) {
        auto got = range.file->read_at(range.position + done, {out.data() + from + done, range.length - done});
        if (!got) return got.error();
        if (*got == 0)
            return Error::of(ErrorCode::file_system, "a file ended at " + std::to_string(range.position + done) +
                                                         ", before the end of the range to be sent");
        done += *got;
    }
    return ok();
}

// Compares pieces in memory byte by byte; the two chains are of the same size.
bool same_bytes(const Chain& a, const Chain& b) {
    std::size_t i = 0, j = 0;
    ByteSpan left, right;
    while (true) {
        if (left.empty()) {
            if (i == a.pieces().size()) return true;
            left = std::get<Bytes>(a.pieces()[i++]);
        }
        if (right.empty()) right = std::get<Bytes>(b.pieces()[j++]);
        const std::size_t n = std::min(left.size(), right.size());
        if (!std::equal(left.begin(), left.begin() + static_cast<std::ptrdiff_t>(n), right.begin())) return false;
        left = left.subspan(n);
        right = right.subspan(n);
    }
}

}  // namespace

Result<Bytes> FileRange::read() const {
    Buffer out(length);
    if (auto read = append_to(out, *this); !read) return read.error();
    return std::move(out).freeze();
}

void Chain::append(Bytes bytes) {
    if (bytes.empty()) return;
    size_ += bytes.size();
    pieces_.emplace_back(std::move(bytes));
}

void Chain::append(FileRange range) {
    if (range.length == 0) return;
    size_ += range.length;
    pieces_.emplace_back(std::move(range));
}

void Chain::append(Chain other) {
    size_ += other.size_;
    if (pieces_.empty()) {
        pieces_ = std::move(other.pieces_);
        return;
    }
    for (auto& piece : other.pieces_) pieces_.push_back(std::move(piece));
}

bool Chain::in_memory() const noexcept {
    return std::all_of(pieces_.begin(), pieces_.end(),
                       [](const Piece& piece) { return std::holds_alternative<Bytes>(piece); });
}

Result<Bytes> Chain::flatten() const {
    if (pieces_.empty()) return Bytes{};
    if (pieces_.size() == 1) {
        if (const auto* bytes = std::get_if<Bytes>(&pieces_.front())) return *bytes;
    }
    Buffer out(size_);
    for (const Piece& piece : pieces_) {
        if (const auto* bytes = std::get_if<Bytes>(&piece)) {
            out.append(bytes->span());
        } else if (auto read = append_to(out, std::get<FileRange>(piece)); !read) {
            return read.error();
        }
    }
    return std::move(out).freeze();
}

bool operator==(const Chain& a, const Chain& b) {
    if (a.size_ != b.size_) return false;
    if (a.in_memory() && b.in_memory()) return same_bytes(a, b);
    return a.pieces_ == b.pieces_;
}

std::size_t Records::size() const noexcept {
    if (const auto* b = bytes()) return b->size();
    if (const auto* range = file_range()) return range->length;
    return std::get<Chain>(data_).size();
}

Result<Bytes> Records::flatten() const {
    if (const auto* b = bytes()) return *b;
    if (const auto* range = file_range()) return range->read();
    return std::get<Chain>(data_).flatten();
}

bool operator==(const Records& a, const Records& b) {
    if (a.data_.index() == b.data_.index()) return a.data_ == b.data_;
    const auto as_chain = [](const Records& r) {
        if (const auto* chain = r.chain()) return *chain;
        Chain chain;
        if (const auto* bytes = r.bytes()) chain.append(*bytes);
        if (const auto* range = r.file_range()) chain.append(*range);
        return chain;
    };
    return as_chain(a) == as_chain(b);
}

}  // namespace ottla::protocol
