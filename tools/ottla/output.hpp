// SPDX-License-Identifier: Apache-2.0
// Output: standard output, buffered by us so that a million small records cost a few writes. Once the reader is gone
// (`| head`) it says so and swallows the rest: the verb ends quietly.
#pragma once

#include <string>
#include <string_view>

namespace ottla::tools {

class Output {
public:
    explicit Output(int descriptor) : descriptor_(descriptor) {}

    // Append to this, then call settle().
    std::string& buffer() noexcept { return buffer_; }
    // Writes when there is much.
    void settle() {
        if (buffer_.size() >= 64 * 1024) flush();
    }
    void print(std::string_view text) {
        buffer_ += text;
        settle();
    }
    void flush();
    // Nobody reads any more.
    bool closed() const noexcept { return closed_; }
    // What went wrong with the writing, other than a reader that left; 0 when nothing did.
    int error() const noexcept { return error_; }

private:
    int descriptor_;
    std::string buffer_;
    bool closed_ = false;
    int error_ = 0;
};

}  // namespace ottla::tools
