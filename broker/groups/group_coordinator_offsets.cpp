// SPDX-License-Identifier: Apache-2.0
// GroupCoordinator: committing and fetching offsets.
#include <limits>
#include <utility>

#include "broker/groups/group_coordinator.hpp"

namespace ottla::broker::groups {
namespace {

using protocol::OffsetCommitRequest;
using protocol::OffsetCommitResponse;
using FetchedGroup = protocol::OffsetFetchResponse::OffsetFetchResponseGroup;
using FetchedPartition = protocol::OffsetFetchResponse::OffsetFetchResponsePartitions;

constexpr std::int16_t group_not_found_from = 9;
constexpr std::int16_t member_epochs_from = 9;

// Whether this member may commit now. Who names neither member nor generation commits to a group that nobody is in.
ErrorCode check_commit(const ClassicGroup& group, const OffsetCommitRequest& request) {
    const std::int32_t generation = request.generation_id_or_member_epoch;
    if (generation < 0 && group.is(ClassicState::empty)) return ErrorCode::none;
    if (generation < 0 && request.member_id.empty() && !request.group_instance_id) return ErrorCode::unknown_member_id;
    const ErrorCode valid = group.validate(request.member_id, request.group_instance_id);
    if (valid != ErrorCode::none) return valid;
    if (generation != group.generation()) return ErrorCode::illegal_generation;
    // It knows the generation, but not yet what it is to read in it.
    return group.is(ClassicState::completing_rebalance) ? ErrorCode::rebalance_in_progress : ErrorCode::none;
}

// Of times that are not negative.
std::int64_t later_by(std::int64_t time_ms, std::int64_t by_ms) {
    return by_ms > std::numeric_limits<std::int64_t>::max() - time_ms ? std::numeric_limits<std::int64_t>::max()
                                                                      : time_ms + by_ms;
}

// Of a member of the consumer protocol. An epoch that was before is right as long as its partitions were its own in it
// (KIP-1251).
ErrorCode check_consumer_commit(const ConsumerGroup& group, const OffsetCommitRequest& request, std::int16_t version) {
    const std::int32_t epoch = request.generation_id_or_member_epoch;
    if (epoch < 0 && group.members().empty()) return ErrorCode::none;
    const ConsumerMember* const member = group.find(request.member_id);
    if (!member) return ErrorCode::unknown_member_id;
    if (!member->is_classic() && version < member_epochs_from) return ErrorCode::unsupported_version;
    const MemberPosition& position = member->position;
    if (epoch == position.epoch) return ErrorCode::none;
    if (member->is_classic()) return ErrorCode::illegal_generation;
    if (epoch > position.epoch) return ErrorCode::stale_member_epoch;
    for (const auto& topic : request.topics) {
        for (const auto& partition : topic.partitions) {
            const auto since = owned_since(position, topic.topic_id, partition.partition_index);
            if (!since || epoch < *since) return ErrorCode::stale_member_epoch;
        }
    }
    return ErrorCode::none;
}

ErrorCode check_consumer_fetch(const ConsumerGroup& group, const FetchOffsets& request) {
    if (!request.member_id && request.member_epoch < 0) return ErrorCode::none;
    const ConsumerMember* const member = group.find(request.member_id.value_or(""));
    if (!member) return ErrorCode::unknown_member_id;
    return request.member_epoch == member->position.epoch ? ErrorCode::none : ErrorCode::stale_member_epoch;
}

// With an answer for each partition; `code` for all, or what the partition itself deserves.
template <class Each>
OffsetCommitResponse answer_commit(const OffsetCommitRequest& request, Each each) {
    OffsetCommitResponse answer;
    for (const auto& topic : request.topics) {
        auto& told = answer.topics.emplace_back();
        told.name = topic.name;
        told.topic_id = topic.topic_id;
        for (const auto& partition : topic.partitions) {
            auto& one = told.partitions.emplace_back();
            one.partition_index = partition.partition_index;
            one.error_code = static_cast<std::int16_t>(each(topic, partition));
        }
    }
    return answer;
}

FetchedPartition fetched(std::int32_t number, const CommittedOffset* committed) {
    FetchedPartition one;
    one.partition_index = number;
    one.committed_offset = committed ? committed->offset : -1;
    if (!committed) return one;
    one.committed_leader_epoch = committed->leader_epoch;
    one.metadata = committed->metadata;
    return one;
}

// A topic that was deleted and made again does not go on where the old one ended.
bool is_of_another(const CommittedOffset& committed, const Uuid& topic_id) {
    return !committed.topic_id.is_zero() && !topic_id.is_zero() && committed.topic_id != topic_id;
}

FetchedPartition fetch_one(const GroupOffsets& offsets, const std::string& topic, const Uuid& topic_id,
                           std::int32_t number, bool require_stable) {
    if (require_stable && offsets.is_pending(topic, number)) {
        auto one = fetched(number, nullptr);
        one.error_code = static_cast<std::int16_t>(ErrorCode::unstable_offset_commit);
        return one;
    }
    const auto* const committed = offsets.find(topic, number);
    return fetched(number, committed && is_of_another(*committed, topic_id) ? nullptr : committed);
}

}  // namespace

void GroupCoordinator::on(Turn& step, Ticket ticket, const Caller& caller, const OffsetCommitRequest& request) {
    Group* const group = find(request.group_id);
    ErrorCode wrong = ErrorCode::none;
    if (group) {
        wrong = group->consumer ? check_consumer_commit(*group->consumer, request, caller.version)
                                : check_commit(group->classic, request);
    } else if (request.generation_id_or_member_epoch >= 0) {
        wrong = caller.version >= group_not_found_from ? ErrorCode::group_id_not_found : ErrorCode::illegal_generation;
    }
    if (wrong != ErrorCode::none)
        return step.answer(ticket, answer_commit(request, [&](auto&, auto&) { return wrong; }));
    // Who commits is alive.
    if (group && !group->consumer) ClassicProtocol(group->classic, step).committed_by(request.member_id);

    const auto write = [&](const auto& topic, const auto& partition) {
        const auto& metadata = partition.committed_metadata;
        if (metadata && metadata->size() > static_cast<std::size_t>(settings_.offset_metadata_bytes_max))
            return ErrorCode::offset_metadata_too_large;
        auto record = offset_tombstone(request.group_id, topic.name, partition.partition_index);
        auto& value = record.value.emplace();
        value.offset = partition.committed_offset;
        value.leader_epoch = partition.committed_leader_epoch;
        value.metadata = metadata.value_or("");
        value.commit_timestamp = step.wall_ms;
        if (request.retention_time_ms >= 0) value.expire_timestamp = later_by(step.wall_ms, request.retention_time_ms);
        value.topic_id = topic.topic_id;
        step.write(std::move(record));
        return ErrorCode::none;
    };
    step.answer(ticket, answer_commit(request, write));
}

void GroupCoordinator::on(Turn& step, Ticket ticket, const Caller&, const FetchOffsets& request) {
    static const GroupOffsets nothing;
    const Group* const group = find(request.group_id);
    const GroupOffsets& offsets = group ? group->offsets : nothing;
    FetchedGroup answer;
    answer.group_id = request.group_id;
    const ErrorCode wrong =
        group && group->consumer ? check_consumer_fetch(*group->consumer, request) : ErrorCode::none;
    if (wrong != ErrorCode::none) {
        answer.error_code = static_cast<std::int16_t>(wrong);
        return step.answer(ticket, std::move(answer));
    }
    if (request.topics) {
        for (const auto& topic : *request.topics) {
            auto& told = answer.topics.emplace_back();
            told.name = topic.name;
            told.topic_id = topic.topic_id;
            for (const auto number : topic.partition_indexes) {
                told.partitions.push_back(
                    fetch_one(offsets, topic.name, topic.topic_id, number, request.require_stable));
            }
        }
        return step.answer(ticket, std::move(answer));
    }
    for (const auto& [name, partitions] : offsets.topics()) {
        auto& told = answer.topics.emplace_back();
        told.name = name;
        for (const auto& [number, committed] : partitions) {
            told.topic_id = committed.topic_id;
            told.partitions.push_back(fetch_one(offsets, name, {}, number, request.require_stable));
        }
    }
    step.answer(ticket, std::move(answer));
}

}  // namespace ottla::broker::groups
