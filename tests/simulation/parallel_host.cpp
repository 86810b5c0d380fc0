// SPDX-License-Identifier: Apache-2.0
#include "tests/simulation/parallel_host.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace ottla::test {

using namespace std::chrono_literals;

namespace {

constexpr std::int64_t last_close_ms = 60'000;

}  // namespace

ParallelHost::ParallelHost(Simulation& simulation, ParallelBook& book, ParallelPlan plan, std::size_t number)
    : simulation_(simulation),
      book_(book),
      plan_(std::move(plan)),
      number_(number),
      random_(simulation.chance()),
      freezer_(simulation.loop.io),
      transport_(simulation.network.host(name())) {}

std::string ParallelHost::name() const { return fmt::format("worker-{}", number_); }

std::string ParallelHost::about(std::string_view what) const { return fmt::format("{}: {}", name(), what); }

void ParallelHost::begin() {
    asio::co_spawn(freezer_.executor(), live(), [this](std::exception_ptr thrown) {
        done_ = true;
        if (thrown) problems.push_back(about("it threw"));
    });
}

void ParallelHost::calm(bool stays) {
    calm_ = true;
    stays_ = stays;
}

// --- living ---

asio::awaitable<void> ParallelHost::live() {
    co_await wait_ms(random_.between(0, 5'000));
    while (!finishing_ && (!calm_ || stays_)) {
        co_await live_once();
        for (auto left = random_.between(1, 60); left > 0 && !finishing_ && !calm_; --left) co_await wait_ms(100);
    }
}

ParallelConsumerConfig ParallelHost::draw_config() {
    ParallelConsumerConfig c;
    c.brokers = plan_.bootstrap;
    c.group_id = book_.group();
    c.topics = {plan_.topic};
    c.order = book_.rules().order;
    c.max_concurrency = static_cast<std::int32_t>(random_.between(1, 20));
    c.buffered_records = static_cast<std::int32_t>(random_.chance(0.5) ? random_.between(1, 50) : 10'000);
    c.commit_interval = std::chrono::milliseconds(random_.between(20, 3'000));
    c.commit_every = random_.chance(0.3) ? static_cast<std::int32_t>(random_.between(1, 30)) : 0;
    c.waits_for_commits = random_.chance(0.3);
    constexpr std::int32_t metadata[] = {0, 24, 200, 4'096};
    c.metadata_bytes = metadata[random_.below(std::size(metadata))];
    c.batch_size = book_.rules().batch_size;
    c.max_attempts = book_.rules().max_attempts;
    c.retry_delay = std::chrono::milliseconds(random_.between(0, 500));
    c.retry_delay_max = c.retry_delay + 1s;
    c.dead_letter_topic = plan_.letters;
    c.retry_topics = book_.rules().retry_topics;
    c.revoke_timeout = std::chrono::milliseconds(random_.between(0, plan_.max_poll_ms / 2));
    const auto set = [&c](const char* key, ConfigValue value) { c.config.set(key, std::move(value)).value(); };
    set("client.id", name());
    set("auto.offset.reset", "earliest");
    if (!plan_.instance_id.empty()) set("group.instance.id", plan_.instance_id);
    using enum ParallelPlan::Speaks;
    if (plan_.speaks == consumer || (plan_.speaks == either && random_.chance(0.5))) {
        simulation_.note_fault("(dealt to)");
        set("group.protocol", "consumer");
        if (!plan_.remote_assignor.empty()) set("group.remote.assignor", plan_.remote_assignor);
    } else {
        set("partition.assignment.strategy", plan_.assignors);
        set("session.timeout.ms", plan_.session_ms);
        set("heartbeat.interval.ms", plan_.session_ms / 4);
    }
    set("max.poll.interval.ms", plan_.max_poll_ms);
    set("socket.timeout.ms", plan_.socket_timeout_ms);
    set("reconnect.backoff.max.ms", 1'000);
    set("topic.metadata.refresh.interval.ms", 2'000);
    set("fetch.wait.max.ms", random_.between(10, 500));
    set("max.partition.fetch.bytes", random_.between(100, 3'000));
    if (plan_.letters.empty() && c.retry_topics.empty()) return c;
    const auto set_letters = [&c](const char* key, ConfigValue value) {
        c.producer_config.set(key, std::move(value)).value();
    };
    set_letters("socket.timeout.ms", plan_.socket_timeout_ms);
    set_letters("reconnect.backoff.max.ms", 1'000);
    set_letters("request.timeout.ms", 3'000);
    set_letters("delivery.timeout.ms", random_.chance(0.5) ? 300'000 : 4'000);
    return c;
}

Result<std::shared_ptr<client::ParallelCore>> ParallelHost::start(ProcessPtr process) {
    auto config = draw_config();
    config.hooks.on_commit = [this, process](const CommitEvent& event) { on_commit(*process, event); };
    config.hooks.on_letter = [this](const LetterEvent& event) {
        if (event.error.code() != ErrorCode::none) return;
        for (const auto& item : event.items)
            book_.letter_written(Place(std::string(item.topic()), item.partition()), item.offset());
    };
    process->running_max = config.max_concurrency;
    client::Surroundings given;
    given.executor = freezer_.executor();
    given.transport = transport_.get();
    given.timers = &simulation_.loop.timers;
    given.workers = &simulation_.workers;
    given.seed = random_.next();
    given.log = log();
    AsyncHandler each = [this, process](WorkItem item) {
        std::vector<WorkItem> one;
        one.push_back(std::move(item));
        return handle(process, std::move(one));
    };
    client::ParallelCore::AsyncBatchHandler batches = [this, process](std::vector<WorkItem> items) {
        return handle(process, std::move(items));
    };
    auto handler = book_.rules().batch_size > 1 ? client::ParallelCore::AnyHandler(std::move(batches))
                                                : client::ParallelCore::AnyHandler(std::move(each));
    auto core = client::ParallelCore::make_within(given, std::move(config), std::move(handler));
    if (core)
        (*core)->intake().on_change(
            [this, process](const client::Intake::Change& change) { on_change(*process, change); });
    return core;
}

asio::awaitable<void> ParallelHost::live_once() {
    const auto process = std::make_shared<Process>();
    auto core = start(process);
    if (!core) {
        problems.push_back(about(to_string(core.error())));
        co_return;
    }
    const auto length_ms = random_.between(200, random_.chance(0.5) ? 5'000 : 40'000);
    const auto until = simulation_.loop.timers.now() + std::chrono::milliseconds(length_ms);
    const auto how = static_cast<End>(random_.below(4));
    simulation_.note(about("it starts"));
    core_ = *core;
    while (!finishing_ && (calm_ ? stays_ : simulation_.loop.timers.now() < until)) {
        co_await wait_ms(100);
        if (const auto failure = (*core)->failure()) {
            // What it sent before it lost its connection may arrive behind what its next life sends.
            if (!plan_.instance_id.empty() && *failure == ErrorCode::fenced_instance_id) {
                simulation_.note_fault("(fenced by itself)");
                break;
            }
            // Of the consumer protocol: its last life did not say that it goes, and its session is not over.
            if (!plan_.instance_id.empty() && *failure == ErrorCode::unreleased_instance_id) {
                simulation_.note_fault("(name not free)");
                break;
            }
            problems.push_back(about("it ended by itself: " + to_string(*failure)));
            break;
        }
    }
    core_.reset();
    using Mode = ParallelConsumer::CloseMode;
    if (finishing_ || calm_ || how == End::drained || how == End::stopped)
        co_await close(*core, how == End::stopped && !finishing_ ? Mode::stop : Mode::drain);
    else
        co_await end_abruptly(*core, how == End::power_lost);
    process->is_dead = true;
    for (const auto& [place, stint] : process->stints) book_.end_stint(stint);
}

asio::awaitable<void> ParallelHost::close(std::shared_ptr<client::ParallelCore> core,
                                          ParallelConsumer::CloseMode mode) {
    const auto patience_ms = finishing_ ? last_close_ms : random_.between(0, 8'000);
    simulation_.note_fault(mode == ParallelConsumer::CloseMode::drain ? "(drained)" : "(stopped)");
    const auto closed = co_await client::ParallelCore::close_async(core, std::chrono::milliseconds(patience_ms), mode);
    simulation_.note(about(fmt::format("closed: {}", closed ? "ok" : to_string(closed.error()))));
    if (!closed && last_) problems.push_back(about("the last close: " + to_string(closed.error())));
}

asio::awaitable<void> ParallelHost::end_abruptly(std::shared_ptr<client::ParallelCore> core, bool silently) {
    simulation_.note_fault(silently ? "(worker lost)" : "(worker killed)");
    simulation_.network.crash(name(), silently);
    co_await client::ParallelCore::end(core);
}

// --- working ---

base::Log ParallelHost::log() {
    return base::Log(name(), base::LogLevel::info,
                     [this](base::LogLevel, std::string_view logger, std::string_view text) {
                         simulation_.note(fmt::format("{}: {}", logger, text));
                         if (text.find("MAX_POLL_EXCEEDED") == std::string_view::npos) return;
                         const bool stood_still = is_frozen_ || now_ms() - thawed_ms_ <= plan_.max_poll_ms;
                         if (!stood_still) problems.push_back(about("it polled too late, and not since it was frozen"));
                     });
}

// What the broker refused as too large does not come again, but for what was under way then.
void ParallelHost::on_commit(Process& process, const CommitEvent& event) {
    for (const auto& tp : event.offsets) {
        if (tp.error != ErrorCode::offset_metadata_too_large) continue;
        simulation_.note_fault("(map refused)");
        auto& refused = process.refused_maps[Place(tp.topic, tp.partition)];
        const bool is_later = now_ms() - std::max(refused.at_ms, thawed_ms_) > plan_.max_poll_ms;
        if (refused.bytes != 0 && is_later && tp.metadata.size() >= refused.bytes)
            problems.push_back(about(fmt::format("a map of {} bytes was committed where one of {} was refused",
                                                 tp.metadata.size(), refused.bytes)));
        if (refused.bytes == 0 || tp.metadata.size() < refused.bytes) refused = {tp.metadata.size(), now_ms()};
    }
}

}  // namespace ottla::test
