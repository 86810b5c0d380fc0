// SPDX-License-Identifier: Apache-2.0
#include "tests/simulation/parallel_book.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

#include <fmt/format.h>

#include "base/random.hpp"
#include "client/parallel/offset_map.hpp"

namespace ottla::test {

std::int64_t number_in(const Message& message, const char* header) {
    const auto text = message.header(header).text();
    std::int64_t number = -1;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

const RetryTopic* ParallelRules::retry_topic(const std::string& name) const {
    const auto at = std::ranges::find(retry_topics, name, &RetryTopic::topic);
    return at == retry_topics.end() ? nullptr : &*at;
}

Fate ParallelRules::fate_of(const Place& place, std::int64_t offset) const {
    std::uint64_t mixed = seed;
    for (const char c : place.first) mixed = (mixed ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
    mixed = (mixed ^ static_cast<std::uint64_t>(place.second)) * 0x9e3779b97f4a7c15U;
    base::Random random(mixed ^ static_cast<std::uint64_t>(offset));
    Fate fate;
    fate.takes_ms = random.chance(0.5) ? 0 : random.between(1, random.chance(0.1) ? 1'500 : 60);
    const auto drawn = random.below(100);
    if (drawn < 3) {
        fate.kind = Fate::Kind::poison;
    } else if (drawn < 5) {
        fate.kind = Fate::Kind::rejected;
    } else if (drawn < 6) {
        fate.kind = Fate::Kind::stuck;
        fate.takes_ms = random.between(3'000, 30'000);
    } else if (drawn < 16 && max_attempts > 1) {
        fate.kind = Fate::Kind::failing;
        fate.failures = static_cast<std::int32_t>(random.between(1, max_attempts - 1));
    }
    return fate;
}

void ParallelBook::problem(std::string text) { problems.push_back(fmt::format("group '{}': {}", group_, text)); }

std::size_t ParallelBook::begin_stint(const Place& place, std::int64_t asked_ms, std::int64_t told_ms, bool is_known) {
    Stint& stint = stints_.emplace_back();
    stint.place = place;
    stint.asked_ms = asked_ms;
    stint.told_ms = told_ms;
    stint.is_known = is_known;
    return stints_.size() - 1;
}

ParallelBook::Chain* ParallelBook::chain_of(Stint& stint, const std::string* key) const {
    if (rules_.order == WorkOrder::none || (rules_.order == WorkOrder::key && !key)) return nullptr;
    return &stint.chains[rules_.order == WorkOrder::key ? *key : std::string()];
}

void ParallelBook::began(const WorkedOn& one) {
    Stint& stint = stints_[one.stint];
    const auto offset = one.offset;
    const auto who = fmt::format("stint {} with {}: {}, attempt {}, was begun", one.stint, to_string(stint.place),
                                 offset, one.attempt);
    if (stint.is_over) problem(who + " when the partition had been given back");
    if (const auto expected = one.attempts_before + ++stint.attempts[offset]; one.attempt != expected)
        problem(fmt::format("{}, where it is number {}", who, expected));
    if (one.attempt > rules_.max_attempts) problem(fmt::format("{}, of {} at most", who, rules_.max_attempts));
    Chain* const chain = chain_of(stint, one.key());
    if (!chain) return;
    if (one.follows) {
        if (chain->running < 0 || offset <= chain->running)
            problem(fmt::format("{} behind {} of its chain in one batch", who, chain->running));
        chain->running = offset;
        return;
    }
    if (chain->running >= 0) problem(fmt::format("{} while {} of its chain ran", who, chain->running));
    if (chain->pending >= 0 && chain->pending != offset)
        problem(fmt::format("{} while {} of its chain was to be tried again", who, chain->pending));
    if (chain->pending < 0 && offset <= chain->last)
        problem(fmt::format("{} behind {} of its chain", who, chain->last));
    chain->running = offset;
}

void ParallelBook::ended(const WorkedOn& one, Result result, std::int64_t now_ms) {
    Stint& stint = stints_[one.stint];
    if (Chain* const chain = chain_of(stint, one.key())) {
        chain->running = -1;
        chain->pending = result == Result::failed ? one.offset : -1;
        if (result != Result::failed) chain->last = one.offset;
    }
    if (result != Result::failed) ++worked_off_;
    // What is another's by now is set aside by that one.
    if (result == Result::failed || (result != Result::done && stint.is_over)) return;
    if (result == Result::moved || (result == Result::set_aside && rules_.has_letters))
        owed_[stint.place].insert(one.offset);
    if (result != Result::moved) resolved_[one.origin].insert(one.origin_offset);
    if (finished_[stint.place].emplace(one.offset, now_ms).second) ++finished_count_;
}

void ParallelBook::absent(const Place& place, std::int64_t offset) {
    // Who had it before may be at it still, when it is committed by one who found it gone.
    finished_[place][offset] = std::numeric_limits<std::int64_t>::min();
    absent_[place].insert(offset);
    resolved_[place].insert(offset);
}

void ParallelBook::letter(const Message& message) {
    const Place place(std::string(message.header("dead-letter.topic").text()),
                      static_cast<std::int32_t>(number_in(message, "dead-letter.partition")));
    const auto offset = number_in(message, "dead-letter.offset");
    ++letters_[place][offset];
    const auto fate = rules_.fate_of(place, offset);
    const auto what = fmt::format("there is a dead letter of {}@{}", to_string(place), offset);
    if (!fate.is_set_aside()) problem(what + ", which succeeds in time");
    const auto attempts = number_in(message, "dead-letter.attempts");
    // A batch with a record that is refused is tried again first, record by record.
    const bool was_in_batch = rules_.batch_size > 1 && fate.kind == Fate::Kind::rejected && attempts == 2;
    if (attempts != (fate.kind == Fate::Kind::poison ? rules_.max_attempts : 1) && !was_in_batch)
        problem(fmt::format("{} after {} attempts", what, attempts));
    if (message.header("dead-letter.group").text() != group_) problem(what + " of another group");
}

std::int64_t ParallelBook::dispensable_up_to(const Place& place) {
    const auto end = finished_up_to(place);
    const auto& written = written_[place];
    for (const auto offset : owed_[place])
        if (offset < end && !written.contains(offset)) return offset;
    return end;
}

std::int64_t ParallelBook::resolved_up_to(const Place& place) const {
    const auto at = resolved_.find(place);
    std::int64_t next = 0;
    while (at != resolved_.end() && at->second.contains(next)) ++next;
    return next;
}

std::int64_t ParallelBook::finished_up_to(const Place& place) const {
    const auto at = finished_.find(place);
    std::int64_t next = 0;
    if (at == finished_.end()) return next;
    for (const auto& [offset, when] : at->second) {
        if (offset != next) break;
        ++next;
    }
    return next;
}

// --- the comparison ---

void ParallelBook::compare(const GroupLog& log, const std::map<Place, std::int64_t>& ends) {
    compare_commits(log);
    if (log.whole) compare_handovers(log);
    compare_letters(ends);
    for (const auto& [place, end] : ends) {
        if (const auto next = resolved_up_to(place); next < end && !rules_.retry_topic(place.first))
            problem(fmt::format("{} is done or set aside up to {} of {}", to_string(place), next, end));
        if (const auto next = finished_up_to(place); next < end)
            problem(fmt::format("{} is finished up to {} of {}", to_string(place), next, end));
        if (const auto at = committed_.find(place); end != 0 && (at == committed_.end() || at->second != end))
            problem(fmt::format("{} is committed up to {} of {}", to_string(place),
                                at == committed_.end() ? -1 : at->second, end));
    }
}

ParallelBook::State ParallelBook::state_of(const LoggedCommit& commit) {
    State state;
    state.watermark = commit.offset.value_or(0);
    if (!commit.offset) return state;
    const auto map = client::OffsetMap::decode(*commit.offset, commit.metadata);
    if (!map) {
        problem(fmt::format("the map of {} at {} cannot be read: {}", to_string(commit.place), *commit.offset,
                            to_string(map.error())));
        return state;
    }
    auto at = map->base();
    bool is_done = false;
    for (const auto run : map->runs()) {
        for (auto left = run; left > 0; --left, ++at)
            if (is_done) state.beyond.insert(at);
        is_done = !is_done;
    }
    return state;
}

// What is committed, and what its map tells of, was finished before.
void ParallelBook::compare_commits(const GroupLog& log) {
    for (const auto& entry : log.entries) {
        if (!entry.commit || !entry.commit->offset) continue;
        const auto& [place, offset, at_ms, metadata] = *entry.commit;
        committed_[place] = *offset;
        const auto& finished = finished_[place];
        const auto check = [&, at_ms = at_ms](std::int64_t one, const char* how) {
            const auto found = finished.find(one);
            if (found != finished.end() && found->second <= at_ms) return true;
            problem(fmt::format("{}@{} {} at {}, and was not finished then", to_string(place), one, how, at_ms));
            return false;
        };
        const auto state = state_of(*entry.commit);
        bool is_right = true;
        for (std::int64_t o = 0; o < state.watermark && is_right; ++o) is_right = check(o, "was committed");
        for (const auto o : state.beyond) is_right = is_right && check(o, "was in a committed map");
    }
}

void ParallelBook::compare_handovers(const GroupLog& log) {
    std::map<Place, std::vector<std::pair<std::int64_t, State>>> states;
    for (const auto& entry : log.entries)
        if (entry.commit) states[entry.commit->place].emplace_back(entry.commit->at_ms, state_of(*entry.commit));
    for (const auto& stint : stints_)
        if (stint.is_known) compare_handover(stint, states[stint.place]);
}

// Nothing that was done, as one was told when one took the partition over, is done again.
void ParallelBook::compare_handover(const Stint& stint, const std::vector<std::pair<std::int64_t, State>>& states) {
    const State nothing;
    std::vector<const State*> possible = {&nothing};
    for (const auto& [at_ms, state] : states) {
        if (at_ms < stint.asked_ms) possible.clear();
        if (at_ms <= stint.told_ms) possible.push_back(&state);
    }
    const auto is_in_all = [&](std::int64_t offset) {
        return std::ranges::all_of(possible, [&](const State* state) { return state->has(offset); });
    };
    for (const auto& [offset, count] : stint.attempts)
        if (is_in_all(offset))
            problem(fmt::format("{}@{} was done as it was committed at {}, and was done again by the next one",
                                to_string(stint.place), offset, stint.asked_ms));
    if (!stint.attempts.empty())
        for (const auto offset : possible.back()->beyond)
            if (!stint.attempts.contains(offset)) ++passed_over_;
}

void ParallelBook::compare_letters(const std::map<Place, std::int64_t>& ends) {
    for (const auto& [place, end] : ends) {
        if (rules_.retry_topic(place.first)) continue;
        auto& letters = letters_[place];
        const auto& absent = absent_[place];
        for (std::int64_t offset = 0; offset < end; ++offset)
            if (rules_.has_letters && !absent.contains(offset) && rules_.fate_of(place, offset).is_set_aside() &&
                !letters.contains(offset))
                problem(fmt::format("there is no dead letter of {}@{}", to_string(place), offset));
    }
}

}  // namespace ottla::test
