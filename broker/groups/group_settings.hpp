// SPDX-License-Identifier: Apache-2.0
// GroupSettings: what server.properties tells the group coordinator, under Kafka's names.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace ottla::broker::groups {

// Whether groups with members go from one protocol to the other.
enum class MigrationPolicy : std::uint8_t { disabled, downgrade, upgrade, bidirectional };

// Of groups of the consumer protocol (KIP-848).
struct ConsumerSettings {
    bool is_enabled = true;                                            // group.coordinator.rebalance.protocols
    std::int32_t session_timeout_ms = 45'000;                          // group.consumer.session.timeout.ms
    std::int32_t min_session_timeout_ms = 45'000;                      // group.consumer.min.session.timeout.ms
    std::int32_t max_session_timeout_ms = 60'000;                      // group.consumer.max.session.timeout.ms
    std::int32_t heartbeat_interval_ms = 5'000;                        // group.consumer.heartbeat.interval.ms
    std::int32_t min_heartbeat_interval_ms = 5'000;                    // group.consumer.min.heartbeat.interval.ms
    std::int32_t max_heartbeat_interval_ms = 15'000;                   // group.consumer.max.heartbeat.interval.ms
    std::int32_t rebalance_heartbeat_interval_ms = 250;                // group.consumer.rebalance.heartbeat.interval.ms
    std::int32_t assignment_interval_ms = 1'000;                       // group.consumer.assignment.interval.ms
    std::int32_t min_assignment_interval_ms = 0;                       // group.consumer.min.assignment.interval.ms
    std::int32_t max_assignment_interval_ms = 15'000;                  // group.consumer.max.assignment.interval.ms
    std::int32_t max_size = std::numeric_limits<std::int32_t>::max();  // group.consumer.max.size
    MigrationPolicy migration = MigrationPolicy::bidirectional;        // group.consumer.migration.policy
    std::int32_t regex_refresh_interval_ms = 600'000;                  // group.consumer.regex.refresh.interval.ms
    // group.consumer.assignors; the first when none is asked for
    std::vector<std::string> assignors = {"uniform", "range"};

    bool may_upgrade() const noexcept {
        return migration == MigrationPolicy::upgrade || migration == MigrationPolicy::bidirectional;
    }
    bool may_downgrade() const noexcept {
        return migration == MigrationPolicy::downgrade || migration == MigrationPolicy::bidirectional;
    }
};

struct GroupSettings {
    std::int32_t min_session_timeout_ms = 6'000;                       // group.min.session.timeout.ms
    std::int32_t max_session_timeout_ms = 1'800'000;                   // group.max.session.timeout.ms
    std::int32_t initial_rebalance_delay_ms = 3'000;                   // group.initial.rebalance.delay.ms
    std::int32_t max_size = std::numeric_limits<std::int32_t>::max();  // group.max.size
    std::int32_t offset_metadata_bytes_max = 4'096;                    // offset.metadata.max.bytes
    std::int64_t retention_ms = 604'800'000;                           // offsets.retention.minutes
    std::int64_t retention_check_interval_ms = 600'000;                // offsets.retention.check.interval.ms
    ConsumerSettings consumer;
};

// What no setting of Kafka's bounds.
inline constexpr std::int32_t new_member_join_timeout_ms = 300'000;
// Of one group: ids that were given out and not come back with. Beyond, a new member has to wait.
inline constexpr std::size_t pending_members_max = 10'000;
// What one member may say of itself, over all of its protocols: more never fits into a record.
inline constexpr std::size_t member_protocol_bytes_max = 1 << 20;
inline constexpr std::size_t member_protocols_max = 100;
// Of a larger group partitions are dealt at intervals.
inline constexpr std::size_t members_dealt_to_at_once = 100;
// So many of one group, while it is rebalanced.
inline constexpr std::int32_t rebalance_heartbeats_per_s_max = 500;
// So many names are matched before others have their turn.
inline constexpr std::size_t regex_matches_per_turn = 10'000;
// New topics are looked for no more often than that.
inline constexpr std::int32_t regex_refresh_min_ms = 10'000;
// So much goes with one batch, when many records go: Kafka's limits let a single key have 33 KiB.
inline constexpr std::size_t drop_records_max = 1000;
inline constexpr std::size_t drop_bytes_max = 256 << 10;
// What cannot be done yet is tried again after that long.
inline constexpr std::int32_t look_again_ms = 1'000;

}  // namespace ottla::broker::groups
