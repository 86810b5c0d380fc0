// SPDX-License-Identifier: Apache-2.0
// ClassicGroup: a group whose members find their assignment among themselves: who is in it, in which generation, with
// which protocol. It keeps its own order; what a request makes of it decides ClassicProtocol.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <ottla/error.hpp>
#include <ottla/protocol/messages/join_group_request.hpp>
#include "broker/groups/decision.hpp"

namespace ottla::broker::groups {

enum class ClassicState : std::uint8_t {
    empty,                 // no members; perhaps offsets
    preparing_rebalance,   // members are to join the next generation
    completing_rebalance,  // they have, and wait for the leader's assignment
    stable,
};
// As DescribeGroups and ListGroups name it.
std::string_view name_of(ClassicState) noexcept;

struct MemberProtocol {
    std::string name;
    Bytes metadata;
    friend bool operator==(const MemberProtocol&, const MemberProtocol&) = default;
};
// In memory of their own: a request's frame does not stay for them. A name that comes again is left out.
std::vector<MemberProtocol> protocols_of(const protocol::JoinGroupRequest&);

struct ClassicMember {
    std::string id;
    std::optional<std::string> instance_id;
    std::string client_id;
    std::string client_host;
    std::chrono::milliseconds session_timeout{};
    std::chrono::milliseconds rebalance_timeout{};
    std::vector<MemberProtocol> protocols;  // the one it likes best first
    Bytes assignment;
    bool is_new = true;             // of no generation yet
    std::optional<Ticket> joining;  // its JoinGroup waits
    std::optional<Ticket> syncing;  // its SyncGroup waits

    const Bytes* metadata(std::string_view protocol) const noexcept;
};

class ClassicGroup {
public:
    using Members = std::map<std::string, ClassicMember, std::less<>>;

    explicit ClassicGroup(std::string id) : id_(std::move(id)) {}
    // As a record tells it; its members have yet to be heard of.
    static ClassicGroup from_record(std::string id, const protocol::GroupMetadataValue&);

    const std::string& id() const noexcept { return id_; }
    ClassicState state() const noexcept { return state_; }
    bool is(ClassicState state) const noexcept { return state_ == state; }
    // Moves on, and notes when.
    void become(ClassicState state, std::int64_t wall_ms) noexcept;
    std::int64_t state_since_ms() const noexcept { return state_since_ms_; }
    std::int32_t generation() const noexcept { return generation_; }
    const std::string& protocol_type() const noexcept { return protocol_type_; }
    const std::optional<std::string>& protocol_name() const noexcept { return protocol_name_; }
    const std::string& leader() const noexcept { return leader_; }  // empty: nobody
    bool is_leader(std::string_view member_id) const noexcept { return !leader_.empty() && leader_ == member_id; }

    // --- members ---
    const Members& members() const noexcept { return members_; }
    // Their ids and instances stay as they are; rename() changes them.
    Members& members() noexcept { return members_; }
    ClassicMember* find(std::string_view member_id);
    const ClassicMember* find(std::string_view member_id) const;
    const std::string* static_member(std::string_view instance_id) const;
    // UNKNOWN_MEMBER_ID; FENCED_INSTANCE_ID where another member has this instance's name by now.
    ErrorCode validate(std::string_view member_id, const std::optional<std::string>& instance_id) const;
    // The first one brings the protocol type, and leads.
    ClassicMember& add(ClassicMember member, std::string protocol_type);
    // It must be there. What it waited for is the caller's to answer.
    ClassicMember remove(std::string_view member_id);
    // The static member goes on under another id.
    ClassicMember& rename(const std::string& old_id, const std::string& new_id);

    // Ids that were given out, and not come back with yet.
    std::set<std::string, std::less<>>& pending() noexcept { return pending_; }
    const std::set<std::string, std::less<>>& pending() const noexcept { return pending_; }
    // Of this generation, who did not ask for an assignment yet.
    std::set<std::string, std::less<>>& unsynced() noexcept { return unsynced_; }

    std::size_t joining_count() const noexcept;
    bool all_joined() const noexcept { return pending_.empty() && joining_count() == members_.size(); }
    std::chrono::milliseconds rebalance_timeout() const noexcept;  // the longest of its members'

    // --- protocols ---
    // Somebody with these may join: the type is the group's, and all members know one of them.
    bool supports(std::string_view protocol_type, const std::vector<MemberProtocol>&) const;
    // The one that most members like best among those that all know. There must be one.
    std::string choose_protocol() const;

    // --- what it reads ---
    bool is_of_consumers() const noexcept { return protocol_type_ == "consumer"; }
    // Of consumers only, and where their subscriptions can be read.
    bool knows_its_topics() const noexcept { return members_.empty() ? is_of_consumers() : subscribed_.has_value(); }
    // Consumers whose topics are not known may read any.
    bool is_subscribed_to(std::string_view topic) const;

    // --- generations ---
    // A leader among those who have joined; false when nobody has.
    bool elect_leader();
    void begin_generation(std::int64_t wall_ms);
    // Members are waited for though all that are known have joined: the first ones of a group that was empty.
    bool is_gathering = false;
    // While it gathers: somebody came since the last look, and so long may still be waited.
    bool new_member_added = false;
    std::chrono::milliseconds gathering_left{};

    // --- records ---
    // The record that says how it stands.
    ClassicGroupRecord record() const;
    // The log refused it, and so tells of an older state: it comes before anything else of the group.
    std::optional<ClassicGroupRecord> due_record;
    std::vector<protocol::JoinGroupResponse::JoinGroupResponseMember> joined_members() const;
    // As DescribeGroups shows it.
    protocol::DescribeGroupsResponse::DescribedGroup described() const;

private:
    // In how many members' lists a protocol stands.
    std::map<std::string_view, std::size_t> protocol_counts() const;

    void read_subscriptions();

    std::string id_;
    ClassicState state_ = ClassicState::empty;
    std::int64_t state_since_ms_ = -1;
    std::int32_t generation_ = 0;
    std::string protocol_type_;
    std::optional<std::string> protocol_name_;
    std::string leader_;
    Members members_;
    std::map<std::string, std::string, std::less<>> static_members_;  // instance → member
    std::set<std::string, std::less<>> pending_;
    std::set<std::string, std::less<>> unsynced_;
    std::optional<std::set<std::string, std::less<>>> subscribed_;  // in this generation
};

}  // namespace ottla::broker::groups
