// SPDX-License-Identifier: Apache-2.0
#include "tests/simulation/group_world.hpp"
#include "tests/simulation/run_world.hpp"

#include <algorithm>
#include <optional>
#include <regex>

#include <fmt/format.h>

namespace ottla::test {

using namespace std::chrono_literals;

namespace {

// What the members of a group say of how they want the partitions dealt; they need one in common.
const std::vector<std::vector<const char*>> strategies = {
    {"range"},
    {"roundrobin"},
    {"sticky"},
    {"cooperative-sticky"},
    {"cooperative-sticky"},
    {"range,roundrobin", "range"},
    {"cooperative-sticky,range", "range"},
    {"cooperative-sticky", "cooperative-sticky,sticky"},
};

// Until a coordinator and the leaders are found again by everybody.
constexpr Duration reconnecting = 8s;
constexpr Duration quiet_time = 12s;
// Of a session, and then until the others have heard of its end with their next heartbeat.
constexpr Duration longest_session = 6s;
constexpr Duration longest_commit_interval = 7s;

// In the place of a generation.
constexpr std::int32_t differing = -1;
constexpr std::int32_t nobody = -2;

}  // namespace

GroupWorld::GroupWorld(Simulation& simulation, std::string bootstrap)
    : simulation_(simulation),
      random_(simulation.chance()),
      bootstrap_(bootstrap),
      topics_(simulation, std::move(bootstrap)) {}

void GroupWorld::draw_groups(std::size_t members_most) {
    const std::size_t groups = random_.chance(0.25) ? 2 : 1;
    for (std::size_t g = 0; g < groups; ++g)
        groups_.emplace_back().book = std::make_unique<GroupBook>(fmt::format("group-{}", g));
    const auto count = static_cast<std::size_t>(random_.between(1, static_cast<std::int64_t>(members_most)));
    members_.resize(std::max(count, groups));
    for (std::size_t m = 0; m < members_.size(); ++m) groups_[m % groups].members.push_back(nullptr);
    std::size_t n = 0;
    for (auto& group : groups_) {
        const auto& strategy = strategies[random_.below(strategies.size())];
        MemberPlan common;
        common.bootstrap = bootstrap_;
        common.session_ms = random_.between(1'000, 4'000);
        common.heartbeat_ms = common.session_ms / random_.between(3, 6);
        common.max_poll_ms = random_.between(4'000, 10'000);
        common.socket_timeout_ms = random_.between(1'000, 4'000);
        common.metadata_age_ms = random_.between(500, 4'000);
        const bool all_static = random_.chance(0.15);
        const bool some_static = random_.chance(0.3);
        const auto topics = random_.below(3);
        // The first one is none: somebody must be left.
        const bool twins = group.members.size() > 2 && random_.chance(0.15);
        for (auto& member : group.members) {
            MemberPlan plan = common;
            plan.number = n;
            plan.assignors = strategy[random_.below(strategy.size())];
            plan.is_of_a_mix = strategy.size() > 1;
            if (all_static || (some_static && random_.chance(0.5))) plan.instance_id = fmt::format("instance-{}", n);
            if (topics == 0)
                plan.topics = {"orders"};
            else if (topics == 1 || random_.chance(0.3))
                plan.topics = {"orders", "payments"};
            else
                plan.topics = {"^(orders|payments|passing-.*)$"};
            if (twins && &member - group.members.data() >= static_cast<std::ptrdiff_t>(group.members.size()) - 2) {
                plan.instance_id = "twin";
                plan.has_twin = true;
            }
            members_[n] = std::make_unique<MemberHost>(simulation_, *group.book, std::move(plan));
            member = members_[n++].get();
        }
    }
}

void GroupWorld::draw_dealt_groups(std::size_t members_most) {
    draw_groups(members_most);
    std::map<const GroupBook*, MemberPlan> common;
    for (const auto& group : groups_) {
        MemberPlan& plan = common[group.book.get()];
        plan.speaks = random_.chance(0.7) ? MemberPlan::Speaks::consumer : MemberPlan::Speaks::either;
        constexpr const char* assignors[] = {"", "uniform", "range"};
        plan.remote_assignor = assignors[random_.below(std::size(assignors))];
        // What a group must have in common to be dealt to in the end.
        plan.assignors = random_.chance(0.5) ? "range" : "cooperative-sticky";
    }
    for (auto& group : groups_)
        for (auto* member : group.members) member->speak(common[group.book.get()]);
}

void GroupWorld::add_group(std::vector<MemberPlan> plans) {
    Group& group = groups_.emplace_back();
    group.book = std::make_unique<GroupBook>(fmt::format("group-{}", groups_.size() - 1));
    for (auto& plan : plans) {
        plan.number = members_.size();
        plan.bootstrap = bootstrap_;
        members_.push_back(std::make_unique<MemberHost>(simulation_, *group.book, std::move(plan)));
        group.members.push_back(members_.back().get());
    }
}

void GroupWorld::draw_crowd(std::size_t members, std::int32_t partitions) {
    const auto& strategy = strategies[random_.below(strategies.size())];
    partitions_ = partitions;
    std::vector<MemberPlan> plans(members);
    for (auto& plan : plans) {
        plan.assignors = strategy[random_.below(strategy.size())];
        plan.topics = {"orders"};
        plan.is_steady = true;
    }
    add_group(std::move(plans));
}

std::vector<std::string> GroupWorld::hosts() const {
    std::vector<std::string> names{"client"};
    for (const auto& member : members_) names.push_back(member->name());
    return names;
}

Duration GroupWorld::rebalance_timeout() const {
    std::int64_t longest = 0;
    for (const auto& member : members_) longest = std::max(longest, member->plan().max_poll_ms);
    return std::chrono::milliseconds(longest);
}

std::size_t GroupWorld::rebalances() const {
    std::size_t count = 0;
    for (const auto& group : groups_) count += group.book->rebalances();
    return count;
}

void GroupWorld::add_faults(Faults& faults) {
    faults.add("member frozen", [this] { return freeze_one(); });
    faults.add("partitions added", [this] { return topics_.grow(); });
    faults.add("topic made or deleted", [this] { return topics_.make_or_delete(); });
}

asio::awaitable<void> GroupWorld::freeze_one() {
    MemberHost& member = *members_[random_.below(members_.size())];
    member.freeze();
    co_await simulation_.loop.timers.wait_for(
        std::chrono::milliseconds(random_.between(10, random_.chance(0.5) ? 2'000 : 12'000)));
    member.thaw();
}

// --- the course of things ---

asio::awaitable<void> GroupWorld::play(std::function<asio::awaitable<void>()> trouble) {
    auto& loop = simulation_.loop;
    const auto drawn = static_cast<std::int32_t>(random_.between(1, 8));
    co_await topics_.create("orders", partitions_ == 0 ? drawn : partitions_);
    co_await topics_.create("payments", static_cast<std::int32_t>(random_.between(1, 3)));
    bool written = false;
    if (random_.chance(0.5)) topics_.let_rest("payments", std::chrono::seconds(random_.between(1, 20)));
    asio::co_spawn(loop.io, topics_.write(random_.between(20, 200)),
                   [&written](std::exception_ptr) { written = true; });
    for (auto& member : members_) member->begin();
    co_await trouble();
    simulation_.note("the world is whole");
    for (auto& group : groups_)
        for (std::size_t n = 0; n < group.members.size(); ++n) group.members[n]->calm(n == 0 || random_.chance(0.6));
    places_ = co_await topics_.all_places();
    co_await come_to_rest();
    co_await stay_at_rest();
    topics_.finish_writing();
    std::function<bool()> is_written = [&written] { return written; };
    const bool all_written = co_await wait_until(simulation_, std::move(is_written), 300s);
    if (!all_written) problems_.emplace_back("the producer does not end");
    co_await read_all();
    co_await close_all();
    co_await compare();
}

std::set<Place> GroupWorld::wanted(const Group& group) const {
    std::set<Place> places;
    for (const auto* member : group.members) {
        if (!member->is_alive()) continue;
        for (const auto& topic : member->plan().topics)
            for (const auto& place : places_)
                if (place.first == topic || (topic.front() == '^' && std::regex_search(place.first, std::regex(topic))))
                    places.insert(place);
    }
    return places;
}

std::int32_t GroupWorld::generation(const Group& group) const {
    std::optional<std::int32_t> number;
    for (const auto* member : group.members) {
        if (!member->is_alive()) continue;
        const auto its = member->group_metadata().generation;
        if (number.value_or(its) != its) return differing;
        number = its;
    }
    return number.value_or(nobody);
}

std::string GroupWorld::unrest(const Group& group) const {
    for (const auto* member : group.members)
        if (member->takes_part() && !member->is_alive()) return fmt::format("{} is not up", member->name());
    for (const auto* member : group.members)
        if (member->is_alive() && !member->is_settled()) return fmt::format("{} has not joined", member->name());
    if (generation(group) == differing) return "its members are not of one generation";
    const auto holders = group.book->holders();
    const auto places = wanted(group);
    for (const auto& place : places) {
        const auto at = holders.find(place);
        if (at == holders.end()) return fmt::format("nobody holds {}", to_string(place));
        if (at->second.size() > 1) return fmt::format("several hold {}", to_string(place));
    }
    for (const auto& [place, who] : holders)
        if (!places.contains(place)) return fmt::format("member {} holds {}", *who.begin(), to_string(place));
    return {};
}

asio::awaitable<std::int32_t> GroupWorld::rest(std::size_t members) {
    places_ = co_await topics_.all_places();
    std::function<bool()> are_up = [this, members] {
        return static_cast<std::size_t>(
                   std::ranges::count_if(members_, [](const auto& one) { return one->is_alive(); })) == members;
    };
    const bool up = co_await wait_until(simulation_, std::move(are_up), 60s);
    if (!up) problems_.push_back(fmt::format("never are {} members up", members));
    co_await come_to_rest();
    co_return generation(groups_.front());
}

asio::awaitable<void> GroupWorld::come_to_rest() {
    const Duration most = 2 * rebalance_timeout() + reconnecting;
    std::function<bool()> at_rest = [this] {
        return std::ranges::all_of(groups_, [this](const Group& group) { return unrest(group).empty(); });
    };
    const bool rests = co_await wait_until(simulation_, std::move(at_rest), most);
    simulation_.note("the groups are at rest");
    if (rests) co_return;
    for (const auto& group : groups_)
        if (const auto why = unrest(group); !why.empty())
            problems_.push_back(fmt::format("group '{}' does not come to rest within {} s: {}", group.book->group(),
                                            std::chrono::duration_cast<std::chrono::seconds>(most).count(), why));
}

asio::awaitable<void> GroupWorld::stay_at_rest() {
    // Who is away and holds nothing is put out when its session is over.
    co_await simulation_.loop.timers.wait_for(longest_session);
    co_await come_to_rest();
    std::vector<std::int32_t> before;
    for (const auto& group : groups_) before.push_back(generation(group));
    co_await simulation_.loop.timers.wait_for(quiet_time);
    for (std::size_t g = 0; g < groups_.size(); ++g)
        if (const auto now = generation(groups_[g]); now != before[g])
            problems_.push_back(fmt::format("group '{}' went from generation {} to {} though nothing happened",
                                            groups_[g].book->group(), before[g], now));
}

asio::awaitable<void> GroupWorld::read_all() {
    const auto ends = co_await topics_.ends();
    for (auto& group : groups_) {
        const auto places = wanted(group);
        for (const auto& [place, end] : ends) {
            if (!places.contains(place)) continue;
            read_.emplace(group.book->group(), place);
            // For as long as it moves on.
            for (bool moved = true; moved && group.book->processed_up_to(place) < end;) {
                std::function<bool()> is_further = [&book = *group.book, place = place,
                                                    before = group.book->processed_up_to(place)] {
                    return book.processed_up_to(place) > before;
                };
                moved = co_await wait_until(simulation_, std::move(is_further), 60s);
            }
            if (const auto processed = group.book->processed_up_to(place); processed < end)
                problems_.push_back(fmt::format("group '{}' has processed {} up to {} of {}", group.book->group(),
                                                to_string(place), processed, end));
        }
    }
}

asio::awaitable<void> GroupWorld::close_all() {
    // Partitions that are given back amid the others' closing are nobody's to commit.
    for (auto& member : members_) member->commit_soon();
    co_await simulation_.loop.timers.wait_for(longest_commit_interval);
    for (auto& member : members_) {
        member->finish();
        if (random_.chance(0.5))
            co_await simulation_.loop.timers.wait_for(std::chrono::milliseconds(random_.between(0, 1'500)));
    }
    std::function<bool()> are_closed = [this] {
        return std::ranges::all_of(members_, [](const auto& member) { return member->is_done(); });
    };
    const bool closed = co_await wait_until(simulation_, std::move(are_closed), 60s);
    if (!closed) problems_.emplace_back("not all members end");
}

asio::awaitable<void> GroupWorld::compare() {
    const auto ends = co_await topics_.ends();
    auto logs = co_await topics_.group_logs();
    for (auto& group : groups_) {
        group.book->compare(logs[group.book->group()], topics_.topic_names());
        const auto& committed = group.book->committed_offsets();
        for (const auto& [place, end] : ends) {
            const auto at = committed.find(place);
            if (end != 0 && read_.contains({group.book->group(), place}) &&
                (at == committed.end() || at->second != end))
                problems_.push_back(fmt::format("group '{}' has committed {} up to {} of {}", group.book->group(),
                                                to_string(place), at == committed.end() ? -1 : at->second, end));
        }
    }
}

void GroupWorld::check(std::vector<std::string>& failures) const {
    const auto add = [&failures](const std::vector<std::string>& problems) {
        failures.insert(failures.end(), problems.begin(), problems.end());
    };
    add(problems_);
    add(topics_.problems);
    for (const auto& member : members_) add(member->problems);
    for (const auto& group : groups_) add(group.book->problems);
}

}  // namespace ottla::test
