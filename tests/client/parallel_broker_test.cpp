// SPDX-License-Identifier: Apache-2.0
// The parallel consumer against a real broker in this process, on real sockets.
#include <fmt/format.h>
#include <boost/asio.hpp>

#include "client/parallel/offset_map.hpp"
#include "tests/client/parallel_broker.hpp"

namespace ottla {
namespace {

using client::OffsetMap;

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

// What is decoded at a time comes in as a whole: at most 1,024 records, where no record batch has more.
TEST_F(ParallelBroker, buffers_are_bounded_and_partitions_paused) {
    constexpr std::uint64_t bound = 10 + 1024;
    fill(5000, 0, 0, "t", 5);
    auto c = config(WorkOrder::none);
    c.max_concurrency = 1;
    c.buffered_records = 10;
    auto work = ParallelConsumer::create(std::move(c), [s = seen](const Message& m) {
                    if (m.offset() == 0) s->wait_at_gate();
                    s->add(m);
                    return Handled::done();
                }).value();
    ASSERT_TRUE(seen->wait_until_at_gate(1));
    const auto is_paused = [&] {
        return work.describe().find("t[0]") != std::string::npos &&
               work.describe().find("paused: the buffers are full") != std::string::npos;
    };
    for (int i = 0; i < 2000 && !is_paused(); ++i) (void)committed();
    EXPECT_TRUE(is_paused()) << work.describe();
    const auto buffered = work.stats().buffered;
    EXPECT_GE(buffered, 10U);
    EXPECT_LT(buffered, bound);
    // The broker has more, and is asked often meanwhile: nothing more comes in.
    for (int i = 0; i < 50; ++i) {
        (void)committed();
        ASSERT_EQ(work.stats().buffered, buffered) << work.describe();
    }
    EXPECT_EQ(work.stats().done, 0U);
    std::uint64_t most = 0;
    seen->open_gate();
    while (seen->count() < 5000 && most < bound) most = std::max(most, work.stats().buffered);
    EXPECT_LT(most, bound);
    ASSERT_TRUE(seen->wait_for(5000));
    work.close(20s).value();
    EXPECT_TRUE(seen->each(5000, 1));
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

// Odd offsets below 20 wait at the gate: 0 alone is done before the first that is not.
Handled wait_if_odd(Seen& seen, const Message& m) {
    if (m.offset() % 2 == 1 && m.offset() < 20) seen.wait_at_gate();
    seen.add(m);
    return Handled::done();
}

class ParallelSmallMetadata : public ParallelBroker {
protected:
    ParallelSmallMetadata() {
        cluster = Cluster::start({.config = {"auto.create.topics.enable=false",
                                             fmt::format("offset.metadata.max.bytes={}", limit)}})
                      .value();
        cluster.create_topic("t", 1).value();
        fill(400);
    }
    ParallelConsumerConfig config() {
        auto c = ParallelBroker::config(WorkOrder::none);
        c.log = [l = lines](const LogEvent& line) { l->add(line.text); };
        return c;
    }
    ParallelConsumer begin(ParallelConsumerConfig c) {
        return ParallelConsumer::create(std::move(c), [s = seen](const Message& m) { return wait_if_odd(*s, m); })
            .value();
    }

    static constexpr std::size_t limit = 10;
    std::shared_ptr<Lines> lines = std::make_shared<Lines>();
};

TEST_F(ParallelSmallMetadata, a_map_that_the_broker_refuses_is_left_out_at_once) {
    for (const bool waits : {false, true}) {
        auto c = config();
        c.group_id = waits ? "waits" : "does not";
        c.waits_for_commits = waits;
        c.commit_interval = 1h;
        c.commit_every = 390;
        const auto before = lines->count("offset.metadata.max.bytes");
        seen = std::make_shared<Seen>();
        auto work = begin(std::move(c));
        ASSERT_TRUE(seen->wait_for(390));
        EXPECT_TRUE(is_committed(1, waits ? "waits" : "does not"));
        EXPECT_EQ(work.stats().commits_without_map, 1U);
        EXPECT_EQ(work.stats().commit_failures, 1U);
        EXPECT_EQ(lines->count("offset.metadata.max.bytes is below ParallelConsumerConfig::metadata_bytes (4096)"),
                  before + 1);
        seen->open_gate();
        ASSERT_TRUE(seen->wait_for(400));
        work.close(20s).value();
        EXPECT_EQ(committed(0, waits ? "waits" : "does not").offset, Offset(400));
    }
}

TEST_F(ParallelSmallMetadata, a_map_that_the_broker_refuses_does_not_keep_what_is_given_back_from_its_commit) {
    auto c = config();
    c.commit_interval = 1h;
    auto work = begin(std::move(c));
    ASSERT_TRUE(seen->wait_for(390));
    EXPECT_EQ(work.close(2s, CloseMode::stop).error(), ErrorCode::timed_out) << "ten are at the gate";
    EXPECT_EQ(committed().offset, Offset(1));
    EXPECT_EQ(work.stats().commits_without_map, 1U);
    seen->open_gate();
    ASSERT_TRUE(seen->wait_for(400));
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
