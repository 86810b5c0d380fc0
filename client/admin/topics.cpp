// SPDX-License-Identifier: Apache-2.0
// Topics: create, delete, add partitions, describe, list.
#include <algorithm>
#include <map>

#include <fmt/format.h>
#include <ottla/protocol/messages/create_partitions_request.hpp>
#include <ottla/protocol/messages/create_partitions_response.hpp>
#include <ottla/protocol/messages/create_topics_request.hpp>
#include <ottla/protocol/messages/create_topics_response.hpp>
#include <ottla/protocol/messages/delete_topics_request.hpp>
#include <ottla/protocol/messages/delete_topics_response.hpp>

#include "client/admin/admin_core.hpp"
#include "client/cluster/metadata_call.hpp"

namespace ottla::client {
namespace {

constexpr auto not_controller = static_cast<std::int16_t>(ErrorCode::not_controller);

std::int32_t milliseconds_of(nanoseconds t) {
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(t).count();
    return static_cast<std::int32_t>(std::clamp<std::int64_t>(ms, 0, INT32_MAX));
}

// Results in the order of the questions; one that the broker left out says so.
template <class Items, class Name>
std::vector<TopicResult> in_order(const Items& asked, Name name,
                                  std::map<std::string, TopicResult, std::less<>> found) {
    std::vector<TopicResult> out;
    for (const auto& item : asked) {
        TopicResult& result = out.emplace_back();
        const auto at = found.find(name(item));
        if (at != found.end()) {
            result = at->second;
        } else {
            result.name = name(item);
            result.error = Error::of(ErrorCode::bad_message,
                                     fmt::format("topic '{}': the broker left it out of its answer", result.name));
        }
    }
    return out;
}

const std::string& name_of(const std::string& name) { return name; }
template <class Item>
const std::string& name_of(const Item& item) {
    return item.name;
}

}  // namespace

awaitable<Result<std::vector<TopicResult>>> create_topics(AdminPtr admin, std::vector<NewTopic> topics,
                                                          AdminOptions options) {
    if (admin->is_closed()) co_return admin->closed_error("create_topics");
    protocol::CreateTopicsRequest request;
    request.timeout_ms = milliseconds_of(std::min<nanoseconds>(options.operation_timeout, options.timeout));
    request.validate_only = options.validate_only;
    for (const auto& t : topics) {
        auto& out = request.topics.emplace_back();
        out.name = t.name;
        out.num_partitions = t.replica_assignment.empty() ? t.partition_count : -1;
        out.replication_factor = t.replica_assignment.empty() ? t.replication_factor : std::int16_t{-1};
        for (std::size_t i = 0; i < t.replica_assignment.size(); ++i) {
            auto& a = out.assignments.emplace_back();
            a.partition_index = static_cast<std::int32_t>(i);
            a.broker_ids = t.replica_assignment[i];
        }
        for (const auto& [key, value] : t.configs) {
            auto& c = out.configs.emplace_back();
            c.name = key;
            c.value = value;
        }
    }
    constexpr protocol::VersionRange versions{4, 7};
    auto moved = [](const protocol::CreateTopicsResponse& r) {
        return std::ranges::any_of(r.topics, [](const auto& t) { return t.error_code == not_controller; });
    };
    auto answer = co_await ask(admin, Target::controller, std::move(request), versions,
                               admin->runtime().deadline(options.timeout), moved);
    if (!answer) co_return answer.error().with_context("create_topics");
    std::map<std::string, TopicResult, std::less<>> found;
    for (const auto& t : answer->topics) {
        TopicResult& result = found[t.name];
        result.name = t.name;
        result.error = item_error(t.error_code, t.error_message, fmt::format("topic '{}'", t.name));
        result.id = t.topic_id;
        result.partition_count = t.num_partitions;
        result.replication_factor = t.replication_factor;
    }
    co_return in_order(topics, name_of<NewTopic>, std::move(found));
}

awaitable<Result<std::vector<TopicResult>>> delete_topics(AdminPtr admin, std::vector<std::string> topics,
                                                          AdminOptions options) {
    if (admin->is_closed()) co_return admin->closed_error("delete_topics");
    protocol::DeleteTopicsRequest request;
    request.timeout_ms = milliseconds_of(std::min<nanoseconds>(options.operation_timeout, options.timeout));
    request.topic_names = topics;
    constexpr protocol::VersionRange versions{1, 5};
    auto moved = [](const protocol::DeleteTopicsResponse& r) {
        return std::ranges::any_of(r.responses, [](const auto& t) { return t.error_code == not_controller; });
    };
    auto answer = co_await ask(admin, Target::controller, std::move(request), versions,
                               admin->runtime().deadline(options.timeout), moved);
    if (!answer) co_return answer.error().with_context("delete_topics");
    std::map<std::string, TopicResult, std::less<>> found;
    for (const auto& t : answer->responses) {
        if (!t.name) continue;
        TopicResult& result = found[*t.name];
        result.name = *t.name;
        result.id = t.topic_id;
        result.error = item_error(t.error_code, t.error_message, fmt::format("topic '{}'", *t.name));
    }
    co_return in_order(topics, static_cast<const std::string& (*)(const std::string&)>(name_of), std::move(found));
}

awaitable<Result<std::vector<TopicResult>>> create_partitions(AdminPtr admin, std::vector<NewPartitions> topics,
                                                              AdminOptions options) {
    if (admin->is_closed()) co_return admin->closed_error("create_partitions");
    protocol::CreatePartitionsRequest request;
    request.timeout_ms = milliseconds_of(std::min<nanoseconds>(options.operation_timeout, options.timeout));
    request.validate_only = options.validate_only;
    for (const auto& t : topics) {
        auto& out = request.topics.emplace_back();
        out.name = t.name;
        out.count = t.total_count;
        out.assignments.reset();
        if (t.replica_assignment.empty()) continue;
        out.assignments.emplace();
        for (const auto& brokers : t.replica_assignment) out.assignments->emplace_back().broker_ids = brokers;
    }
    constexpr protocol::VersionRange versions{0, 3};
    auto moved = [](const protocol::CreatePartitionsResponse& r) {
        return std::ranges::any_of(r.results, [](const auto& t) { return t.error_code == not_controller; });
    };
    auto answer = co_await ask(admin, Target::controller, std::move(request), versions,
                               admin->runtime().deadline(options.timeout), moved);
    if (!answer) co_return answer.error().with_context("create_partitions");
    std::map<std::string, TopicResult, std::less<>> found;
    for (const auto& t : answer->results) {
        TopicResult& result = found[t.name];
        result.name = t.name;
        result.error = item_error(t.error_code, t.error_message, fmt::format("topic '{}'", t.name));
    }
    co_return in_order(topics, name_of<NewPartitions>, std::move(found));
}

awaitable<Result<std::vector<TopicMetadata>>> describe_topics(AdminPtr admin, std::vector<std::string> topics,
                                                              AdminOptions options) {
    if (admin->is_closed()) co_return admin->closed_error("describe_topics");
    if (topics.empty()) co_return std::vector<TopicMetadata>();
    std::optional<std::vector<std::string>> asked(topics);
    auto answer = co_await ask_metadata(admin->cluster(), std::move(asked), admin->runtime().deadline(options.timeout));
    if (!answer) co_return answer.error().with_context("describe_topics");
    Metadata metadata = to_public(*answer);
    std::vector<TopicMetadata> out;
    for (const auto& name : topics) {
        if (const auto* found = metadata.topic(name)) {
            out.push_back(*found);
        } else {
            auto& missing = out.emplace_back();
            missing.name = name;
            missing.error = Error::of(ErrorCode::bad_message,
                                      fmt::format("topic '{}': the broker left it out of its answer", name));
        }
    }
    co_return out;
}

awaitable<Result<std::vector<TopicListing>>> list_topics(AdminPtr admin, AdminOptions options) {
    if (admin->is_closed()) co_return admin->closed_error("list_topics");
    std::optional<std::vector<std::string>> all;
    auto answer = co_await ask_metadata(admin->cluster(), std::move(all), admin->runtime().deadline(options.timeout));
    if (!answer) co_return answer.error().with_context("list_topics");
    std::vector<TopicListing> out;
    for (const auto& t : answer->topics) {
        if (!t.name || t.error_code != 0 || (t.is_internal && !options.include_internal)) continue;
        auto& listing = out.emplace_back();
        listing.name = *t.name;
        listing.id = t.topic_id;
        listing.is_internal = t.is_internal;
    }
    std::ranges::sort(out, {}, &TopicListing::name);
    co_return out;
}

}  // namespace ottla::client
