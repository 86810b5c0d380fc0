// SPDX-License-Identifier: Apache-2.0
// GroupBook: what the members of one simulated group were told, were handed out, have processed and committed, written
// down as it happens; it knows nothing of how a group works inside. What is wrong at once is said at once; the rest is
// compared with the log of the group's coordinator at the end.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <ottla/topic_partition.hpp>

#include "tests/simulation/group_log.hpp"

namespace ottla::test {

class GroupBook {
public:
    // Who it is to the coordinator at the moment.
    struct Name {
        std::string member_id;
        std::int32_t generation = -1;
    };
    struct Commit {
        Place place;
        std::int64_t offset = -1;
        std::string member_id;
        std::int64_t begun_ms = 0;
        std::int64_t answered_ms = 0;
    };

    explicit GroupBook(std::string group) : group_(std::move(group)) {}
    const std::string& group() const noexcept { return group_; }

    // Times are those of the wall clock, in milliseconds. Members are known by a number of the test's own.
    void assigned(std::size_t member, const Name&, const std::vector<Place>&, std::int64_t now_ms);
    void given_back(std::size_t member, const std::vector<Place>&, std::int64_t now_ms);
    // The process is gone, in order or not.
    void ended(std::size_t member, bool in_order);
    void handed_out(std::size_t member, const Place&, std::int64_t offset, std::string_view value, std::int64_t now_ms);
    void processed(const Place&, std::int64_t offset, std::int64_t now_ms);
    // The next one is to be another.
    void sought(std::size_t member, const Place&, std::int64_t offset);
    // It was answered that these are committed.
    void committed(Commit commit) { commits_.push_back(std::move(commit)); }

    // A connection of the member has ended.
    void lost_connection(std::size_t member, std::int64_t now_ms) { connections_lost_[member].insert(now_ms); }

    // Nobody polled in time: it has left, or is being left, and its application hears of that with its next poll.
    void went_away(std::size_t member, std::int64_t now_ms) {
        away_.insert(member);
        let_go_[member].insert(now_ms);
    }

    // Who holds what now, as its members know it.
    std::map<Place, std::set<std::size_t>> holders() const;
    std::set<Place> held_by(std::size_t member) const;
    // One behind the last offset up to which everything has been processed.
    std::int64_t processed_up_to(const Place&) const;
    std::size_t processed_count() const noexcept { return processed_count_; }
    std::size_t handed_out_again() const noexcept { return again_; }
    std::size_t rebalances() const noexcept { return stints_.size(); }

    // With the log of the coordinator, when all is over. `topics`: those that were never deleted.
    void compare(const GroupLog&, const std::set<std::string>& topics);

    // As the log has it, or had when nobody needed it any more; after compare().
    const std::map<Place, std::int64_t>& committed_offsets() const noexcept { return committed_; }

    std::vector<std::string> problems;

private:
    // From being assigned a partition until that is over.
    struct Stint {
        Place place;
        std::size_t member = 0;
        Name name;
        std::int64_t assigned_ms = 0;
        bool over = false;
        std::optional<std::int64_t> first;  // handed out
        std::int64_t first_ms = 0;
        std::int64_t next = -1;  // what must come now; -1: anything
        bool sought = false;
    };
    struct Overlap {
        Place place;
        Name newer, older;
        std::size_t newer_member = 0, older_member = 0;
        std::int64_t at_ms = 0;
        bool older_is_away = false;
    };
    struct Processed {
        std::map<std::int64_t, std::int64_t> first_ms;  // by offset
        std::map<std::int64_t, std::string> values;
    };

    Stint* find(std::size_t member, const Place&);
    void compare_commits(const GroupLog&, const std::set<std::string>& topics);
    bool came_late(const Place&, std::int64_t offset, std::int64_t at_ms) const;
    void compare_generations(const LoggedGeneration& before, const LoggedGeneration& after);
    void compare_acknowledged(const GroupLog&);
    void compare_starts(const GroupLog&);
    void compare_overlaps(const GroupLog&);
    void compare_overlap(const LoggedGeneration& then, const Overlap&);
    bool is_left_behind(const Overlap&) const;
    void problem(std::string text);

    std::string group_;
    std::vector<Stint> stints_;
    std::map<std::pair<std::size_t, Place>, std::size_t> open_;  // in stints_
    std::vector<Overlap> overlaps_;
    std::map<Place, Processed> records_;
    std::vector<Commit> commits_;
    std::map<std::size_t, std::set<std::int64_t>> connections_lost_;
    std::set<std::size_t> away_;
    std::map<std::size_t, std::set<std::int64_t>> let_go_;  // when it went away, or gave something back
    std::map<Place, std::int64_t> committed_;
    std::size_t processed_count_ = 0;
    std::size_t again_ = 0;
};

}  // namespace ottla::test
