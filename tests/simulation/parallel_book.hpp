// SPDX-License-Identifier: Apache-2.0
// ParallelBook: what the handlers of one simulated group were called with and what came of it, written down as it
// happens: the order of each chain and the attempts are judged at once, the commits, the maps in them, and the dead
// letters at the end.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <ottla/parallel_consumer.hpp>

#include "tests/simulation/group_log.hpp"

namespace ottla::test {

// What becomes of a record, whoever works on it: drawn from the seed and the record's place.
struct Fate {
    enum class Kind : std::uint8_t {
        good,
        failing,   // some times, but not as often as it may
        stuck,     // the first attempt takes long, perhaps longer than a partition waits for
        poison,    // whenever it is tried
        rejected,  // at once
    };
    Kind kind = Kind::good;
    std::int32_t failures = 0;
    std::int64_t takes_ms = 0;

    bool is_set_aside() const noexcept { return kind == Kind::poison || kind == Kind::rejected; }
};

struct ParallelRules {
    std::uint64_t seed = 0;
    WorkOrder order = WorkOrder::key;
    std::int32_t max_attempts = 1;
    bool has_letters = true;
    std::int32_t batch_size = 1;  // above 1: of handlers that take batches
    std::vector<RetryTopic> retry_topics;

    const RetryTopic* retry_topic(const std::string& name) const;

    Fate fate_of(const Place&, std::int64_t offset) const;
};

// A record that a handler is called with.
struct WorkedOn {
    std::size_t stint = 0;
    std::int64_t offset = 0;
    std::optional<std::string> key_text;  // none: in no order
    std::int32_t attempt = 1;
    std::int32_t attempts_before = 0;  // in other topics
    Place origin;                      // where it stood first
    std::int64_t origin_offset = 0;
    bool follows = false;  // in one batch with the record before it in its chain

    const std::string* key() const { return key_text ? &*key_text : nullptr; }
};

// Of a header; -1: it is no number.
std::int64_t number_in(const Message&, const char* header);

class ParallelBook {
public:
    ParallelBook(std::string group, ParallelRules rules) : group_(std::move(group)), rules_(rules) {}
    const std::string& group() const noexcept { return group_; }
    const ParallelRules& rules() const noexcept { return rules_; }

    // A partition that somebody has, from when what is committed of it was asked for until it is given back or lost.
    // `is_known`: what is committed was told.
    std::size_t begin_stint(const Place&, std::int64_t asked_ms, std::int64_t told_ms, bool is_known);
    void end_stint(std::size_t stint) { stints_[stint].is_over = true; }
    void began(const WorkedOn&);
    // moved: to a retry topic.
    enum class Result : std::uint8_t { done, failed, set_aside, moved };
    void ended(const WorkedOn&, Result, std::int64_t now_ms);
    // The dead letter of this one, or its retry, is acknowledged.
    void letter_written(const Place& place, std::int64_t offset) { written_[place].insert(offset); }
    // Compacted away: nobody has to do it, but who had it may.
    void absent(const Place&, std::int64_t offset);
    // A record of the dead-letter topic.
    void letter(const Message&);

    // One behind the records, from the first on, that nobody needs any more.
    std::int64_t dispensable_up_to(const Place&);
    // One behind the records that have succeeded or were set aside, wherever, without a gap.
    std::int64_t resolved_up_to(const Place&) const;
    // One behind the records that are finished without a gap.
    std::int64_t finished_up_to(const Place&) const;
    std::size_t finished() const noexcept { return finished_count_; }
    // How often work on a record came to its end, whether it was due or not: compaction may have taken what a worker
    // had.
    std::size_t worked_off() const noexcept { return worked_off_; }
    std::size_t passed_over() const noexcept { return passed_over_; }
    void compare(const GroupLog&, const std::map<Place, std::int64_t>& ends);

    std::vector<std::string> problems;

private:
    struct Chain {
        std::int64_t running = -1;
        std::int64_t pending = -1;  // to be tried again
        std::int64_t last = -1;
    };
    struct Stint {
        Place place;
        std::int64_t asked_ms = 0;
        std::int64_t told_ms = 0;
        bool is_known = true;
        bool is_over = false;
        std::map<std::string, Chain> chains;
        std::map<std::int64_t, std::int32_t> attempts;
    };
    // What a commit says is done.
    struct State {
        std::int64_t watermark = 0;
        std::set<std::int64_t> beyond;
        bool has(std::int64_t offset) const { return offset < watermark || beyond.contains(offset); }
    };

    Chain* chain_of(Stint&, const std::string* key) const;
    State state_of(const LoggedCommit&);
    void compare_commits(const GroupLog&);
    void compare_handovers(const GroupLog&);
    void compare_handover(const Stint&, const std::vector<std::pair<std::int64_t, State>>& states);
    void compare_letters(const std::map<Place, std::int64_t>& ends);
    void problem(std::string text);

    std::string group_;
    ParallelRules rules_;
    std::vector<Stint> stints_;
    std::map<Place, std::map<std::int64_t, std::int64_t>> finished_;  // offset → when first
    std::map<Place, std::map<std::int64_t, std::size_t>> letters_;    // how many
    std::map<Place, std::set<std::int64_t>> owed_;                    // letters and retries,
    std::map<Place, std::set<std::int64_t>> written_;                 // and as their writers were told
    std::map<Place, std::set<std::int64_t>> resolved_;
    std::map<Place, std::set<std::int64_t>> absent_;
    std::map<Place, std::int64_t> committed_;  // at the end
    std::size_t finished_count_ = 0, worked_off_ = 0;
    std::size_t passed_over_ = 0;
};

}  // namespace ottla::test
