// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include <unistd.h>

namespace ottla::broker {

// A file without a name in $TMPDIR, of so many bytes.
inline int scratch_file(std::size_t bytes) {
    std::string name = (std::filesystem::temp_directory_path() / "ottla-io-XXXXXX").string();
    const int fd = ::mkstemp(name.data());
    ::unlink(name.c_str());
    const std::vector<std::uint8_t> block(1 << 20, 'x');
    for (std::size_t done = 0; done < bytes; done += block.size()) {
        if (::write(fd, block.data(), std::min(block.size(), bytes - done)) < 0) std::abort();
    }
    return fd;
}

}  // namespace ottla::broker
