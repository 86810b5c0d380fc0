// SPDX-License-Identifier: Apache-2.0
#include "tools/ottla/line_reader.hpp"

#include <algorithm>
#include <cerrno>

#include <unistd.h>

namespace ottla::tools {

namespace {
constexpr std::size_t read_bytes = 256 * 1024;
}

bool LineReader::buffered() const noexcept {
    return buffer_.find('\n', std::max(begin_, searched_)) != std::string::npos;
}

std::optional<std::string_view> LineReader::next() {
    while (true) {
        if (const auto end = buffer_.find('\n', std::max(begin_, searched_)); end != std::string::npos) {
            const std::string_view line(buffer_.data() + begin_, end - begin_);
            begin_ = searched_ = end + 1;
            return line;
        }
        if (ended_) {
            if (begin_ == buffer_.size()) return {};
            const std::string_view line(buffer_.data() + begin_, buffer_.size() - begin_);
            begin_ = searched_ = buffer_.size();
            return line;
        }
        buffer_.erase(0, begin_);
        begin_ = 0;
        searched_ = buffer_.size();
        buffer_.resize(searched_ + read_bytes);
        const ssize_t n = ::read(descriptor_, buffer_.data() + searched_, read_bytes);
        const int why = errno;
        buffer_.resize(searched_ + static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
        if (n > 0) continue;
        ended_ = true;
        if (n < 0 && why != EINTR) error_ = why;
    }
}

}  // namespace ottla::tools
