// SPDX-License-Identifier: Apache-2.0
#include "tools/ottla/redrive_membership.hpp"

#include <chrono>

#include <fmt/format.h>

#include "tools/ottla/topic_common.hpp"

namespace ottla::tools {
namespace {

using namespace std::chrono_literals;

// Of one that was killed, the group knows nothing for so long.
constexpr auto session_timeout = 10s;
// A coordinator waits some seconds for the first members of a group.
constexpr auto join_within = 30s;

Error others(const std::string& group) {
    return Error::of(
        ErrorCode::invalid_state,
        fmt::format("group '{}' has other members: another redrive keeps there what has gone back, or one "
                    "that was killed less than {} s ago. Wait until it has ended, or name another --group, "
                    "which knows of nothing yet",
                    group, session_timeout.count()));
}

}  // namespace

RedriveMembership::RedriveMembership(const Session& session, const Connection& connection, Admin& admin,
                                     std::string group, const std::string& topic)
    : group_(std::move(group)),
      // It is polled only between the windows, and reads nothing.
      consumer_(expect(Consumer::create(to_config(
                           connection, {{"group.id", group_},
                                        {"enable.auto.commit", false},
                                        {"partition.assignment.strategy", "range"},
                                        {"session.timeout.ms", std::chrono::milliseconds(session_timeout).count()},
                                        {"heartbeat.interval.ms", 3000},
                                        {"max.poll.interval.ms", 86'400'000}})),
                       "opening a consumer")) {
    if (members(admin) > 0) throw Exception(others(group_));
    join(session, topic);
    if (members(admin) != 1) throw Exception(others(group_));
}

RedriveMembership::~RedriveMembership() { (void)consumer_.close(5s).has_value(); }

std::size_t RedriveMembership::members(Admin& admin) const {
    const auto described =
        expect(admin.describe_groups({group_}, within_time()), "asking who keeps what has gone back");
    const auto& group = described.at(0);
    if (group.error == ErrorCode::group_id_not_found) return 0;
    if (group.error.code() != ErrorCode::none) throw Exception(group.error);
    return group.members.size();
}

void RedriveMembership::join(const Session& session, const std::string& topic) {
    RebalanceCallbacks callbacks;
    callbacks.assigned = [this](Consumer& c, std::span<const TopicPartition> partitions) {
        (void)c.pause({partitions.begin(), partitions.end()}).has_value();
        is_assigned_ = true;
    };
    callbacks.revoked = [this](Consumer&, std::span<const TopicPartition>) { is_taken_ = true; };
    expect(consumer_.subscribe({topic}, std::move(callbacks)), "joining the group");
    const auto until = std::chrono::steady_clock::now() + join_within;
    while (!is_assigned_ && !session.stop && std::chrono::steady_clock::now() < until) {
        const auto event = consumer_.poll(100ms);
        const auto* const error = event ? std::get_if<Error>(&*event) : nullptr;
        if (error && (error->is_fatal() || !error->is_retriable())) throw Exception(*error);
    }
    if (!is_assigned_)
        throw Exception(
            Error::of(ErrorCode::timed_out, fmt::format("joining group '{}': it has assigned nothing within "
                                                        "{} s",
                                                        group_, join_within.count())));
}

void RedriveMembership::check() {
    (void)consumer_.poll(0ms);
    if (!is_taken_) return;
    throw Exception(
        Error::of(ErrorCode::assignment_lost,
                  fmt::format("group '{}' has rebalanced: another redrive has begun, or the coordinator has "
                              "not heard of this one for {} s; the same command goes on from here",
                              group_, session_timeout.count())));
}

}  // namespace ottla::tools
