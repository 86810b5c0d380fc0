// SPDX-License-Identifier: Apache-2.0
// ConsumerGroupBroker: a coordinator that shares the partitions out itself (KIP-848), as far as a test needs it: in
// turn among those who want a topic, nothing twice, and a member's epoch moves on when it has given back what it must.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <regex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <ottla/protocol/messages/consumer_group_heartbeat_request.hpp>
#include <ottla/protocol/messages/consumer_group_heartbeat_response.hpp>

#include "tests/client/offsets_broker.hpp"

namespace ottla::client {

class ConsumerGroupBroker final : public OffsetsBroker {
public:
    using OffsetsBroker::OffsetsBroker;
    using Request = protocol::ConsumerGroupHeartbeatRequest;
    using Response = protocol::ConsumerGroupHeartbeatResponse;
    using Partitions = std::set<std::pair<Uuid, std::int32_t>>;

    struct Member {
        std::optional<std::string> instance;
        std::vector<std::string> names;
        std::string regex;
        std::int32_t epoch = 0;
        std::int32_t epoch_before = 0;
        Partitions assigned;
        Partitions owned;  // as it said last
        base::TimePoint heard;
        bool is_away = false;  // a static one that may be back
    };

    std::map<std::string, Member> members;
    std::int32_t group_epoch = 0;
    base::Duration session = std::chrono::seconds(10);
    std::vector<std::int32_t> leaves;  // their epochs
    std::vector<Request> heartbeats;

    std::optional<VersionRange> serves(ApiKey key) const override {
        if (key == ApiKey::consumer_group_heartbeat) return VersionRange{0, 1};
        return OffsetsBroker::serves(key);
    }

private:
    bool is_of_members(ApiKey key) const override { return key == ApiKey::consumer_group_heartbeat; }
    asio::awaitable<net::Reply> handle_member(net::RequestFrame request) override {
        auto asked_to = read<Request>(request);
        heartbeats.push_back(asked_to);
        Response response = heartbeat(asked_to);
        response.member_id = asked_to.member_id;
        response.heartbeat_interval_ms = 500;
        co_return reply(response, request.version);
    }
    bool has_members() override {
        forget_the_silent();
        return !members.empty();
    }
    ErrorCode check(const std::string& id, std::int32_t epoch) override {
        if (error_ != ErrorCode::none) return error_;
        forget_the_silent();
        const auto at = members.find(id);
        if (at == members.end() || at->second.is_away) return ErrorCode::unknown_member_id;
        return epoch == at->second.epoch ? ErrorCode::none : ErrorCode::stale_member_epoch;
    }

    void forget_the_silent() {
        const auto gone =
            std::erase_if(members, [&](const auto& m) { return timers_.now() > m.second.heard + session; });
        if (gone > 0) ++group_epoch;
    }
    static Response refusal(ErrorCode code) {
        Response response;
        response.error_code = wire(code);
        return response;
    }

    Response heartbeat(const Request& request) {
        if (error_ != ErrorCode::none) {
            if (error_ == ErrorCode::unknown_member_id || error_ == ErrorCode::fenced_member_epoch) {
                members.erase(request.member_id);
                ++group_epoch;
            }
            return refusal(error_);
        }
        forget_the_silent();
        if (request.member_epoch < 0) return leave(request);
        if (request.member_epoch == 0) {
            if (const auto refused = join(request); refused != ErrorCode::none) return refusal(refused);
        }
        const auto at = members.find(request.member_id);
        if (at == members.end()) return refusal(ErrorCode::unknown_member_id);
        Member& m = at->second;
        m.heard = timers_.now();
        const bool is_before = request.member_epoch == m.epoch_before && request.topic_partitions;
        if (request.member_epoch != 0 && request.member_epoch != m.epoch && !is_before) {
            members.erase(at);
            ++group_epoch;
            return refusal(ErrorCode::fenced_member_epoch);
        }
        take_subscription(m, request);
        if (request.topic_partitions) {
            m.owned.clear();
            for (const auto& t : *request.topic_partitions)
                for (const auto p : t.partitions) m.owned.emplace(t.topic_id, p);
        }
        const bool changed = reconcile(m);
        const bool says_all =
            request.rebalance_timeout_ms != -1 && request.subscribed_topic_names && request.topic_partitions;
        Response response;
        response.member_epoch = m.epoch;
        if (changed || says_all) tell(m, response.assignment.emplace());
        return response;
    }
    ErrorCode join(const Request& request) {
        EXPECT_TRUE(request.topic_partitions && request.topic_partitions->empty());
        EXPECT_TRUE(request.subscribed_topic_names);
        EXPECT_GT(request.rebalance_timeout_ms, 0);
        for (auto at = members.begin(); request.instance_id && at != members.end();) {
            if (at->second.instance != request.instance_id || at->first == request.member_id) {
                ++at;
                continue;
            }
            if (!at->second.is_away) return ErrorCode::unreleased_instance_id;
            at = members.erase(at);
        }
        Member fresh;
        fresh.instance = request.instance_id;
        fresh.heard = timers_.now();
        members[request.member_id] = std::move(fresh);
        ++group_epoch;
        return ErrorCode::none;
    }
    Response leave(const Request& request) {
        leaves.push_back(request.member_epoch);
        const auto at = members.find(request.member_id);
        if (at != members.end()) {
            if (request.member_epoch == -2)
                at->second.is_away = true;
            else
                members.erase(at), ++group_epoch;
        }
        Response response;
        response.member_epoch = request.member_epoch;
        return response;
    }
    void take_subscription(Member& m, const Request& request) {
        const auto before = std::pair(m.names, m.regex);
        if (request.subscribed_topic_names) m.names = *request.subscribed_topic_names;
        if (request.subscribed_topic_regex) m.regex = *request.subscribed_topic_regex;
        if (before != std::pair(m.names, m.regex)) ++group_epoch;
    }

    bool wants(const Member& m, const std::string& topic) const {
        return std::ranges::find(m.names, topic) != m.names.end() ||
               (!m.regex.empty() && std::regex_match(topic, std::regex(m.regex)));
    }
    Partitions target_of(const Member& member) const {
        std::set<std::string> topics(records.everything.begin(), records.everything.end());
        for (const auto& [id, m] : members) topics.insert(m.names.begin(), m.names.end());
        Partitions target;
        for (const auto& topic : topics) {
            std::vector<const Member*> takers;
            for (const auto& [id, m] : members)
                if (wants(m, topic)) takers.push_back(&m);
            for (int p = 0; p < records.partitions && !takers.empty(); ++p)
                if (takers[static_cast<std::size_t>(p) % takers.size()] == &member)
                    target.emplace(records.id_of(topic), p);
        }
        return target;
    }
    // True: it is to be told.
    bool reconcile(Member& member) {
        const auto target = target_of(member);
        const auto before = member.assigned;
        std::erase_if(member.assigned, [&](const auto& p) { return !target.contains(p); });
        const bool gives_back = std::ranges::any_of(member.owned, [&](const auto& p) { return !target.contains(p); });
        if (!gives_back) {
            if (member.epoch != group_epoch) member.epoch_before = std::exchange(member.epoch, group_epoch);
            for (const auto& p : target) {
                const bool is_free = std::ranges::none_of(members, [&](const auto& other) {
                    return &other.second != &member &&
                           (other.second.assigned.contains(p) || other.second.owned.contains(p));
                });
                if (is_free) member.assigned.insert(p);
            }
        }
        return member.assigned != before;
    }
    static void tell(const Member& member, Response::Assignment& to) {
        for (const auto& [id, p] : member.assigned) {
            if (to.topic_partitions.empty() || to.topic_partitions.back().topic_id != id)
                to.topic_partitions.emplace_back().topic_id = id;
            to.topic_partitions.back().partitions.push_back(p);
        }
    }
};

}  // namespace ottla::client
