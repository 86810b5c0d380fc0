// SPDX-License-Identifier: Apache-2.0
#include "client/priority/class_schedule.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace ottla::client {
namespace {

// What a turn costs a class of weight 1.
constexpr std::int64_t whole_turn = std::int64_t{1} << 40;
// Turns by the limit are not held against a class for ever.
constexpr std::int64_t ahead_max = 4 * whole_turn;

}  // namespace

ClassSchedule::ClassSchedule(Rule rule, const std::vector<std::int32_t>& weights, base::Duration starvation_limit)
    : rule_(rule),
      starvation_limit_(starvation_limit),
      classes_(weights.size()) {
    for (Class i = 0; i < weights.size(); ++i) {
        OTTLA_ASSERT(weights[i] >= 1 && weights[i] <= weight_max);
        classes_[i].stride = whole_turn / weights[i];
    }
}

void ClassSchedule::has_records(Class which, base::TimePoint now) {
    if (!classes_[which].waits_since) classes_[which].waits_since = now;
}

void ClassSchedule::has_none(Class which) { classes_[which].waits_since.reset(); }

std::optional<ClassSchedule::Class> ClassSchedule::by_rule() const {
    std::optional<Class> best;
    for (Class i = 0; i < classes_.size(); ++i) {
        if (!classes_[i].waits_since) continue;
        if (rule_ == Rule::strict) return i;
        if (!best || classes_[i].ahead < classes_[*best].ahead) best = i;
    }
    return best;
}

std::optional<ClassSchedule::Class> ClassSchedule::starved(base::TimePoint now) const {
    if (starvation_limit_ <= base::Duration::zero()) return std::nullopt;
    std::optional<Class> longest;
    for (Class i = 0; i < classes_.size(); ++i) {
        const auto& since = classes_[i].waits_since;
        if (!since || now - *since < starvation_limit_) continue;
        if (!longest || *since < *classes_[*longest].waits_since) longest = i;
    }
    return longest;
}

// Who had no records meanwhile has saved nothing up: nobody is further behind than who was next.
void ClassSchedule::charge(Class which, std::int64_t least) {
    for (auto& c : classes_) c.ahead = std::max<std::int64_t>(c.ahead - least, 0);
    auto& ahead = classes_[which].ahead;
    ahead = std::min(ahead + classes_[which].stride, ahead_max);
}

std::optional<ClassSchedule::Turn> ClassSchedule::next(base::TimePoint now) {
    const auto regular = by_rule();
    if (!regular) return std::nullopt;
    const auto which = starved(now).value_or(*regular);
    if (rule_ == Rule::weighted) charge(which, classes_[*regular].ahead);
    classes_[which].waits_since = now;
    return Turn{which, which != *regular};
}

}  // namespace ottla::client
