// SPDX-License-Identifier: Apache-2.0
// Join: the orders of one partition, and what the steps said of them. It decides by what stands in the logs alone,
// times included, so that whoever reads them again comes to the same verdicts. Pure: no clock, no network.
//
// An order has from the time of its event to its deadline. It is confirmed when all steps have said ok by then,
// rejected as soon as one has failed by then, and rejected when the deadline is over: that is, when of each of the
// topics something later has been read. The first answer of a step counts.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

namespace orders {

struct Decision {
    std::string order_id;
    // "confirmed", "rejected: WHY"
    std::string verdict;
};

class Join {
public:
    // The topics that are read: the orders, then the steps in the order of topics.hpp.
    static constexpr std::size_t sources = 4;

    struct Input {
        std::size_t source;
        std::int64_t offset;
        std::int64_t time_ms;
        // Nothing: a record that only tells the time.
        std::optional<std::string> order_id;
        std::string value;
    };

    // `remember_ms`: how long after its decision something may still come of an order. It must be longer than
    // any service is away.
    explicit Join(std::int64_t timeout_ms, std::int64_t remember_ms = 7 * 24 * 3'600'000LL)
        : timeout_ms_(timeout_ms),
          remember_ms_(remember_ms) {}

    // It was decided before we came; whatever comes of it is left aside. `time_ms`: when.
    void decided_before(std::string order_id, std::int64_t time_ms);
    // In the order of each topic's log. What is decided now, to be published before positions() are committed.
    std::vector<Decision> take_in(const Input&);

    // Up to where the topics were read, together: what comes from now on is not older.
    std::int64_t time_ms() const;
    // Of the order that has waited longest; nothing when none waits.
    std::optional<std::int64_t> next_deadline() const;
    // Where to read on after a crash: the first record of each topic that an undecided order needs, or the next one; -1
    // when nothing was read.
    std::array<std::int64_t, sources> positions() const;
    std::size_t open_count() const noexcept { return open_.size(); }

private:
    struct Said {
        std::int64_t time_ms;
        std::string answer;
    };
    struct Order {
        bool is_placed = false;
        // Of its event; until that has come, of what came before it.
        std::int64_t time_ms = -1;
        std::array<std::optional<Said>, sources> said;
        // Its first record in each topic; -1: none.
        std::array<std::int64_t, sources> first = {-1, -1, -1, -1};
    };

    void note(const Input&, std::vector<Decision>&);
    void set_time(const std::string& id, Order&, std::int64_t time_ms);
    std::optional<std::string> verdict(const Order&) const;
    void close(const std::string& id, std::string verdict, std::vector<Decision>&);
    void expire(std::vector<Decision>&);

    const std::int64_t timeout_ms_;
    const std::int64_t remember_ms_;
    std::array<std::int64_t, sources> read_to_ms_ = {-1, -1, -1, -1};
    std::array<std::int64_t, sources> next_offset_ = {-1, -1, -1, -1};
    std::map<std::string, Order> open_;
    std::set<std::pair<std::int64_t, std::string>> deadlines_;
    std::unordered_set<std::string> decided_;
    std::deque<std::pair<std::int64_t, std::string>> decided_at_;
};

}  // namespace orders
