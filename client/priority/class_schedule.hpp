// SPDX-License-Identifier: Apache-2.0
// ClassSchedule: whose turn it is, of classes that have records: the highest, or each by its weight; one that has
// waited too long goes before both.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/clock.hpp"

namespace ottla::client {

class ClassSchedule {
public:
    // 0 is the highest.
    using Class = std::size_t;
    struct Turn {
        Class which;
        bool is_starved;  // it was not next by rank or weight
    };
    enum class Rule : std::uint8_t { strict, weighted };
    static constexpr std::int32_t weight_max = 1'000'000;

    // Weights from 1 up. A limit of 0 is none.
    ClassSchedule(Rule, const std::vector<std::int32_t>& weights, base::Duration starvation_limit);

    // From now on it has records; no change when it has some.
    void has_records(Class, base::TimePoint now);
    void has_none(Class);
    // Who hands out the next record; nothing when nobody has any. It counts as handed out.
    std::optional<Turn> next(base::TimePoint now);
    // Since its last turn, or since it has records.
    std::optional<base::TimePoint> waits_since(Class which) const { return classes_[which].waits_since; }

private:
    struct State {
        std::int64_t stride = 0;  // what a turn costs
        // What its turns have cost beyond those of who is next; so it never grows without end.
        std::int64_t ahead = 0;
        std::optional<base::TimePoint> waits_since = std::nullopt;  // nothing: it has no records
    };

    std::optional<Class> by_rule() const;
    std::optional<Class> starved(base::TimePoint now) const;
    void charge(Class which, std::int64_t least);

    const Rule rule_;
    const base::Duration starvation_limit_;
    std::vector<State> classes_;
};

}  // namespace ottla::client
