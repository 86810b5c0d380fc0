// SPDX-License-Identifier: Apache-2.0
// ParallelHost's handlers: what they are called with goes into the book, and what comes of it is as each record's fate
// says.
#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "tests/simulation/parallel_host.hpp"

namespace ottla::test {

void ParallelHost::on_change(Process& process, const client::Intake::Change& change) {
    if (process.is_dead) return;
    const auto asked_ms =
        now_ms() -
        std::chrono::duration_cast<std::chrono::milliseconds>(simulation_.loop.timers.now() - change.asked_at).count();
    for (const auto& tp : change.partitions) {
        const Place place(tp.topic, tp.partition);
        simulation_.note(about(fmt::format("{} {}", static_cast<int>(change.kind), to_string(place))));
        if (change.kind == client::Rebalance::Kind::assigned) {
            process.stints[place] = book_.begin_stint(place, asked_ms, now_ms(), change.is_known);
            continue;
        }
        const auto at = process.stints.find(place);
        if (at == process.stints.end()) {
            problems.push_back(about(to_string(place) + " was taken from it, which it did not hold"));
            continue;
        }
        book_.end_stint(at->second);
        process.stints.erase(at);
    }
}

WorkedOn ParallelHost::worked_on(const Place& place, std::size_t stint, const WorkItem& item) {
    WorkedOn one;
    one.stint = stint;
    one.offset = item.offset();
    one.attempt = item.attempt();
    one.origin = Place(std::string(item.origin_topic()), item.origin_partition());
    one.origin_offset = item.origin_offset();
    if (!item.key().is_null()) one.key_text = std::string(item.key().text());
    const RetryTopic* const retry = book_.rules().retry_topic(place.first);
    if (!retry) return one;
    simulation_.note_fault("(from a retry topic)");
    one.attempts_before = static_cast<std::int32_t>(number_in(item, "retry.attempts"));
    if (now_ms() < item.timestamp_ms() + retry->delay.count())
        problems.push_back(about(fmt::format("it was given {}@{} {} ms too early", to_string(place), one.offset,
                                             item.timestamp_ms() + retry->delay.count() - now_ms())));
    return one;
}

std::vector<ParallelHost::Begun> ParallelHost::begin_all(const Process& process, const std::vector<WorkItem>& items) {
    std::vector<Begun> all;
    std::set<std::pair<std::size_t, std::string>> chains;
    const auto order = book_.rules().order;
    for (const auto& item : items) {
        const Place place(std::string(item.topic()), item.partition());
        simulation_.note(about(fmt::format("{}@{}, attempt {}", to_string(place), item.offset(), item.attempt())));
        const auto at = process.stints.find(place);
        if (at == process.stints.end()) {
            problems.push_back(
                about(fmt::format("it was given {}@{}, which it does not hold", to_string(place), item.offset())));
            return {};
        }
        Begun one{worked_on(place, at->second, item), {}};
        WorkedOn& record = one.record;
        one.fate = book_.rules().fate_of(record.origin, record.origin_offset);
        const bool is_of_chain = order == WorkOrder::partition || (order == WorkOrder::key && record.key());
        const auto chain = order == WorkOrder::key ? record.key_text.value_or("") : std::string();
        record.follows = is_of_chain && !chains.emplace(record.stint, chain).second;
        book_.began(record);
        all.push_back(std::move(one));
    }
    return all;
}

asio::awaitable<Handled> ParallelHost::handle(ProcessPtr process, std::vector<WorkItem> items) {
    // Nothing runs any more.
    if (process->is_dead) co_return Handled::done();
    const auto batch_max = static_cast<std::size_t>(book_.rules().batch_size);
    if (items.empty() || items.size() > batch_max)
        problems.push_back(about(fmt::format("it was given {} records at once", items.size())));
    const auto all = begin_all(*process, items);
    if (all.empty()) co_return Handled::done();
    if (++process->running > process->running_max)
        problems.push_back(about(fmt::format("{} handlers ran at once", process->running)));
    std::int64_t takes_ms = 0;
    for (const auto& one : all)
        if (one.record.attempt == 1 || one.fate.kind != Fate::Kind::stuck)
            takes_ms = std::max(takes_ms, one.fate.takes_ms);
    if (!calm_ && takes_ms > 0) co_await wait_ms(takes_ms);
    --process->running;
    if (process->is_dead) co_return Handled::done();
    co_return end_all(all);
}

Handled ParallelHost::end_all(const std::vector<Begun>& all) {
    using enum ParallelBook::Result;
    const auto& rules = book_.rules();
    const auto fails = [](const Begun& one) {
        return one.fate.is_set_aside() ||
               (one.fate.kind == Fate::Kind::failing && one.record.attempt <= one.fate.failures);
    };
    if (all.size() > 1) {
        simulation_.note_fault("(batch)");
        const bool is_failed = std::ranges::any_of(all, fails);
        // What follows in a chain waits for the first of it.
        for (const auto& one : all)
            if (!is_failed || !one.record.follows) book_.ended(one.record, is_failed ? failed : done, now_ms());
        return is_failed ? Handled::retry("one of them did not work") : Handled::done();
    }
    const auto& [record, fate] = all.front();
    if (fate.kind == Fate::Kind::rejected) {
        book_.ended(record, set_aside, now_ms());
        return Handled::reject("it is refused");
    }
    if (!fails(all.front())) {
        book_.ended(record, done, now_ms());
        return Handled::done();
    }
    const bool is_last = record.attempt >= rules.max_attempts;
    book_.ended(record, is_last ? set_aside : rules.retry_topics.empty() ? failed : moved, now_ms());
    // Applications fail in two ways.
    if (record.offset % 2 == 0) throw std::runtime_error("it failed");
    return Handled::retry("it did not work");
}

}  // namespace ottla::test
