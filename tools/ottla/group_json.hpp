// SPDX-License-Identifier: Apache-2.0
// Groups and members in the JSON of the verbs.
#pragma once

#include <boost/json/object.hpp>

#include <ottla/admin_groups.hpp>

namespace ottla::tools {

// All but its partitions.
boost::json::object group_json(const GroupDescription&);
boost::json::object member_json(const MemberDescription&);

}  // namespace ottla::tools
