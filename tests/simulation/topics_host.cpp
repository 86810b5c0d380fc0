// SPDX-License-Identifier: Apache-2.0
#include "tests/simulation/topics_host.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <ottla/consumer.hpp>

#include "client/admin/admin_core.hpp"
#include "client/consumer/consumer_core.hpp"
#include "client/producer/producer_core.hpp"

namespace ottla::test {

using namespace std::chrono_literals;

namespace {

constexpr const char* groups_topic = "__consumer_offsets";
constexpr std::int32_t partitions_most = 12;

}  // namespace

TopicsHost::TopicsHost(Simulation& simulation, std::string bootstrap)
    : simulation_(simulation),
      random_(simulation.chance()),
      bootstrap_(std::move(bootstrap)),
      transport_(simulation.network.host("client")) {}

Config TopicsHost::base_config() const {
    Config config;
    config.set("bootstrap.servers", bootstrap_).value();
    config.set("socket.timeout.ms", 5'000).value();
    config.set("reconnect.backoff.max.ms", 1'000).value();
    return config;
}

std::shared_ptr<client::Runtime> TopicsHost::runtime(const char* name) {
    client::Surroundings given;
    given.executor = simulation_.loop.io.get_executor();
    given.transport = transport_.get();
    given.timers = &simulation_.loop.timers;
    given.workers = &simulation_.workers;
    given.seed = random_.next();
    given.log = simulation_.log("client");
    return client::Runtime::within(given, name);
}

std::set<std::string> TopicsHost::topic_names() const {
    std::set<std::string> names;
    for (const auto& [name, count] : topics_) names.insert(name);
    return names;
}

// --- topics ---

asio::awaitable<void> TopicsHost::create(std::string topic, std::int32_t partitions, bool is_written,
                                         std::map<std::string, std::string> configs) {
    auto settings = client::producer_config(base_config());
    const auto admin = client::AdminCore::make(runtime("admin"), settings->common);
    std::vector<NewTopic> wanted;
    wanted.emplace_back(topic, partitions, std::int16_t{1}).configs = std::move(configs);
    auto created = co_await client::create_topics(admin, std::move(wanted), AdminOptions());
    if (!created)
        problems.push_back("create_topics: " + to_string(created.error()));
    else if (created->front().error.code() != ErrorCode::none)
        problems.push_back("create_topics: " + to_string(created->front().error));
    if (is_written) topics_[topic] = partitions;
    static_cast<void>(co_await client::AdminCore::close(admin));
}

// It may have happened, whatever the answer.
asio::awaitable<void> TopicsHost::grow() {
    auto at = topics_.begin();
    std::advance(at, static_cast<std::ptrdiff_t>(random_.below(topics_.size())));
    const std::string topic = at->first;
    const auto total = at->second + static_cast<std::int32_t>(random_.between(1, 3));
    if (total > partitions_most) co_return;
    auto settings = client::producer_config(base_config());
    const auto admin = client::AdminCore::make(runtime("admin"), settings->common);
    std::vector<NewPartitions> wanted;
    wanted.emplace_back(topic, total);
    AdminOptions options;
    options.timeout = 10s;
    auto grown = co_await client::create_partitions(admin, std::move(wanted), options);
    const bool done = grown && grown->front().error.code() == ErrorCode::none;
    simulation_.note(fmt::format("{} has {} partitions now: {}", topic, total, done));
    if (done) topics_[topic] = total;
    static_cast<void>(co_await client::AdminCore::close(admin));
}

asio::awaitable<void> TopicsHost::make_or_delete() {
    auto settings = client::producer_config(base_config());
    const auto admin = client::AdminCore::make(runtime("admin"), settings->common);
    AdminOptions options;
    options.timeout = 10s;
    if (passing_.empty() || random_.chance(0.5)) {
        const auto name = fmt::format("passing-{}", ++passing_made_);
        std::vector<NewTopic> wanted;
        wanted.emplace_back(name, static_cast<std::int32_t>(random_.between(1, 3)), std::int16_t{1});
        auto made = co_await client::create_topics(admin, std::move(wanted), options);
        if (made && made->front().error.code() == ErrorCode::none) passing_.insert(name);
    } else {
        std::vector<std::string> goes;
        goes.push_back(*passing_.begin());
        auto gone = co_await client::delete_topics(admin, goes, options);
        if (gone && gone->front().error.code() == ErrorCode::none) passing_.erase(goes.front());
    }
    static_cast<void>(co_await client::AdminCore::close(admin));
}

asio::awaitable<std::set<Place>> TopicsHost::all_places() {
    auto settings = client::producer_config(base_config());
    const auto admin = client::AdminCore::make(runtime("admin"), settings->common);
    std::set<Place> places;
    const auto listed = co_await client::list_topics(admin, AdminOptions());
    std::vector<std::string> names;
    if (listed)
        for (const auto& topic : *listed) names.push_back(topic.name);
    auto described = co_await client::describe_topics(admin, names, AdminOptions());
    if (!listed || !described) problems.emplace_back("the topics cannot be asked for");
    if (described)
        for (const auto& topic : *described)
            for (std::int32_t p = 0; p < static_cast<std::int32_t>(topic.partitions.size()); ++p)
                places.emplace(topic.name, p);
    static_cast<void>(co_await client::AdminCore::close(admin));
    co_return places;
}

asio::awaitable<std::map<Uuid, std::string>> TopicsHost::topic_ids() {
    auto settings = client::producer_config(base_config());
    const auto admin = client::AdminCore::make(runtime("admin"), settings->common);
    std::map<Uuid, std::string> ids;
    const auto names = topic_names();
    auto described = co_await client::describe_topics(admin, {names.begin(), names.end()}, AdminOptions());
    if (!described) problems.emplace_back("the topics cannot be asked for");
    if (described)
        for (const auto& topic : *described) ids[topic.id] = topic.name;
    static_cast<void>(co_await client::AdminCore::close(admin));
    co_return ids;
}

// --- records ---

asio::awaitable<void> TopicsHost::delete_records(Place place, std::int64_t up_to) {
    auto settings = client::producer_config(base_config());
    const auto admin = client::AdminCore::make(runtime("admin"), settings->common);
    AdminOptions options;
    options.timeout = 10s;
    std::vector<TopicPartition> below;
    below.emplace_back(place.first, place.second, up_to);
    auto done = co_await client::delete_records(admin, std::move(below), options);
    const bool is_done = done && done->front().error.code() == ErrorCode::none;
    simulation_.note(fmt::format("{} begins at {}: {}", to_string(place), up_to, is_done));
    if (is_done) simulation_.note_fault("(records deleted)");
    static_cast<void>(co_await client::AdminCore::close(admin));
}

asio::awaitable<void> TopicsHost::write(std::int64_t gap_max_ms) {
    Config config = base_config();
    config.set("linger.ms", static_cast<int>(random_.between(0, 20))).value();
    config.set("batch.num.messages", static_cast<int>(random_.between(1, 50))).value();
    config.set("delivery.timeout.ms", 300'000).value();
    auto settings = client::producer_config(config);
    Producer producer(client::ProducerCore::make(runtime("producer"), *settings, false));
    for (std::size_t n = 0; !enough_; ++n) {
        auto at = topics_.begin();
        std::advance(at, static_cast<std::ptrdiff_t>(random_.below(topics_.size())));
        if (at->first == resting_ && simulation_.loop.timers.now() >= rests_at_) at = topics_.begin();
        const auto value = fmt::format("record {} of a simulation", n);
        Record record;
        record.topic = at->first;
        record.partition = static_cast<std::int32_t>(random_.below(static_cast<std::uint64_t>(at->second)));
        record.value = BytesView(value);
        const auto key = fmt::format("key {}", keys_ == 0 ? 0 : random_.below(keys_));
        if (keys_ != 0 && (all_have_keys_ || !random_.chance(0.1))) record.key = BytesView(key);
        const auto taken = producer.produce(record, [this](const DeliveryReport& r) { written_ += r ? 1U : 0U; });
        // A partition that was just added is not known everywhere.
        if (!taken && taken.error() != ErrorCode::unknown_partition)
            problems.push_back("produce: " + to_string(taken.error()));
        const auto gap = random_.chance(0.05) ? gap_max_ms * 10 : gap_max_ms;
        if (random_.chance(0.6))
            co_await simulation_.loop.timers.wait_for(std::chrono::milliseconds(random_.between(0, gap)));
    }
    auto flushed = co_await producer.async_flush(300s, asio::use_awaitable);
    if (!flushed || *flushed != 0) problems.emplace_back("flush() left records without a report");
    static_cast<void>(co_await producer.async_close(10s, asio::use_awaitable));
}

asio::awaitable<std::map<Place, std::int64_t>> TopicsHost::ends_of(std::map<std::string, std::int32_t> topics) {
    auto settings = client::consumer_config(base_config());
    Consumer asker(client::ConsumerCore::make(runtime("asker"), *settings));
    std::map<Place, std::int64_t> ends;
    for (const auto& [topic, count] : topics)
        for (std::int32_t p = 0; p < count; ++p) {
            auto marks = co_await asker.async_query_watermark_offsets(topic, p, 60s, asio::use_awaitable);
            if (marks)
                ends[{topic, p}] = marks->high.value();
            else
                problems.push_back("watermarks: " + to_string(marks.error()));
        }
    static_cast<void>(co_await asker.async_close(10s, asio::use_awaitable));
    co_return ends;
}

asio::awaitable<std::map<std::string, GroupLog>> TopicsHost::group_logs() {
    auto settings = client::producer_config(base_config());
    const auto admin = client::AdminCore::make(runtime("admin"), settings->common);
    std::vector<std::string> names;
    names.emplace_back(groups_topic);
    auto described = co_await client::describe_topics(admin, std::move(names), AdminOptions());
    static_cast<void>(co_await client::AdminCore::close(admin));
    std::map<std::string, GroupLog> logs;
    if (!described || described->front().partitions.empty()) {
        problems.emplace_back("the groups' log cannot be found");
        co_return logs;
    }
    const auto count = static_cast<std::int32_t>(described->front().partitions.size());
    for (std::int32_t p = 0; p < count; ++p) co_await read_group_log(p, logs);
    co_return logs;
}

asio::awaitable<void> TopicsHost::read_group_log(std::int32_t partition, std::map<std::string, GroupLog>& into) {
    GroupLogReader log(co_await topic_ids());
    std::function<void(const Message&)> take = [&log](const Message& message) { log.take(message); };
    co_await read_all(groups_topic, partition, std::move(take));
    problems.insert(problems.end(), log.problems.begin(), log.problems.end());
    for (const auto& [group, entries] : log.groups()) into[group] = entries;
}

asio::awaitable<void> TopicsHost::read_all(std::string topic, std::int32_t partition,
                                           std::function<void(const Message&)> take) {
    Config config = base_config();
    config.set("enable.partition.eof", true).value();
    config.set("max.partition.fetch.bytes", 3'000).value();
    auto settings = client::consumer_config(config);
    Consumer reader(client::ConsumerCore::make(runtime("reader"), *settings));
    std::vector<TopicPartition> place;
    place.emplace_back(topic, partition, Offset::beginning());
    reader.assign(std::move(place)).value();
    for (;;) {
        auto event = co_await reader.async_poll(30s, asio::use_awaitable);
        if (!event || !*event || std::holds_alternative<PartitionError>(**event)) {
            problems.push_back(fmt::format("{}[{}] cannot be read{}", topic, partition,
                                           event && *event ? ": " + to_string(**event) : std::string()));
            break;
        }
        if (const auto* message = std::get_if<Message>(&**event)) take(*message);
        if (std::holds_alternative<PartitionEof>(**event)) break;
    }
    static_cast<void>(co_await reader.async_close(10s, asio::use_awaitable));
}

}  // namespace ottla::test
