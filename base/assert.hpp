// SPDX-License-Identifier: Apache-2.0
// OTTLA_ASSERT checks what only our own bug could break, and stops the process with file and line. It is compiled
// in with -DOTTLA_ASSERTIONS=ON (dev, sanitizers); bad input is never a matter for it.
#pragma once

namespace ottla::base {
[[noreturn]] void assertion_failed(const char* what, const char* file, int line) noexcept;
}  // namespace ottla::base

#ifdef OTTLA_ASSERTIONS
#define OTTLA_ASSERT(condition) \
    (static_cast<bool>(condition) ? void(0) : ::ottla::base::assertion_failed(#condition, __FILE__, __LINE__))
#else
#define OTTLA_ASSERT(condition) (false ? void(static_cast<bool>(condition)) : void(0))
#endif
