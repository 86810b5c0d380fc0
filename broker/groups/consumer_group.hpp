// SPDX-License-Identifier: Apache-2.0
// ConsumerGroup: a group of the consumer protocol (KIP-848), whose coordinator deals the partitions. It changes by
// records alone, whether they were just written or are read again from the log; what a request makes of it decides
// ConsumerProtocol.
//
// Epochs: the group's goes up when its members or topics change; the assignment's follows when partitions were dealt
// for that; a member's follows when it has given up what others are to have.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include <ottla/protocol/messages/consumer_group_describe_response.hpp>
#include "broker/groups/consumer_member.hpp"
#include "broker/groups/group_records.hpp"
#include "broker/metadata/image.hpp"

namespace ottla::broker::groups {

// The topics that a regular expression matches.
struct ResolvedRegex {
    std::set<std::string, std::less<>> topics;
    std::int64_t version = 0;       // of the metadata: the offset of its last record
    std::int64_t timestamp_ms = 0;  // by the wall clock
};

class ConsumerGroup {
public:
    using Members = std::map<std::string, ConsumerMember, std::less<>>;
    using Names = std::set<std::string, std::less<>>;
    using Regexes = std::map<std::string, ResolvedRegex, std::less<>>;

    explicit ConsumerGroup(std::string id) : id_(std::move(id)) {}

    const std::string& id() const noexcept { return id_; }
    // 0: there was no reason to deal anything yet.
    std::int32_t epoch() const noexcept { return epoch_; }
    std::int32_t next_epoch() const noexcept {
        return epoch_ <= 0 || epoch_ == std::numeric_limits<std::int32_t>::max() ? 2 : epoch_ + 1;
    }
    // Members begin with 1, which is before the first assignment.
    std::int32_t assignment_epoch() const noexcept { return std::max(assignment_epoch_, 1); }
    // When partitions were dealt last, by the wall clock; 0: not yet, or the log does not tell.
    std::int64_t dealt_at_ms() const noexcept { return dealt_at_ms_; }
    // Of its topics, when its epoch went up last.
    std::int64_t metadata_hash() const noexcept { return metadata_hash_; }
    // As DescribeGroups and ListGroups name it.
    std::string_view state_name() const noexcept;

    // --- members ---
    const Members& members() const noexcept { return members_; }
    const ConsumerMember* find(std::string_view member_id) const;
    const ConsumerMember* static_member(std::string_view instance_id) const;
    // What it is to have.
    const TopicPartitions& target(std::string_view member_id) const;
    bool has_target(std::string_view member_id) const { return targets_.find(member_id) != targets_.end(); }
    // Who has it, or has not said yet that it gave it up; null: nobody.
    const std::string* owner(const Uuid& topic, std::int32_t partition) const;

    // --- what it reads ---
    bool is_subscribed_to(std::string_view topic) const { return topics_.find(topic) != topics_.end(); }
    // All topics, with `next` in place of `old`; null: nobody.
    Names topics_with(const ConsumerMember* old, const ConsumerMember* next) const;
    const Regexes& regexes() const noexcept { return regexes_; }
    // Those that members use.
    std::vector<std::string> used_regexes() const;
    // How many members use it.
    std::size_t users_of(std::string_view regex) const;

    // --- records ---
    void apply(const GroupEpochRecord&);
    void apply(const ConsumerMemberRecord&);
    void apply(const TargetEpochRecord&);
    void apply(const TargetRecord&);
    void apply(const MemberPositionRecord&);
    void apply(const RegexRecord&);
    void apply(const PartitionMetadataRecord& record) { has_partition_metadata_ = record.value.has_value(); }
    // One of those; others are none of its business.
    void apply_any(const GroupRecord&);
    bool has_partition_metadata() const noexcept { return has_partition_metadata_; }
    bool has_target_epoch() const noexcept { return assignment_epoch_ != 0; }

    // As ConsumerGroupDescribe shows it; `assignor` where no member wants one.
    protocol::ConsumerGroupDescribeResponse::DescribedGroup described(const MetadataImage&,
                                                                      const std::string& assignor) const;

    // The metadata that its hash was compared with; -1: none yet.
    std::int64_t compared_with = -1;

private:
    void take_owned(const ConsumerMember&);
    void drop_owned(const ConsumerMember&);
    void count_topics(const MemberProfile&, bool more);
    void count_topic(const std::string& name, bool more);

    std::string id_;
    std::int32_t epoch_ = 0;
    std::int32_t assignment_epoch_ = 0;
    std::int64_t dealt_at_ms_ = 0;
    std::int64_t metadata_hash_ = 0;
    bool has_partition_metadata_ = false;
    Members members_;
    std::map<std::string, TopicPartitions, std::less<>> targets_;
    std::map<std::string, std::string, std::less<>> static_members_;  // instance → member
    std::map<Uuid, std::map<std::int32_t, std::string>> owners_;
    std::map<std::string, std::size_t, std::less<>> topics_;  // how often each is wanted: by members, by expressions
    std::map<std::string, std::size_t, std::less<>> regex_users_;
    Regexes regexes_;
};

// The assignor that most members ask for; nothing when none does.
std::optional<std::string> preferred_assignor(const std::map<std::string_view, const ConsumerMember*>&);

}  // namespace ottla::broker::groups
