// SPDX-License-Identifier: Apache-2.0
// The test vectors by Apache Kafka's classes: tests/golden/messages/README.md.
#pragma once

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <zstd.h>
#include <ottla/bytes.hpp>

#include "protocol/wire/hex.hpp"

namespace ottla::protocol {

inline std::string golden_message_file(const std::string& name) {
    std::ifstream in(OTTLA_SOURCE_DIR "/tests/golden/messages/" + name, std::ios::binary);
    EXPECT_TRUE(in) << name;
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
}

struct GoldenVector {
    std::string name;
    std::int16_t version;
    Bytes bytes;
    std::string json;
};

inline std::vector<GoldenVector> golden_vectors(const std::string& file) {
    const std::string packed = golden_message_file(file);
    std::string text(ZSTD_getFrameContentSize(packed.data(), packed.size()), '\0');
    EXPECT_EQ(ZSTD_decompress(text.data(), text.size(), packed.data(), packed.size()), text.size());
    std::vector<GoldenVector> vectors;
    std::istringstream lines(text);
    std::string name, version, hex, json;
    while (std::getline(lines, name, '\t') && std::getline(lines, version, '\t') && std::getline(lines, hex, '\t') &&
           std::getline(lines, json))
        vectors.push_back({name, static_cast<std::int16_t>(std::stoi(version)), parse_hex(hex).value(), json});
    return vectors;
}

}  // namespace ottla::protocol
