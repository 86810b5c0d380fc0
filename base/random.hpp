// SPDX-License-Identifier: Apache-2.0
// Seeded randomness, handed in: the same seed gives the same run everywhere. xoshiro256++ seeded by splitmix64
// (Blackman and Vigna); not for secrets.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include <ottla/uuid.hpp>

namespace ottla::base {

__extension__ using uint128 = unsigned __int128;

class Random {
public:
    explicit Random(std::uint64_t seed) noexcept {
        for (auto& word : state_) {
            seed += 0x9e3779b97f4a7c15U;
            std::uint64_t z = seed;
            z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
            z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
            word = z ^ (z >> 31);
        }
    }

    std::uint64_t next() noexcept {
        const std::uint64_t result = std::rotl(state_[0] + state_[3], 23) + state_[0];
        const std::uint64_t t = state_[1] << 17;
        state_[2] ^= state_[0];
        state_[3] ^= state_[1];
        state_[1] ^= state_[2];
        state_[0] ^= state_[3];
        state_[2] ^= t;
        state_[3] = std::rotl(state_[3], 45);
        return result;
    }

    // 0 … n-1; n is not 0.
    std::uint64_t below(std::uint64_t n) noexcept {
        return static_cast<std::uint64_t>((static_cast<base::uint128>(next()) * n) >> 64);
    }
    // from … to, both included.
    std::int64_t between(std::int64_t from, std::int64_t to) noexcept {
        return from + static_cast<std::int64_t>(below(static_cast<std::uint64_t>(to - from) + 1));
    }
    // [0, 1)
    double unit() noexcept { return static_cast<double>(next() >> 11) * 0x1.0p-53; }
    bool chance(double probability) noexcept { return unit() < probability; }
    // A version 4 uuid. Never zero, never one of Kafka's reserved ids.
    Uuid uuid() noexcept;
    // A generator of its own for a part, so that parts do not disturb each other's sequence.
    Random split() noexcept { return Random(next()); }

private:
    std::array<std::uint64_t, 4> state_;
};

// A seed from the operating system: for mains only.
std::uint64_t seed_from_system();

}  // namespace ottla::base
