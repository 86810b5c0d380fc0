// SPDX-License-Identifier: Apache-2.0
// What becomes of records whose handlers fail, against a real broker: retries, retry topics, dead letters.
#include "base/clock.hpp"
#include "tests/client/parallel_broker.hpp"

namespace ottla {
namespace {

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

}  // namespace
}  // namespace ottla
