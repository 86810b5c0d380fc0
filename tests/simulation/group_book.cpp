// SPDX-License-Identifier: Apache-2.0
#include "tests/simulation/group_book.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace ottla::test {

namespace {

// offsets.retention.minutes of those brokers that let offsets go: the least there is.
constexpr std::int64_t retention_ms = 60'000;

}  // namespace

void GroupBook::problem(std::string text) { problems.push_back(fmt::format("group '{}': {}", group_, text)); }

GroupBook::Stint* GroupBook::find(std::size_t member, const Place& place) {
    const auto at = open_.find({member, place});
    return at == open_.end() ? nullptr : &stints_[at->second];
}

void GroupBook::assigned(std::size_t member, const Name& name, const std::vector<Place>& places, std::int64_t now_ms) {
    away_.erase(member);
    for (const auto& place : places) {
        if (find(member, place)) problem(fmt::format("member {} was assigned {} twice", member, to_string(place)));
        for (const auto& [key, at] : open_)
            if (key.second == place && key.first != member)
                overlaps_.push_back(
                    {place, name, stints_[at].name, member, key.first, now_ms, away_.contains(key.first)});
        open_[{member, place}] = stints_.size();
        Stint& stint = stints_.emplace_back();
        stint.place = place;
        stint.member = member;
        stint.name = name;
        stint.assigned_ms = now_ms;
    }
    // Those that it keeps it holds in this generation now.
    for (const auto& [key, at] : open_)
        if (key.first == member) stints_[at].name = name;
}

void GroupBook::given_back(std::size_t member, const std::vector<Place>& places, std::int64_t now_ms) {
    let_go_[member].insert(now_ms);
    for (const auto& place : places) {
        if (open_.erase({member, place}) == 0)
            problem(fmt::format("{} was taken from member {}, which did not hold it", to_string(place), member));
    }
}

void GroupBook::ended(std::size_t member, bool in_order) {
    for (const auto& place : held_by(member)) {
        if (in_order)
            problem(fmt::format("member {} was closed and never told to give back {}", member, to_string(place)));
        open_.erase({member, place});
    }
    away_.erase(member);
}

void GroupBook::handed_out(std::size_t member, const Place& place, std::int64_t offset, std::string_view value,
                           std::int64_t now_ms) {
    Processed& records = records_[place];
    const auto [at, is_new] = records.values.try_emplace(offset, value);
    if (!is_new && at->second != value)
        problem(fmt::format("{}@{} was '{}' and is '{}'", to_string(place), offset, at->second, value));
    if (records.first_ms.contains(offset)) ++again_;
    Stint* const stint = find(member, place);
    if (!stint)
        return problem(
            fmt::format("member {} was handed {}@{}, which it does not hold", member, to_string(place), offset));
    if (!stint->first) {
        stint->first = offset;
        stint->first_ms = now_ms;
        if (const auto done = processed_up_to(place); !stint->sought && offset > done)
            problem(fmt::format("member {} begins {} at {}, but from {} on nobody has processed it", member,
                                to_string(place), offset, done));
    } else if (stint->next >= 0 && offset != stint->next) {
        problem(fmt::format("member {} was handed {}@{} where {} had to come", member, to_string(place), offset,
                            stint->next));
    }
    stint->next = offset + 1;
}

void GroupBook::processed(const Place& place, std::int64_t offset, std::int64_t now_ms) {
    if (records_[place].first_ms.emplace(offset, now_ms).second) ++processed_count_;
}

void GroupBook::sought(std::size_t member, const Place& place, std::int64_t offset) {
    if (Stint* const stint = find(member, place)) {
        stint->sought = true;
        stint->next = offset;
    }
}

std::map<Place, std::set<std::size_t>> GroupBook::holders() const {
    std::map<Place, std::set<std::size_t>> all;
    for (const auto& [key, at] : open_) all[key.second].insert(key.first);
    return all;
}

std::set<Place> GroupBook::held_by(std::size_t member) const {
    std::set<Place> held;
    for (const auto& [key, at] : open_)
        if (key.first == member) held.insert(key.second);
    return held;
}

std::int64_t GroupBook::processed_up_to(const Place& place) const {
    const auto at = records_.find(place);
    std::int64_t next = 0;
    if (at == records_.end()) return next;
    for (const auto& [offset, when] : at->second.first_ms) {
        if (offset != next) break;
        ++next;
    }
    return next;
}

// --- the comparison ---

void GroupBook::compare(const GroupLog& log, const std::set<std::string>& topics) {
    compare_commits(log, topics);
    if (!log.whole) return;
    compare_acknowledged(log);
    compare_starts(log);
    compare_overlaps(log);
}

// What is committed was processed before, never goes back, and is not forgotten; generations count up, and none gives
// a partition to two.
void GroupBook::compare_commits(const GroupLog& log, const std::set<std::string>& topics) {
    std::map<Place, std::int64_t> last;
    std::map<Place, std::int64_t> last_at_ms;
    LoggedGeneration generation;
    std::int64_t since_ms = 0;
    for (const auto& entry : log.entries) {
        if (entry.generation) {
            compare_generations(generation, *entry.generation);
            generation = *entry.generation;
            since_ms = entry.at_ms;
        } else if (!entry.commit) {
            generation = LoggedGeneration();  // the group was deleted: the next one by its name counts anew
        }
        if (!entry.commit || !topics.contains(entry.commit->place.first)) continue;
        const auto& [place, offset, at_ms, metadata] = *entry.commit;
        if (!offset) {
            // Of the consumer protocol the commit's own age counts alone, as in Apache Kafka.
            const auto from_ms = generation.is_dealt ? last_at_ms[place] : since_ms;
            const bool nobody_reads = generation.members.empty() ? entry.at_ms - from_ms >= retention_ms
                                                                 : !generation.topics.contains(place.first);
            if (last.erase(place) != 0 && !nobody_reads)
                problem(fmt::format("the committed offset of {} was dropped at {}", to_string(place), entry.at_ms));
            if (!generation.is_dealt) committed_.erase(place);
            continue;
        }
        const auto [known, first] = last.emplace(place, *offset);
        if (!first && *offset < known->second && !came_late(place, *offset, at_ms))
            problem(fmt::format("what is committed of {} went back from {} to {} at {}", to_string(place),
                                known->second, *offset, at_ms));
        known->second = *offset;
        committed_[place] = *offset;
        last_at_ms[place] = at_ms;
        std::int64_t next = 0;
        for (const auto& [done, when] : records_[place].first_ms) {
            if (done != next || done >= *offset || when > at_ms) break;
            ++next;
        }
        if (next < *offset)
            problem(fmt::format("{} of {} was committed at {} when only those up to {} had been processed", *offset,
                                to_string(place), at_ms, next));
    }
}

// By a connection that had ended: then what was under way on it may come behind what was sent on the next one. It is of
// the one who holds the partition all the same, who commits nothing below where it began.
bool GroupBook::came_late(const Place& place, std::int64_t offset, std::int64_t at_ms) const {
    constexpr std::int64_t recently_ms = 10'000;
    return std::ranges::any_of(stints_, [&](const Stint& stint) {
        if (stint.place != place || stint.assigned_ms > at_ms || stint.first.value_or(0) > offset) return false;
        const auto lost = connections_lost_.find(stint.member);
        if (lost == connections_lost_.end()) return false;
        const auto before = lost->second.upper_bound(at_ms);
        return before != lost->second.begin() && *std::prev(before) >= at_ms - recently_ms;
    });
}

void GroupBook::compare_generations(const LoggedGeneration& before, const LoggedGeneration& after) {
    if (after.number < before.number) problem(fmt::format("generation {} came after {}", after.number, before.number));
    std::map<Place, std::string> owners;
    for (const auto& [member, places] : after.members)
        for (const auto& place : places)
            if (const auto [at, first] = owners.emplace(place, member); !first)
                problem(fmt::format("generation {} gives {} to {} and to {}", after.number, to_string(place),
                                    at->second, member));
}

// What was answered to be committed was, by a member of the generation of that moment.
void GroupBook::compare_acknowledged(const GroupLog& log) {
    for (const auto& commit : commits_) {
        bool found = false, as_member = false;
        const LoggedGeneration* generation = nullptr;
        for (const auto& entry : log.entries) {
            if (entry.generation) generation = &*entry.generation;
            // A newer commit of the same member may have gone in its place.
            if (!entry.commit || entry.commit->place != commit.place || entry.commit->offset < commit.offset) continue;
            if (entry.commit->at_ms < commit.begun_ms || entry.commit->at_ms > commit.answered_ms) continue;
            found = true;
            as_member = as_member || (generation && generation->members.contains(commit.member_id));
        }
        if (!found)
            problem(fmt::format("{} of {} was acknowledged at {} and is not in the log", commit.offset,
                                to_string(commit.place), commit.answered_ms));
        else if (!as_member)
            problem(fmt::format("{} of {} was committed at {} by {}, who was no member any more", commit.offset,
                                to_string(commit.place), commit.answered_ms, commit.member_id));
    }
}

// Who takes a partition over begins where that was committed at some moment between the assignment and the first
// message, and at 0 where nothing was.
void GroupBook::compare_starts(const GroupLog& log) {
    for (const auto& stint : stints_) {
        if (!stint.first || stint.sought) continue;
        std::int64_t committed = 0;
        bool fits = false, past = false;
        std::string were;
        const auto look = [&] {
            fits = fits || committed == *stint.first;
            were += fmt::format(" {}", committed);
        };
        for (const auto& entry : log.entries) {
            if (!entry.commit || entry.commit->place != stint.place) continue;
            if (entry.commit->at_ms >= stint.assigned_ms && !past) {
                past = true;
                look();
            }
            if (entry.commit->at_ms > stint.first_ms) break;
            committed = entry.commit->offset.value_or(0);
            if (past) look();
        }
        if (!past) look();
        if (!fits)
            problem(fmt::format("member {} was assigned {} at {} and began at {}, where nothing was committed but{}",
                                stint.member, to_string(stint.place), stint.assigned_ms, *stint.first, were));
    }
}

// A static member that does not join again in time stays in the group all the same, until its session is over. When it
// polled last after the others began, it finds so itself, or gives back, a little later than the coordinator goes on.
bool GroupBook::is_left_behind(const Overlap& overlap) const {
    constexpr std::int64_t soon_ms = 1'000;
    if (overlap.older_is_away) return true;
    const auto times = let_go_.find(overlap.older_member);
    if (times == let_go_.end()) return false;
    const auto next = times->second.lower_bound(overlap.at_ms);
    return next != times->second.end() && *next <= overlap.at_ms + soon_ms;
}

// The coordinator gives a partition to the next one only when the one before has given it up, or is out.
void GroupBook::compare_overlap(const LoggedGeneration& then, const Overlap& overlap) {
    const auto has_it = [&](const std::string& member_id) {
        const auto at = then.members.find(member_id);
        return at != then.members.end() && at->second.contains(overlap.place);
    };
    // Who was given it last may be the one that is out, and has not heard of that yet.
    if (!has_it(overlap.older.member_id) || !has_it(overlap.newer.member_id) || overlap.older_is_away) return;
    problem(fmt::format("at {} member {} was given {}, which member {} has too, as the coordinator knew", overlap.at_ms,
                        overlap.newer_member, to_string(overlap.place), overlap.older_member));
}

// Two hold a partition only when the older one is out of the generation in which the newer one was given it, and has
// not heard of that yet. It may join later: a group that goes to the consumer protocol after that does so in an epoch
// by the number of its last generation.
void GroupBook::compare_overlaps(const GroupLog& log) {
    for (const auto& overlap : overlaps_) {
        const LoggedGeneration* found = nullptr;
        const LoggedGeneration* then = nullptr;
        for (const auto& entry : log.entries)
            if (entry.generation && entry.at_ms <= overlap.at_ms) then = &*entry.generation;
        if (then && then->is_dealt) {
            compare_overlap(*then, overlap);
            continue;
        }
        for (const auto& entry : log.entries)
            if (entry.generation && entry.at_ms <= overlap.at_ms &&
                entry.generation->number == overlap.newer.generation &&
                entry.generation->members.contains(overlap.newer.member_id))
                found = &*entry.generation;
        const auto who =
            fmt::format("at {} member {} was given {} in generation {}, which member {} held in generation {}",
                        overlap.at_ms, overlap.newer_member, to_string(overlap.place), overlap.newer.generation,
                        overlap.older_member, overlap.older.generation);
        if (!found)
            problem(who + ": the log knows no such generation");
        else if (found->members.contains(overlap.older.member_id) && !is_left_behind(overlap))
            problem(who + ", and is a member of the newer one, too");
    }
}

}  // namespace ottla::test
