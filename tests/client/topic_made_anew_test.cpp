// SPDX-License-Identifier: Apache-2.0
// A topic that is deleted and made anew while partitions of it are assigned by hand: what was read of the old one says
// nothing about where to read the new one.
#include "tests/client/consumer_script.hpp"

namespace ottla::client {
namespace {

using namespace std::chrono_literals;

// Where the broker knows of topic ids in Fetch, and where it goes by names.
class TopicMadeAnew : public ::testing::TestWithParam<std::int16_t> {
protected:
    void begin(const char* policy) {
        s.emplace(Config{{"auto.offset.reset", policy}, {"metadata.max.age.ms", 1000}});
        s->broker.fetch_versions.max = GetParam();
        s->broker.incarnation = 1;
        s->broker.log = {{0, batch_of(0, 2)}, {2, batch_of(2, 2)}};
        s->broker.high = 4;
        s->consumer->assign({{"t", 0, 0}}).value();
        EXPECT_EQ(s->events_after(100ms), "v0 v1 v2 v3 ");
    }
    // With more records than the old one had.
    void make_anew() {
        s->broker.incarnation = 2;
        s->broker.log = {{0, batch_of(0, 4)}, {4, batch_of(4, 2)}};
        s->broker.high = 6;
    }

    std::optional<ConsumerScript> s;
};

TEST_P(TopicMadeAnew, is_read_from_where_the_policy_says_and_told) {
    begin("earliest");
    make_anew();
    EXPECT_EQ(s->events_after(3s), "INCONSISTENT_TOPIC_ID@4>0 v0 v1 v2 v3 v4 v5 ");
    EXPECT_EQ(s->consumer->position({{"t", 0}})[0].offset, Offset(6));
    EXPECT_EQ(s->events_after(3s), "") << "once";
}

TEST_P(TopicMadeAnew, with_latest_what_comes_from_now_on_is_read) {
    begin("latest");
    make_anew();
    EXPECT_EQ(s->events_after(3s), "INCONSISTENT_TOPIC_ID@4>6 ");
    s->broker.log[6] = batch_of(6, 1);
    s->broker.high = 7;
    EXPECT_EQ(s->events_after(3s), "v6 ");
}

TEST_P(TopicMadeAnew, without_a_policy_it_waits_for_a_seek) {
    begin("error");
    make_anew();
    EXPECT_EQ(s->events_after(3s), "INCONSISTENT_TOPIC_ID@4! ");
    s->consumer->seek({"t", 0, 4}).value();
    EXPECT_EQ(s->events_after(3s), "v4 v5 ");
}

TEST_P(TopicMadeAnew, what_was_fetched_of_the_old_one_is_handed_out_first) {
    begin("earliest");
    s->broker.log[4] = batch_of(4, 1);
    s->broker.high = 5;
    s->loop.run_for(1s);
    make_anew();
    EXPECT_EQ(s->events_after(3s), "v4 INCONSISTENT_TOPIC_ID@5>0 v0 v1 v2 v3 v4 v5 ");
}

TEST_P(TopicMadeAnew, a_place_that_is_looked_up_meanwhile_is_that_in_the_new_one) {
    s.emplace(Config{{"metadata.max.age.ms", 1000}});
    s->broker.incarnation = 1;
    s->broker.high = 4;
    s->consumer->assign({{"t", 0, Offset::tail(1)}}).value();
    s->broker.lookup_time = 1500ms;
    s->loop.run_for(500ms);
    make_anew();
    EXPECT_EQ(s->events_after(1200ms), "");
    s->broker.lookup_time = {};
    s->broker.log[5] = batch_of(5, 1);
    EXPECT_EQ(s->events_after(5s), "v5 ");
}

TEST_P(TopicMadeAnew, an_older_broker_without_ids_is_taken_at_its_word) {
    s.emplace();
    s->broker.log = {{0, batch_of(0, 2)}};
    s->broker.high = 2;
    s->consumer->assign({{"t", 0, 0}}).value();
    EXPECT_EQ(s->events_after(2s), "v0 v1 ");
}

INSTANTIATE_TEST_SUITE_P(Versions, TopicMadeAnew, ::testing::Values(std::int16_t{12}, std::int16_t{13}));

}  // namespace
}  // namespace ottla::client
