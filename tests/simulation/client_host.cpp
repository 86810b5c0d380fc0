// SPDX-License-Identifier: Apache-2.0
#include "tests/simulation/client_host.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "client/admin/admin_core.hpp"
#include "client/consumer/consumer_core.hpp"
#include "client/producer/producer_core.hpp"

namespace ottla::test {

using namespace std::chrono_literals;

namespace {

std::optional<std::size_t> number_of(std::string_view value) {
    std::size_t n = 0;
    if (std::sscanf(std::string(value).c_str(), "record %zu of", &n) != 1) return std::nullopt;
    return n;
}

}  // namespace

std::string Workload::value_of(std::size_t n) const { return fmt::format("record {} of a simulation", n); }
std::string Workload::key_of(std::size_t n) const { return fmt::format("key {}", n % keys); }

ClientHost::ClientHost(Simulation& simulation, Workload workload, std::string bootstrap)
    : simulation_(simulation),
      random_(simulation.chance()),
      workload_(std::move(workload)),
      bootstrap_(std::move(bootstrap)),
      transport_(simulation.network.host("client")) {}

Config ClientHost::base_config() const {
    Config config;
    config.set("bootstrap.servers", bootstrap_).value();
    return config;
}

std::shared_ptr<client::Runtime> ClientHost::runtime(const char* name) {
    client::Surroundings given;
    given.executor = simulation_.loop.io.get_executor();
    given.transport = transport_.get();
    given.timers = &simulation_.loop.timers;
    given.workers = &simulation_.workers;
    given.seed = random_.next();
    given.log = simulation_.log("client");
    return client::Runtime::within(given, name);
}

asio::awaitable<void> ClientHost::create_topic() {
    auto settings = client::producer_config(base_config());
    const auto admin = client::AdminCore::make(runtime("admin"), settings->common);
    std::vector<NewTopic> topics;
    topics.emplace_back(workload_.topic, workload_.partitions, std::int16_t{1}).configs = workload_.configs;
    auto created = co_await client::create_topics(admin, std::move(topics), AdminOptions());
    if (!created)
        problems.push_back("create_topics: " + to_string(created.error()));
    else if (created->front().error.code() != ErrorCode::none)
        problems.push_back("create_topics: " + to_string(created->front().error));
    static_cast<void>(co_await client::AdminCore::close(admin));
}

// --- producing ---

Result<client::ProducerConfig> ClientHost::producer_settings() {
    Config config = base_config();
    config.set("linger.ms", static_cast<int>(random_.between(0, 20))).value();
    config.set("batch.num.messages", static_cast<int>(random_.between(1, 50))).value();
    in_flight_max_ = random_.between(1, 5);
    config.set("max.in.flight.requests.per.connection", in_flight_max_).value();
    // In some worlds records expire, before they are sent or while nobody knows whether they are written.
    patient_ = random_.chance(0.75);
    config.set("delivery.timeout.ms", patient_ ? 300'000 : random_.between(1'000, 10'000)).value();
    config.set("request.timeout.ms", 3'000).value();
    constexpr const char* codecs[] = {"none", "none", "gzip", "snappy", "lz4", "zstd"};
    config.set("compression.type", codecs[random_.below(std::size(codecs))]).value();
    if (random_.chance(0.5)) config.set("socket.timeout.ms", random_.between(1'000, 10'000)).value();
    const auto limit = [&config](const char* key, std::size_t most) {
        if (most != 0) config.set(key, static_cast<std::int64_t>(most)).value();
    };
    limit("queue.buffering.max.messages", workload_.queue_messages);
    limit("queue.buffering.max.kbytes", workload_.queue_kbytes);
    return client::producer_config(config);
}

asio::awaitable<void> ClientHost::produce() {
    auto settings = producer_settings();
    if (!settings) {
        problems.push_back(to_string(settings.error()));
        co_return;
    }
    Producer producer(client::ProducerCore::make(runtime("producer"), *settings, false));
    sent_.resize(workload_.records);
    // In some worlds records come in bursts: many batches of a partition are on their way at once.
    const std::int64_t burst = random_.chance(0.5) ? 10 : 1;
    for (std::size_t n = 0; n < sent_.size(); ++n) {
        sent_[n].partition = static_cast<std::int32_t>(random_.below(static_cast<std::uint64_t>(workload_.partitions)));
        co_await send(producer, n);
        if (random_.chance(0.3 / static_cast<double>(burst)))
            co_await simulation_.loop.timers.wait_for(std::chrono::milliseconds(random_.between(0, 500 * burst)));
    }
    auto flushed = co_await producer.async_flush(400s, asio::use_awaitable);
    if (!flushed || *flushed != 0) problems.push_back("flush() left records without a report");
    static_cast<void>(co_await producer.async_close(10s, asio::use_awaitable));
}

asio::awaitable<void> ClientHost::send(Producer& producer, std::size_t n) {
    const std::string value = workload_.value_of(n);
    const std::string key = workload_.keys == 0 ? "" : workload_.key_of(n);
    Record record;
    record.topic = workload_.topic;
    record.value = BytesView(value);
    if (workload_.keys != 0) record.key = BytesView(key);
    record.partition = sent_[n].partition;
    for (;;) {
        auto taken = producer.produce(record, [this, n](const DeliveryReport& report) { on_report(n, report); });
        if (taken) break;
        if (taken.error() != ErrorCode::queue_full) {
            problems.push_back("produce: " + to_string(taken.error()));
            co_return;
        }
        co_await make_room(producer);
    }
    const std::size_t bytes_at_least = producer.size() * workload_.value_of(0).size();
    if ((workload_.queue_messages != 0 && producer.size() > workload_.queue_messages) ||
        (workload_.queue_kbytes != 0 && bytes_at_least > workload_.queue_kbytes * 1024))
        problems.push_back(fmt::format("the producer holds {} records, more than it may", producer.size()));
}

// As applications do it. (One that blocks would block the simulation.)
asio::awaitable<void> ClientHost::make_room(Producer& producer) {
    const auto patience = std::chrono::milliseconds(random_.between(1, 5'000));
    const auto way = random_.below(3);
    if (way == 0) {
        simulation_.note_fault("queue full: tried again");
        co_await simulation_.loop.timers.wait_for(patience / 10);
    } else if (way == 1) {
        simulation_.note_fault("queue full: waited");
        auto room = co_await producer.async_wait_for_room(patience, asio::use_awaitable);
        if (!room && room.error() != ErrorCode::queue_full)
            problems.push_back("wait_for_room: " + to_string(room.error()));
    } else {
        simulation_.note_fault("queue full: flushed");
        static_cast<void>(co_await producer.async_flush(patience, asio::use_awaitable));
    }
}

void ClientHost::on_report(std::size_t n, const DeliveryReport& report) {
    ++sent_[n].reports;
    sent_[n].status = report.status;
    sent_[n].offset = report.offset.value();
    simulation_.note(fmt::format("{}: {}", n, to_string(report)));
}

// --- reading ---

// Of all partitions, from the beginning.
std::optional<Consumer> ClientHost::consumer(const char* name) {
    Config config = base_config();
    config.set("auto.offset.reset", "earliest").value();
    config.set("enable.partition.eof", true).value();
    auto settings = client::consumer_config(config);
    if (!settings) {
        problems.push_back(to_string(settings.error()));
        return std::nullopt;
    }
    Consumer made(client::ConsumerCore::make(runtime(name), *settings));
    std::vector<TopicPartition> all;
    for (std::int32_t p = 0; p < workload_.partitions; ++p) all.emplace_back(workload_.topic, p, Offset::beginning());
    if (auto assigned = made.assign(std::move(all)); !assigned) problems.push_back(to_string(assigned.error()));
    return made;
}

asio::awaitable<void> ClientHost::follow() {
    auto follower = consumer("follower");
    if (!follower) co_return;
    while (!enough_) {
        auto message = co_await follower->async_read_message(1s, asio::use_awaitable);
        if (!message) {
            co_await simulation_.loop.timers.wait_for(100ms);
            continue;
        }
        const std::int32_t partition = message->partition();
        auto& offsets = followed_[partition];
        if (!offsets.empty() && message->offset() <= offsets.rbegin()->first)
            late_[partition].push_back(fmt::format("the follower got offset {} of partition {} after {}",
                                                   message->offset(), partition, offsets.rbegin()->first));
        const std::string value(message->value().text());
        if (const auto n = number_of(value); !n || value != workload_.value_of(*n))
            problems.push_back(fmt::format("the follower got '{}' at offset {} of partition {}, which was never sent",
                                           value, message->offset(), partition));
        offsets.emplace(message->offset(), value);
    }
    static_cast<void>(co_await follower->async_close(10s, asio::use_awaitable));
}

asio::awaitable<void> ClientHost::consume(const std::set<std::int32_t>& damaged) {
    auto reader = consumer("consumer");
    if (!reader) co_return;
    co_await read_to_the_ends(*reader, damaged);
    for (std::int32_t p = 0; p < workload_.partitions; ++p) {
        auto marks = co_await reader->async_query_watermark_offsets(workload_.topic, p, 60s, asio::use_awaitable);
        if (marks) {
            read_[p].low = marks->low.value();
            read_[p].high = marks->high.value();
        } else if (!damaged.contains(p)) {
            problems.push_back("watermarks: " + to_string(marks.error()));
        }
    }
    static_cast<void>(co_await reader->async_close(10s, asio::use_awaitable));
}

asio::awaitable<void> ClientHost::read_to_the_ends(Consumer& reader, const std::set<std::int32_t>& damaged) {
    std::set<std::int32_t> open;
    for (std::int32_t p = 0; p < workload_.partitions; ++p) open.insert(p);
    while (!open.empty()) {
        auto event = co_await reader.async_poll(60s, asio::use_awaitable);
        if (!event || !*event) {
            for (const auto p : open)
                if (!damaged.contains(p)) problems.push_back(fmt::format("nothing more came of partition {}", p));
            co_return;
        }
        if (const auto* message = std::get_if<Message>(&**event)) {
            on_read(*message);
        } else if (const auto* end = std::get_if<PartitionEof>(&**event)) {
            open.erase(end->partition);
        } else if (const auto* error = std::get_if<PartitionError>(&**event)) {
            if (error->error == ErrorCode::log_truncation) {
                // Of a damaged epoch the leader knows nothing but that it ended elsewhere: what follows comes again.
                auto& values = read_[error->partition].values;
                values.erase(values.lower_bound(error->moved_to.value()), values.end());
            }
            if (error->goes_on && error->error != ErrorCode::log_truncation) continue;
            if (!damaged.contains(error->partition)) problems.push_back(to_string(*error));
            if (!error->goes_on) open.erase(error->partition);
        }
    }
}

void ClientHost::on_read(const Message& message) {
    auto& offsets = read_[message.partition()].values;
    if (!offsets.emplace(message.offset(), std::string(message.value().text())).second)
        problems.push_back(fmt::format("offset {} of partition {} came twice", message.offset(), message.partition()));
    else if (offsets.rbegin()->first != message.offset())
        problems.push_back(fmt::format("offset {} of partition {} came late", message.offset(), message.partition()));
}

// --- the comparison ---

bool ClientHost::may_be_gone(std::int32_t partition, std::int64_t offset, std::size_t n) const {
    const auto found = read_.find(partition);
    if (found == read_.end()) return false;
    const auto& [values, low, high] = found->second;
    if (offset < low) return true;
    if (workload_.keys == 0) return false;
    return std::any_of(values.upper_bound(offset), values.end(), [&](const auto& later) {
        const auto other = number_of(later.second);
        return other && *other % workload_.keys == n % workload_.keys;
    });
}

void ClientHost::check(const std::set<std::int32_t>& damaged, bool undisturbed,
                       std::vector<std::string>& failures) const {
    if (patient_ && unacknowledged() == sent_.size()) failures.emplace_back("not one record was acknowledged");
    std::map<std::size_t, int> times;
    std::map<std::int32_t, std::vector<std::size_t>> firsts;
    const auto is_there = [&](std::int32_t partition, std::int64_t offset, std::string_view value) {
        const auto found = read_.find(partition);
        if (found == read_.end()) return false;
        const auto at = found->second.values.find(offset);
        return at != found->second.values.end() && at->second == value;
    };
    const bool keeps_all =
        !workload_.configs.contains("cleanup.policy") && !workload_.configs.contains("retention.bytes");
    for (const auto& [partition, read] : read_) {
        for (const auto& [offset, value] : read.values) {
            const auto n = number_of(value);
            if (!n || *n >= sent_.size() || sent_[*n].partition != partition || value != workload_.value_of(*n)) {
                failures.push_back(
                    fmt::format("'{}' at offset {} of partition {} was never sent there", value, offset, partition));
                continue;
            }
            if (++times[*n] == 1) firsts[partition].push_back(*n);
        }
        const auto wanted = static_cast<std::size_t>(read.high - read.low);
        if (keeps_all && !damaged.contains(partition) && read.values.size() != wanted)
            failures.push_back(fmt::format("partition {} has offsets {} to {} and {} records", partition, read.low,
                                           read.high, read.values.size()));
    }
    // A broker that was stopped in order, or whose segments have rolled, knows only the last batch of each producer
    // when it starts: of those before it nobody can tell then whether they are written.
    const bool takes_all =
        patient_ && !workload_.configs.contains("internal.segment.bytes") && !simulation_.faults().contains("stopped");
    for (std::size_t n = 0; n < sent_.size(); ++n) {
        const Sent& sent = sent_[n];
        if (sent.reports != 1) failures.push_back(fmt::format("record {} has {} reports", n, sent.reports));
        if (times[n] > 1 && !damaged.contains(sent.partition))
            failures.push_back(fmt::format("record {} is there {} times", n, times[n]));
        if (sent.status == DeliveryStatus::not_persisted && times[n] != 0)
            failures.push_back(fmt::format("record {} was reported as not persisted and is there", n));
        if (takes_all && sent.status != DeliveryStatus::persisted)
            failures.push_back(fmt::format("record {} was not written though there was time", n));
        if (undisturbed && keeps_all && times[n] != 1)
            failures.push_back(fmt::format("record {} is there {} times though nothing went wrong", n, times[n]));
        if (sent.status != DeliveryStatus::persisted || damaged.contains(sent.partition)) continue;
        if (!is_there(sent.partition, sent.offset, workload_.value_of(n)) &&
            !may_be_gone(sent.partition, sent.offset, n))
            failures.push_back(fmt::format("record {} was acknowledged at offset {} of partition {} and is not there",
                                           n, sent.offset, sent.partition));
    }
    for (const auto& [partition, late] : late_)
        if (!damaged.contains(partition)) failures.insert(failures.end(), late.begin(), late.end());
    // What one consumer has seen, another sees.
    for (const auto& [partition, records] : followed_)
        for (const auto& [offset, value] : records)
            if (!damaged.contains(partition) && !is_there(partition, offset, value) &&
                !may_be_gone(partition, offset, number_of(value).value_or(0)))
                failures.push_back(fmt::format("'{}' was read at offset {} of partition {} and is not there any more",
                                               value, offset, partition));
    for (const auto& [partition, order] : firsts)
        if (keeps_all && !damaged.contains(partition) && !std::is_sorted(order.begin(), order.end()))
            failures.push_back(fmt::format("the records of partition {} are out of order", partition));
}

std::size_t ClientHost::unacknowledged() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(sent_, [](const Sent& sent) { return sent.status != DeliveryStatus::persisted; }));
}

}  // namespace ottla::test
