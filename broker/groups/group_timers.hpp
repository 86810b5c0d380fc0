// SPDX-License-Identifier: Apache-2.0
// GroupTimers: what a coordinator has to look at again, and when. Each has one moment, which may be moved.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "base/clock.hpp"

namespace ottla::broker::groups {

enum class TimerKind : std::uint8_t {
    join,       // the time to join a generation is over
    sync,       // the time to ask for one's assignment is over
    session,    // a member was not heard of
    pending,    // somebody did not come back with the id that was given out
    regex,      // the group's regular expressions are to be resolved, or to be gone on with
    rebalance,  // a member of the consumer protocol did not give up what it was to
    record,     // the group's record was refused, and is to be written again
};

struct TimerKey {
    std::string group_id;
    TimerKind kind{};
    std::string member_id;  // of a member's timer
    friend auto operator<=>(const TimerKey&, const TimerKey&) = default;
};

class GroupTimers {
public:
    void set(TimerKey key, base::TimePoint at) {
        const auto [place, is_new] = moments_.try_emplace(std::move(key), at);
        if (!is_new) {
            by_time_.erase({place->second, &place->first});
            place->second = at;
        }
        by_time_.insert({at, &place->first});
    }
    void cancel(const TimerKey& key) {
        const auto place = moments_.find(key);
        if (place == moments_.end()) return;
        by_time_.erase({place->second, &place->first});
        moments_.erase(place);
    }
    // All of one group.
    void cancel_group(const std::string& group_id) {
        auto place = moments_.lower_bound(TimerKey{group_id, TimerKind::join, {}});
        while (place != moments_.end() && place->first.group_id == group_id) {
            by_time_.erase({place->second, &place->first});
            place = moments_.erase(place);
        }
    }
    bool is_set(const TimerKey& key) const { return moments_.contains(key); }
    std::size_t size() const noexcept { return moments_.size(); }

    std::optional<base::TimePoint> next() const {
        if (by_time_.empty()) return std::nullopt;
        return by_time_.begin()->first;
    }
    // Takes out the first that is due at `now`; those of one moment in the order of their keys.
    std::optional<TimerKey> take_due(base::TimePoint now) {
        if (by_time_.empty() || by_time_.begin()->first > now) return std::nullopt;
        TimerKey key = *by_time_.begin()->second;
        cancel(key);
        return key;
    }

private:
    struct ByTime {
        using Entry = std::pair<base::TimePoint, const TimerKey*>;
        bool operator()(const Entry& a, const Entry& b) const {
            return a.first != b.first ? a.first < b.first : *a.second < *b.second;
        }
    };

    std::map<TimerKey, base::TimePoint> moments_;
    std::set<ByTime::Entry, ByTime> by_time_;  // refers to the keys there
};

}  // namespace ottla::broker::groups
