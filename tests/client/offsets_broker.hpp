// SPDX-License-Identifier: Apache-2.0
// OffsetsBroker: one broker that is every group's coordinator, as far as both protocols are alike: it is found, keeps
// what is committed, and fails as the test wants. Virtual time.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <ottla/protocol/messages/find_coordinator_request.hpp>
#include <ottla/protocol/messages/find_coordinator_response.hpp>
#include <ottla/protocol/messages/offset_commit_request.hpp>
#include <ottla/protocol/messages/offset_commit_response.hpp>
#include <ottla/protocol/messages/offset_fetch_request.hpp>
#include <ottla/protocol/messages/offset_fetch_response.hpp>

#include "net/server_session.hpp"
#include "tests/client/consumer_script.hpp"

namespace ottla::client {

class OffsetsBroker : public net::RequestHandler {
public:
    explicit OffsetsBroker(net::Timers& timers) : records(timers), timers_(timers) { records.incarnation = 1; }

    FetchBroker records;
    std::map<std::pair<std::string, std::int32_t>, std::int64_t> committed;
    // What the next requests of an API are answered with; closed: the connection ends instead.
    std::map<ApiKey, std::deque<ErrorCode>> errors;
    // What the next partitions are told that somebody wants the committed offset of.
    std::deque<ErrorCode> offset_errors;
    std::map<ApiKey, int> asked;
    base::Duration commit_time{};      // that one commit takes
    std::int16_t commit_version = -1;  // of the last
    std::int16_t fetch_version = -1;

    std::optional<VersionRange> serves(ApiKey key) const override {
        switch (key) {
            case ApiKey::find_coordinator: return VersionRange{0, 6};
            case ApiKey::offset_commit: return VersionRange{2, 10};
            case ApiKey::offset_fetch: return VersionRange{1, 10};
            default: return records.serves(key);
        }
    }

    asio::awaitable<net::Reply> handle(net::RequestFrame request) override {
        const auto key = request.key;
        ++asked[key];
        error_ = ErrorCode::none;
        if (auto& next = errors[key]; !next.empty()) {
            error_ = next.front();
            next.pop_front();
        }
        if (error_ == ErrorCode::closed) co_return net::Reply::close(Error::of(ErrorCode::failed, "as the test wants"));
        if (key == ApiKey::api_versions) co_return api_versions(request.version);
        if (key == ApiKey::find_coordinator) co_return find_coordinator(request);
        if (key == ApiKey::offset_commit && commit_time.count() > 0) co_await timers_.wait_for(commit_time);
        if (key == ApiKey::offset_commit) co_return commit(request);
        if (key == ApiKey::offset_fetch) co_return fetch_offsets(request);
        if (is_of_members(key)) co_return co_await handle_member(std::move(request));
        co_return co_await records.handle(std::move(request));
    }

protected:
    // What the protocol adds.
    virtual bool is_of_members(ApiKey) const = 0;
    virtual asio::awaitable<net::Reply> handle_member(net::RequestFrame request) = 0;
    virtual bool has_members() = 0;
    // Of a member who commits or asks for offsets.
    virtual ErrorCode check(const std::string& id, std::int32_t generation) = 0;

    template <class Message>
    static net::Reply reply(const Message& message, std::int16_t version) {
        protocol::Writer writer;
        EXPECT_TRUE(encode(writer, message, version));
        return net::Reply::of(writer.finish());
    }
    template <class Message>
    static Message read(const net::RequestFrame& request) {
        protocol::Reader reader(request.body);
        Message message;
        EXPECT_TRUE(decode(reader, message, request.version));
        return message;
    }
    static std::int16_t wire(ErrorCode code) { return static_cast<std::int16_t>(code); }

    net::Timers& timers_;
    ErrorCode error_ = ErrorCode::none;

private:
    net::Reply api_versions(std::int16_t version) const {
        protocol::ApiVersionsResponse response;
        for (std::int16_t number = 0; number < 100; ++number) {
            const auto served = serves(static_cast<ApiKey>(number));
            if (!served) continue;
            auto& api = response.api_keys.emplace_back();
            api.api_key_ = number;
            api.min_version = served->min;
            api.max_version = served->max;
        }
        return reply(response, version);
    }
    net::Reply find_coordinator(const net::RequestFrame& request) const {
        protocol::FindCoordinatorResponse response;
        auto& c = response.coordinators.emplace_back();
        c.key = read<protocol::FindCoordinatorRequest>(request).coordinator_keys.front();
        c.node_id = 1;
        c.host = "broker";
        c.port = 9092;
        c.error_code = wire(error_);
        return reply(response, request.version);
    }
    net::Reply commit(const net::RequestFrame& request) {
        const auto asked_to = read<protocol::OffsetCommitRequest>(request);
        commit_version = request.version;
        ErrorCode code = error_;
        if (asked_to.generation_id_or_member_epoch >= 0 || has_members())
            code = check(asked_to.member_id, asked_to.generation_id_or_member_epoch);
        protocol::OffsetCommitResponse response;
        for (const auto& t : asked_to.topics) {
            auto& topic = response.topics.emplace_back();
            topic.name = t.name;
            topic.topic_id = t.topic_id;
            const auto name = request.version < 10 ? t.name : records.name_of(t.topic_id);
            for (const auto& p : t.partitions) {
                auto& to = topic.partitions.emplace_back();
                to.partition_index = p.partition_index;
                to.error_code = wire(name.empty() ? ErrorCode::unknown_topic_id : code);
                if (to.error_code == 0) committed[{name, p.partition_index}] = p.committed_offset;
            }
        }
        return reply(response, request.version);
    }
    net::Reply fetch_offsets(const net::RequestFrame& request) {
        const auto asked_to = read<protocol::OffsetFetchRequest>(request);
        fetch_version = request.version;
        EXPECT_TRUE(asked_to.require_stable);
        const auto& of = asked_to.groups.front();
        protocol::OffsetFetchResponse response;
        auto& group = response.groups.emplace_back();
        group.group_id = of.group_id;
        group.error_code = wire(of.member_id ? check(*of.member_id, of.member_epoch) : error_);
        for (const auto& t : *of.topics) {
            if (group.error_code != 0) break;
            auto& topic = group.topics.emplace_back();
            topic.name = t.name;
            topic.topic_id = t.topic_id;
            const auto name = request.version < 10 ? t.name : records.name_of(t.topic_id);
            for (const auto p : t.partition_indexes) {
                auto& to = topic.partitions.emplace_back();
                to.partition_index = p;
                if (name.empty()) to.error_code = wire(ErrorCode::unknown_topic_id);
                const auto at = committed.find({name, p});
                to.committed_offset = at == committed.end() ? -1 : at->second;
                if (offset_errors.empty()) continue;
                to.committed_offset = -1;
                to.error_code = wire(offset_errors.front());
                offset_errors.pop_front();
            }
        }
        return reply(response, request.version);
    }
};

}  // namespace ottla::client
