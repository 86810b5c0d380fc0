// SPDX-License-Identifier: Apache-2.0
#include "tools/ottla/output.hpp"

#include <cerrno>

#include <unistd.h>

namespace ottla::tools {

void Output::flush() {
    std::string_view rest = buffer_;
    while (!rest.empty() && !closed_) {
        const ssize_t n = ::write(descriptor_, rest.data(), rest.size());
        if (n >= 0) {
            rest.remove_prefix(static_cast<std::size_t>(n));
        } else if (errno != EINTR) {
            closed_ = true;
            if (errno != EPIPE) error_ = errno;
        }
    }
    buffer_.clear();
}

}  // namespace ottla::tools
