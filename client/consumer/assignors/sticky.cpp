// SPDX-License-Identifier: Apache-2.0
// The sticky assignors. Everybody keeps what he held in the latest generation that knows of it; what is left goes to
// those with least. Then partitions move along the shortest chains of members, from one with more to one with at
// least two less, until there is no such chain: nobody could have it more even.
#include <algorithm>
#include <limits>
#include <set>
#include <tuple>

#include "client/consumer/assignors/assignor.hpp"

namespace ottla::client {
namespace {

using Index = std::size_t;
constexpr Index nobody = std::numeric_limits<Index>::max();

class Sharing {
public:
    Sharing(const std::vector<GroupMember>& members, const GroupTopics& topics);

    void keep_what_was_held();
    void shed_to_quota();
    void give_out_the_rest();
    void even_out();
    GroupAssignment result() const;

private:
    struct Topic {
        const std::string* name;
        const std::vector<std::vector<std::string>>* racks;
        std::vector<Index> subscribers;
        std::vector<Index> owner;      // by partition
        std::vector<Index> last_held;  // by partition
    };
    struct Member {
        const GroupMember* from;
        std::size_t load = 0;
        // By topic, what it has.
        std::map<Index, std::set<std::int32_t>> has;
    };
    struct Hop {
        Index from = nobody;
        Index topic = 0;
    };

    void give(Index member, Index topic, std::int32_t partition);
    void take(Index member, Index topic, std::int32_t partition);
    Index best_for(const Topic&, std::int32_t partition) const;
    bool even_out_from(Index start);
    std::vector<Hop> reach(Index start) const;
    std::int32_t least_missed(Index member, Index topic, Index receiver) const;

    std::vector<Member> members_;
    std::vector<Topic> topics_;
    bool all_alike_ = true;
    std::size_t total_ = 0;
};

Sharing::Sharing(const std::vector<GroupMember>& members, const GroupTopics& topics) {
    for (const auto* m : in_order(members)) members_.push_back(Member{m, 0, {}});
    for (const auto& [name, racks] : topics) {
        Topic topic{&name, &racks, {}, {}, {}};
        for (Index m = 0; m < members_.size(); ++m)
            if (subscribes(*members_[m].from, name)) topic.subscribers.push_back(m);
        if (topic.subscribers.empty() || racks.empty()) continue;
        if (topic.subscribers.size() != members_.size()) all_alike_ = false;
        topic.owner.assign(racks.size(), nobody);
        topic.last_held.assign(racks.size(), nobody);
        total_ += racks.size();
        topics_.push_back(std::move(topic));
    }
}

void Sharing::give(Index member, Index topic, std::int32_t partition) {
    topics_[topic].owner[static_cast<Index>(partition)] = member;
    members_[member].has[topic].insert(partition);
    ++members_[member].load;
}

void Sharing::take(Index member, Index topic, std::int32_t partition) {
    topics_[topic].owner[static_cast<Index>(partition)] = nobody;
    members_[member].has[topic].erase(partition);
    --members_[member].load;
}

void Sharing::keep_what_was_held() {
    for (Index t = 0; t < topics_.size(); ++t) {
        auto& topic = topics_[t];
        std::vector<std::int32_t> latest(topic.owner.size(), -2);
        std::vector<Index> holder(topic.owner.size(), nobody);
        for (const Index m : topic.subscribers) {
            const auto& from = *members_[m].from;
            const auto held = from.owned.find(*topic.name);
            if (held == from.owned.end()) continue;
            for (const auto p : held->second) {
                const auto i = static_cast<Index>(p);
                if (p < 0 || i >= holder.size() || from.generation < latest[i]) continue;
                // Two that claim it of one generation: neither can be believed.
                holder[i] = from.generation == latest[i] ? nobody : m;
                latest[i] = from.generation;
            }
        }
        topic.last_held = holder;
        for (Index i = 0; i < holder.size(); ++i)
            if (holder[i] != nobody) give(holder[i], t, static_cast<std::int32_t>(i));
    }
}

// With equal subscriptions everybody's share is known beforehand: those with most keep the larger shares.
void Sharing::shed_to_quota() {
    if (!all_alike_ || members_.empty()) return;
    const auto share = total_ / members_.size();
    auto extra = total_ % members_.size();
    std::vector<Index> by_load(members_.size());
    for (Index m = 0; m < by_load.size(); ++m) by_load[m] = m;
    std::ranges::stable_sort(by_load, std::greater<>(), [&](Index m) { return members_[m].load; });
    for (const Index m : by_load) {
        const auto most = share + (extra > 0 ? 1 : 0);
        if (extra > 0) --extra;
        for (Index t = topics_.size(); t-- > 0 && members_[m].load > most;) {
            auto& has = members_[m].has[t];
            while (!has.empty() && members_[m].load > most) take(m, t, *has.rbegin());
        }
    }
}

Index Sharing::best_for(const Topic& topic, std::int32_t partition) const {
    const auto i = static_cast<Index>(partition);
    const auto rank = [&](Index m) {
        const auto& rack = members_[m].from->rack;
        const bool near = rack && std::ranges::binary_search((*topic.racks)[i], *rack);
        return std::tuple(members_[m].load, topic.last_held[i] != m, !near, m);
    };
    return *std::ranges::min_element(topic.subscribers, {}, rank);
}

// Topics with few subscribers first: the others have more choice.
void Sharing::give_out_the_rest() {
    std::vector<Index> order(topics_.size());
    for (Index t = 0; t < order.size(); ++t) order[t] = t;
    std::ranges::stable_sort(order, {}, [&](Index t) { return topics_[t].subscribers.size(); });
    for (const Index t : order)
        for (Index p = 0; p < topics_[t].owner.size(); ++p) {
            const auto partition = static_cast<std::int32_t>(p);
            if (topics_[t].owner[p] == nobody) give(best_for(topics_[t], partition), t, partition);
        }
}

// Who can be given a partition of whom: by the fewest moves, from `start` on.
std::vector<Sharing::Hop> Sharing::reach(Index start) const {
    std::vector<Hop> hops(members_.size());
    std::vector<bool> seen_topic(topics_.size(), false);
    std::vector<Index> queue{start};
    hops[start].from = start;
    for (std::size_t next = 0; next < queue.size(); ++next) {
        for (const auto& [t, partitions] : members_[queue[next]].has) {
            if (partitions.empty() || seen_topic[t]) continue;
            seen_topic[t] = true;
            for (const Index m : topics_[t].subscribers) {
                if (hops[m].from != nobody) continue;
                hops[m] = Hop{queue[next], t};
                queue.push_back(m);
            }
        }
    }
    return hops;
}

// One that the receiver held before, else one that its present owner did not, else the last.
std::int32_t Sharing::least_missed(Index member, Index topic, Index receiver) const {
    const auto& has = members_[member].has.at(topic);
    const auto& held = topics_[topic].last_held;
    const auto rank = [&](std::int32_t p) {
        const auto before = held[static_cast<Index>(p)];
        return std::tuple(before != receiver, before == member, -p);
    };
    return *std::ranges::min_element(has, {}, rank);
}

bool Sharing::even_out_from(Index start) {
    const auto hops = reach(start);
    Index target = nobody;
    for (Index m = 0; m < members_.size(); ++m)
        if (hops[m].from != nobody && (target == nobody || members_[m].load < members_[target].load)) target = m;
    if (target == nobody || members_[start].load < members_[target].load + 2) return false;
    // From the end of the chain, so that nobody passes on what he was just given.
    for (Index to = target; to != start;) {
        const auto [from, topic] = hops[to];
        const auto partition = least_missed(from, topic, to);
        take(from, topic, partition);
        give(to, topic, partition);
        to = from;
    }
    return true;
}

void Sharing::even_out() {
    std::set<Index> settled;
    while (settled.size() < members_.size()) {
        Index most = nobody;
        for (Index m = 0; m < members_.size(); ++m)
            if (!settled.contains(m) && (most == nobody || members_[m].load > members_[most].load)) most = m;
        if (even_out_from(most))
            settled.clear();
        else
            settled.insert(most);
    }
}

GroupAssignment Sharing::result() const {
    GroupAssignment assignment;
    for (const auto& m : members_) {
        auto& to = assignment[m.from->id];
        for (const auto& [t, partitions] : m.has)
            if (!partitions.empty()) to[*topics_[t].name].assign(partitions.begin(), partitions.end());
    }
    return assignment;
}

bool holds(const GroupMember& member, const std::string& topic, std::int32_t partition) {
    const auto at = member.owned.find(topic);
    return at != member.owned.end() && std::ranges::binary_search(at->second, partition);
}

}  // namespace

GroupAssignment assign_sticky(const std::vector<GroupMember>& members, const GroupTopics& topics) {
    Sharing sharing(members, topics);
    sharing.keep_what_was_held();
    sharing.shed_to_quota();
    sharing.give_out_the_rest();
    sharing.even_out();
    return sharing.result();
}

GroupAssignment assign_cooperative_sticky(const std::vector<GroupMember>& members, const GroupTopics& topics) {
    auto assignment = assign_sticky(members, topics);
    for (const auto& m : members)
        for (auto& [topic, partitions] : assignment[m.id])
            std::erase_if(partitions, [&](std::int32_t p) {
                // Also a claim of an older generation counts: its member may not know yet that it is over.
                return !holds(m, topic, p) && std::ranges::any_of(members, [&](const auto& other) {
                    return other.id != m.id && holds(other, topic, p);
                });
            });
    for (auto& [member, partitions] : assignment)
        std::erase_if(partitions, [](const auto& entry) { return entry.second.empty(); });
    return assignment;
}

}  // namespace ottla::client
