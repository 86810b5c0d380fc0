// SPDX-License-Identifier: Apache-2.0
// ParallelConsumers of one group at a real broker: they join, leave, crash and stand still, their handlers are slow,
// fail and get stuck, while the network breaks and the broker goes down. Nothing is committed beyond what is finished;
// every record is finished; what a commit's map tells of is not done again by who takes over; chains keep their order;
// dead letters are those of the records that used their attempts up, and no others.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "tests/simulation/broker_host.hpp"
#include "tests/simulation/faults.hpp"
#include "tests/simulation/parallel_host.hpp"
#include "tests/simulation/run_world.hpp"
#include "tests/simulation/topics_host.hpp"

namespace ottla::test {
namespace {

using namespace std::chrono_literals;

constexpr const char* worked_on = "orders";
constexpr const char* letters = "letters";

class ParallelWorld {
public:
    ParallelWorld(Simulation& simulation, std::size_t workers_most, bool is_compacted)
        : simulation_(simulation),
          is_compacted_(is_compacted),
          random_(simulation.chance()),
          topics_(simulation, "broker:9092"),
          book_("group-0", draw_rules()) {
        ParallelPlan plan;
        constexpr const char* strategies[] = {"range", "roundrobin", "sticky", "cooperative-sticky",
                                              "cooperative-sticky"};
        plan.assignors = strategies[random_.below(std::size(strategies))];
        plan.topic = worked_on;
        if (book_.rules().has_letters) plan.letters = letters;
        plan.session_ms = random_.between(1'000, 4'000);
        plan.max_poll_ms = random_.between(4'000, 10'000);
        plan.socket_timeout_ms = random_.between(1'000, 4'000);
        draw_protocol(plan);
        const bool all_static = random_.chance(0.15);
        const bool some_static = random_.chance(0.2);
        const auto count = static_cast<std::size_t>(random_.between(1, static_cast<std::int64_t>(workers_most)));
        for (std::size_t n = 0; n < count; ++n) {
            const bool is_static = all_static || (some_static && random_.chance(0.5));
            plan.instance_id = is_static ? fmt::format("instance-{}", n) : std::string();
            workers_.push_back(std::make_unique<ParallelHost>(simulation, book_, plan, n));
        }
    }

    std::vector<std::string> hosts() const {
        std::vector<std::string> names{"client"};
        for (const auto& worker : workers_) names.push_back(worker->name());
        return names;
    }
    asio::awaitable<void> freeze_one();
    // Of what is finished, committed or not, but the last: else nothing would tell that it may be committed.
    asio::awaitable<void> delete_some();
    asio::awaitable<void> play(std::function<asio::awaitable<void>()> trouble);
    void check(std::vector<std::string>& failures) const;

private:
    ParallelRules draw_rules() {
        ParallelRules rules;
        rules.seed = random_.next();
        constexpr WorkOrder orders[] = {WorkOrder::key, WorkOrder::key, WorkOrder::partition, WorkOrder::none};
        rules.order = orders[random_.below(std::size(orders))];
        rules.max_attempts = static_cast<std::int32_t>(random_.between(1, 4));
        rules.has_letters = random_.chance(0.9);
        if (random_.chance(0.3)) {
            rules.batch_size = static_cast<std::int32_t>(random_.between(2, random_.chance(0.5) ? 5 : 100));
            // One that fails in company has another attempt, alone.
            rules.max_attempts = std::max(rules.max_attempts, 2);
        }
        // Drawn apart, so that what seeds without them mean stays.
        base::Random apart(rules.seed ^ 0x7265747279U);
        if (rules.batch_size > 1 || !apart.chance(0.3)) return rules;
        for (auto n = apart.between(1, 3); n > 0; --n) {
            RetryTopic retry;
            retry.topic = fmt::format("retry-{}", n);
            retry.delay = std::chrono::milliseconds(apart.between(0, 3'000));
            rules.retry_topics.push_back(std::move(retry));
        }
        return rules;
    }
    void draw_protocol(ParallelPlan& plan) {
        using enum ParallelPlan::Speaks;
        constexpr ParallelPlan::Speaks protocols[] = {classic, classic, consumer, consumer, either};
        plan.speaks = protocols[random_.below(std::size(protocols))];
        constexpr const char* dealers[] = {"", "uniform", "range"};
        plan.remote_assignor = dealers[random_.below(std::size(dealers))];
        // What a group must have in common to be dealt to in the end.
        if (plan.speaks == either) plan.assignors = random_.chance(0.5) ? "range" : "cooperative-sticky";
    }
    // What compaction has taken away needs no work.
    asio::awaitable<void> note_absent(std::map<Place, std::int64_t> ends);
    asio::awaitable<void> work_off(const std::map<Place, std::int64_t>& ends);
    asio::awaitable<void> finish_all();

    Simulation& simulation_;
    const bool is_compacted_;
    base::Random random_;
    TopicsHost topics_;
    ParallelBook book_;
    std::vector<std::unique_ptr<ParallelHost>> workers_;
    std::vector<std::string> problems_;
};

asio::awaitable<void> ParallelWorld::freeze_one() {
    ParallelHost& worker = *workers_[random_.below(workers_.size())];
    worker.freeze();
    co_await simulation_.loop.timers.wait_for(
        std::chrono::milliseconds(random_.between(10, random_.chance(0.5) ? 2'000 : 12'000)));
    worker.thaw();
}

asio::awaitable<void> ParallelWorld::delete_some() {
    const auto partitions = topics_.topics().find(worked_on);
    if (partitions == topics_.topics().end()) co_return;
    const Place place(worked_on,
                      static_cast<std::int32_t>(random_.below(static_cast<std::uint64_t>(partitions->second))));
    const auto end = book_.dispensable_up_to(place);
    if (end < 2) co_return;
    co_await topics_.delete_records(place, random_.between(1, end - 1));
}

asio::awaitable<void> ParallelWorld::play(std::function<asio::awaitable<void>()> trouble) {
    auto& loop = simulation_.loop;
    std::map<std::string, std::string> configs;
    if (is_compacted_)
        configs = {
            {"cleanup.policy", "compact"}, {"min.cleanable.dirty.ratio", "0.01"}, {"internal.segment.bytes", "1500"}};
    co_await topics_.create(worked_on, static_cast<std::int32_t>(random_.between(1, 6)), true, std::move(configs));
    const auto letter_partitions = static_cast<std::int32_t>(random_.between(1, 2));
    co_await topics_.create(letters, letter_partitions, false);
    std::map<std::string, std::int32_t> retry_topics;
    for (const auto& retry : book_.rules().retry_topics) {
        const auto count = static_cast<std::int32_t>(1 + retry.delay.count() % 3);
        co_await topics_.create(retry.topic, count, false);
        retry_topics[retry.topic] = count;
    }
    topics_.use_keys(static_cast<std::size_t>(random_.between(1, 40)), is_compacted_);
    bool written = false;
    asio::co_spawn(loop.io, topics_.write(random_.between(20, 200)),
                   [&written](std::exception_ptr) { written = true; });
    for (auto& worker : workers_) worker->begin();
    co_await trouble();
    simulation_.note("the world is whole");
    for (std::size_t n = 0; n < workers_.size(); ++n) workers_[n]->calm(n == 0 || random_.chance(0.6));
    co_await loop.timers.wait_for(3s);
    topics_.finish_writing();
    std::function<bool()> is_written = [&written] { return written; };
    const bool all_written = co_await wait_until(simulation_, std::move(is_written), 300s);
    if (!all_written) problems_.emplace_back("the producer does not end");
    auto ends = co_await topics_.ends();
    co_await note_absent(ends);
    co_await work_off(ends);
    co_await finish_all();
    ends.merge(co_await topics_.ends_of(std::move(retry_topics)));
    std::function<void(const Message&)> take = [this](const Message& message) { book_.letter(message); };
    for (std::int32_t p = 0; p < letter_partitions; ++p) co_await topics_.read_all(letters, p, take);
    auto logs = co_await topics_.group_logs();
    book_.compare(logs[book_.group()], ends);
    simulation_.note(fmt::format("{} finished, {} passed over", book_.finished(), book_.passed_over()));
    if (book_.passed_over() > 0) simulation_.note_fault("(passed over by a map)");
}

asio::awaitable<void> ParallelWorld::note_absent(std::map<Place, std::int64_t> ends) {
    if (!is_compacted_) co_return;
    for (const auto& [place, end] : ends) {
        std::set<std::int64_t> there;
        std::function<void(const Message&)> take = [&there](const Message& m) { there.insert(m.offset()); };
        co_await topics_.read_all(place.first, place.second, std::move(take));
        for (std::int64_t offset = 0; offset < end; ++offset)
            if (!there.contains(offset)) book_.absent(place, offset);
        if (there.size() < static_cast<std::size_t>(end)) simulation_.note_fault("(compacted)");
    }
}

// For as long as it moves on; what was done before may have to be done again.
asio::awaitable<void> ParallelWorld::work_off(const std::map<Place, std::int64_t>& ends) {
    const auto is_finished = [&] {
        return std::ranges::all_of(ends, [this](const auto& e) {
            return book_.finished_up_to(e.first) >= e.second && book_.resolved_up_to(e.first) >= e.second;
        });
    };
    const auto until = simulation_.loop.timers.now() + 2h;
    while (!is_finished()) {
        std::function<bool()> has_moved = [this, &is_finished, before = book_.worked_off()] {
            return book_.worked_off() > before || is_finished();
        };
        const bool moved = co_await wait_until(simulation_, std::move(has_moved), 60s);
        if (moved && simulation_.loop.timers.now() < until) continue;
        co_await note_absent(ends);
        if (is_finished()) break;
        for (const auto& [place, end] : ends)
            if (const auto done = book_.finished_up_to(place); done < end || book_.resolved_up_to(place) < end)
                problems_.push_back(
                    fmt::format("{}; {} is finished up to {}, resolved up to {} of {}",
                                moved ? "after two hours some are left" : "for 60 s no record was finished",
                                to_string(place), done, book_.resolved_up_to(place), end));
        break;
    }
}

asio::awaitable<void> ParallelWorld::finish_all() {
    for (std::size_t n = 1; n < workers_.size(); ++n) {
        workers_[n]->finish(false);
        if (random_.chance(0.5))
            co_await simulation_.loop.timers.wait_for(std::chrono::milliseconds(random_.between(0, 1'500)));
    }
    std::function<bool()> others_are_done = [this] {
        return std::ranges::all_of(workers_, [this](const auto& w) { return w == workers_[0] || w->is_done(); });
    };
    const bool others_done = co_await wait_until(simulation_, std::move(others_are_done), 120s);
    if (!others_done) problems_.emplace_back("not all workers end");
    // What those have left behind, the last one does, and with it all that is not committed.
    int quiet = 0;
    std::function<bool()> is_quiet = [this, &quiet] { return (quiet = workers_[0]->is_idle() ? quiet + 1 : 0) > 300; };
    const bool rests = co_await wait_until(simulation_, std::move(is_quiet), 30min);
    if (!rests) problems_.emplace_back("the last worker has never done all");
    workers_[0]->finish(true);
    std::function<bool()> is_done = [this] { return workers_[0]->is_done(); };
    const bool done = co_await wait_until(simulation_, std::move(is_done), 120s);
    if (!done) problems_.emplace_back("the last worker does not end");
}

void ParallelWorld::check(std::vector<std::string>& failures) const {
    const auto add = [&failures](const std::vector<std::string>& problems) {
        failures.insert(failures.end(), problems.begin(), problems.end());
    };
    add(problems_);
    add(topics_.problems);
    for (const auto& worker : workers_) add(worker->problems);
    add(book_.problems);
}

Outcome run_parallel(std::uint64_t seed) {
    Simulation simulation(seed);
    auto random = simulation.chance();
    const auto session_ms = random.between(1'000, 4'000);
    std::vector<std::string> settings = {
        "log.flush.policy=ack",
        "group.min.session.timeout.ms=100",
        fmt::format("group.initial.rebalance.delay.ms={}", random.chance(0.5) ? 0 : 1'000),
        fmt::format("offset.metadata.max.bytes={}", random.chance(0.7) ? 4'096 : random.between(0, 100)),
        "group.consumer.min.session.timeout.ms=500",
        "group.consumer.min.heartbeat.interval.ms=50",
        fmt::format("group.consumer.session.timeout.ms={}", session_ms),
        fmt::format("group.consumer.heartbeat.interval.ms={}", session_ms / random.between(3, 6)),
        "offsets.topic.num.partitions=1"};
    // Drawn apart, so that what other seeds mean stays.
    const bool is_compacted = base::Random(seed ^ 0x636f6d70U).chance(0.2);
    if (is_compacted) settings.insert(settings.end(), {"log.cleaner.backoff.ms=700", "log.initial.task.delay.ms=100"});
    BrokerHost host(simulation, 1 + seed % 2, settings);
    ParallelWorld world(simulation, 5, is_compacted);
    Faults faults(simulation, world.hosts(), {"broker"});
    faults.add("worker frozen", [&world] { return world.freeze_one(); });
    faults.add("records deleted", [&world] { return world.delete_some(); });
    faults.add("stopped", [&host] { return host.again(BrokerHost::End::stopped); });
    faults.add("killed", [&host] { return host.again(BrokerHost::End::killed); });
    faults.add("power lost", [&host] { return host.again(BrokerHost::End::power_lost); });
    faults.add("disk slow", [&host] { return host.slow_disk(); });
    const auto time = trouble_time(random);
    return run_world(simulation, host, world, [&] { return faults.run(simulation.loop.timers.now() + time); });
}

TEST(Simulation, parallel_consumers_finish_every_record_in_order_and_commit_only_that) {
    run_seeds("parallel", 1.0, run_parallel);
}

}  // namespace
}  // namespace ottla::test
