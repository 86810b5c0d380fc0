// SPDX-License-Identifier: Apache-2.0
// The plan of a reset: what the cluster tells of each partition, and what is decided from it.
#pragma once

#include <string>
#include <vector>

#include <ottla/admin.hpp>

#include "tools/ottla/reset_plan.hpp"
#include "tools/ottla/topic_scope.hpp"

namespace ottla::tools {

struct ResetPlace {
    std::string topic;
    std::int32_t partition = 0;
    ResetFacts facts;
    ResetStep step;
    // It can't be done here.
    Error error;
};

// For the partitions in the scopes; without scopes, for all that the group has committed. Throws ottla::Exception for
// a topic or partition that is not there, and where nothing is committed.
std::vector<ResetPlace> planned(Admin&, const std::string& group, const std::vector<TopicScope>&, const ResetTarget&);
// To these offsets.
std::vector<ResetPlace> planned(Admin&, const std::string& group, const std::vector<TopicPartition>& wanted);

}  // namespace ottla::tools
