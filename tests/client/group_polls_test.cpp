// SPDX-License-Identifier: Apache-2.0
// What counts as polling for max.poll.interval.ms, and what does not.
#include "tests/client/group_script.hpp"

namespace ottla::client {
namespace {

Config impatient() {
    return Config{{"max.poll.interval.ms", 10'000}, {"session.timeout.ms", 6000}, {"heartbeat.interval.ms", 1000}};
}

TEST(GroupPolls, who_waits_in_a_poll_polls) {
    GroupScript s;
    auto& c = s.add(impatient());
    c.subscribe({"t"}).value();
    s.read(c, 4);
    std::string came;
    c.async_poll(60s, [&](const Result<std::optional<Event>>& event) {
        if (event && *event) came = GroupScript::show(**event);
    });
    s.loop.run_for(55s);
    EXPECT_EQ(came, "");
    EXPECT_EQ(s.broker.members.size(), 1U);
}

TEST(GroupPolls, a_callback_that_does_not_return_is_no_poll_though_another_thread_waits_in_one) {
    GroupScript s;
    auto& c = s.add(impatient());
    std::size_t left = 1;
    RebalanceCallbacks callbacks;
    callbacks.assigned = [&](Consumer& consumer, std::span<const TopicPartition>) {
        consumer.async_poll(60s, [](const Result<std::optional<Event>>&) {});
        for (int i = 0; i < 15; ++i) {
            s.loop.run_for(1s);
            EXPECT_FALSE(consumer.poll(0s));
        }
        left = s.broker.members.size();
    };
    c.subscribe({"t"}, std::move(callbacks)).value();
    s.loop.run_for(1s);
    const auto told = c.poll(0s);
    ASSERT_TRUE(told);
    EXPECT_EQ(GroupScript::show(*told), "MAX_POLL_EXCEEDED");
    EXPECT_EQ(left, 0U);
    EXPECT_EQ(s.broker.leave_reasons, std::vector<std::string>{"max.poll.interval.ms passed without a poll"});
}

TEST(GroupPolls, code_of_the_application_that_runs_in_a_blocking_poll_is_no_poll) {
    GroupScript s;
    auto& c = s.add(impatient());
    c.subscribe({"t"}).value();
    s.read(c, 4);
    s.cores[0].lock()->wait<int>(1s, [&] {
        s.loop.run_for(15s);
        return std::optional(0);
    });
    EXPECT_TRUE(s.broker.members.empty());
}

TEST(GroupPolls, who_only_commits_does_not_poll) {
    GroupScript s;
    auto& c = s.add(impatient());
    c.subscribe({"t"}).value();
    s.read(c, 4);
    for (int i = 0; i < 4; ++i) {
        c.async_commit(1s, [](const Result<std::vector<TopicPartition>>&) {});
        s.loop.run_for(4s);
    }
    EXPECT_EQ(s.committed(), 4);
    EXPECT_TRUE(s.broker.members.empty());
}

TEST(GroupPolls, who_unsubscribes_and_polls_no_more_is_out_in_time) {
    GroupScript s;
    auto& c = s.add(impatient());
    c.subscribe({"t"}).value();
    s.read(c, 4);
    c.unsubscribe().value();
    s.loop.run_for(15s);
    EXPECT_TRUE(s.broker.members.empty());
    EXPECT_EQ(s.broker.leave_reasons, std::vector<std::string>{"the consumer unsubscribed"});
    EXPECT_EQ(s.poll(c, 1s), "lost t[0]; ");
    EXPECT_EQ(s.committed(), 3) << "v3 was in hand when it left";
}

}  // namespace
}  // namespace ottla::client
