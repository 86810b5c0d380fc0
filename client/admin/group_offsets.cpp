// SPDX-License-Identifier: Apache-2.0
// Committed offsets of groups: listed, set, deleted.
#include <algorithm>
#include <map>
#include <tuple>

#include <fmt/format.h>
#include <ottla/protocol/messages/offset_commit_request.hpp>
#include <ottla/protocol/messages/offset_commit_response.hpp>
#include <ottla/protocol/messages/offset_delete_request.hpp>
#include <ottla/protocol/messages/offset_delete_response.hpp>
#include <ottla/protocol/messages/offset_fetch_request.hpp>
#include <ottla/protocol/messages/offset_fetch_response.hpp>

#include "client/admin/ask_coordinators.hpp"

namespace ottla::client {
namespace {

// The partitions of a question by topic, each once.
std::map<std::string, std::vector<const TopicPartition*>> by_topic(const GroupOffsets& offsets) {
    std::map<std::pair<std::string_view, std::int32_t>, const TopicPartition*> each;
    for (const auto& tp : offsets.partitions) each[{tp.topic, tp.partition}] = &tp;
    std::map<std::string, std::vector<const TopicPartition*>> topics;
    for (const auto& [key, tp] : each) topics[tp->topic].push_back(tp);
    return topics;
}

// For each partition that was asked for, `settle` with what the answer says of it, or null.
template <class Topics, class Settle>
void match(GroupOffsets& to, const Topics& topics, Settle settle) {
    using Answer = std::remove_cvref_t<decltype(topics.front().partitions.front())>;
    std::map<std::pair<std::string_view, std::int32_t>, const Answer*> found;
    for (const auto& t : topics)
        for (const auto& p : t.partitions) found[{t.name, p.partition_index}] = &p;
    for (auto& tp : to.partitions) {
        const auto at = found.find({tp.topic, tp.partition});
        settle(tp, at == found.end() ? nullptr : at->second);
    }
}

Error partition_error(const TopicPartition& tp, const GroupOffsets& of, std::int16_t code) {
    return item_error(code, {}, fmt::format("group '{}', {}[{}]", of.group_id, tp.topic, tp.partition));
}
Error partition_left_out(const TopicPartition& tp, const GroupOffsets& of) {
    return left_out_of_answer().with_context(fmt::format("group '{}', {}[{}]", of.group_id, tp.topic, tp.partition));
}

class OffsetFetchCall {
public:
    using Question = GroupOffsets;
    using Request = protocol::OffsetFetchRequest;
    // From 10 on topics go by their ids.
    static constexpr protocol::VersionRange all_versions{1, 9};
    static_assert(Request::versions.contains(all_versions));
    static constexpr std::string_view about = "the offsets of";
    static constexpr std::int16_t first_with_all = 2;
    static constexpr std::int16_t first_with_stable = 7;
    static constexpr std::int16_t first_with_groups = 8;

    OffsetFetchCall(bool stable, bool all) : stable_(stable), all_(all) {}

    protocol::VersionRange versions() const {
        auto versions = all_versions;
        if (all_) versions.min = first_with_all;
        if (stable_) versions.min = first_with_stable;
        return versions;
    }
    static std::size_t groups_max(std::int16_t version) { return version >= first_with_groups ? many_groups : 1; }
    Request request(const std::vector<const Question*>& asked, std::int16_t version) const {
        Request request;
        request.require_stable = stable_;
        if (version < first_with_groups) {
            request.group_id = asked.front()->group_id;
            fill(request.topics, *asked.front());
            return request;
        }
        for (const auto* group : asked) {
            auto& to = request.groups.emplace_back();
            to.group_id = group->group_id;
            fill(to.topics, *group);
        }
        return request;
    }
    Error take(Question& to, const Request::Response& answer, std::int16_t version) const {
        if (version < first_with_groups) return take_group(to, answer.topics, answer.error_code);
        const auto* from = group_in(answer.groups, to.group_id);
        return from ? take_group(to, from->topics, from->error_code) : left_out_of_answer();
    }

private:
    template <class Topics>
    static void fill(Topics& topics, const GroupOffsets& of) {
        topics.reset();
        if (of.partitions.empty()) return;
        topics.emplace();
        for (const auto& [name, partitions] : by_topic(of)) {
            auto& topic = topics->emplace_back();
            topic.name = name;
            for (const auto* tp : partitions) topic.partition_indexes.push_back(tp->partition);
        }
    }
    template <class Topics>
    static Error take_group(GroupOffsets& to, const Topics& topics, std::int16_t error_code) {
        if (error_code != 0) return Error::of(static_cast<ErrorCode>(error_code));
        for (const auto& t : topics)
            for (const auto& p : t.partitions)
                if (const auto code = static_cast<ErrorCode>(p.error_code); concerns_the_coordinator(code))
                    return Error::of(code).with_context(fmt::format("{}[{}]", t.name, p.partition_index));
        if (to.partitions.empty()) {
            for (const auto& t : topics)
                for (const auto& p : t.partitions) to.partitions.emplace_back(t.name, p.partition_index);
            std::ranges::sort(to.partitions, {}, [](const auto& tp) { return std::tie(tp.topic, tp.partition); });
        }
        match(to, topics, [&](TopicPartition& tp, const auto* found) { settle(tp, to, found); });
        return {};
    }
    template <class Answer>
    static void settle(TopicPartition& tp, const GroupOffsets& of, const Answer* found) {
        tp.offset = Offset::invalid();
        tp.leader_epoch.reset();
        tp.metadata.clear();
        tp.error = found ? partition_error(tp, of, found->error_code) : partition_left_out(tp, of);
        if (!found || found->error_code != 0) return;
        if (found->committed_offset >= 0) tp.offset = found->committed_offset;
        if (found->committed_leader_epoch >= 0) tp.leader_epoch = found->committed_leader_epoch;
        tp.metadata = found->metadata.value_or(std::string());
    }
    // In a partition's place, but of more than the partition; the whole is asked for again.
    static bool concerns_the_coordinator(ErrorCode code) {
        return code == ErrorCode::unstable_offset_commit || code == ErrorCode::coordinator_load_in_progress ||
               code == ErrorCode::not_coordinator || code == ErrorCode::coordinator_not_available;
    }

    bool stable_;
    bool all_;
};

struct OffsetAlterCall {
    using Question = GroupOffsets;
    using Request = protocol::OffsetCommitRequest;
    // From 10 on topics go by their ids.
    static constexpr protocol::VersionRange all_versions{2, 9};
    static_assert(Request::versions.contains(all_versions));
    static constexpr std::string_view about = "setting offsets of";

    protocol::VersionRange versions() const { return all_versions; }
    static std::size_t groups_max(std::int16_t) { return 1; }
    Request request(const std::vector<const Question*>& asked, std::int16_t) const {
        Request request;
        request.group_id = asked.front()->group_id;
        request.generation_id_or_member_epoch = -1;
        for (const auto& [name, partitions] : by_topic(*asked.front())) {
            auto& topic = request.topics.emplace_back();
            topic.name = name;
            for (const auto* tp : partitions) {
                auto& to = topic.partitions.emplace_back();
                to.partition_index = tp->partition;
                to.committed_offset = tp->offset.value();
                to.committed_leader_epoch = tp->leader_epoch.value_or(-1);
                to.committed_metadata = tp->metadata;
            }
        }
        return request;
    }
    Error take(Question& to, const Request::Response& answer, std::int16_t) const {
        for (const auto& t : answer.topics)
            for (const auto& p : t.partitions)
                if (auto error = of_the_group(static_cast<ErrorCode>(p.error_code)); error.code() != ErrorCode::none)
                    return error;
        match(to, answer.topics, [&](TopicPartition& tp, const auto* found) {
            tp.error = found ? partition_error(tp, to, found->error_code) : partition_left_out(tp, to);
        });
        return {};
    }
    // The answer has no other place for it than the partitions'.
    static Error of_the_group(ErrorCode code) {
        switch (code) {
            case ErrorCode::unknown_member_id:
            case ErrorCode::illegal_generation:
            case ErrorCode::stale_member_epoch:
            case ErrorCode::rebalance_in_progress:
                return Error::of(code, "it has members, and then only they can commit: stop them first");
            case ErrorCode::not_coordinator:
            case ErrorCode::coordinator_not_available:
            case ErrorCode::coordinator_load_in_progress:
            case ErrorCode::group_authorization_failed:
            case ErrorCode::group_id_not_found:
            case ErrorCode::invalid_group_id: return Error::of(code);
            default: return {};
        }
    }
};

struct OffsetDeleteCall {
    using Question = GroupOffsets;
    using Request = protocol::OffsetDeleteRequest;
    static constexpr protocol::VersionRange all_versions{0, 0};
    static_assert(Request::versions.contains(all_versions));
    static constexpr std::string_view about = "deleting offsets of";

    protocol::VersionRange versions() const { return all_versions; }
    static std::size_t groups_max(std::int16_t) { return 1; }
    Request request(const std::vector<const Question*>& asked, std::int16_t) const {
        Request request;
        request.group_id = asked.front()->group_id;
        for (const auto& [name, partitions] : by_topic(*asked.front())) {
            auto& topic = request.topics.emplace_back();
            topic.name = name;
            for (const auto* tp : partitions) topic.partitions.emplace_back().partition_index = tp->partition;
        }
        return request;
    }
    Error take(Question& to, const Request::Response& answer, std::int16_t) const {
        if (answer.error_code != 0) return Error::of(static_cast<ErrorCode>(answer.error_code));
        match(to, answer.topics, [&](TopicPartition& tp, const auto* found) {
            tp.error = found ? partition_error(tp, to, found->error_code) : partition_left_out(tp, to);
        });
        return {};
    }
};

Error no_partitions(std::string_view call, const std::string& group) {
    return Error::of(ErrorCode::invalid_argument, fmt::format("{}: group '{}': no partitions are named", call, group));
}

}  // namespace

awaitable<Result<std::vector<GroupOffsets>>> list_group_offsets(AdminPtr admin, std::vector<GroupOffsets> groups,
                                                                AdminOptions options) {
    if (admin->is_closed()) co_return admin->closed_error("list_group_offsets");
    const bool all = std::ranges::any_of(groups, [](const auto& g) { return g.partitions.empty(); });
    OffsetFetchCall call(options.require_stable, all);
    auto coordinators = std::make_shared<GroupCoordinators>(admin->cluster());
    co_return co_await ask_coordinators(admin, std::move(coordinators), std::move(groups), call,
                                        admin->runtime().deadline(options.timeout));
}

awaitable<Result<std::vector<GroupOffsets>>> alter_group_offsets(AdminPtr admin, std::vector<GroupOffsets> groups,
                                                                 AdminOptions options) {
    if (admin->is_closed()) co_return admin->closed_error("alter_group_offsets");
    for (const auto& group : groups) {
        if (group.partitions.empty()) co_return no_partitions("alter_group_offsets", group.group_id);
        for (const auto& tp : group.partitions)
            if (!tp.offset.is_absolute())
                co_return Error::of(ErrorCode::invalid_argument,
                                    fmt::format("alter_group_offsets: group '{}', {}[{}]: an offset from 0 up is "
                                                "committed, not {}",
                                                group.group_id, tp.topic, tp.partition, to_string(tp.offset)));
    }
    OffsetAlterCall call;
    auto coordinators = std::make_shared<GroupCoordinators>(admin->cluster());
    co_return co_await ask_coordinators(admin, std::move(coordinators), std::move(groups), call,
                                        admin->runtime().deadline(options.timeout));
}

awaitable<Result<std::vector<GroupOffsets>>> delete_group_offsets(AdminPtr admin, std::vector<GroupOffsets> groups,
                                                                  AdminOptions options) {
    if (admin->is_closed()) co_return admin->closed_error("delete_group_offsets");
    for (const auto& group : groups)
        if (group.partitions.empty()) co_return no_partitions("delete_group_offsets", group.group_id);
    OffsetDeleteCall call;
    auto coordinators = std::make_shared<GroupCoordinators>(admin->cluster());
    co_return co_await ask_coordinators(admin, std::move(coordinators), std::move(groups), call,
                                        admin->runtime().deadline(options.timeout));
}

}  // namespace ottla::client
