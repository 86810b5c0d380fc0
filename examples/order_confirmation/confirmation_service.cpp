// SPDX-License-Identifier: Apache-2.0
// The confirmation service: joins orders with what the steps say of them, and publishes a verdict for each. It keeps
// nothing: its state is rebuilt from its topics. Several share the partitions: confirmation_service BROKERS INSTANCE
// TIMEOUT_MS
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <iterator>
#include <map>
#include <stdexcept>

#include "../support/stop.hpp"
#include "join.hpp"
#include "service.hpp"
#include "topics.hpp"

using namespace std::chrono_literals;
using orders::Join;

namespace {

using Clock = std::chrono::steady_clock;

std::string_view topic_of(std::size_t source) {
    return source == 0 ? orders::order_events : orders::steps[source - 1].topic;
}

std::size_t source_of(std::string_view topic) {
    std::size_t source = 0;
    while (topic_of(source) != topic) ++source;
    return source;
}

class ConfirmationService {
public:
    ConfirmationService(const std::string& brokers, const std::string& instance, std::int64_t timeout_ms)
        : brokers_(brokers),
          timeout_ms_(timeout_ms),
          writer_(orders::make_writer(brokers)),
          consumer_(orders::make_member(brokers, "confirmations", instance)) {
        ottla::RebalanceCallbacks callbacks;
        callbacks.assigned = [this](ottla::Consumer&, auto partitions) { begin(partitions); };
        callbacks.revoked = [this](ottla::Consumer&, auto partitions) { end(partitions); };
        std::vector<std::string> topics;
        for (std::size_t source = 0; source < Join::sources; ++source) topics.emplace_back(topic_of(source));
        consumer_.subscribe(std::move(topics), std::move(callbacks)).value();
    }

    void serve() {
        while (!stop::asked) {
            const auto batch = orders::read_some(consumer_, 50ms);
            if (failure_) std::rethrow_exception(failure_);
            if (stop::asked) break;  // begin() may have given up
            take_in(batch);
            if (Clock::now() < next_round_) continue;
            next_round_ = Clock::now() + 200ms;
            tell_the_time();
            commit();
        }
        consumer_.close(10s).value();
    }

private:
    // The same partition of each topic comes to the same member (the assignor `range`), from its committed offset on.
    // What a callback throws is only logged, and nothing may be decided without what was decided before.
    void begin(std::span<const ottla::TopicPartition> partitions) {
        try {
            for (const auto& tp : partitions) {
                if (joins_.contains(tp.partition)) continue;
                Join join(timeout_ms_);
                read_decided(tp.partition, join);
                joins_.emplace(tp.partition, std::move(join));
            }
        } catch (...) {
            failure_ = std::current_exception();
        }
    }
    void end(std::span<const ottla::TopicPartition> partitions) {
        for (const auto& tp : partitions) joins_.erase(tp.partition);
    }

    // What stands in order-confirmations is decided, and stays so. Throws when it is not there, or not to be read.
    void read_decided(std::int32_t partition, Join& join) {
        auto reader =
            ottla::Consumer::create({{"bootstrap.servers", brokers_}, {"enable.partition.eof", true}}).value();
        const std::string topic(orders::order_confirmations);
        const auto metadata = reader.metadata(topic, 30s).value();
        const auto& known = metadata.topics.front();
        if (known.error != ottla::ErrorCode::none) throw ottla::Exception(known.error);
        if (static_cast<std::size_t>(partition) >= known.partitions.size())
            throw std::runtime_error(topic + " has fewer partitions than order-events");
        reader.assign({{topic, partition, ottla::Offset::beginning()}}).value();
        auto patience = Clock::now() + 60s;
        while (!stop::asked) {
            const auto event = reader.poll(1s);
            if (Clock::now() > patience) throw std::runtime_error(topic + ": nothing came for 60 s");
            if (!event) continue;
            if (const auto* error = std::get_if<ottla::Error>(&*event)) {
                std::fprintf(stderr, "%s\n", to_string(*error).c_str());
                if (error->is_fatal()) throw ottla::Exception(*error);
            } else if (const auto* stuck = std::get_if<ottla::PartitionError>(&*event)) {
                std::fprintf(stderr, "%s\n", to_string(*stuck).c_str());
            } else if (const auto* message = std::get_if<ottla::Message>(&*event)) {
                join.decided_before(std::string(message->key().text()), message->timestamp_ms());
                patience = Clock::now() + 60s;
            } else if (std::holds_alternative<ottla::PartitionEof>(*event)) {
                return;
            }
        }
    }

    void take_in(const ottla::MessageBatch& batch) {
        const auto join = batch.empty() ? joins_.end() : joins_.find(batch.partition());
        if (join == joins_.end()) return;
        std::vector<orders::Decision> decisions;
        const auto source = source_of(batch.topic());
        for (const auto& message : batch) {
            Join::Input input{
                source, message.offset(), message.timestamp_ms(), {}, std::string(message.value().text())};
            if (!message.key().is_null()) input.order_id = message.key().text();
            std::ranges::move(join->second.take_in(input), std::back_inserter(decisions));
        }
        publish(decisions);
    }

    void publish(const std::vector<orders::Decision>& decisions) {
        std::vector<ottla::Record> records;
        for (const auto& decision : decisions)
            records.push_back(
                {.topic = orders::order_confirmations, .key = decision.order_id, .value = decision.verdict});
        orders::write_all(writer_, records);
    }

    // Where an order waits and nothing more comes, a record without a key brings the time of the log. Our own clock
    // only says when it is worth asking.
    void tell_the_time() {
        const auto now = std::chrono::system_clock::now().time_since_epoch() / 1ms;
        std::vector<ottla::Record> records;
        for (const auto& [partition, join] : joins_) {
            if (now < join.next_deadline().value_or(now + 1)) continue;
            for (std::size_t source = 0; source < Join::sources; ++source)
                records.push_back({.topic = topic_of(source), .value = "", .partition = partition});
        }
        orders::write_all(writer_, records);
    }

    // Not what is read, but what no undecided order needs any more.
    void commit() {
        std::vector<ottla::TopicPartition> offsets;
        for (const auto& [partition, join] : joins_) {
            const auto positions = join.positions();
            for (std::size_t source = 0; source < Join::sources; ++source)
                if (positions[source] >= 0)
                    offsets.emplace_back(std::string(topic_of(source)), partition, positions[source]);
        }
        if (offsets.empty() || offsets == committed_) return;
        if (const auto committed = consumer_.commit(offsets, 10s); committed)
            committed_ = std::move(offsets);
        else
            std::fprintf(stderr, "%s\n", to_string(committed.error()).c_str());
    }

    const std::string brokers_;
    const std::int64_t timeout_ms_;
    ottla::Writer writer_;
    std::map<std::int32_t, Join> joins_;
    std::vector<ottla::TopicPartition> committed_;
    std::exception_ptr failure_;
    Clock::time_point next_round_ = Clock::now();
    ottla::Consumer consumer_;  // goes first: its callbacks use the others
};

}  // namespace

int main(int argc, char** argv) {
    if (argc != 4) {
        std::fprintf(stderr, "usage: confirmation_service BROKERS INSTANCE TIMEOUT_MS\n");
        return 2;
    }
    stop::on_signals();
    try {
        ConfirmationService(argv[1], argv[2], std::atoll(argv[3])).serve();
        return 0;
    } catch (const std::exception& e) {
        std::fprintf(stderr, "%s: %s\n", argv[2], e.what());
        return 1;
    }
}
