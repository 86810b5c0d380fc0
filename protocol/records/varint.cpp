// SPDX-License-Identifier: Apache-2.0
#include <ottla/protocol/varint.hpp>

namespace ottla::protocol {

VarintCursor::Long VarintCursor::long_varint(const std::uint8_t* from, const std::uint8_t* end) noexcept {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 70 && from != end; shift += 7) {
        const std::uint64_t byte = *from++;
        value |= (byte & 0x7f) << shift;
        if (byte < 0x80) return {unzigzag(value), from};
    }
    return {0, nullptr};
}

}  // namespace ottla::protocol
