// SPDX-License-Identifier: Apache-2.0
#include "client/runtime/blocking.hpp"

#include <fmt/format.h>

namespace ottla::client {

Error on_own_loop(std::string_view call) {
    return Error::of(
        ErrorCode::invalid_state,
        fmt::format("{} would wait for the client's own loop, on which it was called; use async_{}", call, call));
}

Error executor_not_run(std::string_view call) {
    return Error::of(
        ErrorCode::timed_out,
        fmt::format("{} was not even begun by its deadline; does somebody run the client's executor?", call));
}

}  // namespace ottla::client
