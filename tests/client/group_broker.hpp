// SPDX-License-Identifier: Apache-2.0
// GroupBroker: one broker that coordinates classic groups, as far as a test needs it: a join waits for all members, the
// sync for the leader, members whose session is over are forgotten, commits carry the generation. Virtual time.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <ottla/protocol/messages/find_coordinator_request.hpp>
#include <ottla/protocol/messages/find_coordinator_response.hpp>
#include <ottla/protocol/messages/heartbeat_request.hpp>
#include <ottla/protocol/messages/heartbeat_response.hpp>
#include <ottla/protocol/messages/join_group_request.hpp>
#include <ottla/protocol/messages/join_group_response.hpp>
#include <ottla/protocol/messages/leave_group_request.hpp>
#include <ottla/protocol/messages/leave_group_response.hpp>
#include <ottla/protocol/messages/offset_commit_request.hpp>
#include <ottla/protocol/messages/offset_commit_response.hpp>
#include <ottla/protocol/messages/offset_fetch_request.hpp>
#include <ottla/protocol/messages/offset_fetch_response.hpp>
#include <ottla/protocol/messages/sync_group_request.hpp>
#include <ottla/protocol/messages/sync_group_response.hpp>

#include "net/server_session.hpp"
#include "tests/client/consumer_script.hpp"

namespace ottla::client {

class GroupBroker final : public net::RequestHandler {
public:
    explicit GroupBroker(net::Timers& timers) : records(timers), timers_(timers) {}

    struct Member {
        protocol::JoinGroupRequest joined;
        std::optional<std::string> instance;
        base::TimePoint heard;
        bool waits = false;  // in a join
    };

    FetchBroker records;
    std::map<std::string, Member> members;
    std::int32_t generation = 0;
    std::map<std::pair<std::string, std::int32_t>, std::int64_t> committed;
    // What the next requests of an API are answered with; closed: the connection ends instead.
    std::map<ApiKey, std::deque<ErrorCode>> errors;
    // How long the answer to a join is under way when the generation has begun.
    base::Duration join_answer_time{};
    // What the next partitions are told that somebody wants the committed offset of.
    std::deque<ErrorCode> offset_errors;
    std::map<ApiKey, int> asked;
    std::vector<std::string> leave_reasons;

    std::optional<VersionRange> serves(ApiKey key) const override {
        switch (key) {
            case ApiKey::find_coordinator: return VersionRange{0, 6};
            case ApiKey::join_group: return VersionRange{0, 9};
            case ApiKey::sync_group: return VersionRange{0, 5};
            case ApiKey::heartbeat: return VersionRange{0, 4};
            case ApiKey::leave_group: return VersionRange{0, 5};
            case ApiKey::offset_commit: return VersionRange{2, 9};
            case ApiKey::offset_fetch: return VersionRange{1, 9};
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
        if (key == ApiKey::heartbeat) co_return heartbeat(request);
        if (key == ApiKey::leave_group) co_return leave(request);
        if (key == ApiKey::offset_commit) co_return commit(request);
        if (key == ApiKey::offset_fetch) co_return fetch_offsets(request);
        if (key == ApiKey::join_group) co_return co_await join(std::move(request));
        if (key == ApiKey::sync_group) co_return co_await sync(std::move(request));
        co_return co_await records.handle(std::move(request));
    }

private:
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

    net::Reply api_versions(std::int16_t version) const {
        protocol::ApiVersionsResponse response;
        for (const auto key : {ApiKey::fetch, ApiKey::list_offsets, ApiKey::metadata, ApiKey::api_versions,
                               ApiKey::find_coordinator, ApiKey::join_group, ApiKey::sync_group, ApiKey::heartbeat,
                               ApiKey::leave_group, ApiKey::offset_commit, ApiKey::offset_fetch}) {
            auto& api = response.api_keys.emplace_back();
            api.api_key_ = static_cast<std::int16_t>(key);
            api.min_version = serves(key)->min;
            api.max_version = serves(key)->max;
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

    void forget_the_silent() {
        for (auto at = members.begin(); at != members.end();) {
            const auto& m = at->second;
            const auto session = std::chrono::milliseconds(m.joined.session_timeout_ms);
            const bool gone = !m.waits && timers_.now() > m.heard + session;
            if (gone) preparing_ = true;
            at = gone ? members.erase(at) : std::next(at);
        }
    }
    void complete_join() {
        ++generation;
        preparing_ = false;
        assignments_.clear();
        synced_ = 0;
        for (auto& [id, m] : members) m.waits = false, m.heard = timers_.now();
    }

    asio::awaitable<net::Reply> join(net::RequestFrame request) {
        const auto asked_to = read<protocol::JoinGroupRequest>(request);
        protocol::JoinGroupResponse response;
        response.error_code = wire(error_);
        std::string id = asked_to.member_id;
        if (error_ == ErrorCode::none && id.empty()) {
            id = "m" + std::to_string(++ids_given_);
            response.member_id = id;
            for (auto at = members.begin(); asked_to.group_instance_id && at != members.end();)
                at = at->second.instance == asked_to.group_instance_id ? members.erase(at) : std::next(at);
            if (!asked_to.group_instance_id) {
                invited_.insert(id);
                response.error_code = wire(ErrorCode::member_id_required);
                co_return reply(response, request.version);
            }
        } else if (error_ == ErrorCode::none && !members.contains(id) && !invited_.contains(id)) {
            response.error_code = wire(ErrorCode::unknown_member_id);
        }
        if (response.error_code != 0) co_return reply(response, request.version);
        invited_.erase(id);
        members[id] = Member{asked_to, asked_to.group_instance_id, timers_.now(), true};
        preparing_ = true;
        const auto give_up = timers_.now() + std::chrono::milliseconds(asked_to.rebalance_timeout_ms);
        const auto before = generation;
        while (generation == before) {
            co_await timers_.wait_for(std::chrono::milliseconds(10));
            forget_the_silent();
            if (timers_.now() >= give_up) std::erase_if(members, [](const auto& m) { return !m.second.waits; });
            if (generation == before && std::ranges::all_of(members, [](const auto& m) { return m.second.waits; }))
                complete_join();
        }
        response.generation_id = generation;
        if (join_answer_time.count() > 0) co_await timers_.wait_for(join_answer_time);
        response.member_id = id;
        response.leader = members.empty() ? "" : members.begin()->first;
        response.protocol_type = "consumer";
        response.protocol_name = asked_to.protocols.front().name;
        if (response.leader == id)
            for (const auto& [other, m] : members) {
                auto& to = response.members.emplace_back();
                to.member_id = other;
                to.metadata = m.joined.protocols.front().metadata;
            }
        co_return reply(response, request.version);
    }

    ErrorCode check(const std::string& id, std::int32_t of_generation) {
        if (error_ != ErrorCode::none) return error_;
        forget_the_silent();
        if (!members.contains(id)) return ErrorCode::unknown_member_id;
        if (of_generation != generation) return ErrorCode::illegal_generation;
        members[id].heard = timers_.now();
        return ErrorCode::none;
    }

    asio::awaitable<net::Reply> sync(net::RequestFrame request) {
        const auto asked_to = read<protocol::SyncGroupRequest>(request);
        protocol::SyncGroupResponse response;
        auto code = check(asked_to.member_id, asked_to.generation_id);
        if (code == ErrorCode::none && preparing_) code = ErrorCode::rebalance_in_progress;
        if (code == ErrorCode::none && !members.empty() && members.begin()->first == asked_to.member_id) {
            synced_ = generation;
            for (const auto& a : asked_to.assignments) assignments_[a.member_id] = a.assignment;
        }
        while (code == ErrorCode::none && synced_ != asked_to.generation_id) {
            co_await timers_.wait_for(std::chrono::milliseconds(10));
            if (preparing_ || generation != asked_to.generation_id) code = ErrorCode::rebalance_in_progress;
        }
        response.error_code = wire(code);
        response.protocol_type = "consumer";
        response.protocol_name = asked_to.protocol_name;
        if (code == ErrorCode::none) response.assignment = assignments_[asked_to.member_id];
        co_return reply(response, request.version);
    }

    net::Reply heartbeat(const net::RequestFrame& request) {
        const auto asked_to = read<protocol::HeartbeatRequest>(request);
        protocol::HeartbeatResponse response;
        auto code = check(asked_to.member_id, asked_to.generation_id);
        if (code == ErrorCode::none && preparing_) code = ErrorCode::rebalance_in_progress;
        response.error_code = wire(code);
        return reply(response, request.version);
    }
    net::Reply leave(const net::RequestFrame& request) {
        const auto asked_to = read<protocol::LeaveGroupRequest>(request);
        for (const auto& m : asked_to.members) {
            leave_reasons.push_back(m.reason.value_or(""));
            preparing_ = members.erase(m.member_id) > 0 || preparing_;
        }
        return reply(protocol::LeaveGroupResponse(), request.version);
    }
    net::Reply commit(const net::RequestFrame& request) {
        const auto asked_to = read<protocol::OffsetCommitRequest>(request);
        ErrorCode code = error_;
        if (asked_to.generation_id_or_member_epoch >= 0 || !members.empty())
            code = check(asked_to.member_id, asked_to.generation_id_or_member_epoch);
        protocol::OffsetCommitResponse response;
        for (const auto& t : asked_to.topics) {
            auto& topic = response.topics.emplace_back();
            topic.name = t.name;
            for (const auto& p : t.partitions) {
                auto& to = topic.partitions.emplace_back();
                to.partition_index = p.partition_index;
                to.error_code = wire(code);
                if (code == ErrorCode::none) committed[{t.name, p.partition_index}] = p.committed_offset;
            }
        }
        return reply(response, request.version);
    }
    net::Reply fetch_offsets(const net::RequestFrame& request) {
        const auto asked_to = read<protocol::OffsetFetchRequest>(request);
        EXPECT_TRUE(asked_to.require_stable);
        protocol::OffsetFetchResponse response;
        auto& group = response.groups.emplace_back();
        group.group_id = asked_to.groups.front().group_id;
        group.error_code = wire(error_);
        for (const auto& t : *asked_to.groups.front().topics) {
            auto& topic = group.topics.emplace_back();
            topic.name = t.name;
            for (const auto p : t.partition_indexes) {
                auto& to = topic.partitions.emplace_back();
                to.partition_index = p;
                const auto at = committed.find({t.name, p});
                to.committed_offset = at == committed.end() ? -1 : at->second;
                if (offset_errors.empty()) continue;
                to.committed_offset = -1;
                to.error_code = wire(offset_errors.front());
                offset_errors.pop_front();
            }
        }
        return reply(response, request.version);
    }

    net::Timers& timers_;
    ErrorCode error_ = ErrorCode::none;
    int ids_given_ = 0;
    std::set<std::string> invited_;
    bool preparing_ = false;
    std::int32_t synced_ = 0;
    std::map<std::string, Bytes> assignments_;
};

}  // namespace ottla::client
