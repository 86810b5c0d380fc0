// SPDX-License-Identifier: Apache-2.0
// How far a group is behind: per partition, in records and in time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <boost/json/array.hpp>

#include <ottla/admin.hpp>

#include "tools/ottla/group_common.hpp"
#include "tools/ottla/verb.hpp"

namespace ottla::tools {

struct PartitionLag {
    // Invalid: nothing is committed there.
    TopicPartition committed;
    // Where the partition begins and ends, where that could be asked.
    std::optional<std::int64_t> start;
    std::optional<std::int64_t> end;
    // The age of the next record to be read, and how much newer the newest one is; 0 when nothing is left to read.
    std::optional<std::int64_t> behind_ms;
    std::optional<std::int64_t> behind_end_ms;
    // Who reads it; null: nobody.
    const MemberDescription* owner = nullptr;

    // In records; nothing where it is not known.
    std::optional<std::int64_t> records() const;
};

// Over all where it is known; nothing when it is known nowhere.
std::optional<std::int64_t> total_lag(const std::vector<PartitionLag>&);

// Of what the group has committed and of what its members are assigned, within the scopes; by topic and partition. The
// owners are members of `group`. `with_times`: records are read for it, for some seconds at most.
std::vector<PartitionLag> lag_of(Session&, Admin&, const GroupOptions&, const GroupDescription& group,
                                 const std::vector<TopicScope>& scopes, bool with_times);

// As the verbs print it: "-" for what is not known.
std::string number_or_dash(std::optional<std::int64_t>);
std::string offset_or_dash(Offset);
std::string behind_text(const PartitionLag&);
boost::json::array lags_json(const std::vector<PartitionLag>&);

}  // namespace ottla::tools
