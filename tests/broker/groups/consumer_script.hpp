// SPDX-License-Identifier: Apache-2.0
// ConsumerScript: a GroupScript whose members speak the consumer protocol, and members that do what clients do: they
// give up at once what they are not to have any more, and say so with their next heartbeat.
#pragma once

#include "tests/broker/groups/group_script.hpp"

namespace ottla::broker::groups {

using protocol::ConsumerGroupHeartbeatRequest;
using protocol::ConsumerGroupHeartbeatResponse;
using DescribedConsumerGroup = protocol::ConsumerGroupDescribeResponse::DescribedGroup;

class ConsumerScript : public GroupScript {
public:
    using GroupScript::GroupScript;

    struct Member {
        std::string id;
        std::vector<std::string> topics;
        std::optional<std::string> instance;
        std::int32_t epoch = 0;
        TopicPartitions owned;
        // The last answer.
        ErrorCode code = ErrorCode::none;
        std::optional<TopicPartitions> told;
    };

    static ConsumerGroupHeartbeatRequest joining(const Member& member) {
        ConsumerGroupHeartbeatRequest request;
        request.group_id = "g";
        request.member_id = member.id;
        request.instance_id = member.instance;
        request.rebalance_timeout_ms = 60'000;
        request.subscribed_topic_names = member.topics;
        request.topic_partitions.emplace();
        return request;
    }
    static ConsumerGroupHeartbeatRequest beating(const Member& member) {
        ConsumerGroupHeartbeatRequest request;
        request.group_id = "g";
        request.member_id = member.id;
        request.instance_id = member.instance;
        request.member_epoch = member.epoch;
        auto& owned = request.topic_partitions.emplace();
        for (const auto& [topic, partitions] : member.owned) {
            auto& one = owned.emplace_back();
            one.topic_id = topic;
            one.partitions.assign(partitions.begin(), partitions.end());
        }
        return request;
    }

    ConsumerGroupHeartbeatResponse ask_beat(const ConsumerGroupHeartbeatRequest& request, std::int16_t version = 1) {
        return ask<ConsumerGroupHeartbeatResponse>(request, version);
    }
    // What a client does with the answer.
    static ErrorCode take(Member& member, const ConsumerGroupHeartbeatResponse& answer) {
        member.code = code_of(answer.error_code);
        member.told.reset();
        if (member.code != ErrorCode::none) return member.code;
        member.epoch = answer.member_epoch;
        if (answer.assignment) {
            auto& told = member.told.emplace();
            for (const auto& one : answer.assignment->topic_partitions)
                told[one.topic_id].insert(one.partitions.begin(), one.partitions.end());
            member.owned = told;
        }
        return member.code;
    }
    ErrorCode join(Member& member) {
        member.epoch = 0;
        member.owned.clear();
        return take(member, ask_beat(joining(member)));
    }
    Member joined(std::string id, std::vector<std::string> topics, std::optional<std::string> instance = {}) {
        Member member{std::move(id), std::move(topics), std::move(instance), 0, {}, {}, {}};
        EXPECT_EQ(join(member), ErrorCode::none);
        return member;
    }
    ErrorCode beat(Member& member) { return take(member, ask_beat(beating(member))); }
    // Until nothing changes any more.
    void settle(std::vector<Member*> members) {
        for (int round = 0; round < 20; ++round) {
            const std::size_t before = log().size();
            for (auto* member : members) EXPECT_EQ(beat(*member), ErrorCode::none);
            if (log().size() == before && described_consumer().group_state == "Stable") return;
        }
        ADD_FAILURE() << "it does not settle";
    }
    ErrorCode leave_consumer(const Member& member, std::int32_t epoch = leave_epoch) {
        auto request = beating(member);
        request.member_epoch = epoch;
        request.topic_partitions.reset();
        return code_of(ask_beat(request).error_code);
    }
    DescribedConsumerGroup described_consumer(const std::string& group_id = "g") {
        return ask<DescribedConsumerGroup>(DescribeConsumerGroup{group_id}, 1);
    }
    template <class Record>
    const Record& last_record() {
        for (auto at = log().rbegin(); at != log().rend(); ++at) {
            if (const auto* record = std::get_if<Record>(&*at)) return *record;
        }
        throw std::out_of_range("no such record");
    }
    template <class Record>
    std::size_t count_records() {
        return static_cast<std::size_t>(
            std::ranges::count_if(log(), [](const auto& one) { return std::holds_alternative<Record>(one); }));
    }
};

// t: {0, 1, …, count - 1}
inline TopicPartitions all_of(const Uuid& topic, std::int32_t count) {
    TopicPartitions all;
    for (std::int32_t i = 0; i < count; ++i) all[topic].insert(i);
    return all;
}
inline std::size_t size_of(const TopicPartitions& partitions) {
    std::size_t size = 0;
    for (const auto& [topic, numbers] : partitions) size += numbers.size();
    return size;
}

}  // namespace ottla::broker::groups
