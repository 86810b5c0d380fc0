// SPDX-License-Identifier: Apache-2.0
#include <ottla/protocol/record.hpp>

namespace ottla::protocol {

bool RecordHeaders::next(RecordHeaderView& out) noexcept {
    if (count_ == 0) return false;
    const std::uint8_t* p = next_;
    const std::int64_t key_size = load_varint(p, end_);
    if (p == nullptr || key_size < 0 || key_size > end_ - p) {
        count_ = 0;
        return false;
    }
    out.key = {reinterpret_cast<const char*>(p), static_cast<std::size_t>(key_size)};
    p += key_size;
    const std::int64_t value_size = load_varint(p, end_);
    if (p == nullptr || value_size < -1 || value_size > end_ - p) {
        count_ = 0;
        return false;
    }
    if (value_size < 0) {
        out.value.reset();
    } else {
        out.value.emplace(p, static_cast<std::size_t>(value_size));
        p += value_size;
    }
    next_ = p;
    --count_;
    return true;
}

bool RecordHeaders::well_formed() const noexcept {
    RecordHeaders walk = *this;
    std::size_t seen = 0;
    for (RecordHeaderView header; walk.next(header);) ++seen;
    return seen == count_ && walk.next_ == end_;
}

}  // namespace ottla::protocol
