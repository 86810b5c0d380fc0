// SPDX-License-Identifier: Apache-2.0
// ConsumerScript: a consumer and a broker, or two, that answer as the test says, on the memory network and virtual
// time.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <ottla/consumer.hpp>
#include <ottla/protocol/messages/api_versions_response.hpp>
#include <ottla/protocol/messages/fetch_request.hpp>
#include <ottla/protocol/messages/fetch_response.hpp>
#include <ottla/protocol/messages/list_offsets_request.hpp>
#include <ottla/protocol/messages/list_offsets_response.hpp>
#include <ottla/protocol/messages/metadata_request.hpp>
#include <ottla/protocol/messages/metadata_response.hpp>
#include <ottla/protocol/messages/offset_for_leader_epoch_request.hpp>
#include <ottla/protocol/messages/offset_for_leader_epoch_response.hpp>
#include <ottla/protocol/record_batch_builder.hpp>

#include "client/consumer/consumer_core.hpp"
#include "net/memory_network.hpp"
#include "net/server_session.hpp"
#include "tests/support/virtual_loop.hpp"

namespace ottla::client {

using protocol::ApiKey;
using protocol::VersionRange;

inline std::string batch_of(std::int64_t base_offset, int count, std::int32_t leader_epoch = 0) {
    protocol::RecordBatchBuilder builder{Buffer(1024)};
    for (int i = 0; i < count; ++i) builder.append(1000, std::nullopt, as_bytes("v" + std::to_string(base_offset + i)));
    protocol::BatchStamp stamp;
    stamp.base_offset = base_offset;
    stamp.leader_epoch = leader_epoch;
    const Buffer whole = builder.finish(stamp);
    return std::string(as_text(whole.span()));
}

class FetchBroker final : public net::RequestHandler {
public:
    explicit FetchBroker(net::Timers& timers) : timers_(timers) {}

    int partitions = 1;
    bool knows_topic = true;
    std::uint8_t incarnation = 0;                              // of the topics: part of their ids; 0: they have none
    std::vector<std::string> everything;                       // what who asks for all topics is told
    std::map<std::int32_t, std::string> nodes{{1, "broker"}};  // hosts
    BrokerId leader = 1;
    std::map<int, BrokerId> leaders;  // of partitions that another leads
    std::int32_t leader_epoch = 0;
    Uuid topic_id;
    VersionRange fetch_versions{4, 12};
    // What who asks for the end of an epoch is told; without, nobody can ask.
    std::optional<FetchState::EpochEnd> epoch_end;
    ErrorCode check_error = ErrorCode::none;
    std::vector<std::int32_t> epochs_asked;
    // Of records from a time on; -1: there are none.
    std::int64_t offset_of_time = -1;
    std::vector<std::int64_t> times_asked;
    std::int32_t led_partitions = 1'000;  // those from this number on have no leader
    ErrorCode fetch_error = ErrorCode::none;
    // What a fetch from this offset of partition 0 gets.
    std::map<std::int64_t, std::string> log;
    std::int64_t low = 0, high = 0;
    // May spoil an answer.
    std::function<void(protocol::FetchResponse&)> spoil;
    // How long an answer of ListOffsets is held back; the offsets in it are those of before.
    base::Duration lookup_time{};
    int fetches = 0;
    // Each request is a step, and one of them may fail: with this error of all that it asks for, or otherwise.
    enum class Failure : std::uint8_t { error, close, silence, noise };
    int steps = 0;
    int failing_step = -1;
    Failure failure = Failure::error;
    ErrorCode failing_with = ErrorCode::none;
    // Where epochs end; in place of epoch_end for those that are here.
    std::map<std::int32_t, std::int64_t> ends_of_epochs;
    std::vector<base::TimePoint> metadata_asked;
    std::vector<std::int64_t> offsets_asked;
    protocol::FetchRequest last_fetch;

    // Topics have short names here, of which their ids are made.
    Uuid id_of(std::string_view name) const {
        Uuid id;
        if (incarnation == 0) return id;
        std::ranges::copy(name.substr(0, id.bytes.size() - 1), id.bytes.begin());
        id.bytes.back() = incarnation;
        return id;
    }
    // Empty: no topic has that id.
    std::string name_of(const Uuid& id) const {
        if (incarnation == 0 || id.bytes.back() != incarnation) return {};
        std::string name(id.bytes.begin(), id.bytes.end() - 1);
        name.resize(std::min(name.size(), name.find('\0')));
        return name;
    }

    std::optional<VersionRange> serves(ApiKey key) const override {
        if (key == ApiKey::fetch) return fetch_versions;
        if (key == ApiKey::offset_for_leader_epoch && epoch_end) return VersionRange{2, 4};
        if (key == ApiKey::list_offsets) return VersionRange{1, 9};
        if (key == ApiKey::metadata) return VersionRange{0, 12};
        if (key == ApiKey::api_versions) return VersionRange{0, 4};
        return std::nullopt;
    }

    asio::awaitable<net::Reply> handle(net::RequestFrame request) override {
        const bool fails = steps++ == failing_step;
        if (fails && failure == Failure::close) co_return net::Reply::close(Error::of(ErrorCode::transport));
        if (fails && failure == Failure::silence) co_return net::Reply::none();
        if (fails && failure == Failure::noise) co_return reply(protocol::ApiVersionsResponse(), 0);
        error_now_ = fails ? static_cast<std::int16_t>(failing_with) : std::int16_t{0};
        if (request.key == ApiKey::api_versions) co_return api_versions(request.version);
        if (request.key == ApiKey::metadata) co_return metadata(request);
        if (request.key == ApiKey::list_offsets) {
            auto answer = list_offsets(request);
            if (lookup_time.count() > 0) co_await timers_.wait_for(lookup_time);
            co_return answer;
        }
        if (request.key == ApiKey::offset_for_leader_epoch) co_return epoch_ends(request);
        const auto asked = read<protocol::FetchRequest>(request);
        last_fetch = asked;
        ++fetches;
        protocol::FetchResponse response;
        bool has_records = fetch_error != ErrorCode::none;
        for (const auto& t : asked.topics) {
            auto& topic = response.responses.emplace_back();
            topic.topic = t.topic;
            topic.topic_id = t.topic_id;
            for (const auto& p : t.partitions) {
                offsets_asked.push_back(p.fetch_offset);
                auto& to = topic.partitions.emplace_back();
                to.partition_index = p.partition;
                to.error_code = error_now_ != 0 ? error_now_ : static_cast<std::int16_t>(fetch_error);
                has_records = has_records || error_now_ != 0;
                if (!t.topic_id.is_zero() && incarnation != 0 && name_of(t.topic_id).empty()) {
                    to.error_code = static_cast<std::int16_t>(ErrorCode::unknown_topic_id);
                    has_records = true;
                    continue;
                }
                to.high_watermark = to.last_stable_offset = high;
                to.log_start_offset = low;
                if (to.error_code == 0 && (p.fetch_offset < low || p.fetch_offset > high)) {
                    to.error_code = static_cast<std::int16_t>(ErrorCode::offset_out_of_range);
                    has_records = true;
                }
                const auto at = log.find(p.fetch_offset);
                if (to.error_code != 0 || p.partition != 0 || at == log.end()) continue;
                to.records.emplace(Bytes::copy_of(at->second));
                has_records = true;
            }
        }
        if (spoil) spoil(response);
        if (!has_records) co_await timers_.wait_for(std::chrono::milliseconds(asked.max_wait_ms));
        co_return reply(response, request.version);
    }

private:
    template <class Message>
    static net::Reply reply(const Message& message, std::int16_t version) {
        protocol::Writer writer;
        EXPECT_TRUE(encode(writer, message, version));
        return net::Reply::of(writer.finish());
    }
    template <class Message>
    static Message read(const net::RequestFrame& request) {
        protocol::Reader reader(request.body);
        Message message;
        EXPECT_TRUE(decode(reader, message, request.version));
        return message;
    }
    net::Reply api_versions(std::int16_t version) const {
        protocol::ApiVersionsResponse response;
        response.error_code = error_now_;
        for (const auto key : {ApiKey::fetch, ApiKey::list_offsets, ApiKey::metadata, ApiKey::api_versions,
                               ApiKey::offset_for_leader_epoch}) {
            if (!serves(key)) continue;
            auto& api = response.api_keys.emplace_back();
            api.api_key_ = static_cast<std::int16_t>(key);
            api.min_version = serves(key)->min;
            api.max_version = serves(key)->max;
        }
        return reply(response, version);
    }
    net::Reply metadata(const net::RequestFrame& request) {
        metadata_asked.push_back(timers_.now());
        const auto asked = read<protocol::MetadataRequest>(request);
        protocol::MetadataResponse response;
        for (const auto& [id, host] : nodes) {
            auto& broker = response.brokers.emplace_back();
            broker.node_id = id;
            broker.host = host;
            broker.port = 9092;
        }
        std::vector<std::string> names = everything;
        if (asked.topics) {
            names.clear();
            for (const auto& wanted : *asked.topics) names.push_back(wanted.name.value_or(name_of(wanted.topic_id)));
        }
        if (!names.empty())
            for (const auto& wanted : names) {
                auto& topic = response.topics.emplace_back();
                topic.name = wanted;
                if (knows_topic) topic.topic_id = topic_id.is_zero() ? id_of(wanted) : topic_id;
                topic.error_code = error_now_;
                if (!knows_topic) topic.error_code = static_cast<std::int16_t>(ErrorCode::unknown_topic_or_partition);
                for (int p = 0; knows_topic && p < partitions; ++p) {
                    auto& partition = topic.partitions.emplace_back();
                    partition.partition_index = p;
                    partition.leader_id = p < led_partitions ? leader : -1;
                    if (const auto other = leaders.find(p); other != leaders.end()) partition.leader_id = other->second;
                    partition.leader_epoch = leader_epoch;
                }
            }
        return reply(response, request.version);
    }
    net::Reply list_offsets(const net::RequestFrame& request) {
        const auto asked = read<protocol::ListOffsetsRequest>(request);
        protocol::ListOffsetsResponse response;
        for (const auto& t : asked.topics) {
            auto& topic = response.topics.emplace_back();
            topic.name = t.name;
            for (const auto& p : t.partitions) {
                auto& to = topic.partitions.emplace_back();
                to.partition_index = p.partition_index;
                to.error_code = error_now_;
                to.offset = p.timestamp == OffsetQuestion::earliest ? low
                            : p.timestamp == OffsetQuestion::latest ? high
                                                                    : offset_of_time;
                if (p.timestamp >= 0) times_asked.push_back(p.timestamp);
            }
        }
        return reply(response, request.version);
    }

    net::Reply epoch_ends(const net::RequestFrame& request) {
        const auto asked = read<protocol::OffsetForLeaderEpochRequest>(request);
        protocol::OffsetForLeaderEpochResponse response;
        for (const auto& t : asked.topics) {
            auto& topic = response.topics.emplace_back();
            topic.topic = t.topic;
            for (const auto& p : t.partitions) {
                epochs_asked.push_back(p.leader_epoch);
                auto& to = topic.partitions.emplace_back();
                to.partition = p.partition;
                to.error_code = error_now_ != 0 ? error_now_ : static_cast<std::int16_t>(check_error);
                const auto end = ends_of_epochs.find(p.leader_epoch);
                to.leader_epoch = end == ends_of_epochs.end() ? epoch_end->epoch : end->first;
                to.end_offset = end == ends_of_epochs.end() ? epoch_end->end_offset : end->second;
            }
        }
        return reply(response, request.version);
    }

    net::Timers& timers_;
    std::int16_t error_now_ = 0;  // of the step
};

class ConsumerScript {
public:
    explicit ConsumerScript(Config given = {}, ConsumerOptions options = {}) {
        EXPECT_TRUE(given.set("bootstrap.servers", "broker:9092"));
        listen(*server_host_, broker);
        listen(*other_host_, other);
        Surroundings around;
        around.executor = loop.io.get_executor();
        around.transport = client_host_.get();
        around.timers = &loop.timers;
        around.seed = 7;
        const auto settings = consumer_config(given).value();
        auto runtime = Runtime::within(around, "test", settings.common,
                                       Listeners{std::move(options.log), std::move(options.hooks)});
        consumer.emplace(ConsumerCore::make(std::move(runtime), settings));
    }
    ~ConsumerScript() {
        consumer->async_close(std::chrono::seconds(1), [](Result<void>) {});
        loop.settle();
        consumer.reset();
        for (const auto& listener : listeners_) listener->close();
        for (const auto& weak : sessions_)
            if (const auto session = weak.lock()) session->close();
        loop.run_for(std::chrono::seconds(1));
    }

    // Everything that poll() has after this long: values, and the names of errors.
    std::string events_after(base::Duration time) {
        loop.run_for(time);
        std::string out;
        while (auto event = consumer->poll(std::chrono::nanoseconds(0))) {
            if (const auto* m = std::get_if<Message>(&*event)) out += std::string(m->value().text()) + " ";
            if (const auto* e = std::get_if<PartitionError>(&*event))
                out += std::string(e->error.name()) + "@" + to_string(e->offset) +
                       (e->moved_to.is_absolute() ? ">" + to_string(e->moved_to) : "") + (e->goes_on ? " " : "! ");
            if (const auto* e = std::get_if<Error>(&*event)) out += std::string(e->name()) + " ";
            if (std::holds_alternative<PartitionEof>(*event)) out += "EOF ";
        }
        return out;
    }

    test::VirtualLoop loop;
    net::MemoryNetwork network{loop.timers, base::Random(42)};
    FetchBroker broker{loop.timers};
    FetchBroker other{loop.timers};  // at host "other", for who is told of it
    std::optional<Consumer> consumer;

private:
    void listen(net::Transport& host, FetchBroker& as) {
        auto opened = host.listen(loop.io.get_executor(), net::Endpoint("", 9092));
        EXPECT_TRUE(opened);
        listeners_.emplace_back(std::move(*opened));
        asio::co_spawn(loop.io, serve(listeners_.back(), this, &as), asio::detached);
    }
    static asio::awaitable<void> serve(std::shared_ptr<net::Listener> listener, ConsumerScript* script,
                                       FetchBroker* as) {
        const auto executor = co_await asio::this_coro::executor;
        for (;;) {
            auto stream = co_await listener->accept(executor);
            if (!stream) co_return;
            net::ServerSessionOptions options;
            auto session = net::ServerSession::make(std::move(*stream), script->loop.timers, script->pool_, *as,
                                                    options, base::Log());
            script->sessions_.push_back(session);
            asio::co_spawn(executor, session->run(), asio::detached);
        }
    }

    base::BufferPool pool_{1 << 20};
    std::unique_ptr<net::Transport> client_host_ = network.host("client");
    std::unique_ptr<net::Transport> server_host_ = network.host("broker");
    std::unique_ptr<net::Transport> other_host_ = network.host("other");
    std::vector<std::shared_ptr<net::Listener>> listeners_;
    std::vector<std::weak_ptr<net::ServerSession>> sessions_;
};

}  // namespace ottla::client
