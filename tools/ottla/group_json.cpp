// SPDX-License-Identifier: Apache-2.0
#include "tools/ottla/group_json.hpp"

#include <boost/json/array.hpp>

#include "tools/ottla/group_common.hpp"

namespace ottla::tools {
namespace {

boost::json::value text_or_null(const std::optional<std::string>& text) {
    if (!text) return nullptr;
    return boost::json::value(*text);
}

boost::json::value coordinator_json(const Node& node) {
    if (node.id < 0) return nullptr;
    boost::json::object object;
    object["id"] = node.id;
    object["host"] = node.host;
    object["port"] = node.port;
    return object;
}

}  // namespace

boost::json::object group_json(const GroupDescription& group) {
    boost::json::array members;
    for (const auto& member : group.members) members.emplace_back(member_json(member));
    boost::json::object object;
    object["group"] = group.group_id;
    object["error"] = to_json(group.error);
    object["type"] = to_string(group.type);
    object["state"] = to_string(group.state);
    object["protocol_type"] = group.protocol_type;
    object["assignor"] = group.assignor;
    object["epoch"] = natural_or_null(group.epoch);
    object["assignment_epoch"] = natural_or_null(group.assignment_epoch);
    object["coordinator"] = coordinator_json(group.coordinator);
    object["members"] = std::move(members);
    return object;
}

boost::json::object member_json(const MemberDescription& member) {
    boost::json::object object;
    object["member"] = member.member_id;
    object["client"] = member.client_id;
    object["host"] = member.host;
    object["instance"] = text_or_null(member.instance_id);
    object["rack"] = text_or_null(member.rack);
    object["epoch"] = natural_or_null(member.epoch);
    object["classic"] = member.is_classic ? boost::json::value(*member.is_classic) : boost::json::value(nullptr);
    object["topics"] = boost::json::array(member.topics.begin(), member.topics.end());
    object["topic_regex"] = text_or_null(member.topic_regex);
    object["assignment"] = partitions_json(member.assignment);
    object["target_assignment"] = member.target_assignment
                                      ? boost::json::value(partitions_json(*member.target_assignment))
                                      : boost::json::value(nullptr);
    return object;
}

}  // namespace ottla::tools
