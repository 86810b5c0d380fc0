// SPDX-License-Identifier: Apache-2.0
#include <ottla/uuid.hpp>

#include <cstring>

#include "base/base64.hpp"

namespace ottla::inline v0 {

Result<Uuid> Uuid::parse(std::string_view text) {
    const auto bytes = base::base64url_decode(text);
    if (!bytes || bytes->size() != 16)
        return Error::of(ErrorCode::invalid_argument,
                         "'" + std::string(text) + "' is not a uuid: 22 characters of base64url are expected");
    Uuid id;
    std::memcpy(id.bytes.data(), bytes->data(), 16);
    return id;
}

std::string to_string(const Uuid& id) { return base::base64url_encode(id.bytes); }

}  // namespace ottla::inline v0

std::size_t std::hash<ottla::Uuid>::operator()(const ottla::Uuid& id) const noexcept {
    std::uint64_t half[2];
    std::memcpy(half, id.bytes.data(), sizeof half);
    return static_cast<std::size_t>((half[0] ^ (half[1] << 1)) * 0x9e3779b97f4a7c15U);
}
