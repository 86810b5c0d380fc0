// SPDX-License-Identifier: Apache-2.0
// Takes commands, a line each ("alice deposit 100"), decides them and writes what has happened to the log. Several may
// run at the same time: an event counts only as the next of its account, so whoever is second decides again.
// account_commands BROKERS < COMMANDS
#include <cstdio>
#include <iostream>
#include <string>

#include <boost/asio/use_future.hpp>
#include <ottla/producer.hpp>

#include "snapshots.hpp"

namespace {

class Counter {
public:
    explicit Counter(const std::string& brokers)
        : producer_(ottla::Producer::create({{"bootstrap.servers", brokers},
                                             {"enable.idempotence", true},
                                             {"partitioner", "murmur2_random"},
                                             {"linger.ms", 0}})
                        .value()),
          events_(brokers, accounts::events_topic) {
        auto snapshot = accounts::load_snapshot(brokers, events_);
        book_ = std::move(snapshot.book);
        events_.seek(snapshot.next);
        catch_up();
    }

    // What became of it.
    std::string execute(const std::string& name, const std::string& command) {
        for (;;) {
            auto decided = accounts::decide(book_.at(name), command);
            if (std::holds_alternative<std::string>(decided)) {
                // No is said only to what is known of the latest.
                catch_up();
                decided = accounts::decide(book_.at(name), command);
            }
            if (const auto* why_not = std::get_if<std::string>(&decided)) return "refused: " + *why_not;
            if (append(name, std::get<accounts::Event>(decided)))
                return "balance " + std::to_string(book_.at(name).balance);
        }
    }

private:
    void catch_up() {
        events_.read_to(events_.ends(), [this](std::int32_t, const ottla::MessageView& e) { book_.enter(e); });
    }

    // Whether it counts: that is known when the log was read up to it.
    bool append(const std::string& name, const accounts::Event& event) {
        const auto text = to_string(event);
        const ottla::Record record{.topic = accounts::events_topic, .key = name, .value = text};
        const auto report = producer_.async_produce(record, boost::asio::use_future).get().value();
        if (!report) throw ottla::Exception(report.error);
        auto to = events_.next();
        to[static_cast<std::size_t>(report.partition)] = report.offset.value() + 1;
        bool counts = false;
        events_.read_to(to, [&](std::int32_t partition, const ottla::MessageView& e) {
            const bool is_entered = book_.enter(e);
            if (partition == report.partition && e.offset() == report.offset.value()) counts = is_entered;
        });
        return counts;
    }

    ottla::Producer producer_;
    accounts::EventLog events_;
    accounts::Book book_;
};

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        std::fprintf(stderr, "usage: account_commands BROKERS < COMMANDS\n");
        return 2;
    }
    try {
        Counter counter(argv[1]);
        std::string line;
        while (std::getline(std::cin, line)) {
            const auto space = line.find(' ');
            const auto name = line.substr(0, space);
            const auto command = space == line.npos ? std::string() : line.substr(space + 1);
            if (name.empty() || name.starts_with('#')) {
                std::printf("%s: refused: that is no name\n", line.c_str());
                continue;
            }
            std::printf("%s: %s\n", line.c_str(), counter.execute(name, command).c_str());
            std::fflush(stdout);
        }
        return 0;
    } catch (const std::exception& e) {
        std::fprintf(stderr, "account_commands: %s\n", e.what());
        return 1;
    }
}
