// SPDX-License-Identifier: Apache-2.0
#include "base/random.hpp"

#include <cstring>
#include <random>

namespace ottla::base {

Uuid Random::uuid() noexcept {
    const std::uint64_t half[2] = {next(), next()};
    Uuid id;
    std::memcpy(id.bytes.data(), half, sizeof half);
    id.bytes[6] = static_cast<std::uint8_t>((id.bytes[6] & 0x0f) | 0x40);
    id.bytes[8] = static_cast<std::uint8_t>((id.bytes[8] & 0x3f) | 0x80);
    // Kafka's command lines take an id that begins with '-' for an option.
    if ((id.bytes[0] >> 2) == 62) id.bytes[0] = static_cast<std::uint8_t>(id.bytes[0] & 0x7f);
    return id;
}

std::uint64_t seed_from_system() {
    std::random_device device;
    return (std::uint64_t{device()} << 32) | device();
}

}  // namespace ottla::base
