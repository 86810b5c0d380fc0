// SPDX-License-Identifier: Apache-2.0
// Uuid as Kafka writes it: 16 bytes on the wire, 22 characters of unpadded base64url in text (KIP-516).
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include <ottla/result.hpp>

namespace ottla::inline v0 {

struct Uuid {
    std::array<std::uint8_t, 16> bytes{};

    static Result<Uuid> parse(std::string_view base64url);
    bool is_zero() const noexcept { return *this == Uuid{}; }
    friend auto operator<=>(const Uuid&, const Uuid&) = default;
};

std::string to_string(const Uuid&);

}  // namespace ottla::inline v0

template <>
struct std::hash<ottla::Uuid> {
    std::size_t operator()(const ottla::Uuid&) const noexcept;
};
