// SPDX-License-Identifier: Apache-2.0
// The parallel consumer against a real broker in this process, on real sockets.
#include <ottla/parallel_consumer.hpp>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>

#include <gtest/gtest.h>
#include <boost/asio.hpp>
#include <ottla/broker/cluster.hpp>
#include <ottla/producer.hpp>

#include "base/clock.hpp"
#include "client/parallel/offset_map.hpp"

namespace ottla {
namespace {

using namespace std::chrono_literals;
using broker::Cluster;
using broker::Fault;
using client::OffsetMap;
using CloseMode = ParallelConsumer::CloseMode;

// What handlers have seen, and a gate that some of them wait at.
class Seen {
public:
    void add(const Message& m) {
        const std::lock_guard lock(mutex_);
        const std::string key(m.key().text());
        in_order_ += offsets_[key].empty() || offsets_[key].back() < m.offset() ? 1 : 0;
        offsets_[key].push_back(m.offset());
        ++times_[{m.partition(), m.offset()}];
        ++count_;
        changed_.notify_all();
    }
    bool wait_for(std::size_t count) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, 20s, [&] { return count_ >= count; });
    }
    void open_gate() {
        const std::lock_guard lock(mutex_);
        is_open_ = true;
        changed_.notify_all();
    }
    void wait_at_gate() {
        std::unique_lock lock(mutex_);
        ++at_gate_;
        changed_.notify_all();
        changed_.wait_for(lock, 20s, [&] { return is_open_; });
    }
    bool wait_until_at_gate(int count) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, 20s, [&] { return at_gate_ >= count; });
    }
    std::size_t count() {
        const std::lock_guard lock(mutex_);
        return count_;
    }
    // Each offset exactly so often.
    bool each(std::size_t offsets, int times) {
        const std::lock_guard lock(mutex_);
        return times_.size() == offsets &&
               std::ranges::all_of(times_, [&](const auto& entry) { return entry.second == times; });
    }
    int times(std::int64_t offset) {
        const std::lock_guard lock(mutex_);
        const auto found = times_.find({0, offset});
        return found == times_.end() ? 0 : found->second;
    }
    // Of every key.
    bool all_in_order() {
        const std::lock_guard lock(mutex_);
        return in_order_ == count_;
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::map<std::string, std::vector<std::int64_t>> offsets_;
    std::map<std::pair<std::int32_t, std::int64_t>, int> times_;
    std::size_t count_ = 0;
    std::size_t in_order_ = 0;
    int at_gate_ = 0;
    bool is_open_ = false;
};

// What was logged.
class Lines {
public:
    void add(const std::string& line) {
        const std::lock_guard lock(mutex_);
        lines_.push_back(line);
    }
    std::size_t count(std::string_view part) {
        const std::lock_guard lock(mutex_);
        return static_cast<std::size_t>(
            std::ranges::count_if(lines_, [&](const auto& line) { return line.find(part) != std::string::npos; }));
    }

private:
    std::mutex mutex_;
    std::vector<std::string> lines_;
};

class ParallelBroker : public ::testing::Test {
protected:
    ParallelBroker() { cluster.create_topic("t", 1).value(); }

    // "0" … "n-1" with keys "k0" … "k<keys-1>" in turn; keys 0: none.
    void fill(int n, int keys = 0, std::int32_t partition = 0, const char* topic = "t") {
        auto producer = Producer::create({{"bootstrap.servers", cluster.bootstrap_servers()}}).value();
        for (int i = 0; i < n; ++i) {
            const std::string value = std::to_string(i);
            const std::string key = keys == 0 ? "" : "k" + std::to_string(i % keys);
            Record record;
            record.topic = topic;
            record.partition = partition;
            if (keys > 0) record.key = key;
            record.value = value;
            producer.produce(record, [](const DeliveryReport& r) { ASSERT_TRUE(r) << to_string(r); }).value();
        }
        ASSERT_EQ(producer.flush(10s).value(), 0U);
    }
    ParallelConsumerConfig config(WorkOrder order = WorkOrder::key) {
        ParallelConsumerConfig c;
        c.brokers = cluster.bootstrap_servers();
        c.group_id = "g";
        c.topics = {"t"};
        c.order = order;
        c.commit_interval = 50ms;
        c.retry_delay = 20ms;
        c.config = {{"auto.offset.reset", "earliest"}, {"fetch.wait.max.ms", 20}};
        return c;
    }
    TopicPartition committed(std::int32_t partition = 0, const std::string& group = "g") {
        auto asks = Consumer::create({{"bootstrap.servers", cluster.bootstrap_servers()}, {"group.id", group}}).value();
        return asks.committed({{"t", partition}}, 10s).value().at(0);
    }
    bool is_committed(std::int64_t offset, const std::string& group = "g") {
        for (int i = 0; i < 400; ++i) {
            if (committed(0, group).offset == Offset(offset)) return true;
        }
        return false;
    }

    Cluster cluster = Cluster::start({.config = {"auto.create.topics.enable=false"}}).value();
    std::shared_ptr<Seen> seen = std::make_shared<Seen>();
};

TEST_F(ParallelBroker, works_on_all_and_commits_what_is_done) {
    fill(1000, 7);
    auto work = ParallelConsumer::create(config(), [s = seen](const Message& m) {
                    s->add(m);
                    return Handled::done();
                }).value();
    ASSERT_TRUE(seen->wait_for(1000));
    work.close(20s).value();
    EXPECT_TRUE(seen->each(1000, 1));
    EXPECT_TRUE(seen->all_in_order());
    EXPECT_EQ(committed().offset, Offset(1000));
    EXPECT_EQ(committed().metadata, "");
    EXPECT_EQ(work.stats().done, 1000U);
    EXPECT_EQ(work.stats().left_behind, 0U);
    EXPECT_EQ(work.close(1s).error(), ErrorCode::closed);
    EXPECT_TRUE(work.is_closed());
    EXPECT_EQ(work.failure(), std::nullopt);
}

TEST_F(ParallelBroker, one_partition_occupies_many_threads) {
    fill(8);
    auto c = config(WorkOrder::none);
    c.max_concurrency = 8;
    auto work = ParallelConsumer::create(std::move(c), [s = seen](const WorkItem& m) {
                    s->wait_at_gate();
                    s->add(m);
                    return Handled::done();
                }).value();
    EXPECT_TRUE(seen->wait_until_at_gate(8)) << "all at the same time";
    EXPECT_EQ(work.stats().running, 8U);
    seen->open_gate();
    ASSERT_TRUE(seen->wait_for(8));
    work.close(20s).value();
    EXPECT_EQ(committed().offset, Offset(8));
}

TEST_F(ParallelBroker, in_order_of_the_partition) {
    fill(300);
    auto c = config(WorkOrder::partition);
    const auto running = std::make_shared<std::atomic<int>>(0);
    const auto most = std::make_shared<std::atomic<int>>(0);
    auto work = ParallelConsumer::create(std::move(c), [s = seen, running, most](const Message& m) {
                    *most = std::max(most->load(), ++*running);
                    s->add(m);
                    --*running;
                    return Handled::done();
                }).value();
    ASSERT_TRUE(seen->wait_for(300));
    work.close(20s).value();
    EXPECT_TRUE(seen->all_in_order());
    EXPECT_EQ(*most, 1);
}

TEST_F(ParallelBroker, what_is_done_beyond_the_commit_is_not_done_again_after_a_restart) {
    fill(100);
    const auto handler = [s = seen](const Message& m) {
        if (m.offset() == 3 || m.offset() == 50) s->wait_at_gate();
        s->add(m);
        return Handled::done();
    };
    auto first = ParallelConsumer::create(config(WorkOrder::none), handler).value();
    ASSERT_TRUE(seen->wait_for(98));
    ASSERT_TRUE(is_committed(3));
    for (int i = 0; i < 400 && committed().metadata.empty(); ++i) {
    }
    EXPECT_EQ(OffsetMap::decode(3, committed().metadata).value().done_count(), 95);
    EXPECT_EQ(first.stats().beyond_watermark, 95U);
    EXPECT_NE(first.describe().find("t[0]: 2 of 97 records up to 100 not done, lowest 3"), std::string::npos)
        << first.describe();
    EXPECT_EQ(first.close(300ms, CloseMode::stop).error(), ErrorCode::timed_out) << "two are at the gate";
    seen->open_gate();
    ASSERT_TRUE(seen->wait_for(100));
    auto second = ParallelConsumer::create(config(WorkOrder::none), handler).value();
    ASSERT_TRUE(seen->wait_for(102));
    second.close(20s).value();
    EXPECT_EQ(committed().offset, Offset(100));
    EXPECT_EQ(seen->times(3), 2) << "they were not committed";
    EXPECT_EQ(seen->times(50), 2);
    EXPECT_EQ(seen->count(), 102U);
    EXPECT_EQ(second.stats().passed_over, 95U);
}

TEST_F(ParallelBroker, what_fails_is_tried_again_and_does_not_hold_back_others) {
    fill(40, 4);
    auto work = ParallelConsumer::create(config(), [s = seen](const WorkItem& m) {
                    if (m.offset() == 0 && m.attempt() < 3) return Handled::retry("not yet");
                    if (m.offset() == 1 && m.attempt() == 1) throw std::runtime_error("thrown");
                    s->add(m);
                    return Handled::done();
                }).value();
    ASSERT_TRUE(seen->wait_for(40));
    work.close(20s).value();
    EXPECT_TRUE(seen->each(40, 1));
    EXPECT_TRUE(seen->all_in_order());
    EXPECT_EQ(work.stats().retries, 3U);
    EXPECT_EQ(committed().offset, Offset(40));
}

TEST_F(ParallelBroker, what_never_succeeds_becomes_a_dead_letter) {
    cluster.create_topic("dead", 1).value();
    fill(20, 5);
    auto c = config();
    c.max_attempts = 3;
    c.dead_letter_topic = "dead";
    auto work = ParallelConsumer::create(std::move(c), [s = seen](const WorkItem& m) {
                    if (m.offset() == 7) return Handled::retry("always");
                    if (m.offset() == 8) return Handled::reject("no such account");
                    s->add(m);
                    return Handled::done();
                }).value();
    ASSERT_TRUE(seen->wait_for(18));
    work.close(20s).value();
    EXPECT_EQ(committed().offset, Offset(20));
    EXPECT_EQ(work.stats().dead_letters, 2U);
    EXPECT_EQ(work.stats().done, 18U);
    auto reads = Consumer::create({{"bootstrap.servers", cluster.bootstrap_servers()}}).value();
    reads.assign({{"dead", 0, Offset::beginning()}}).value();
    std::map<std::string, Message> letters;
    for (int i = 0; i < 2; ++i) {
        const auto m = reads.read_message(10s).value();
        letters.emplace(m.header("dead-letter.offset").text(), m.copy());
    }
    const auto& poison = letters.at("7");
    EXPECT_EQ(poison.value().text(), "7");
    EXPECT_EQ(poison.key().text(), "k2");
    EXPECT_EQ(poison.header("dead-letter.topic").text(), "t");
    EXPECT_EQ(poison.header("dead-letter.partition").text(), "0");
    EXPECT_EQ(poison.header("dead-letter.group").text(), "g");
    EXPECT_EQ(poison.header("dead-letter.attempts").text(), "3");
    EXPECT_EQ(poison.header("dead-letter.error").text(), "always");
    EXPECT_EQ(letters.at("8").header("dead-letter.attempts").text(), "1");
    EXPECT_EQ(letters.at("8").header("dead-letter.error").text(), "no such account");
}

TEST_F(ParallelBroker, a_record_counts_as_done_when_its_dead_letter_is_written) {
    fill(10);
    auto c = config(WorkOrder::none);
    c.dead_letter_topic = "dead";
    cluster.create_topic("dead", 1).value();
    cluster.inject(Fault::error(ErrorCode::topic_authorization_failed).on(protocol::ApiKey::produce).times(2));
    auto work = ParallelConsumer::create(std::move(c), [s = seen](const WorkItem& m) {
                    s->add(m);
                    return m.offset() == 4 ? Handled::reject("bad") : Handled::done();
                }).value();
    ASSERT_TRUE(seen->wait_for(10));
    EXPECT_TRUE(is_committed(10));
    work.close(20s).value();
    EXPECT_EQ(work.stats().dead_letters, 1U);
    EXPECT_EQ(work.stats().dead_letter_failures, 2U);
    EXPECT_EQ(seen->times(4), 1) << "the handler is not asked again";
}

// Two keys in turn; all records of the first are poison, and their letters cannot be written.
TEST_F(ParallelBroker, letters_that_cannot_be_written_hold_up_nobody_else) {
    struct Trouble {
        const char* topic;
        Fault fault;
        const char* line;
    };
    const Trouble troubles[] = {
        {"absent", Fault::disconnect(), "Create the topic"},
        {"denied", Fault::error(ErrorCode::topic_authorization_failed), "Allow this user to write"},
        {"small", Fault::error(ErrorCode::message_too_large), "raise max.message.bytes of the topic"},
    };
    fill(400, 0);
    int round = 0;
    for (const auto& trouble : troubles) {
        seen = std::make_shared<Seen>();
        auto c = config(WorkOrder::none);
        c.group_id = "g" + std::to_string(round);
        c.max_concurrency = 4;
        c.dead_letter_topic = trouble.topic;
        const auto lines = std::make_shared<Lines>();
        c.log = [lines](const LogEvent& e) { lines->add(e.text); };
        c.producer_config = {{"topic.metadata.propagation.max.ms", 50}};
        if (round++ > 0) {
            cluster.create_topic(trouble.topic, 1).value();
            cluster.inject(Fault(trouble.fault).on(protocol::ApiKey::produce).always());
        }
        auto work = ParallelConsumer::create(std::move(c), [s = seen](const Message& m) {
                        if (m.offset() % 4 == 0) return Handled::reject("poison");
                        s->add(m);
                        return Handled::done();
                    }).value();
        EXPECT_TRUE(seen->wait_for(300)) << trouble.topic << ": " << work.describe();
        for (int i = 0; i < 400 && work.stats().dead_letter_failures < 100; ++i) (void)committed();
        EXPECT_EQ(work.stats().waiting_for_letter, 100U);
        EXPECT_EQ(work.stats().running, 0U);
        EXPECT_EQ(work.stats().dead_letters, 0U);
        EXPECT_TRUE(lines->count(trouble.line) > 0) << trouble.topic;
        EXPECT_LT(lines->count("dead letter"), 20U) << "not one for each";
        // Then it can be.
        cluster.clear_faults();
        if (round == 1) cluster.create_topic(trouble.topic, 1).value();
        EXPECT_TRUE(is_committed(400, "g" + std::to_string(round - 1))) << work.describe();
        work.close(20s).value();
        EXPECT_EQ(work.stats().dead_letters, 100U);
        EXPECT_EQ(work.stats().left_behind, 0U);
    }
}

std::int64_t wall_ms() { return base::SystemClock().wall_ms(); }

TEST_F(ParallelBroker, what_fails_goes_from_topic_to_topic_and_its_attempts_count_on) {
    for (const char* topic : {"r1", "r2", "dead"}) cluster.create_topic(topic, 1).value();
    fill(40, 5);
    auto c = config();
    c.retry_topics = {{"r1", 100ms}, {"r2", 300ms}};
    c.dead_letter_topic = "dead";
    const auto tries = std::make_shared<Lines>();
    auto work = ParallelConsumer::create(std::move(c), [s = seen, tries](const WorkItem& m) {
                    const auto delay = m.topic() == "r1" ? 100 : m.topic() == "r2" ? 300 : 0;
                    if (wall_ms() < m.timestamp_ms() + delay) tries->add("too early");
                    tries->add(std::to_string(m.origin_offset()) + " of " + std::string(m.origin_topic()) + " in " +
                               std::string(m.topic()) + ", attempt " + std::to_string(m.attempt()) + ".");
                    if (m.origin_offset() == 7) return Handled::retry("always");
                    if (m.origin_offset() == 8 && m.attempt() == 2) return Handled::reject("no more");
                    if (m.origin_offset() % 8 == 0 && m.attempt() < 3) return Handled::retry("not yet");
                    EXPECT_EQ(m.value().text(), std::to_string(m.origin_offset()));
                    s->add(m);
                    return Handled::done();
                }).value();
    EXPECT_TRUE(seen->wait_for(38)) << work.describe();
    for (int i = 0; i < 400 && work.stats().dead_letters < 2; ++i) (void)committed();
    EXPECT_TRUE(is_committed(40)) << "nothing of the first topic waits";
    EXPECT_EQ(tries->count("too early"), 0U);
    EXPECT_EQ(tries->count("0 of t in r1, attempt 2."), 1U);
    EXPECT_EQ(tries->count("0 of t in r2, attempt 3."), 1U);
    EXPECT_EQ(tries->count("7 of t in r2, attempt 3."), 1U);
    EXPECT_EQ(tries->count("attempt 3."), 5U);
    EXPECT_EQ(tries->count("attempt 4."), 0U);
    work.close(20s).value();
    EXPECT_EQ(work.stats().retries, 0U);
    EXPECT_EQ(work.stats().retry_letters, 11U) << "six to r1, five to r2";
    EXPECT_EQ(work.stats().dead_letters, 2U);

    auto reads = Consumer::create({{"bootstrap.servers", cluster.bootstrap_servers()}}).value();
    reads.assign({{"dead", 0, Offset::beginning()}}).value();
    for (int i = 0; i < 2; ++i) {
        const auto m = reads.read_message(10s).value();
        EXPECT_EQ(m.header("dead-letter.topic").text(), "t");
        const bool is_seven = m.header("dead-letter.offset").text() == "7";
        EXPECT_EQ(m.header("dead-letter.attempts").text(), is_seven ? "3" : "2");
        EXPECT_EQ(m.header("dead-letter.error").text(), is_seven ? "always" : "no more");
        EXPECT_EQ(m.header_count(), 7U) << "nothing of the retry topics";
    }
}

// The retry is written, and the commit of its origin gets lost with the consumer.
TEST_F(ParallelBroker, a_crash_behind_a_retry_loses_nothing) {
    cluster.create_topic("r1", 1).value();
    fill(10);
    const auto is_well = std::make_shared<std::atomic<bool>>(false);
    const auto make = [&] {
        auto c = config(WorkOrder::none);
        c.retry_topics = {{"r1", 1h}};
        c.commit_interval = 1h;
        return ParallelConsumer::create(std::move(c),
                                        [s = seen, is_well](const WorkItem& m) {
                                            if (m.offset() == 4 && !*is_well) return Handled::retry("ill");
                                            s->add(m);
                                            return Handled::done();
                                        })
            .value();
    };
    {
        auto first = make();
        ASSERT_TRUE(seen->wait_for(9));
        for (int i = 0; i < 400 && first.stats().retry_letters == 0; ++i) (void)committed();
        cluster.inject(
            Fault::error(ErrorCode::group_authorization_failed).on(protocol::ApiKey::offset_commit).always());
        (void)first.close(2s, CloseMode::stop).has_value();
    }
    cluster.clear_faults();
    *is_well = true;
    auto second = make();
    EXPECT_TRUE(seen->wait_for(19)) << second.describe();
    EXPECT_EQ(seen->times(4), 1) << "now it succeeds; its retry is still to come, and may be done again";
    auto asks = Consumer::create({{"bootstrap.servers", cluster.bootstrap_servers()}}).value();
    EXPECT_EQ(asks.query_watermark_offsets("r1", 0, 10s).value().high, Offset(1));
    second.close(20s).value();
    EXPECT_EQ(committed().offset, Offset(10));
}

// Nobody has committed anything of the retry topic when its only reader goes, and auto.offset.reset is what it is by
// default.
TEST_F(ParallelBroker, a_retry_that_nobody_has_read_yet_is_not_passed_over) {
    cluster.create_topic("r1", 1).value();
    const auto is_well = std::make_shared<std::atomic<bool>>(false);
    const auto make = [&](std::chrono::milliseconds delay) {
        auto c = config(WorkOrder::none);
        c.config = {{"auto.offset.reset", "latest"}, {"fetch.wait.max.ms", 20}};
        c.retry_topics = {{"r1", delay}};
        return ParallelConsumer::create(std::move(c),
                                        [s = seen, is_well](const WorkItem& m) {
                                            if (!*is_well) return Handled::retry("ill");
                                            s->add(m);
                                            return Handled::done();
                                        })
            .value();
    };
    {
        auto asks = Consumer::create({{"bootstrap.servers", cluster.bootstrap_servers()}, {"group.id", "g"}}).value();
        asks.commit({{"t", 0, 0}}, 10s).value();
    }
    fill(10);
    {
        auto first = make(1h);
        for (int i = 0; i < 4000 && first.stats().retry_letters < 10; ++i) (void)committed();
        ASSERT_EQ(first.stats().retry_letters, 10U);
        first.close(20s).value();
    }
    *is_well = true;
    auto second = make(1ms);
    EXPECT_TRUE(seen->wait_for(10)) << second.describe();
    second.close(20s).value();
}

// Far more retries wait than there is room for here: they wait in their topic.
TEST_F(ParallelBroker, what_is_not_due_takes_no_room) {
    cluster.create_topic("r1", 1).value();
    fill(1000);
    auto c = config(WorkOrder::none);
    c.retry_topics = {{"r1", 1h}};
    c.buffered_records = 100;
    auto work = ParallelConsumer::create(std::move(c), [s = seen](const WorkItem& m) {
                    if (m.offset() % 2 == 0) return Handled::retry("later");
                    s->add(m);
                    return Handled::done();
                }).value();
    EXPECT_TRUE(seen->wait_for(500)) << work.describe();
    EXPECT_TRUE(is_committed(1000)) << work.describe();
    for (int i = 0; i < 400 && work.describe().find("not due yet") == std::string::npos; ++i) (void)committed();
    EXPECT_NE(work.describe().find("r1[0]: 0 of 0 records"), std::string::npos) << work.describe();
    EXPECT_NE(work.describe().find("paused: its next record is not due yet"), std::string::npos) << work.describe();
    EXPECT_EQ(work.stats().buffered, 0U);
    fill(100);
    EXPECT_TRUE(seen->wait_for(550));
    work.close(20s).value();
    EXPECT_EQ(work.stats().retry_letters, 550U);
}

TEST_F(ParallelBroker, hooks_are_told_what_becomes_of_each_call) {
    cluster.create_topic("r1", 1).value();
    cluster.create_topic("dead", 1).value();
    fill(10);
    auto c = config(WorkOrder::none);
    c.retry_topics = {{"r1", 10ms}};
    c.dead_letter_topic = "dead";
    const auto told = std::make_shared<Lines>();
    c.log = [](const LogEvent&) {};
    c.hooks.on_work = [told](const WorkEvent& e) {
        EXPECT_EQ(e.items.size(), 1U);
        EXPECT_TRUE(e.stage != WorkEvent::Stage::begun || e.took.count() == 0);
        told->add(std::to_string(e.items.front().origin_offset()) + " " + std::string(to_string(e.stage)) + " " +
                  std::string(e.why) + ".");
    };
    c.hooks.on_letter = [told](const LetterEvent& e) {
        told->add((e.is_dead ? "dead " : "retry ") + std::to_string(e.items.front().origin_offset()) + " " +
                  std::string(e.topic) + (e.error.code() == ErrorCode::none ? " written" : " failed"));
    };
    c.hooks.on_commit = [told](const CommitEvent& e) {
        for (const auto& tp : e.offsets) told->add("commit " + tp.topic + " " + to_string(tp.offset));
        throw std::runtime_error("hooks do no harm");
    };
    cluster.inject(Fault::error(ErrorCode::topic_authorization_failed).on(protocol::ApiKey::produce).times(1));
    auto work = ParallelConsumer::create(std::move(c), [s = seen](const WorkItem& m) {
                    if (m.origin_offset() == 3) return Handled::retry("ill");
                    if (m.origin_offset() == 4 && m.attempt() == 1) return Handled::retry_after(1ms, "soon");
                    s->add(m);
                    return Handled::done();
                }).value();
    ASSERT_TRUE(seen->wait_for(9));
    for (int i = 0; i < 400 && work.stats().dead_letters == 0; ++i) (void)committed();
    EXPECT_TRUE(is_committed(10));
    EXPECT_EQ(work.stats().lag, 0U);
    work.close(20s).value();
    EXPECT_EQ(told->count(" begun "), 12U);
    EXPECT_EQ(told->count(" done "), 9U);
    EXPECT_EQ(told->count("4 to be tried again soon."), 1U);
    EXPECT_EQ(told->count("3 to a retry topic ill."), 1U);
    EXPECT_EQ(told->count("3 to the dead letters ill."), 1U);
    EXPECT_EQ(told->count("retry 3 r1 failed"), 1U);
    EXPECT_EQ(told->count("retry 3 r1 written"), 1U);
    EXPECT_EQ(told->count("dead 3 dead written"), 1U);
    EXPECT_EQ(told->count("commit t 10"), 1U);
}

TEST_F(ParallelBroker, lag_is_what_is_not_done_up_to_the_end) {
    fill(100);
    auto c = config(WorkOrder::none);
    c.max_concurrency = 1;
    c.buffered_records = 10;
    auto work = ParallelConsumer::create(std::move(c), [s = seen](const Message& m) {
                    if (m.offset() == 30) s->wait_at_gate();
                    s->add(m);
                    return Handled::done();
                }).value();
    ASSERT_TRUE(seen->wait_until_at_gate(1));
    EXPECT_EQ(work.stats().lag, 70U);
    EXPECT_EQ(work.stats().running, 1U);
    seen->open_gate();
    ASSERT_TRUE(seen->wait_for(100));
    work.close(20s).value();
}

TEST_F(ParallelBroker, batches) {
    fill(500);
    auto c = config(WorkOrder::none);
    c.batch_size = 50;
    c.max_concurrency = 2;
    const auto calls = std::make_shared<std::atomic<int>>(0);
    auto work = ParallelConsumer::create(std::move(c), [s = seen, calls](std::span<const WorkItem> items) {
                    ++*calls;
                    for (const auto& item : items)
                        if (item.offset() == 100 && item.attempt() == 1) return Handled::retry("once");
                    for (const auto& item : items) s->add(item);
                    return Handled::done();
                }).value();
    ASSERT_TRUE(seen->wait_for(500));
    work.close(20s).value();
    EXPECT_TRUE(seen->each(500, 1));
    EXPECT_LT(*calls, 200);
    EXPECT_EQ(committed().offset, Offset(500));
}

boost::asio::awaitable<Handled> wait_and_add(std::shared_ptr<Seen> s, std::shared_ptr<std::atomic<int>> most,
                                             std::shared_ptr<std::atomic<int>> running, WorkItem item) {
    *most = std::max(most->load(), ++*running);
    boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor, 50ms);
    co_await timer.async_wait(boost::asio::use_awaitable);
    --*running;
    if (item.offset() == 5 && item.attempt() == 1) throw std::runtime_error("thrown");
    s->add(item);
    co_return Handled::done();
}

TEST_F(ParallelBroker, thousands_of_coroutines_on_one_thread) {
    fill(3000);
    auto c = config(WorkOrder::none);
    c.max_concurrency = 2000;
    const auto most = std::make_shared<std::atomic<int>>(0);
    const auto running = std::make_shared<std::atomic<int>>(0);
    auto work = ParallelConsumer::create(std::move(c), [s = seen, most, running](WorkItem item) {
                    return wait_and_add(s, most, running, std::move(item));
                }).value();
    ASSERT_TRUE(seen->wait_for(3000));
    work.close(20s).value();
    EXPECT_TRUE(seen->each(3000, 1));
    EXPECT_GT(*most, 500);
    EXPECT_EQ(work.stats().retries, 1U);
    EXPECT_EQ(committed().offset, Offset(3000));
}

boost::asio::awaitable<Handled> refuse(WorkItem) { co_return Handled::reject("none is good"); }

// The letter's acknowledgement comes on the producer's thread, when the coroutine has long ended.
TEST_F(ParallelBroker, a_letter_that_is_written_lets_the_next_of_its_chain_begin) {
    cluster.create_topic("dead", 1).value();
    fill(200);
    auto c = config(WorkOrder::partition);
    c.dead_letter_topic = "dead";
    c.commit_interval = 1h;
    auto work = ParallelConsumer::create(std::move(c), refuse).value();
    for (int i = 0; i < 2000 && work.stats().dead_letters < 200; ++i) (void)committed();
    EXPECT_EQ(work.stats().dead_letters, 200U) << work.describe();
    work.close(20s).value();
    EXPECT_EQ(committed().offset, Offset(200));
}

TEST_F(ParallelBroker, coroutines_on_an_executor_of_the_callers) {
    fill(20);
    boost::asio::io_context loop;
    auto keeps = boost::asio::make_work_guard(loop);
    boost::asio::thread_pool runs(1);
    boost::asio::post(runs, [&] { loop.run(); });
    const auto most = std::make_shared<std::atomic<int>>(0);
    const auto running = std::make_shared<std::atomic<int>>(0);
    auto work = ParallelConsumer::create(loop.get_executor(), config(WorkOrder::none),
                                         [s = seen, most, running](WorkItem item) {
                                             return wait_and_add(s, most, running, std::move(item));
                                         })
                    .value();
    ASSERT_TRUE(seen->wait_for(20));
    work.close(20s).value();
    EXPECT_EQ(committed().offset, Offset(20));
    keeps.reset();
    runs.join();
}

TEST_F(ParallelBroker, buffers_are_bounded_and_partitions_paused) {
    fill(2000);
    auto c = config(WorkOrder::none);
    c.max_concurrency = 1;
    c.buffered_records = 10;
    auto work = ParallelConsumer::create(std::move(c), [s = seen](const Message& m) {
                    if (m.offset() == 0) s->wait_at_gate();
                    s->add(m);
                    return Handled::done();
                }).value();
    ASSERT_TRUE(seen->wait_until_at_gate(1));
    EXPECT_NE(work.describe().find("t[0]"), std::string::npos);
    seen->open_gate();
    ASSERT_TRUE(seen->wait_for(2000));
    work.close(20s).value();
    EXPECT_TRUE(seen->each(2000, 1));
}

TEST_F(ParallelBroker, a_partition_goes_to_another_member_with_what_is_done) {
    auto c = config(WorkOrder::none);
    fill(200);
    const auto handler = [s = seen](const Message& m) {
        if (m.offset() == 10) s->wait_at_gate();
        s->add(m);
        return Handled::done();
    };
    c.config.set("session.timeout.ms", 6000).value();
    c.revoke_timeout = 100ms;
    auto first = ParallelConsumer::create(std::move(c), handler).value();
    ASSERT_TRUE(seen->wait_for(199));
    ASSERT_TRUE(is_committed(10));
    // It leaves, and 10 is still at the gate.
    EXPECT_EQ(first.close(500ms, CloseMode::drain).error(), ErrorCode::timed_out);
    auto second = ParallelConsumer::create(config(WorkOrder::none), handler).value();
    ASSERT_TRUE(seen->wait_until_at_gate(2)) << "10 alone is done again";
    seen->open_gate();
    ASSERT_TRUE(seen->wait_for(201));
    second.close(20s).value();
    EXPECT_EQ(seen->count(), 201U);
    EXPECT_EQ(seen->times(10), 2);
    EXPECT_EQ(committed().offset, Offset(200));
}

TEST_F(ParallelBroker, members_that_come_take_over_what_is_not_done) {
    cluster.create_topic("four", 4).value();
    for (int p = 0; p < 4; ++p) fill(500, 0, p, "four");
    const auto make = [this] {
        auto c = config(WorkOrder::none);
        c.topics = {"four"};
        c.config.set("partition.assignment.strategy", "cooperative-sticky").value();
        c.config.set("heartbeat.interval.ms", 100).value();
        return ParallelConsumer::create(std::move(c),
                                        [s = seen](const Message& m) {
                                            if (m.offset() == 5) s->wait_at_gate();
                                            s->add(m);
                                            return Handled::done();
                                        })
            .value();
    };
    auto first = make();
    ASSERT_TRUE(seen->wait_for(1000));
    auto second = make();
    // What is to be given back still runs, and is waited for.
    for (int i = 0; i < 20; ++i) (void)committed();
    seen->open_gate();
    for (int i = 0; i < 5000 && second.consumer().assignment().size() < 2; ++i) (void)committed();
    for (int p = 0; p < 4; ++p) fill(100, 0, p, "four");
    ASSERT_TRUE(seen->wait_for(2400));
    first.close(20s).value();
    second.close(20s).value();
    EXPECT_TRUE(seen->each(2400, 1)) << "nothing twice, as all of it was handed over";
    EXPECT_GT(first.stats().done, 0U);
    EXPECT_GT(second.stats().done, 0U);
}

TEST_F(ParallelBroker, metadata_of_somebody_else_is_left_aside) {
    fill(10);
    {
        auto other = Consumer::create({{"bootstrap.servers", cluster.bootstrap_servers()}, {"group.id", "g"}}).value();
        TopicPartition tp("t", 0, 4);
        tp.metadata = "a note of mine";
        other.commit({tp}, 10s).value();
    }
    auto work = ParallelConsumer::create(config(), [s = seen](const Message& m) {
                    s->add(m);
                    return Handled::done();
                }).value();
    ASSERT_TRUE(seen->wait_for(6));
    work.close(20s).value();
    EXPECT_EQ(work.stats().maps_unreadable, 1U);
    EXPECT_EQ(seen->times(3), 0);
    EXPECT_EQ(committed().offset, Offset(10));
}

TEST_F(ParallelBroker, a_map_that_does_not_fit_is_left_out) {
    fill(400);
    auto c = config(WorkOrder::none);
    c.metadata_bytes = 4;
    const auto handler = [s = seen](const Message& m) {
        if (m.offset() % 2 == 0 && m.offset() < 20) s->wait_at_gate();
        s->add(m);
        return Handled::done();
    };
    auto work = ParallelConsumer::create(std::move(c), handler).value();
    ASSERT_TRUE(seen->wait_for(390));
    for (int i = 0; i < 400 && work.stats().commits_without_map == 0; ++i) (void)committed();
    EXPECT_GT(work.stats().commits_without_map, 0U);
    EXPECT_EQ(committed().metadata, "");
    seen->open_gate();
    ASSERT_TRUE(seen->wait_for(400));
    work.close(20s).value();
    EXPECT_EQ(committed().offset, Offset(400));
}

TEST_F(ParallelBroker, close_in_a_handler_is_refused) {
    fill(1);
    const auto answer = std::make_shared<std::atomic<ErrorCode>>(ErrorCode::none);
    const auto self = std::make_shared<std::atomic<ParallelConsumer*>>(nullptr);
    auto work = ParallelConsumer::create(config(), [s = seen, self, answer](const Message& m) {
                    s->wait_at_gate();
                    *answer = self->load()->close(1s).error().code();
                    s->add(m);
                    return Handled::done();
                }).value();
    *self = &work;
    seen->open_gate();
    ASSERT_TRUE(seen->wait_for(1));
    EXPECT_EQ(*answer, ErrorCode::invalid_state);
    work.close(20s).value();
}

boost::asio::awaitable<Handled> close_it(ParallelConsumer* self, std::shared_ptr<Seen> s,
                                         std::shared_ptr<std::atomic<ErrorCode>> answer, WorkItem item) {
    *answer = self->close(1s).error().code();
    s->add(item);
    co_return Handled::done();
}

TEST_F(ParallelBroker, close_in_a_coroutine_on_the_thread_of_its_own_is_refused) {
    fill(1);
    const auto answer = std::make_shared<std::atomic<ErrorCode>>(ErrorCode::none);
    const auto self = std::make_shared<std::atomic<ParallelConsumer*>>(nullptr);
    auto work = ParallelConsumer::create(config(), [s = seen, self, answer](WorkItem item) {
                    s->wait_at_gate();
                    return close_it(self->load(), s, answer, std::move(item));
                }).value();
    *self = &work;
    seen->open_gate();
    ASSERT_TRUE(seen->wait_for(1));
    EXPECT_EQ(*answer, ErrorCode::invalid_state);
    work.close(20s).value();
}

}  // namespace
}  // namespace ottla
