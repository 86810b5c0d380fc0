// SPDX-License-Identifier: Apache-2.0
// LineReader: the lines of a descriptor, as views into one buffer. A last line without its end counts.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace ottla::tools {

class LineReader {
public:
    explicit LineReader(int descriptor) : descriptor_(descriptor) {}

    // The next line without its end, good until the next call; nothing at the end of the input or when a signal
    // came. Blocks while there is no whole line.
    std::optional<std::string_view> next();
    // A whole line is there already.
    bool buffered() const noexcept;
    // What went wrong with the reading; 0 when nothing did.
    int error() const noexcept { return error_; }

private:
    int descriptor_;
    std::string buffer_;
    std::size_t begin_ = 0;
    std::size_t searched_ = 0;
    bool ended_ = false;
    int error_ = 0;
};

}  // namespace ottla::tools
