// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ottla/parallel_hooks.hpp>

#include "client/hooks/hook_calls.hpp"

namespace ottla::client {

using ParallelHookCalls = HookCallsOf<ParallelHooks>;

}  // namespace ottla::client
