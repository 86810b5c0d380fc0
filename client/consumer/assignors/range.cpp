// SPDX-License-Identifier: Apache-2.0
// The range assignor. With racks, a first pass gives members what lies in their own rack, as far as their share goes;
// topics with the same subscribers and the same number of partitions are then matched together, so that partition 7 of
// one goes where partition 7 of the other goes. A second pass gives out the rest without regard to racks.
#include <algorithm>
#include <set>
#include <utility>

#include "client/consumer/assignors/assignor.hpp"

namespace ottla::client {
namespace {

using Racks = std::vector<std::vector<std::string>>;

// One topic in the course of being shared out.
class RangeTopic {
public:
    RangeTopic(std::string name, const Racks& racks, std::vector<const GroupMember*> subscribers)
        : name_(std::move(name)),
          racks_(racks),
          subscribers_(std::move(subscribers)),
          open_(racks.size(), true),
          given_(subscribers_.size(), 0),
          share_(racks.size() / subscribers_.size()),
          extra_(racks.size() % subscribers_.size()) {}

    const std::vector<const GroupMember*>& subscribers() const { return subscribers_; }
    std::size_t size() const { return racks_.size(); }
    bool minds_racks() const;
    bool is_near(std::size_t member, std::size_t partition) const {
        const auto& rack = subscribers_[member]->rack;
        return !rack || std::ranges::binary_search(racks_[partition], *rack);
    }
    bool has_room(std::size_t member) const { return room(member) > 0; }
    bool is_open(std::size_t partition) const { return open_[partition]; }

    void give(std::size_t member, std::size_t partition, GroupAssignment& to) {
        open_[partition] = false;
        if (++given_[member] == share_ + 1) --extra_;
        to[subscribers_[member]->id][name_].push_back(static_cast<std::int32_t>(partition));
    }
    // To each its share, of the lowest that are left.
    void give_ranges(bool only_near, GroupAssignment& to) {
        for (std::size_t m = 0; m < subscribers_.size(); ++m) {
            auto left = room(m);
            for (std::size_t p = 0; p < open_.size() && left > 0; ++p) {
                if (!open_[p] || (only_near && !is_near(m, p))) continue;
                give(m, p, to);
                --left;
            }
        }
    }

private:
    std::size_t room(std::size_t member) const {
        const auto most = share_ + (extra_ > 0 ? 1 : 0);
        return most > given_[member] ? most - given_[member] : 0;
    }

    std::string name_;
    const Racks& racks_;
    std::vector<const GroupMember*> subscribers_;
    std::vector<bool> open_;
    std::vector<std::size_t> given_;
    std::size_t share_;
    std::size_t extra_;  // so many may have one more
};

// Somebody's rack is among the partitions' racks, and not every partition is in all of them.
bool RangeTopic::minds_racks() const {
    std::set<std::string_view> all;
    for (const auto& racks : racks_) all.insert(racks.begin(), racks.end());
    const bool known =
        std::ranges::any_of(subscribers_, [&](const auto* m) { return m->rack && all.contains(*m->rack); });
    return known && std::ranges::any_of(racks_, [&](const auto& racks) { return racks.size() != all.size(); });
}

// Topics that go together: each member in turn takes a number of all of them, where all are near.
void give_together(std::vector<RangeTopic*>& topics, GroupAssignment& to) {
    const std::size_t members = topics.front()->subscribers().size();
    for (std::size_t p = 0; p < topics.front()->size(); ++p) {
        for (std::size_t m = 0; m < members; ++m) {
            const bool fits =
                std::ranges::all_of(topics, [&](const auto* t) { return t->is_near(m, p) && t->has_room(m); });
            if (!fits) continue;
            for (auto* t : topics) t->give(m, p, to);
            break;
        }
    }
}

}  // namespace

GroupAssignment assign_ranges(const std::vector<GroupMember>& members, const GroupTopics& topics) {
    GroupAssignment assignment;
    for (const auto& m : members) assignment[m.id];
    const auto sorted = in_order(members);
    std::vector<RangeTopic> shared;
    for (const auto& [name, racks] : topics) {
        std::vector<const GroupMember*> subscribers;
        std::ranges::copy_if(sorted, std::back_inserter(subscribers),
                             [&](const auto* m) { return subscribes(*m, name); });
        if (!racks.empty() && !subscribers.empty()) shared.emplace_back(name, racks, std::move(subscribers));
    }
    if (std::ranges::any_of(shared, &RangeTopic::minds_racks)) {
        std::map<std::pair<std::vector<const GroupMember*>, std::size_t>, std::vector<RangeTopic*>> alike;
        for (auto& t : shared) alike[{t.subscribers(), t.size()}].push_back(&t);
        for (auto& [key, group] : alike) {
            if (group.size() > 1)
                give_together(group, assignment);
            else if (group.front()->minds_racks())
                group.front()->give_ranges(true, assignment);
        }
    }
    for (auto& t : shared) t.give_ranges(false, assignment);
    for (auto& [member, partitions] : assignment)
        for (auto& [topic, numbers] : partitions) std::ranges::sort(numbers);
    return assignment;
}

}  // namespace ottla::client
