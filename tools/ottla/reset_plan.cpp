// SPDX-License-Identifier: Apache-2.0
#include "tools/ottla/reset_plan.hpp"

#include <fmt/format.h>

namespace ottla::tools {
namespace {

ResetStep within_log(std::int64_t wanted, const ResetFacts& facts) {
    if (wanted < facts.start)
        return {facts.start, fmt::format("the partition begins at {}, behind {}", facts.start, wanted)};
    if (wanted > facts.end) return {facts.end, fmt::format("the partition ends at {}, before {}", facts.end, wanted)};
    return {wanted, {}};
}

// Offsets stay within 64 bits, whatever is asked for.
std::int64_t shifted(std::int64_t from, std::int64_t by) {
    std::int64_t sum = 0;
    if (__builtin_add_overflow(from, by, &sum)) return by < 0 ? 0 : INT64_MAX;
    return sum;
}

}  // namespace

ResetStep plan_reset(const ResetTarget& target, const ResetFacts& facts) {
    using Kind = ResetTarget::Kind;
    switch (target.kind) {
        case Kind::earliest: return {facts.start, {}};
        case Kind::latest: return {facts.end, {}};
        case Kind::offset: return within_log(target.value, facts);
        case Kind::time:
            if (facts.at_time) return {facts.at_time, {}};
            return {facts.end, "no record is that late: the end"};
        case Kind::current:
        case Kind::shift: break;
    }
    if (!facts.committed) return {{}, "nothing is committed"};
    if (target.kind == Kind::current) return {facts.committed, {}};
    return within_log(shifted(*facts.committed, target.value), facts);
}

}  // namespace ottla::tools
