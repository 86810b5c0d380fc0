// SPDX-License-Identifier: Apache-2.0
// Groups described: as one whose coordinator assigns (KIP-848) first, and what is none as a classic one.
#include <algorithm>
#include <tuple>

#include <fmt/format.h>
#include <ottla/protocol/messages/consumer_group_describe_request.hpp>
#include <ottla/protocol/messages/consumer_group_describe_response.hpp>
#include <ottla/protocol/messages/describe_groups_request.hpp>
#include <ottla/protocol/messages/describe_groups_response.hpp>

#include "client/admin/ask_coordinators.hpp"
#include "client/consumer/assignors/group_protocol.hpp"

namespace ottla::client {
namespace {

using protocol::ConsumerGroupDescribeResponse;
using protocol::DescribeGroupsResponse;

// What travels where nothing was asked for.
constexpr std::int32_t no_operations = INT32_MIN;

std::optional<std::vector<AclOperation>> operations_in(std::int32_t bits) {
    if (bits == no_operations) return std::nullopt;
    std::vector<AclOperation> all;
    for (int i = 0; i < 31; ++i)
        if ((static_cast<std::uint32_t>(bits) >> i) & 1U) all.push_back(static_cast<AclOperation>(i));
    return all;
}

Error told_of_group(std::int16_t code, const std::optional<std::string>& message) {
    if (code == 0) return {};
    const auto error = static_cast<ErrorCode>(code);
    return message && !message->empty() ? Error::of(error, *message) : Error::of(error);
}

GroupState state_of(const std::string& text) {
    const auto state = parse_group_state(text);
    return state ? *state : GroupState::unknown;
}

class ConsumerGroupDescribeCall {
public:
    using Question = GroupDescription;
    using Request = protocol::ConsumerGroupDescribeRequest;
    static constexpr protocol::VersionRange all_versions{0, 1};
    static_assert(Request::versions.contains(all_versions));
    static constexpr std::string_view about = "describing";
    static constexpr std::int8_t classic_member = 0;
    static constexpr std::int8_t no_type = -1;

    explicit ConsumerGroupDescribeCall(bool with_operations) : with_operations_(with_operations) {}

    protocol::VersionRange versions() const { return all_versions; }
    static std::size_t groups_max(std::int16_t) { return many_groups; }
    Request request(const std::vector<const Question*>& asked, std::int16_t) const {
        Request request;
        for (const auto* group : asked) request.group_ids.push_back(group->group_id);
        request.include_authorized_operations = with_operations_;
        return request;
    }
    Error take(Question& to, const ConsumerGroupDescribeResponse& answer, std::int16_t) const {
        const auto* from = group_in(answer.groups, to.group_id);
        if (!from) return left_out_of_answer();
        if (from->error_code != 0) return told_of_group(from->error_code, from->error_message);
        to.type = GroupType::consumer;
        to.protocol_type = "consumer";
        to.state = state_of(from->group_state);
        to.assignor = from->assignor_name;
        to.epoch = from->group_epoch;
        to.assignment_epoch = from->assignment_epoch;
        to.authorized_operations = operations_in(from->authorized_operations);
        to.members.clear();
        for (const auto& member : from->members) to.members.push_back(described(member));
        return {};
    }

private:
    static std::vector<TopicPartition> partitions_of(const ConsumerGroupDescribeResponse::Assignment& from) {
        std::vector<TopicPartition> out;
        for (const auto& topic : from.topic_partitions)
            for (const auto p : topic.partitions) out.emplace_back(topic.topic_name, p);
        std::ranges::sort(out, {}, [](const TopicPartition& p) { return std::tie(p.topic, p.partition); });
        return out;
    }
    static MemberDescription described(const ConsumerGroupDescribeResponse::Member& from) {
        MemberDescription member;
        member.member_id = from.member_id;
        member.instance_id = from.instance_id;
        member.rack = from.rack_id;
        member.client_id = from.client_id;
        member.host = from.client_host;
        member.epoch = from.member_epoch;
        if (from.member_type != no_type) member.is_classic = from.member_type == classic_member;
        member.topics = from.subscribed_topic_names;
        std::ranges::sort(member.topics);
        if (from.subscribed_topic_regex && !from.subscribed_topic_regex->empty())
            member.topic_regex = from.subscribed_topic_regex;
        member.assignment = partitions_of(from.assignment);
        member.target_assignment = partitions_of(from.target_assignment);
        return member;
    }

    bool with_operations_;
};

class DescribeGroupsCall {
public:
    using Question = GroupDescription;
    using Request = protocol::DescribeGroupsRequest;
    static constexpr protocol::VersionRange all_versions{0, 6};
    static_assert(Request::versions.contains(all_versions));
    static constexpr std::string_view about = "describing";
    static constexpr std::int16_t first_with_operations = 3;
    // Before it, a group that is not there is told as dead.
    static constexpr std::int16_t first_with_not_found = 6;

    explicit DescribeGroupsCall(bool with_operations) : with_operations_(with_operations) {}

    protocol::VersionRange versions() const { return all_versions; }
    static std::size_t groups_max(std::int16_t) { return many_groups; }
    Request request(const std::vector<const Question*>& asked, std::int16_t version) const {
        Request request;
        for (const auto* group : asked) request.groups.push_back(group->group_id);
        request.include_authorized_operations = with_operations_ && version >= first_with_operations;
        return request;
    }
    Error take(Question& to, const DescribeGroupsResponse& answer, std::int16_t version) const {
        const auto* from = group_in(answer.groups, to.group_id);
        if (!from) return left_out_of_answer();
        if (from->error_code != 0) return told_of_group(from->error_code, from->error_message);
        to.state = state_of(from->group_state);
        if (to.state == GroupState::dead && version < first_with_not_found)
            return Error::of(ErrorCode::group_id_not_found);
        to.type = GroupType::classic;
        to.protocol_type = from->protocol_type;
        to.assignor = from->protocol_data;
        to.authorized_operations = operations_in(from->authorized_operations);
        to.members.clear();
        Error unread;
        for (const auto& member : from->members) {
            auto& one = to.members.emplace_back(described(member));
            if (from->protocol_type != "consumer") continue;
            read_subscription_of(one, member.member_metadata);
            const auto read = read_assignment(member.member_assignment);
            if (!read) {
                unread = read.error().with_context(fmt::format("member '{}'", one.member_id));
                continue;
            }
            for (const auto& [topic, partitions] : *read)
                for (const auto p : partitions) one.assignment.emplace_back(topic, p);
        }
        return unread;
    }

private:
    static MemberDescription described(const DescribeGroupsResponse::DescribedGroupMember& from) {
        MemberDescription member;
        member.member_id = from.member_id;
        member.instance_id = from.group_instance_id;
        member.client_id = from.client_id;
        member.host = from.client_host;
        return member;
    }
    // The same for every assignor, but for what only it can read.
    static void read_subscription_of(MemberDescription& member, const Bytes& bytes) {
        if (bytes.empty()) return;
        auto read = read_subscription(*find_assignor("range"), bytes);
        if (!read) return;
        member.topics = std::move(read->topics);
        member.rack = std::move(read->rack);
    }

    bool with_operations_;
};

bool may_be_classic(const GroupDescription& group) {
    return group.error == ErrorCode::group_id_not_found || group.error == ErrorCode::unsupported_feature ||
           group.error == ErrorCode::unsupported_version;
}

}  // namespace

awaitable<Result<std::vector<GroupDescription>>> describe_groups(AdminPtr admin, std::vector<std::string> groups,
                                                                 AdminOptions options) {
    if (admin->is_closed()) co_return admin->closed_error("describe_groups");
    const auto deadline = admin->runtime().deadline(options.timeout);
    const auto coordinators = std::make_shared<GroupCoordinators>(admin->cluster());
    std::vector<GroupDescription> questions(groups.size());
    for (std::size_t i = 0; i < groups.size(); ++i) questions[i].group_id = std::move(groups[i]);
    ConsumerGroupDescribeCall new_call(options.include_authorized_operations);
    auto described = co_await ask_coordinators(admin, coordinators, std::move(questions), new_call, deadline);
    if (!described) co_return described.error();
    std::vector<std::size_t> places;
    std::vector<GroupDescription> others;
    for (std::size_t i = 0; i < described->size(); ++i) {
        if (!may_be_classic((*described)[i])) continue;
        places.push_back(i);
        others.emplace_back().group_id = (*described)[i].group_id;
    }
    DescribeGroupsCall classic_call(options.include_authorized_operations);
    auto classic = co_await ask_coordinators(admin, coordinators, std::move(others), classic_call, deadline);
    if (!classic) co_return classic.error();
    for (std::size_t i = 0; i < places.size(); ++i) (*described)[places[i]] = std::move((*classic)[i]);
    for (auto& group : *described)
        if (const Node* node = coordinators->of(group.group_id)) group.coordinator = *node;
    co_return described;
}

}  // namespace ottla::client
