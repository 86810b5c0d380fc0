// SPDX-License-Identifier: Apache-2.0
#include <ottla/protocol/record.hpp>

namespace ottla::protocol {

bool RecordHeaders::well_formed() const noexcept {
    RecordHeaders walk = *this;
    std::size_t seen = 0;
    for (RecordHeaderView header; walk.next(header);) ++seen;
    return seen == count_ && walk.next_ == end_;
}

}  // namespace ottla::protocol
