// SPDX-License-Identifier: Apache-2.0
#include "tests/simulation/member_host.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "client/consumer/consumer_core.hpp"

namespace ottla::test {

using namespace std::chrono_literals;

namespace {

constexpr std::int64_t close_ms = 8'000;
constexpr std::int64_t commit_ms = 10'000;

std::vector<Place> places_of(std::span<const TopicPartition> partitions) {
    std::vector<Place> places;
    for (const auto& tp : partitions) places.emplace_back(tp.topic, tp.partition);
    return places;
}

}  // namespace

MemberHost::MemberHost(Simulation& simulation, GroupBook& book, MemberPlan plan)
    : simulation_(simulation),
      book_(book),
      plan_(std::move(plan)),
      random_(simulation.chance()),
      freezer_(simulation.loop.io),
      transport_(simulation.network.host(name())) {}

std::string MemberHost::name() const { return fmt::format("member-{}", plan_.number); }

void MemberHost::speak(const MemberPlan& plan) {
    plan_.speaks = plan.speaks;
    plan_.remote_assignor = plan.remote_assignor;
    plan_.assignors = plan.assignors;
    plan_.is_of_a_mix = false;
}

std::string MemberHost::about(std::string_view what) const {
    return fmt::format("member {} of group '{}': {}", plan_.number, book_.group(), what);
}

void MemberHost::begin() {
    asio::co_spawn(freezer_.executor(), live(), [this](std::exception_ptr thrown) {
        done_ = true;
        if (thrown) problems.push_back(about("it threw"));
    });
}

void MemberHost::end_life(bool in_order, std::int64_t away_ms) {
    if (!alive_) return;
    life_->until = simulation_.loop.timers.now();
    life_->end = in_order ? End::closed : random_.chance(0.5) ? End::killed : End::power_lost;
    away_ms_ = away_ms;
}

void MemberHost::calm(bool comes_back) {
    calm_ = true;
    comes_back_ = comes_back;
}

GroupMetadata MemberHost::group_metadata() const {
    return alive_ ? life_->consumer->group_metadata() : GroupMetadata();
}

bool MemberHost::is_settled() const {
    return alive_ && life_->core->group()->state_name() == (life_->is_dealt_to ? "STABLE" : "stable");
}

asio::awaitable<void> MemberHost::wait_ms(std::int64_t ms) {
    return simulation_.loop.timers.wait_for(std::chrono::milliseconds(ms));
}

// --- living ---

asio::awaitable<void> MemberHost::live() {
    co_await wait_ms(random_.between(0, plan_.is_steady ? 100 : 8'000));
    while (!finishing_ && !fenced_ && (!calm_ || comes_back_)) {
        co_await live_once();
        if (refused_) co_await wait_ms(500);
        const auto away_ms = plan_.is_steady ? away_ms_ : random_.between(100, 8'000);
        for (auto left = away_ms / 100; left > 0 && !finishing_ && !calm_; --left) co_await wait_ms(100);
    }
}

MemberHost::Life MemberHost::draw_life() {
    Life life;
    life.commits = static_cast<Commits>(random_.below(5));
    life.reads = static_cast<Reads>(random_.below(3));
    // Calls that give messages alone pass events over.
    life.has_callbacks = life.reads != Reads::events || random_.chance(0.5);
    life.every = random_.between(1, 20);
    life.slowness_ms = random_.chance(0.5) ? 0 : random_.between(1, random_.chance(0.2) ? 2'000 : 100);
    life.pauses = random_.chance(0.6) ? 0 : 0.02;
    const auto length_ms = random_.between(200, random_.chance(0.5) ? 5'000 : 40'000);
    life.until = simulation_.loop.timers.now() + std::chrono::milliseconds(length_ms);
    life.end = static_cast<End>(random_.below(3));
    if (plan_.is_steady) {
        life.slowness_ms = 0;
        life.pauses = 0;
        life.until = TimePoint::max();
    }
    life.is_dealt_to = plan_.speaks == MemberPlan::Speaks::consumer ||
                       (plan_.speaks == MemberPlan::Speaks::either && random_.chance(0.5));
    if (plan_.commits_each) {
        life.commits = Commits::each;
        life.reads = Reads::messages;
        life.has_callbacks = true;
    }
    return life;
}

Result<void> MemberHost::start(Life& life) {
    Config config;
    const auto set = [&config](const char* key, ConfigValue value) { config.set(key, std::move(value)).value(); };
    set("bootstrap.servers", plan_.bootstrap);
    set("client.id", name());
    set("group.id", book_.group());
    set("auto.offset.reset", "earliest");
    if (plan_.instance_id) set("group.instance.id", *plan_.instance_id);
    if (life.is_dealt_to) {
        set("group.protocol", "consumer");
        if (!plan_.remote_assignor.empty()) set("group.remote.assignor", plan_.remote_assignor);
    } else {
        set("partition.assignment.strategy", plan_.assignors);
        set("session.timeout.ms", plan_.session_ms);
        set("heartbeat.interval.ms", plan_.heartbeat_ms);
    }
    set("max.poll.interval.ms", plan_.max_poll_ms);
    set("socket.timeout.ms", plan_.socket_timeout_ms);
    set("socket.connection.setup.timeout.ms", 2 * plan_.socket_timeout_ms);
    set("topic.metadata.refresh.interval.ms", plan_.metadata_age_ms);
    set("reconnect.backoff.max.ms", 1'000);
    set("enable.auto.commit", life.commits == Commits::automatic || life.commits == Commits::stored);
    set("enable.auto.offset.store", life.commits != Commits::stored);
    set("auto.commit.interval.ms", random_.between(50, 5'000));
    set("fetch.wait.max.ms", random_.between(10, 500));
    // What comes at once must fit into a slow connection's time.
    set("max.partition.fetch.bytes", random_.between(100, 3'000));
    auto settings = client::consumer_config(config);
    if (!settings) return settings.error();
    client::Surroundings given;
    given.executor = freezer_.executor();
    given.transport = transport_.get();
    given.timers = &simulation_.loop.timers;
    given.workers = &simulation_.workers;
    given.seed = random_.next();
    given.log = log();
    life.core = client::ConsumerCore::make(client::Runtime::within(given, name()), *settings);
    life.consumer = std::make_unique<Consumer>(life.core);
    RebalanceCallbacks callbacks;
    if (life.has_callbacks) {
        callbacks.assigned = [this](Consumer& c, std::span<const TopicPartition> p) { on_assigned(c, p); };
        callbacks.revoked = [this](Consumer&, std::span<const TopicPartition> p) { on_given_back(p); };
        if (random_.chance(0.5))
            callbacks.lost = [this](Consumer&, std::span<const TopicPartition> p) { on_given_back(p); };
    }
    return life.consumer->subscribe(plan_.topics, std::move(callbacks));
}

base::Log MemberHost::log() {
    return base::Log(name(), base::LogLevel::info,
                     [this](base::LogLevel, std::string_view logger, std::string_view text) {
                         simulation_.note(fmt::format("{}: {}", logger, text));
                         if (text.find("MAX_POLL_EXCEEDED") != std::string_view::npos)
                             book_.went_away(plan_.number, now_ms());
                         if (text.find("ended: ") != std::string_view::npos) {
                             lost_connection_ = true;
                             book_.lost_connection(plan_.number, now_ms());
                         }
                     });
}

bool MemberHost::is_over(const Life& life) const {
    return finishing_ || fenced_ || refused_ || (!calm_ && simulation_.loop.timers.now() >= life.until);
}

asio::awaitable<void> MemberHost::live_once() {
    Life life = draw_life();
    life_ = &life;
    refused_ = false;
    if (auto started = start(life); !started) {
        problems.push_back(about(to_string(started.error())));
        co_return;
    }
    alive_ = true;
    simulation_.note(about("it starts"));
    while (!is_over(life)) {
        co_await poll(life);
        if (std::exchange(to_commit_, false) && commits_by_hand(life)) co_await commit_all(life);
        if (!calm_ && !is_over(life)) co_await perhaps_pause(life);
    }
    if (finishing_ || fenced_ || refused_ || life.end == End::closed)
        co_await close(life);
    else
        co_await end_abruptly(life);
    alive_ = false;
    life_ = nullptr;
}

asio::awaitable<void> MemberHost::perhaps_pause(Life& life) {
    if (pause_ms_ == 0 && !random_.chance(life.pauses)) co_return;
    const auto ms = pause_ms_ != 0 ? std::exchange(pause_ms_, 0) : random_.between(1, plan_.max_poll_ms * 2);
    simulation_.note_fault(ms > plan_.max_poll_ms ? "(polls too late)" : "(polls late)");
    co_await spend_ms(life, ms);
}

asio::awaitable<bool> MemberHost::spend_ms(Life& life, std::int64_t ms) {
    auto& timers = simulation_.loop.timers;
    for (const auto end = timers.now() + std::chrono::milliseconds(ms); timers.now() < end && !is_over(life);) {
        if (calm_) break;
        const Duration step = 200ms;
        co_await timers.wait_until(std::min(end, timers.now() + step));
    }
    co_return !is_over(life);
}

asio::awaitable<void> MemberHost::close(Life& life) {
    if (commits_by_hand(life)) co_await commit_all(life);
    auto& timers = simulation_.loop.timers;
    simulation_.note_fault("(left)");
    const auto began = timers.now();
    const std::int64_t patience = finishing_ ? close_ms : random_.between(0, close_ms);
    auto closed = co_await life.consumer->async_close(std::chrono::milliseconds(patience), asio::use_awaitable);
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(timers.now() - began).count();
    simulation_.note(about(fmt::format("closed after {} ms: {}", took, closed ? "ok" : to_string(closed.error()))));
    // A machine that stood still meanwhile can't be in time.
    if (took > patience + 20 && thawed_at_ < began)
        problems.push_back(about(fmt::format("close() took {} ms where {} were given", took, patience)));
    // Without callbacks, nobody polls for the event that would tell.
    book_.ended(plan_.number, life.has_callbacks);
}

// Nothing of it is left, and nobody is told.
asio::awaitable<void> MemberHost::end_abruptly(Life& life) {
    const bool silently = life.end == End::power_lost;
    simulation_.note_fault(silently ? "(member lost)" : "(member killed)");
    simulation_.network.crash(name(), silently);
    static_cast<void>(co_await client::ConsumerCore::end(life.core, simulation_.loop.timers.now()));
    book_.ended(plan_.number, false);
}

// --- reading ---

asio::awaitable<void> MemberHost::poll(Life& life) {
    auto& consumer = *life.consumer;
    const auto patience = std::chrono::milliseconds(random_.between(20, 500));
    if (life.reads == Reads::events) {
        auto event = co_await consumer.async_poll(patience, asio::use_awaitable);
        if (event && *event) co_await on_event(life, std::move(**event));
    } else if (life.reads == Reads::messages) {
        auto message = co_await consumer.async_read_message(patience, asio::use_awaitable);
        if (message)
            co_await on_message(life, std::string(message->topic()), message->partition(), *message);
        else
            on_error(message.error());
    } else {
        auto batch = co_await consumer.async_poll_batch(patience, asio::use_awaitable);
        if (batch)
            co_await on_batch(life, std::move(*batch));
        else
            on_error(batch.error());
    }
}

asio::awaitable<void> MemberHost::on_event(Life& life, Event event) {
    if (const auto* message = std::get_if<Message>(&event)) {
        co_await on_message(life, std::string(message->topic()), message->partition(), *message);
    } else if (const auto* assigned = std::get_if<AssignedPartitions>(&event)) {
        on_assigned(*life.consumer, assigned->partitions);
    } else if (const auto* revoked = std::get_if<RevokedPartitions>(&event)) {
        on_given_back(revoked->partitions);
    } else if (const auto* error = std::get_if<Error>(&event)) {
        on_error(*error);
    } else if (const auto* of_partition = std::get_if<PartitionError>(&event)) {
        on_error(of_partition->error);
    }
}

asio::awaitable<void> MemberHost::on_message(Life& life, std::string topic, std::int32_t partition,
                                             MessageView message) {
    const Place place(std::move(topic), partition);
    const auto offset = message.offset();
    simulation_.note(about(fmt::format("is handed {}@{}", to_string(place), offset)));
    book_.handed_out(plan_.number, place, offset, message.value().text(), now_ms());
    const bool lives =
        co_await spend_ms(life, life.slowness_ms == 0 || calm_ ? 0 : random_.between(0, life.slowness_ms));
    if (!lives && life.end != End::closed && !finishing_) co_return;
    book_.processed(place, offset, now_ms());
    co_await commit_if_due(life, place, offset + 1);
}

asio::awaitable<void> MemberHost::on_batch(Life& life, MessageBatch batch) {
    if (batch.empty()) co_return;
    const Place place(std::string(batch.topic()), batch.partition());
    simulation_.note(
        about(fmt::format("is handed {} of {} from {} on", batch.size(), to_string(place), batch[0].offset())));
    for (const auto& message : batch)
        book_.handed_out(plan_.number, place, message.offset(), message.value().text(), now_ms());
    for (const auto& message : batch) {
        const bool lives =
            co_await spend_ms(life, life.slowness_ms == 0 || calm_ ? 0 : random_.between(0, life.slowness_ms));
        if (!lives && life.end != End::closed && !finishing_) co_return;
        book_.processed(place, message.offset(), now_ms());
        // Who commits everything that he was handed must have processed it.
        if (life.commits == Commits::each || life.commits == Commits::stored)
            co_await commit_if_due(life, place, message.offset() + 1);
    }
    if (life.commits != Commits::each && life.commits != Commits::stored)
        co_await commit_if_due(life, place, batch[batch.size() - 1].offset() + 1);
}

void MemberHost::on_assigned(const Consumer& consumer, std::span<const TopicPartition> partitions) {
    const auto who = consumer.group_metadata();
    std::string list;
    for (const auto& tp : partitions) list += fmt::format(" {}[{}]", tp.topic, tp.partition);
    simulation_.note(about(fmt::format("is assigned{} as {} in generation {}", list, who.member_id, who.generation)));
    book_.assigned(plan_.number, {who.member_id, who.generation}, places_of(partitions), now_ms());
}

void MemberHost::on_given_back(std::span<const TopicPartition> partitions) {
    std::string list;
    for (const auto& tp : partitions) list += fmt::format(" {}[{}]", tp.topic, tp.partition);
    simulation_.note(about("gives back" + list));
    book_.given_back(plan_.number, places_of(partitions), now_ms());
}

// Those that faults explain; all others are problems.
void MemberHost::on_error(const Error& error) {
    switch (error.code()) {
        case ErrorCode::timed_out:
        case ErrorCode::all_brokers_down:
        case ErrorCode::unknown_topic_or_partition:
        // The broker is just being stopped, or its disk has failed: it is restarted.
        case ErrorCode::kafka_storage_error: return;
        case ErrorCode::fenced_instance_id:
            // Or its own JoinGroup, by a connection that had ended, came behind the one that it sent after that.
            if (!plan_.has_twin && !lost_connection_) break;
            if (!fenced_) simulation_.note_fault(plan_.has_twin ? "(fenced)" : "(fenced by itself)");
            fenced_ = true;
            return;
        // The one before it did not say that it goes: until that one's session is over.
        case ErrorCode::unreleased_instance_id:
            simulation_.note_fault("(name not free)");
            refused_ = true;
            fenced_ = calm_ && plan_.has_twin;  // that of its twin, who stays
            return;
        // A coordinator that has read its log knows of the members' assignors the chosen one alone, as Kafka's does.
        case ErrorCode::inconsistent_group_protocol:
            if (!plan_.is_of_a_mix) break;
            return;
        case ErrorCode::max_poll_exceeded: simulation_.note(about(to_string(error))); return;
        default: break;
    }
    problems.push_back(about(fmt::format("was told {} {}", error.name(), to_string(error))));
}

// --- committing ---

asio::awaitable<void> MemberHost::commit_if_due(Life& life, Place place, std::int64_t next) {
    const bool due = ++life.since_commit >= life.every;
    if (due) life.since_commit = 0;
    Offsets one;
    one.emplace_back(place.first, place.second, next);
    switch (life.commits) {
        case Commits::automatic: break;
        case Commits::stored: static_cast<void>(life.consumer->store_offsets(std::move(one))); break;
        case Commits::each: start_commit(life, std::move(one)); break;
        case Commits::passing:
            if (due) start_commit(life, {});
            break;
        case Commits::waiting:
            if (due) co_await commit_all(life);
            break;
    }
}

asio::awaitable<void> MemberHost::commit_all(Life& life) {
    const auto who = life.consumer->group_metadata();
    const auto begun = now_ms();
    auto done = co_await life.consumer->async_commit(std::chrono::milliseconds(commit_ms), asio::use_awaitable);
    on_committed(who.member_id, begun, done);
}

// Nobody waits for it. Without offsets: of everything.
void MemberHost::start_commit(Life& life, Offsets offsets) {
    const auto who = life.consumer->group_metadata();
    auto answer = [this, id = who.member_id, begun = now_ms()](const Result<Offsets>& done) {
        on_committed(id, begun, done);
    };
    const auto patience = std::chrono::milliseconds(commit_ms);
    if (offsets.empty())
        life.consumer->async_commit(patience, asio::bind_executor(freezer_.executor(), std::move(answer)));
    else
        life.consumer->async_commit(std::move(offsets), patience,
                                    asio::bind_executor(freezer_.executor(), std::move(answer)));
}

void MemberHost::on_committed(const std::string& member_id, std::int64_t begun_ms, const Result<Offsets>& done) {
    const auto fine = [this](ErrorCode code) {
        if (code == ErrorCode::fenced_instance_id) return plan_.has_twin || lost_connection_;
        return code == ErrorCode::no_offset || code == ErrorCode::assignment_lost || code == ErrorCode::timed_out ||
               code == ErrorCode::closed || code == ErrorCode::cancelled ||
               code == ErrorCode::unknown_topic_or_partition;
    };
    if (!done) {
        if (done.error() == ErrorCode::assignment_lost) ++commits_refused_;
        if (!fine(done.error().code())) problems.push_back(about("commit: " + to_string(done.error())));
        return;
    }
    for (const auto& tp : *done) {
        if (tp.error == ErrorCode::assignment_lost) ++commits_refused_;
        if (tp.error.code() == ErrorCode::none) ++commits_done_;
        if (tp.error.code() == ErrorCode::none)
            book_.committed({{tp.topic, tp.partition}, tp.offset.value(), member_id, begun_ms, now_ms()});
        else if (!fine(tp.error.code()))
            problems.push_back(about("commit: " + to_string(tp)));
    }
}

}  // namespace ottla::test
