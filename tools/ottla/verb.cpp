// SPDX-License-Identifier: Apache-2.0
#include "tools/ottla/verb.hpp"

#include <cstdio>

namespace ottla::tools {

void Session::hint(std::string_view line) const {
    if (!stderr_is_terminal) return;
    std::fprintf(stderr, "%.*s\n", static_cast<int>(line.size()), line.data());
}

}  // namespace ottla::tools
