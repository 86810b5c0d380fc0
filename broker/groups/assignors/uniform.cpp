// SPDX-License-Identifier: Apache-2.0
// The uniform assignor. Where all read the same topics, each member gets its share, or one more; what it had stays as
// far as its share goes. Where they do not, what they had stays, what is free goes to whom has least, and then every
// topic is evened out among those who read it.
#include <algorithm>
#include <set>

#include "broker/groups/assignors/server_assignor.hpp"

namespace ottla::broker::groups {
namespace {

struct Place {
    Uuid topic;
    std::int32_t partition;
    friend auto operator<=>(const Place&, const Place&) = default;
};

class UniformAssignment {
public:
    explicit UniformAssignment(const AssignorGroup& group)
        : group_(group),
          assigned_(group.members.size()),
          load_(group.members.size()) {}

    Assigned even() &&;
    Assigned uneven() &&;

private:
    void keep_current();
    std::vector<Place> free_places() const;
    void even_out(const Uuid& topic, const std::vector<std::size_t>& readers);
    std::map<Uuid, std::vector<std::size_t>> readers() const;
    std::size_t least_loaded(const std::vector<std::size_t>& among) const {
        return *std::ranges::min_element(among, {}, [this](std::size_t m) { return load_[m]; });
    }

    void give(std::size_t member, const Place& place) {
        assigned_[member][place.topic].insert(place.partition);
        taken_.insert(place);
        ++load_[member];
    }
    void take(std::size_t member, const Place& place) {
        auto& of_topic = assigned_[member][place.topic];
        of_topic.erase(place.partition);
        if (of_topic.empty()) assigned_[member].erase(place.topic);
        taken_.erase(place);
        --load_[member];
    }

    const AssignorGroup& group_;
    Assigned assigned_;
    std::vector<std::size_t> load_;
    std::set<Place> taken_;
};

// What each had, is there, and is read by it still. Nobody else has it.
void UniformAssignment::keep_current() {
    for (std::size_t m = 0; m < group_.members.size(); ++m) {
        const AssignorMember& member = group_.members[m];
        for (const auto& [topic, partitions] : *member.current) {
            const auto known = group_.partitions.find(topic);
            if (known == group_.partitions.end() || !std::ranges::binary_search(*member.topics, topic)) continue;
            for (const auto number : partitions) {
                if (number >= 0 && number < known->second && !taken_.contains({topic, number}))
                    give(m, {topic, number});
            }
        }
    }
}

std::vector<Place> UniformAssignment::free_places() const {
    std::vector<Place> places;
    for (const auto& [topic, count] : group_.partitions) {
        for (std::int32_t i = 0; i < count; ++i) {
            if (!taken_.contains({topic, i})) places.push_back({topic, i});
        }
    }
    return places;
}

Assigned UniformAssignment::even() && {
    keep_current();
    std::size_t total = 0;
    for (const auto& [topic, count] : group_.partitions) total += static_cast<std::size_t>(count);
    const std::size_t share = total / load_.size();
    std::size_t larger = total % load_.size();
    // Who has more than a share already is the first to have one more.
    std::vector<std::size_t> order(load_.size());
    for (std::size_t m = 0; m < order.size(); ++m) order[m] = m;
    std::ranges::stable_sort(order, std::greater<>(), [&](std::size_t m) { return load_[m] > share; });
    std::vector<std::size_t> quota(load_.size(), share);
    for (const auto m : order) {
        if (larger == 0) break;
        ++quota[m];
        --larger;
    }
    for (std::size_t m = 0; m < load_.size(); ++m) {
        while (load_[m] > quota[m]) {
            const auto& [topic, partitions] = *assigned_[m].rbegin();
            take(m, {topic, *partitions.rbegin()});
        }
    }
    const auto places = free_places();
    auto place = places.begin();
    for (std::size_t m = 0; m < load_.size(); ++m) {
        while (load_[m] < quota[m]) give(m, *place++);
    }
    return std::move(assigned_);
}

std::map<Uuid, std::vector<std::size_t>> UniformAssignment::readers() const {
    std::map<Uuid, std::vector<std::size_t>> readers;
    for (std::size_t m = 0; m < group_.members.size(); ++m) {
        for (const auto& topic : *group_.members[m].topics) {
            if (group_.partitions.contains(topic)) readers[topic].push_back(m);
        }
    }
    return readers;
}

Assigned UniformAssignment::uneven() && {
    keep_current();
    const auto all_readers = readers();
    auto places = free_places();
    // Those that few can have come first: what many can have evens it out afterwards.
    std::ranges::stable_sort(places, {}, [&](const Place& one) { return all_readers.at(one.topic).size(); });
    for (const auto& place : places) give(least_loaded(all_readers.at(place.topic)), place);
    // Each round moves something from who has two more than another, which cannot go on for ever.
    while (true) {
        const auto before = assigned_;
        for (const auto& [topic, among] : all_readers) even_out(topic, among);
        if (before == assigned_) break;
    }
    return std::move(assigned_);
}

void UniformAssignment::even_out(const Uuid& topic, const std::vector<std::size_t>& readers) {
    while (true) {
        const std::size_t to = least_loaded(readers);
        std::size_t from = to;
        for (const auto m : readers) {
            if (load_[m] > load_[from] && assigned_[m].contains(topic)) from = m;
        }
        if (load_[from] < load_[to] + 2) return;
        const Place place{topic, *assigned_[from].at(topic).rbegin()};
        take(from, place);
        give(to, place);
    }
}

}  // namespace

Assigned assign_uniform(const AssignorGroup& group) {
    if (group.members.empty()) return {};
    UniformAssignment assignment(group);
    return group.is_homogeneous() ? std::move(assignment).even() : std::move(assignment).uneven();
}

}  // namespace ottla::broker::groups
