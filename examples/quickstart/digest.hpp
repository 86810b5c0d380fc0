// SPDX-License-Identifier: Apache-2.0
// A fingerprint of many records that does not depend on their order: what went in and what came out must have the
// same. (FNV-1a over each record, added up.)
#pragma once

#include <cstdint>
#include <string_view>

class Digest {
public:
    void add(std::string_view key, std::string_view value) {
        std::uint64_t hash = 0xcbf29ce484222325U;
        const auto mix = [&](std::string_view bytes) {
            for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
            hash = (hash ^ 0x1ffU) * 0x100000001b3U;  // so that "ab"+"c" and "a"+"bc" differ
        };
        mix(key);
        mix(value);
        sum_ += hash;
        ++count_;
        bytes_ += key.size() + value.size();
    }
    std::uint64_t sum() const { return sum_; }
    std::uint64_t count() const { return count_; }
    std::uint64_t bytes() const { return bytes_; }

private:
    std::uint64_t sum_ = 0;
    std::uint64_t count_ = 0;
    std::uint64_t bytes_ = 0;
};
