// SPDX-License-Identifier: Apache-2.0
// examples/event_sourcing: the same accounts come out of the first event on, of a closing, and of snapshots that were
// compacted; and two that decide at the same time never take the same money.
#include <chrono>
#include <future>
#include <map>
#include <sstream>

#include <gtest/gtest.h>
#include <ottla/admin.hpp>
#include <ottla/broker/cluster.hpp>
#include <ottla/consumer.hpp>
#include <ottla/producer.hpp>

#include "base/random.hpp"
#include "tests/examples/programs.hpp"

namespace ottla {
namespace {

using namespace std::chrono_literals;
using namespace test_programs;

std::int64_t wall_ms() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
        .count();
}

class EventSourcing : public ::testing::Test {
protected:
    EventSourcing() {
        auto admin = Admin::create({{"bootstrap.servers", cluster.bootstrap_servers()}}).value();
        NewTopic events("account-events", 3);
        events.configs = {{"message.timestamp.type", "LogAppendTime"}};
        NewTopic snapshots("account-snapshots", 1);
        snapshots.configs = {{"cleanup.policy", "compact"},
                             {"internal.segment.bytes", "2000"},
                             {"min.cleanable.dirty.ratio", "0.01"},
                             {"file.delete.delay.ms", "100"}};
        for (const auto& made : admin.create_topics({events, snapshots}).value())
            EXPECT_FALSE(made.error.code() != ErrorCode::none);
    }

    Ran state(const std::string& how, const std::string& input = "") const {
        return run("printf '" + input + "' | " OTTLA_ACCOUNT_STATE " " + cluster.bootstrap_servers() + " " + how);
    }
    // Its accounts, and how many records were read.
    struct State {
        std::string accounts;
        std::int64_t snapshots = -1;
        std::int64_t events = -1;
    };
    State rebuilt(const std::string& how, const std::string& input = "") const {
        const auto ran = state(how, input);
        EXPECT_EQ(ran.status, 0) << ran.output;
        State s;
        for (const auto& line : lines_of(ran.output)) {
            long long records = 0, events = 0;
            if (std::sscanf(line.c_str(), "read %lld records of snapshots, %lld events", &records, &events) == 2) {
                s.snapshots = records;
                s.events = events;
            } else {
                s.accounts += line + "\n";
            }
        }
        return s;
    }
    std::string command(const std::string& lines) const {
        const auto ran = run("printf '" + lines + "' | " OTTLA_ACCOUNT_COMMANDS " " + cluster.bootstrap_servers());
        EXPECT_EQ(ran.status, 0) << ran.output;
        return ran.output;
    }
    void snapshot() const {
        const auto ran = run(OTTLA_ACCOUNT_SNAPSHOT " " + cluster.bootstrap_servers());
        EXPECT_EQ(ran.status, 0) << ran.output;
    }

    void write(const std::string& topic, const std::string& key, const std::string& value) const {
        auto producer =
            Producer::create({{"bootstrap.servers", cluster.bootstrap_servers()}, {"partitioner", "murmur2_random"}})
                .value();
        producer.produce({.topic = topic, .key = key, .value = value}).value();
        ASSERT_EQ(producer.flush(20s).value(), 0U);
    }
    // The last snapshot of an account.
    std::string last(const std::string& name) const {
        auto consumer =
            Consumer::create({{"bootstrap.servers", cluster.bootstrap_servers()}, {"enable.partition.eof", true}})
                .value();
        consumer.assign({{"account-snapshots", 0, Offset::beginning()}}).value();
        for (std::string value;;) {
            const auto event = consumer.poll(20s);
            if (!event || std::holds_alternative<PartitionEof>(*event)) return value;
            if (const auto* m = std::get_if<Message>(&*event); m && m->key().text() == name) value = m->value().text();
        }
    }
    // The partition in "70 3 open 2@20".
    static std::string parse_home(const std::string& kept) {
        const auto space = kept.rfind(' ');
        return kept.substr(space + 1, kept.find('@') - space - 1);
    }

    broker::Cluster cluster = broker::Cluster::start({.config = {"log.cleaner.backoff.ms=50"}}).value();
};

TEST_F(EventSourcing, commands_are_decided_by_what_the_log_says) {
    EXPECT_EQ(
        command("alice open\\nalice deposit 100\\nalice withdraw 130\\nalice withdraw 30\\nbob deposit 5\\n#x open\\n"),
        "alice open: balance 0\nalice deposit 100: balance 100\nalice withdraw 130: refused: there are only 100\n"
        "alice withdraw 30: balance 70\nbob deposit 5: refused: it is not open\n#x open: refused: that is no name\n");
    EXPECT_EQ(command("alice deposit 1\\n"), "alice deposit 1: balance 71\n") << "another process knows the same";
    EXPECT_EQ(rebuilt("beginning").accounts, "alice 71 4 open\n");
}

// Many accounts, many events; snapshots in between; three ways to the same state.
TEST_F(EventSourcing, every_way_to_rebuild_comes_to_the_same_state) {
    base::Random random(7);
    std::map<std::string, std::int64_t> balances;
    std::int64_t closed_at = 0;
    std::string closing;
    const auto round = [&](int commands) {
        std::string lines;
        for (int i = 0; i < 20; ++i) lines += "a" + std::to_string(i) + " open\\n";
        for (int i = 0; i < commands; ++i) {
            const auto name = "a" + std::to_string(random.below(20));
            const auto amount = random.between(1, 50);
            const bool is_deposit = random.chance(0.6);
            if (is_deposit || balances[name] >= amount) balances[name] += is_deposit ? amount : -amount;
            lines += name + (is_deposit ? " deposit " : " withdraw ") + std::to_string(amount) + "\\n";
        }
        command(lines);
    };
    for (int i = 0; i < 12; ++i) {
        round(80);
        snapshot();
        if (i != 5) continue;
        // All that is there is older, all that comes is not.
        closed_at = wall_ms() + 1;
        while (wall_ms() < closed_at) {
        }
        closing = rebuilt("until " + std::to_string(closed_at)).accounts;
    }
    round(15);

    const auto all = rebuilt("beginning");
    std::string expected;
    for (const auto& line : lines_of(all.accounts)) {
        std::istringstream words(line);
        std::string name;
        std::int64_t balance = -1;
        words >> name >> balance;
        EXPECT_EQ(balance, balances[name]) << line;
    }
    EXPECT_EQ(lines_of(all.accounts).size(), 20U);

    std::string input;
    for (const auto& line : lines_of(closing)) input += line + "\\n";
    const auto since = rebuilt("since " + std::to_string(closed_at), input);
    EXPECT_EQ(since.accounts, all.accounts);
    EXPECT_NE(closing, all.accounts);
    EXPECT_LT(since.events, all.events);
    EXPECT_GT(since.events, 0);

    // Older states of the accounts go; what is left says the same.
    auto compact = rebuilt("snapshot");
    const auto until = std::chrono::steady_clock::now() + 25s;
    while (compact.snapshots > 150 && std::chrono::steady_clock::now() < until) compact = rebuilt("snapshot");
    EXPECT_LE(compact.snapshots, 150) << "12 rounds of 23 records were written";
    EXPECT_GE(compact.snapshots, 23);
    EXPECT_EQ(compact.accounts, all.accounts);
    EXPECT_LT(compact.events, 40) << "only what came after the last snapshot";
}

TEST_F(EventSourcing, two_at_the_same_time_never_spend_the_same_money) {
    command("joint open\\njoint deposit 100\\n");
    std::string lines;
    for (int i = 0; i < 80; ++i) lines += "joint withdraw 1\\n";
    const auto spend = [&] { return command(lines); };
    auto first = std::async(std::launch::async, spend), second = std::async(std::launch::async, spend);
    const auto both = first.get() + second.get();
    std::size_t taken = 0, refused = 0;
    for (const auto& line : lines_of(both)) ++(line.find("refused: there are only 0") == line.npos ? taken : refused);
    EXPECT_EQ(taken, 100U) << both;
    EXPECT_EQ(refused, 60U);
    EXPECT_EQ(rebuilt("beginning").accounts, "joint 0 102 open\n");
}

TEST_F(EventSourcing, a_snapshot_that_was_not_finished_costs_nothing_but_time) {
    command("alice open\\nalice deposit 10\\nbob open\\n");
    snapshot();
    command("alice deposit 5\\nbob deposit 3\\n");
    // As if account_snapshot had been killed after alice: no "#" says how far it came.
    write("account-snapshots", "alice", "15 3 open " + parse_home(last("alice")) + "@3");
    EXPECT_EQ(rebuilt("snapshot").accounts, "alice 15 3 open\nbob 3 2 open\n");
    snapshot();
    EXPECT_EQ(rebuilt("snapshot").events, 0);
    EXPECT_EQ(rebuilt("snapshot").accounts, "alice 15 3 open\nbob 3 2 open\n");
}

// A slow account_snapshot that another overtook writes its older accounts last.
TEST_F(EventSourcing, a_snapshot_that_was_overtaken_changes_nothing) {
    command("alice open\\nalice deposit 10\\nbob open\\n");
    snapshot();
    const auto older = last("alice");
    command("alice deposit 5\\nbob deposit 3\\n");
    snapshot();
    ASSERT_NE(last("alice"), older);
    write("account-snapshots", "alice", older);
    EXPECT_EQ(rebuilt("snapshot").accounts, "alice 15 3 open\nbob 3 2 open\n");
    EXPECT_EQ(command("alice deposit 1000\\n"), "alice deposit 1000: balance 1015\n");
    snapshot();
    EXPECT_EQ(rebuilt("snapshot").accounts, rebuilt("beginning").accounts);
    EXPECT_EQ(rebuilt("snapshot").events, 0);
}

// What compaction leaves then: of alice the older state alone, and the mark of the newer snapshot.
TEST_F(EventSourcing, a_mark_that_is_further_than_an_account_is_not_believed) {
    command("alice open\\nalice deposit 10\\n");
    snapshot();
    const auto home = parse_home(last("alice"));
    command("alice deposit 5\\n");
    write("account-snapshots", "#" + home, "3");
    EXPECT_EQ(rebuilt("snapshot").accounts, "alice 15 3 open\n");
    EXPECT_EQ(command("alice deposit 1000\\n"), "alice deposit 1000: balance 1015\n");
    snapshot();
    EXPECT_EQ(rebuilt("snapshot").accounts, "alice 1015 4 open\n");
    EXPECT_EQ(rebuilt("snapshot").events, 0);
}

TEST_F(EventSourcing, snapshots_lie_in_one_partition) {
    auto admin = Admin::create({{"bootstrap.servers", cluster.bootstrap_servers()}}).value();
    ASSERT_EQ(admin.create_partitions({{"account-snapshots", 2}}).value()[0].error.code(), ErrorCode::none);
    EXPECT_NE(state("snapshot").output.find("account-snapshots must have one partition"), std::string::npos);
}

TEST_F(EventSourcing, nothing_is_decided_where_events_are_missing) {
    command("alice open\\n");
    write("account-events", "alice", "3 deposited 5");
    EXPECT_NE(state("beginning").output.find("event 3 comes after event 1"), std::string::npos);
    EXPECT_NE(run("echo 'alice deposit 1' | " OTTLA_ACCOUNT_COMMANDS " " + cluster.bootstrap_servers()).status, 0);
}

TEST_F(EventSourcing, what_is_wrong_is_said) {
    const auto later = std::to_string(wall_ms() + 60'000);
    for (const char* how : {"until ", "since "})
        EXPECT_NE(state(how + later).output.find(later + " is not over yet"), std::string::npos);
    EXPECT_NE(state("backwards").output.find("usage"), std::string::npos);
    EXPECT_NE(state("since 5", "alice much\\n").output.find("'alice much' is no account"), std::string::npos);
}

}  // namespace
}  // namespace ottla
