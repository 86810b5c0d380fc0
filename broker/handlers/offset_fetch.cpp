// SPDX-License-Identifier: Apache-2.0
#include "broker/handlers/offset_fetch.hpp"

#include <algorithm>

#include "broker/handlers/answers.hpp"
#include "broker/handlers/find_partition.hpp"
#include "broker/handlers/group_calls.hpp"

namespace ottla::broker {
namespace {

using protocol::OffsetFetchRequest;
using protocol::OffsetFetchResponse;
using FetchedOffsets = OffsetFetchResponse::OffsetFetchResponseGroup;
using FetchedOffsetsOfTopic = OffsetFetchResponse::OffsetFetchResponseTopics;
using WantedGroup = OffsetFetchRequest::OffsetFetchRequestGroup;

constexpr std::int16_t many_groups_from = 8;
constexpr std::int16_t error_of_all_from = 2;
constexpr std::int16_t fetch_offsets_by_topic_id_from = 10;

// As versions from 8 on ask, whatever the request's own.
std::vector<WantedGroup> groups_of(const OffsetFetchRequest& request, std::int16_t version) {
    if (version >= many_groups_from) return request.groups;
    std::vector<WantedGroup> groups(1);
    groups.front().group_id = request.group_id;
    if (!request.topics) {
        groups.front().topics.reset();
        return groups;
    }
    groups.front().topics.emplace();
    for (const auto& topic : *request.topics) {
        auto& one = groups.front().topics->emplace_back();
        one.name = topic.name;
        one.partition_indexes = topic.partition_indexes;
    }
    return groups;
}

FetchedOffsetsOfTopic refused_topic(const OffsetFetchRequest::OffsetFetchRequestTopics& topic, ErrorCode code) {
    FetchedOffsetsOfTopic answers;
    answers.name = topic.name;
    answers.topic_id = topic.topic_id;
    for (const auto number : topic.partition_indexes) {
        auto& one = answers.partitions.emplace_back();
        one.partition_index = number;
        one.committed_offset = -1;
        one.error_code = wire(code);
    }
    return answers;
}

// One group of the request. What the ids of topics stand for is of this place; the coordinator knows names.
struct FetchedGroupSlot {
    WantedGroup wanted;
    std::vector<FetchedOffsetsOfTopic> refused;

    // Who asks by name means the topic that has it now.
    void identify_topics(const MetadataImage& image) {
        if (!wanted.topics) return;
        for (auto& topic : *wanted.topics)
            if (const auto known = image.topic(topic.name)) topic.topic_id = known->id;
    }
    void name_topics(const MetadataImage& image) {
        if (!wanted.topics) return;
        std::erase_if(*wanted.topics, [&](auto& topic) {
            const auto known = image.topic(topic.topic_id);
            if (!known) {
                refused.push_back(refused_topic(topic, ErrorCode::unknown_topic_id));
                return true;
            }
            topic.name = known->name;
            return false;
        });
    }
    void finish(FetchedOffsets& answer, const MetadataImage& image, bool by_id) {
        if (!wanted.topics) {
            // Of topics that are there, and are those that the offsets were committed for.
            std::erase_if(answer.topics, [&](auto& topic) {
                const auto known = image.topic(topic.name);
                if (!known) return by_id;
                if (!topic.topic_id.is_zero() && topic.topic_id != known->id) return true;
                topic.topic_id = known->id;
                return false;
            });
        }
        std::ranges::move(refused, std::back_inserter(answer.topics));
        if (by_id) return;
        for (auto& topic : answer.topics) topic.topic_id = {};  // those versions have no place for it
    }
};

FetchedOffsets refused_group(const WantedGroup& wanted, ErrorCode code) {
    FetchedOffsets answer;
    answer.group_id = wanted.group_id;
    answer.error_code = wire(code);
    return answer;
}

OffsetFetchResponse response_of(std::vector<FetchedOffsets> groups, std::int16_t version) {
    OffsetFetchResponse response;
    if (version >= many_groups_from) {
        response.groups = std::move(groups);
        return response;
    }
    FetchedOffsets& group = groups.front();
    if (version >= error_of_all_from) response.error_code = group.error_code;
    for (auto& topic : group.topics) {
        auto& answers = response.topics.emplace_back();
        answers.name = std::move(topic.name);
        for (auto& partition : topic.partitions) {
            auto& one = answers.partitions.emplace_back();
            one.partition_index = partition.partition_index;
            one.committed_offset = partition.committed_offset;
            one.committed_leader_epoch = partition.committed_leader_epoch;
            one.metadata = std::move(partition.metadata);
            one.error_code = partition.error_code;
        }
    }
    return response;
}

// Version 1 has no place but the partitions' for an error.
FetchedOffsets failed_group(const WantedGroup& wanted, std::int16_t version, ErrorCode code) {
    FetchedOffsets answer = refused_group(wanted, code);
    if (version >= error_of_all_from || !wanted.topics) return answer;
    for (const auto& topic : *wanted.topics) answer.topics.push_back(refused_topic(topic, code));
    return answer;
}

}  // namespace

awaitable<Result<OffsetFetchResponse>> OffsetFetchHandler::handle(RequestContext& context,
                                                                  OffsetFetchRequest& request) {
    const bool by_id = context.version >= fetch_offsets_by_topic_id_from;
    std::vector<FetchedGroupSlot> slots;
    GroupCalls calls(context);
    for (auto& wanted : groups_of(request, context.version)) {
        auto& slot = slots.emplace_back();
        slot.wanted = std::move(wanted);
        if (by_id) {
            slot.name_topics(*context.image);
        } else {
            slot.identify_topics(*context.image);
        }
        groups::FetchOffsets fetch;
        fetch.group_id = slot.wanted.group_id;
        fetch.topics = slot.wanted.topics;
        fetch.require_stable = request.require_stable;
        fetch.member_id = slot.wanted.member_id;
        fetch.member_epoch = slot.wanted.member_epoch;
        calls.start(slot.wanted.group_id, std::move(fetch));
    }
    std::vector<FetchedOffsets> answers;
    for (std::size_t i = 0; i < slots.size(); ++i) {
        auto answer = co_await calls.answer(i);
        if (answer) {
            answers.push_back(std::get<FetchedOffsets>(std::move(*answer)));
            slots[i].finish(answers.back(), *context.image, by_id);
        } else {
            answers.push_back(failed_group(slots[i].wanted, context.version, answer.error().code()));
        }
    }
    co_return response_of(std::move(answers), context.version);
}

OffsetFetchResponse OffsetFetchHandler::error_answer(const OffsetFetchRequest& request, std::int16_t version,
                                                     ErrorCode code) {
    std::vector<FetchedOffsets> answers;
    for (const auto& wanted : groups_of(request, version)) answers.push_back(failed_group(wanted, version, code));
    return response_of(std::move(answers), version);
}

}  // namespace ottla::broker
