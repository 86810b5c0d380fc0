// SPDX-License-Identifier: Apache-2.0
// ScriptedBroker: a broker of one process on the memory network that answers a producer as the test says, and keeps
// what it was sent, by the same rules for sequences as the real one. Everything on virtual time.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <ottla/producer.hpp>
#include <ottla/protocol/check_batch.hpp>
#include <ottla/protocol/messages/api_versions_request.hpp>
#include <ottla/protocol/messages/api_versions_response.hpp>
#include <ottla/protocol/messages/init_producer_id_request.hpp>
#include <ottla/protocol/messages/init_producer_id_response.hpp>
#include <ottla/protocol/messages/metadata_request.hpp>
#include <ottla/protocol/messages/metadata_response.hpp>
#include <ottla/protocol/messages/produce_request.hpp>
#include <ottla/protocol/messages/produce_response.hpp>

#include "broker/log/producer_states.hpp"
#include "client/producer/producer_core.hpp"
#include "net/memory_network.hpp"
#include "net/server_session.hpp"
#include "tests/support/virtual_loop.hpp"

namespace ottla::client {

using protocol::ApiKey;
using protocol::VersionRange;

// What the next Produce is answered with; the default is success.
struct Reaction {
    ErrorCode error = ErrorCode::none;
    std::int32_t only = -1;  // the error is of this partition; -1: of all
    base::Duration delay{0};
    bool append = true;       // the records are kept (with an error, too: an answer that was lost)
    bool at_once = false;     // kept before the delay
    bool disconnect = false;  // instead of an answer
    std::int32_t leader_hint = -1;
    std::int32_t throttle_ms = 0;
    enum class Lie : std::uint8_t { none, leaves_out, says_twice, says_more, negative, negative_count } lie = Lie::none;
};
inline Reaction refused(ErrorCode code, std::int32_t only = -1) {
    Reaction r;
    r.error = code;
    r.only = only;
    r.append = false;
    return r;
}
inline Reaction lost_answer() {
    Reaction r;
    r.disconnect = true;
    return r;
}
inline Reaction lost_request() {
    Reaction r = lost_answer();
    r.append = false;
    return r;
}
inline Reaction slow(base::Duration delay) {
    Reaction r;
    r.delay = delay;
    return r;
}

using Lines = std::vector<std::string>;
using Codes = std::vector<ErrorCode>;
using TopicAndPartition = std::pair<std::string, int>;
inline const TopicAndPartition p0{"t", 0};
inline const TopicAndPartition p1{"t", 1};

inline Config one_record_each() { return Config{{"linger.ms", 0}, {"batch.num.messages", 1}}; }

class ScriptedBroker : public net::RequestHandler {
public:
    explicit ScriptedBroker(net::Timers& timers) : timers_(timers) {}

    std::map<std::string, int> topics{{"t", 2}};  // number of partitions
    std::map<std::string, ErrorCode> topic_errors;
    std::deque<ErrorCode> metadata_errors;  // of the next who ask
    std::set<std::string> last_asked;       // about these topics
    std::int32_t metadata_throttle_ms = 0;
    bool has_leaders = true;
    std::map<std::int32_t, std::string> nodes{{1, "broker"}};  // hosts
    std::map<int, std::int32_t> leaders;                       // of partitions that node 1 does not lead
    std::int32_t leader_epoch = 0;
    std::int16_t produce_version_max = 13;
    std::deque<Reaction> reactions;
    std::map<TopicAndPartition, std::vector<std::string>> log;
    std::vector<std::int16_t> versions_seen;
    std::vector<protocol::CompressionType> codecs_seen;
    // What is known of the producers of each partition; cleared, the broker has forgotten them.
    std::map<TopicAndPartition, broker::log::ProducerStates> producers;
    std::deque<ErrorCode> producer_id_errors;  // of the next who ask
    std::int16_t producer_epoch = 0;
    std::vector<protocol::RecordBatchHeader> batches_seen;
    int ids_given = 0;
    int records_max = 1 << 30;  // batches with more are too large
    std::string too_large;      // and so is a record with this value
    int produced = 0, metadata_asked = 0, in_flight = 0, in_flight_most = 0;

    Uuid id_of(const std::string& topic) const {
        Uuid id;
        const auto before = deletions_.find(topic);
        id.bytes[0] = static_cast<std::uint8_t>(1 + (before == deletions_.end() ? 0 : before->second));
        for (std::size_t i = 0; i < topic.size() && i < 15; ++i) id.bytes[i + 1] = static_cast<std::uint8_t>(topic[i]);
        return id;
    }

    // With all that is in it; one made later by that name has another id.
    void delete_topic(const std::string& topic) {
        topics.erase(topic);
        ++deletions_[topic];
        std::erase_if(log, [&](const auto& of) { return of.first.first == topic; });
        std::erase_if(producers, [&](const auto& of) { return of.first.first == topic; });
    }

    std::optional<VersionRange> serves(ApiKey key) const override {
        if (key == ApiKey::produce) return VersionRange{0, produce_version_max};
        if (key == ApiKey::metadata) return VersionRange{0, 13};
        if (key == ApiKey::init_producer_id) return VersionRange{0, 5};
        if (key == ApiKey::api_versions) return VersionRange{0, 4};
        return std::nullopt;
    }

    asio::awaitable<net::Reply> handle(net::RequestFrame request) override {
        if (request.key == ApiKey::api_versions) co_return api_versions(request.version);
        if (request.key == ApiKey::metadata) co_return metadata(request);
        if (request.key == ApiKey::init_producer_id) co_return producer_id(request);
        const Reaction reaction = next_reaction();
        in_flight_most = std::max(in_flight_most, ++in_flight);
        protocol::Reader reader(request.body);
        protocol::ProduceRequest asked;
        EXPECT_TRUE(decode(reader, asked, request.version));
        versions_seen.push_back(request.version);
        ++produced;
        Kept kept;
        if (reaction.at_once) kept = keep(asked, request.version, reaction);
        if (reaction.delay.count() > 0) co_await timers_.wait_for(reaction.delay);
        --in_flight;
        if (!reaction.at_once) kept = keep(asked, request.version, reaction);
        if (reaction.disconnect) co_return net::Reply::close(Error::of(ErrorCode::failed, "as the test wants"));
        if (asked.acks == 0) co_return net::Reply::none();
        co_return answer(asked, request.version, reaction, kept);
    }

private:
    struct Outcome {
        ErrorCode error = ErrorCode::none;
        std::int64_t base_offset = -1;
    };
    using Kept = std::map<TopicAndPartition, Outcome>;

    template <class Message>
    static net::Reply reply(const Message& message, std::int16_t version) {
        protocol::Writer writer;
        EXPECT_TRUE(encode(writer, message, version));
        return net::Reply::of(writer.finish());
    }

    Reaction next_reaction() {
        if (reactions.empty()) return {};
        const Reaction next = reactions.front();
        reactions.pop_front();
        return next;
    }

    net::Reply api_versions(std::int16_t version) const {
        protocol::ApiVersionsResponse response;
        for (const auto key : protocol::all_api_keys()) {
            const auto range = serves(key);
            if (!range) continue;
            auto& api = response.api_keys.emplace_back();
            api.api_key_ = static_cast<std::int16_t>(key);
            api.min_version = range->min;
            api.max_version = range->max;
        }
        return reply(response, version);
    }

    net::Reply producer_id(const net::RequestFrame& request) {
        protocol::Reader reader(request.body);
        protocol::InitProducerIdRequest asked;
        EXPECT_TRUE(decode(reader, asked, request.version));
        EXPECT_FALSE(asked.transactional_id);
        protocol::InitProducerIdResponse response;
        if (producer_id_errors.empty()) {
            response.producer_id = 4000 + ids_given++;
            response.producer_epoch = producer_epoch;
        } else {
            response.error_code = static_cast<std::int16_t>(producer_id_errors.front());
            producer_id_errors.pop_front();
        }
        return reply(response, request.version);
    }

    net::Reply metadata(const net::RequestFrame& request) {
        ++metadata_asked;
        protocol::Reader reader(request.body);
        protocol::MetadataRequest asked;
        EXPECT_TRUE(decode(reader, asked, request.version));
        last_asked.clear();
        if (asked.topics)
            for (const auto& topic : *asked.topics) last_asked.insert(topic.name.value_or(""));
        protocol::MetadataResponse response;
        if (!metadata_errors.empty()) {
            response.error_code = static_cast<std::int16_t>(metadata_errors.front());
            metadata_errors.pop_front();
            return reply(response, request.version);
        }
        for (const auto& [id, host] : nodes) {
            auto& broker = response.brokers.emplace_back();
            broker.node_id = id;
            broker.host = host;
            broker.port = 9092;
        }
        response.controller_id = 1;
        response.throttle_time_ms = metadata_throttle_ms;
        if (asked.topics)
            for (const auto& wanted : *asked.topics) {
                auto& topic = response.topics.emplace_back();
                topic.name = wanted.name;
                const auto known = topics.find(wanted.name.value_or(""));
                const auto error = topic_errors.find(wanted.name.value_or(""));
                if (error != topic_errors.end()) {
                    topic.error_code = static_cast<std::int16_t>(error->second);
                } else if (known == topics.end()) {
                    topic.error_code = static_cast<std::int16_t>(ErrorCode::unknown_topic_or_partition);
                } else {
                    topic.topic_id = id_of(known->first);
                    for (int p = 0; p < known->second; ++p) {
                        auto& partition = topic.partitions.emplace_back();
                        partition.partition_index = p;
                        const auto other = leaders.find(p);
                        partition.leader_id = !has_leaders ? -1 : other == leaders.end() ? 1 : other->second;
                        partition.leader_epoch = leader_epoch;
                        if (!has_leaders)
                            partition.error_code = static_cast<std::int16_t>(ErrorCode::leader_not_available);
                    }
                }
            }
        return reply(response, request.version);
    }

    // Empty where no topic has the id.
    std::string name_of(const protocol::ProduceRequest::TopicProduceData& topic, std::int16_t version) const {
        if (version < 13) return topic.name;
        for (const auto& [name, partitions] : topics)
            if (id_of(name) == topic.topic_id) return name;
        return "";
    }
    ErrorCode refuses(const TopicAndPartition& where) const {
        const auto known = topics.find(where.first);
        if (known != topics.end() && where.second < known->second) return ErrorCode::none;
        return where.first.empty() ? ErrorCode::unknown_topic_id : ErrorCode::unknown_topic_or_partition;
    }

    Kept keep(const protocol::ProduceRequest& asked, std::int16_t version, const Reaction& reaction) {
        Kept kept;
        for (const auto& topic : asked.topic_data)
            for (const auto& partition : topic.partition_data) {
                const TopicAndPartition where{name_of(topic, version), partition.index};
                Outcome& outcome = kept[where];
                outcome.error = refuses(where);
                if (outcome.error != ErrorCode::none) continue;
                const bool is_hit = reaction.only < 0 || reaction.only == partition.index;
                if (reaction.append || !is_hit) outcome = keep(where, partition.records->bytes()->span());
                if (is_hit && reaction.error != ErrorCode::none) outcome.error = reaction.error;
            }
        return kept;
    }
    Outcome keep(const TopicAndPartition& where, ByteSpan bytes) {
        protocol::BatchRules rules;
        auto checked = protocol::check_produced_batch(bytes, rules, decompressor_, space_);
        EXPECT_TRUE(checked) << to_string(checked.error());
        auto header = checked->view.header();
        if (header.count > records_max || (!too_large.empty() && holds(*checked, too_large)))
            return {ErrorCode::message_too_large, -1};
        batches_seen.push_back(header);
        auto& states = producers[where];
        const auto followed = states.check(header);
        if (!followed) return {followed.error().code(), -1};
        if (*followed) return {ErrorCode::none, (*followed)->first_offset};
        codecs_seen.push_back(header.compression());
        auto records = checked->view.is_compressed() ? checked->view.records(space_.span()) : checked->view.records();
        auto& to = log[where];
        header.base_offset = static_cast<std::int64_t>(to.size());
        for (protocol::RecordView r; records.next(r);) to.emplace_back(as_text(r.value.value_or(ByteSpan{})));
        states.add(header);
        return {ErrorCode::none, header.base_offset};
    }

    bool holds(const protocol::CheckedBatch& batch, const std::string& value) const {
        auto records = batch.view.is_compressed() ? batch.view.records(space_.span()) : batch.view.records();
        for (protocol::RecordView r; records.next(r);)
            if (as_text(r.value.value_or(ByteSpan{})) == value) return true;
        return false;
    }

    net::Reply answer(const protocol::ProduceRequest& asked, std::int16_t version, const Reaction& reaction,
                      const Kept& kept) {
        protocol::ProduceResponse response;
        response.throttle_time_ms = reaction.throttle_ms;
        if (reaction.lie == Reaction::Lie::leaves_out) return reply(response, version);
        if (reaction.lie == Reaction::Lie::negative_count) {
            EXPECT_LT(version, 9) << "later ones have none";
            protocol::Writer writer;
            writer.int32(-5);
            return net::Reply::of(writer.finish());
        }
        for (const auto& topic : asked.topic_data) {
            auto& to = response.responses.emplace_back();
            to.name = topic.name;
            to.topic_id = topic.topic_id;
            for (const auto& partition : topic.partition_data) {
                auto& p = to.partition_responses.emplace_back();
                p.index = partition.index;
                const Outcome& outcome = kept.at({name_of(topic, version), partition.index});
                p.error_code = static_cast<std::int16_t>(outcome.error);
                p.base_offset = outcome.error == ErrorCode::none ? outcome.base_offset : -1;
                if (version >= 10 && reaction.leader_hint >= 0) {
                    p.current_leader.leader_id = reaction.leader_hint;
                    p.current_leader.leader_epoch = 5;
                }
                if (reaction.lie == Reaction::Lie::negative) p.index = -p.index - 1;
            }
            if (reaction.lie == Reaction::Lie::says_twice) {
                const auto once = to.partition_responses;
                to.partition_responses.insert(to.partition_responses.end(), once.begin(), once.end());
            }
            if (reaction.lie == Reaction::Lie::says_more) to.partition_responses.emplace_back().index = 1000;
        }
        return reply(response, version);
    }

    net::Timers& timers_;
    std::map<std::string, int> deletions_;
    protocol::Decompressor decompressor_;
    Buffer space_;
};

// A producer, the broker and the network between them.
class ProducerScript {
public:
    explicit ProducerScript(Config given = {}) : config_(std::move(given)) {
        EXPECT_TRUE(config_.set("bootstrap.servers", "broker:9092"));
        listen();
    }
    virtual ~ProducerScript() {
        producer_.reset();
        loop.settle();
        for (const auto& weak : sessions_)
            if (const auto session = weak.lock()) session->close();
        loop.settle();
    }

    Producer& producer() {
        if (!producer_) {
            const auto settings = producer_config(config_).value();
            Surroundings around;
            around.executor = loop.io.get_executor();
            around.transport = &transport();
            around.timers = &loop.timers;
            around.seed = 7;
            auto runtime = Runtime::within(around, "test", settings.common,
                                           Listeners{std::move(options.log), std::move(options.hooks)});
            producer_.emplace(ProducerCore::make(std::move(runtime), settings, false, std::move(options)));
        }
        return *producer_;
    }
    Result<void> produce(std::int32_t partition, std::string_view value, std::string_view topic = "t") {
        Record r;
        r.topic = topic;
        r.partition = partition;
        r.value = value;
        return producer().produce(
            r, [this](const DeliveryReport& report) { reports.push_back(to_string(report)), status(report); });
    }
    ProducerOptions options;  // of the producer, which the first call makes
    virtual net::Transport& transport() { return *client_host_; }
    // The pieces of all reports, one line each.
    std::vector<std::string> reports;
    std::vector<DeliveryStatus> statuses;
    std::vector<ErrorCode> codes;

    int connections = 0;  // that were accepted

    void drop_handle() { producer_.reset(); }
    // Nobody listens any more; connections end.
    void stop_broker() {
        listener_->close();
        network.crash("broker");
        loop.settle();
    }
    void listen() {
        listener_ = listen_as(*server_host_, broker);
        loop.settle();
    }
    // A broker of its own on another host.
    void add_broker(const std::string& host, ScriptedBroker& other) {
        more_hosts_.push_back(network.host(host));
        more_listeners_.push_back(listen_as(*more_hosts_.back(), other));
        loop.settle();
    }

    test::VirtualLoop loop;
    net::MemoryNetwork network{loop.timers, base::Random(42)};
    ScriptedBroker broker{loop.timers};

private:
    void status(const DeliveryReport& report) {
        statuses.push_back(report.status);
        codes.push_back(report.error.code());
    }
    std::shared_ptr<net::Listener> listen_as(net::Transport& host, ScriptedBroker& as) {
        auto opened = host.listen(loop.io.get_executor(), net::Endpoint("", 9092));
        EXPECT_TRUE(opened);
        std::shared_ptr<net::Listener> listener(std::move(*opened));
        asio::co_spawn(loop.io, serve(listener, this, &as), asio::detached);
        return listener;
    }
    static asio::awaitable<void> serve(std::shared_ptr<net::Listener> listener, ProducerScript* script,
                                       ScriptedBroker* as) {
        const auto executor = co_await asio::this_coro::executor;
        for (;;) {
            auto stream = co_await listener->accept(executor);
            if (!stream) co_return;
            net::ServerSessionOptions options;
            auto session = net::ServerSession::make(std::move(*stream), script->loop.timers, script->pool_, *as,
                                                    options, base::Log());
            ++script->connections;
            script->sessions_.push_back(session);
            asio::co_spawn(executor, session->run(), asio::detached);
        }
    }

    Config config_;
    base::BufferPool pool_{1 << 20};
    std::unique_ptr<net::Transport> client_host_ = network.host("client");
    std::unique_ptr<net::Transport> server_host_ = network.host("broker");
    std::shared_ptr<net::Listener> listener_;
    std::vector<std::unique_ptr<net::Transport>> more_hosts_;
    std::vector<std::shared_ptr<net::Listener>> more_listeners_;
    std::vector<std::weak_ptr<net::ServerSession>> sessions_;
    std::optional<Producer> producer_;
};

}  // namespace ottla::client
