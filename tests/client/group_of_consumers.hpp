// SPDX-License-Identifier: Apache-2.0
// GroupOfConsumers: real consumers, each on a loop of its own, as members of one group at brokers in this process. One
// thread runs them all in turn, so that what they say has an order: who is told of a partition that another still
// has, or is handed a message behind a gap, fails the test. A member whose loop is not run any more is silent, as one
// that has crashed.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <boost/asio.hpp>
#include <ottla/admin.hpp>
#include <ottla/broker/cluster.hpp>
#include <ottla/consumer.hpp>
#include <ottla/producer.hpp>

namespace ottla {

using namespace std::chrono_literals;

class GroupOfConsumers {
public:
    struct Member {
        Member(std::string its_name, const Config& config)
            : name(std::move(its_name)),
              consumer(Consumer::create(loop.get_executor(), config).value()) {}

        const std::string name;
        boost::asio::io_context loop;
        Consumer consumer;
        bool is_silent = false;
        int lost = 0;        // times that it was told so
        int rebalances = 0;  // of any kind
        std::vector<Error> errors;
    };
    using Place = std::pair<std::string, std::int32_t>;

    explicit GroupOfConsumers(std::vector<std::string> config = {}) {
        broker::ClusterOptions options;
        options.config = {"group.consumer.min.heartbeat.interval.ms=20",
                          "group.consumer.heartbeat.interval.ms=20",
                          "group.consumer.min.session.timeout.ms=500",
                          "group.consumer.session.timeout.ms=3000",
                          "group.min.session.timeout.ms=500",
                          "group.initial.rebalance.delay.ms=0",
                          "offsets.topic.num.partitions=3"};
        options.config.insert(options.config.end(), config.begin(), config.end());
        cluster.emplace(broker::Cluster::start(options).value());
    }
    ~GroupOfConsumers() {
        for (const auto& m : members) {
            bool closed = false;
            m->consumer.async_close(2s, [&closed](const Result<void>&) { closed = true; });
            for (int i = 0; i < 1000 && !closed; ++i) run(*m, 5ms);
        }
    }

    Config config(const Config& more = {}) const {
        Config all{{"bootstrap.servers", cluster->bootstrap_servers()},
                   {"group.id", "g"},
                   {"auto.offset.reset", "earliest"},
                   {"reconnect.backoff.ms", 10},
                   {"fetch.wait.max.ms", 50}};
        if (!more.entries().contains("group.protocol")) all.set("group.protocol", "consumer").value();
        for (const auto& [key, value] : more.entries()) all.set(key, value).value();
        return all;
    }
    // Not subscribed yet.
    Member& add(const Config& more = {}) {
        members.push_back(std::make_unique<Member>("m" + std::to_string(++added_), config(more)));
        return *members.back();
    }
    Member& join(std::vector<std::string> topics = {"t"}, const Config& more = {}) {
        Member& m = add(more);
        m.consumer.subscribe(std::move(topics), book_of(m)).value();
        return m;
    }
    // What keeps `owners` when a member subscribes.
    RebalanceCallbacks book_of(Member& m) {
        RebalanceCallbacks book;
        book.assigned = [this, &m](Consumer&, std::span<const TopicPartition> partitions) {
            ++m.rebalances;
            for (const auto& tp : partitions) {
                const auto [at, is_free] = owners.emplace(Place(tp.topic, tp.partition), &m);
                EXPECT_TRUE(is_free) << to_string(tp) << " is given to " << m.name << " while " << at->second->name
                                     << " has it";
            }
        };
        book.revoked = [this, &m](Consumer&, std::span<const TopicPartition> partitions) { given_up(m, partitions); };
        book.lost = [this, &m](Consumer&, std::span<const TopicPartition> partitions) {
            ++m.lost;
            given_up(m, partitions);
        };
        return book;
    }

    // Everybody runs and polls once.
    void turn() {
        for (const auto& m : members) {
            if (m->is_silent) continue;
            run(*m, 2ms);
            while (!m->consumer.is_closed()) {
                const auto event = m->consumer.poll(0s);
                if (!event) break;
                take(*m, *event);
            }
        }
    }
    // False when the time is up.
    bool until(const std::function<bool()>& done, std::chrono::milliseconds within = 20s) {
        const auto end = std::chrono::steady_clock::now() + within;
        while (!done()) {
            if (std::chrono::steady_clock::now() > end) return false;
            turn();
        }
        return true;
    }
    void pass(std::chrono::milliseconds time) {
        until([] { return false; }, time);
    }
    // Closes, as a program does that ends in order.
    void leave(Member& m) {
        std::optional<Result<void>> closed;
        m.consumer.async_close(10s, [&closed](Result<void> result) { closed = std::move(result); });
        // The others go on meanwhile.
        ASSERT_TRUE(until([&] { return closed.has_value(); }));
        EXPECT_TRUE(*closed) << to_string(closed->error());
        remove(m);
    }
    // Nothing is heard of it any more, and it hears nothing.
    void silence(Member& m) {
        m.is_silent = true;
        drop_places(m);
    }
    void remove(Member& m) {
        drop_places(m);
        std::erase_if(members, [&](const auto& one) { return one.get() == &m; });
    }

    // The living members have all these partitions among them, in shares that differ by one at most.
    bool shares_evenly(std::size_t partitions) const {
        std::size_t least = partitions, most = 0;
        for (const auto& m : members) {
            if (m->is_silent) continue;
            const auto n = m->consumer.assignment().size();
            least = std::min(least, n);
            most = std::max(most, n);
        }
        return owners.size() == partitions && most <= least + 1;
    }
    std::vector<Place> places_of(const Member& m) const {
        std::vector<Place> all;
        for (const auto& [place, owner] : owners)
            if (owner == &m) all.push_back(place);
        return all;
    }
    bool has_read_all() const {
        return std::ranges::all_of(written, [&](const auto& w) {
            const auto at = read.find(w.first);
            return at != read.end() && at->second == w.second;
        });
    }
    // So many records more into each partition.
    void write(const std::string& topic, std::int32_t partitions, int each = 1) {
        // A new one each time: the topic may have grown.
        auto producer =
            Producer::create({{"bootstrap.servers", cluster->bootstrap_servers()}, {"linger.ms", 0}}).value();
        for (int i = 0; i < each; ++i)
            for (std::int32_t p = 0; p < partitions; ++p) {
                Record record;
                record.topic = topic;
                record.partition = p;
                record.value = "v";
                producer.produce(record, [](const DeliveryReport& r) { EXPECT_TRUE(r) << to_string(r); }).value();
                ++written[{topic, p}];
            }
        ASSERT_EQ(producer.flush(10s).value(), 0U);
    }
    // What the group has committed of everything that was written.
    std::map<Place, std::int64_t> committed() {
        auto asking = Consumer::create(config({{"group.protocol", "classic"}})).value();
        std::vector<TopicPartition> all;
        for (const auto& [place, end] : written) all.emplace_back(place.first, place.second);
        std::map<Place, std::int64_t> out;
        for (const auto& tp : asking.committed(all, 10s).value()) out[{tp.topic, tp.partition}] = tp.offset.value();
        return out;
    }

    std::optional<broker::Cluster> cluster;
    std::vector<std::unique_ptr<Member>> members;
    std::map<Place, const Member*> owners;
    std::map<Place, std::int64_t> written;  // ends
    std::map<Place, std::int64_t> read;     // the next that nobody has been handed
    int repeated = 0;                       // messages that somebody had been handed before

private:
    static void run(Member& m, std::chrono::milliseconds time) {
        m.loop.restart();
        m.loop.run_for(time);
    }
    void drop_places(const Member& m) {
        std::erase_if(owners, [&](const auto& one) { return one.second == &m; });
    }
    void given_up(Member& m, std::span<const TopicPartition> partitions) {
        ++m.rebalances;
        for (const auto& tp : partitions) {
            const auto at = owners.find({tp.topic, tp.partition});
            if (at != owners.end() && at->second == &m) owners.erase(at);
        }
    }
    void take(Member& m, const Event& event) {
        if (const auto* message = std::get_if<Message>(&event)) return take(m, *message);
        if (const auto* error = std::get_if<Error>(&event)) m.errors.push_back(*error);
        if (const auto* error = std::get_if<PartitionError>(&event)) m.errors.push_back(error->error);
    }
    void take(Member& m, const Message& message) {
        const Place place(std::string(message.topic()), message.partition());
        const auto owner = owners.find(place);
        EXPECT_TRUE(owner != owners.end() && owner->second == &m)
            << m.name << " is handed a message of " << place.first << place.second << ", which it does not have";
        auto& next = read[place];
        EXPECT_LE(message.offset(), next) << place.first << place.second << ": left out";
        repeated += message.offset() < next ? 1 : 0;
        next = std::max(next, message.offset() + 1);
    }

    int added_ = 0;
};

}  // namespace ottla
