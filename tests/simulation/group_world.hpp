// SPDX-License-Identifier: Apache-2.0
// GroupWorld: some groups, the machines of their members, and the topics that they read; what a world looks like is
// drawn from the seed. It plays the common course of all scenes: trouble, then peace, in which every group must come to
// rest, read everything, and end in order; then the books are compared with what the coordinators wrote.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/simulation/faults.hpp"
#include "tests/simulation/group_book.hpp"
#include "tests/simulation/member_host.hpp"
#include "tests/simulation/topics_host.hpp"

namespace ottla::test {

class GroupWorld {
public:
    // Where the brokers are.
    GroupWorld(Simulation&, std::string bootstrap);

    // One or two groups with so many members between them, of any kind, who speak the classic protocol.
    void draw_groups(std::size_t members_most);
    // The same, but they speak the consumer protocol, or each what it likes.
    void draw_dealt_groups(std::size_t members_most);
    // One group of so many that never misbehave, and so many partitions to share.
    void draw_crowd(std::size_t members, std::int32_t partitions);
    // One group with these.
    void add_group(std::vector<MemberPlan>);
    // The machines of members, and the one of the topics.
    std::vector<std::string> hosts() const;
    std::vector<std::unique_ptr<MemberHost>>& members() noexcept { return members_; }
    TopicsHost& topics() noexcept { return topics_; }
    // Faults of the members and topics.
    void add_faults(Faults&);

    // From the first topic to the last close, the brokers being up; `trouble` is over when the world is whole again.
    asio::awaitable<void> play(std::function<asio::awaitable<void>()> trouble);
    // Amid the trouble: so many are up and share everything, within two rebalance timeouts. The generation in which
    // they do.
    asio::awaitable<std::int32_t> rest(std::size_t members);
    const GroupBook& book() const noexcept { return *groups_.front().book; }
    // After that.
    void check(std::vector<std::string>& failures) const;
    // The longest rebalance timeout there is.
    Duration rebalance_timeout() const;
    std::size_t rebalances() const;

private:
    struct Group {
        std::unique_ptr<GroupBook> book;
        std::vector<MemberHost*> members;
    };
    asio::awaitable<void> freeze_one();
    asio::awaitable<void> come_to_rest();
    asio::awaitable<void> stay_at_rest();
    asio::awaitable<void> read_all();
    asio::awaitable<void> close_all();
    asio::awaitable<void> compare();
    // Empty when the group is at rest.
    std::string unrest(const Group&) const;
    std::int32_t generation(const Group&) const;
    std::set<Place> wanted(const Group&) const;

    Simulation& simulation_;
    base::Random random_;
    std::string bootstrap_;
    TopicsHost topics_;
    std::int32_t partitions_ = 0;  // of the first topic; 0: as it comes
    std::vector<Group> groups_;
    std::vector<std::unique_ptr<MemberHost>> members_;
    std::set<Place> places_;                        // all that there are when the trouble is over
    std::set<std::pair<std::string, Place>> read_;  // by these groups to their ends
    std::vector<std::string> problems_;
};

}  // namespace ottla::test
