// SPDX-License-Identifier: Apache-2.0
// GroupBroker: a coordinator of classic groups, as far as a test needs it: a join waits for all members, the sync for
// the leader, members whose session is over are forgotten, commits carry the generation. Virtual time.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <ottla/protocol/messages/heartbeat_request.hpp>
#include <ottla/protocol/messages/heartbeat_response.hpp>
#include <ottla/protocol/messages/join_group_request.hpp>
#include <ottla/protocol/messages/join_group_response.hpp>
#include <ottla/protocol/messages/leave_group_request.hpp>
#include <ottla/protocol/messages/leave_group_response.hpp>
#include <ottla/protocol/messages/sync_group_request.hpp>
#include <ottla/protocol/messages/sync_group_response.hpp>

#include "tests/client/offsets_broker.hpp"

namespace ottla::client {

class GroupBroker final : public OffsetsBroker {
public:
    using OffsetsBroker::OffsetsBroker;

    struct Member {
        protocol::JoinGroupRequest joined;
        std::optional<std::string> instance;
        base::TimePoint heard;
        bool waits = false;  // in a join
    };

    std::map<std::string, Member> members;
    std::int32_t generation = 0;
    // How long the answer to a join is under way when the generation has begun.
    base::Duration join_answer_time{};
    std::vector<std::string> leave_reasons;

    std::optional<VersionRange> serves(ApiKey key) const override {
        switch (key) {
            case ApiKey::join_group: return VersionRange{0, 9};
            case ApiKey::sync_group: return VersionRange{0, 5};
            case ApiKey::heartbeat: return VersionRange{0, 4};
            case ApiKey::leave_group: return VersionRange{0, 5};
            default: return OffsetsBroker::serves(key);
        }
    }

private:
    bool is_of_members(ApiKey key) const override {
        return key == ApiKey::join_group || key == ApiKey::sync_group || key == ApiKey::heartbeat ||
               key == ApiKey::leave_group;
    }
    asio::awaitable<net::Reply> handle_member(net::RequestFrame request) override {
        const auto key = request.key;
        if (key == ApiKey::heartbeat) co_return heartbeat(request);
        if (key == ApiKey::leave_group) co_return leave(request);
        if (key == ApiKey::join_group) co_return co_await join(std::move(request));
        co_return co_await sync(std::move(request));
    }
    bool has_members() override { return !members.empty(); }

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

    ErrorCode check(const std::string& id, std::int32_t of_generation) override {
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

    int ids_given_ = 0;
    std::set<std::string> invited_;
    bool preparing_ = false;
    std::int32_t synced_ = 0;
    std::map<std::string, Bytes> assignments_;
};

}  // namespace ottla::client
