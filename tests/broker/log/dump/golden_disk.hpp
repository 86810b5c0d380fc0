// SPDX-License-Identifier: Apache-2.0
// Golden files on a disk in memory.
#pragma once

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

#include "broker/log/memory_disk.hpp"

namespace ottla::broker::log::dump {

inline std::string golden_text(const std::string& name) {
    std::ifstream in(std::filesystem::path(OTTLA_SOURCE_DIR) / "tests/golden" / name, std::ios::binary);
    std::stringstream text;
    text << in.rdbuf();
    EXPECT_TRUE(in) << name;
    return text.str();
}

inline void put(MemoryDisk& disk, const std::string& path, std::string_view text) {
    ASSERT_TRUE(disk.make_directory(parent_path(path)));
    ASSERT_TRUE(disk.create(path).value()->write_at(0, as_bytes(text)));
}

// tests/golden/`name` with all below it, at "/golden/`name`".
inline void copy_golden(MemoryDisk& disk, const std::string& name) {
    namespace fs = std::filesystem;
    const fs::path root = fs::path(OTTLA_SOURCE_DIR) / "tests/golden";
    for (const auto& entry : fs::recursive_directory_iterator(root / name)) {
        if (entry.is_directory()) continue;
        const auto relative = fs::relative(entry.path(), root).string();
        put(disk, "/golden/" + relative, golden_text(relative));
    }
}

}  // namespace ottla::broker::log::dump
