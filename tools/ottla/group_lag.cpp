// SPDX-License-Identifier: Apache-2.0
#include "tools/ottla/group_lag.hpp"

#include <algorithm>
#include <chrono>
#include <map>

#include <boost/json/object.hpp>

#include "tools/ottla/iso_time.hpp"
#include "tools/ottla/record_times.hpp"

namespace ottla::tools {
namespace {

using LagKey = std::pair<std::string, std::int32_t>;
constexpr std::chrono::seconds times_within{5};

std::map<LagKey, PartitionLag> lags_without_ends(Admin& admin, const GroupDescription& group,
                                                 const std::vector<TopicScope>& scopes) {
    auto offsets = expect(admin.list_group_offsets({{group.group_id}}, within_time()), "asking for the offsets");
    if (offsets.front().error.code() != ErrorCode::none) throw Exception(offsets.front().error);
    std::map<LagKey, PartitionLag> lags;
    for (auto& tp : offsets.front().partitions)
        if (in_scope(scopes, tp.topic, tp.partition)) lags[{tp.topic, tp.partition}].committed = tp;
    for (const auto& member : group.members)
        for (const auto& tp : member.assignment) {
            if (!in_scope(scopes, tp.topic, tp.partition)) continue;
            auto& lag = lags[{tp.topic, tp.partition}];
            lag.committed.topic = tp.topic;
            lag.committed.partition = tp.partition;
            lag.owner = &member;
        }
    return lags;
}

// What the leaders tell of one place in each partition; those that could not be asked are left out.
std::map<LagKey, ListedOffset> listed_at(Admin& admin, const std::map<LagKey, PartitionLag>& lags, Offset place) {
    std::map<LagKey, ListedOffset> found;
    std::vector<TopicPartition> asked;
    for (const auto& [key, lag] : lags) asked.emplace_back(key.first, key.second, place);
    if (asked.empty()) return found;
    auto listed = admin.list_offsets(std::move(asked), within_time());
    if (listed.has_error()) return found;
    for (auto& at : *listed)
        if (at.partition.error.code() == ErrorCode::none)
            found[{at.partition.topic, at.partition.partition}] = std::move(at);
    return found;
}

void add_times(Session& session, Admin& admin, const GroupOptions& options, std::map<LagKey, PartitionLag>& lags) {
    std::map<LagKey, PartitionLag> late;
    std::vector<TopicPartition> places;
    for (auto& [key, lag] : lags) {
        const auto records = lag.records();
        if (!records) continue;
        if (*records == 0) {
            lag.behind_ms = lag.behind_end_ms = 0;
            continue;
        }
        late.emplace(key, lag);
        places.emplace_back(key.first, key.second, lag.committed.offset);
    }
    if (places.empty()) return;
    const auto next = record_times(session, options.connection, places, times_within);
    const auto newest = listed_at(admin, late, at_max_timestamp);
    const auto now =
        std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
            .count();
    for (const auto& [key, time] : next) {
        auto& lag = lags[key];
        lag.behind_ms = std::max<std::int64_t>(0, now - time);
        const auto last = newest.find(key);
        if (last != newest.end() && last->second.timestamp_ms >= 0)
            lag.behind_end_ms = std::max<std::int64_t>(0, last->second.timestamp_ms - time);
    }
}

}  // namespace

std::optional<std::int64_t> PartitionLag::records() const {
    if (!end || !committed.offset.is_absolute()) return {};
    return std::max<std::int64_t>(0, *end - committed.offset.value());
}

std::optional<std::int64_t> total_lag(const std::vector<PartitionLag>& lags) {
    std::optional<std::int64_t> sum;
    for (const auto& lag : lags)
        if (const auto records = lag.records()) sum = sum.value_or(0) + *records;
    return sum;
}

std::vector<PartitionLag> lag_of(Session& session, Admin& admin, const GroupOptions& options,
                                 const GroupDescription& group, const std::vector<TopicScope>& scopes,
                                 bool with_times) {
    auto lags = lags_without_ends(admin, group, scopes);
    for (const auto& [key, at] : listed_at(admin, lags, Offset::beginning()))
        lags[key].start = at.partition.offset.value();
    for (const auto& [key, at] : listed_at(admin, lags, Offset::end())) lags[key].end = at.partition.offset.value();
    if (with_times) add_times(session, admin, options, lags);
    std::vector<PartitionLag> all;
    for (auto& [key, lag] : lags) all.push_back(std::move(lag));
    return all;
}

std::string number_or_dash(std::optional<std::int64_t> n) { return n ? std::to_string(*n) : "-"; }
std::string offset_or_dash(Offset offset) { return offset.is_absolute() ? std::to_string(offset.value()) : "-"; }
std::string behind_text(const PartitionLag& lag) { return lag.behind_ms ? duration_text(*lag.behind_ms) : "-"; }

boost::json::array lags_json(const std::vector<PartitionLag>& lags) {
    boost::json::array array;
    for (const auto& lag : lags) {
        boost::json::object p;
        p["topic"] = lag.committed.topic;
        p["partition"] = lag.committed.partition;
        p["committed"] = natural_or_null(lag.committed.offset.value());
        p["leader_epoch"] = natural_or_null(lag.committed.leader_epoch.value_or(-1));
        p["metadata"] = lag.committed.metadata;
        p["start_offset"] = natural_or_null(lag.start.value_or(-1));
        p["end_offset"] = natural_or_null(lag.end.value_or(-1));
        p["lag"] = natural_or_null(lag.records().value_or(-1));
        p["behind_ms"] = natural_or_null(lag.behind_ms.value_or(-1));
        p["behind_end_ms"] = natural_or_null(lag.behind_end_ms.value_or(-1));
        p["member"] = lag.owner ? boost::json::value(lag.owner->member_id) : boost::json::value(nullptr);
        p["error"] = to_json(lag.committed.error);
        array.emplace_back(std::move(p));
    }
    return array;
}

}  // namespace ottla::tools
