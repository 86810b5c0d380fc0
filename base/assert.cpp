// SPDX-License-Identifier: Apache-2.0
#include "base/assert.hpp"

#include <cstdio>
#include <cstdlib>

namespace ottla::base {

void assertion_failed(const char* what, const char* file, int line) noexcept {
    std::fprintf(stderr, "ottla: assertion '%s' failed at %s:%d\n", what, file, line);
    std::abort();
}

}  // namespace ottla::base
