// SPDX-License-Identifier: Apache-2.0
// What a consumer's hooks are told, against a broker of the test, on virtual time.
#include <fmt/format.h>

#include "tests/client/consumer_script.hpp"

namespace ottla::client {
namespace {

using namespace std::chrono_literals;

TEST(ConsumerHooks, tell_what_is_fetched_and_what_is_handed_out) {
    std::string fetched, consumed;
    ConsumerOptions options;
    options.hooks.on_batch = [&](const BatchEvent& e) {
        fetched += fmt::format("{} {}[{}]@{} {} of broker {}; ", to_string(e.stage), e.topic, e.partition,
                               to_string(e.base_offset), e.records, e.broker_id);
        EXPECT_GT(e.bytes, 61U);
    };
    options.hooks.on_consume = [&](const ConsumeEvent& e) {
        consumed += fmt::format("{}[{}] {} from {}; ", e.topic, e.partition, e.messages.size(), e.messages[0].offset());
    };
    ConsumerScript s({}, std::move(options));
    s.broker.log = {{0, batch_of(0, 3) + batch_of(3, 2)}};
    s.broker.high = 5;
    s.consumer->assign({{"t", 0, 0}}).value();
    s.loop.run_for(100ms);
    EXPECT_EQ(fetched, "fetched t[0]@0 3 of broker 1; fetched t[0]@3 2 of broker 1; ");
    EXPECT_EQ(consumed, "");
    ASSERT_TRUE(s.consumer->poll(0s));
    ASSERT_TRUE(s.consumer->read_message(0s));
    ASSERT_TRUE(s.consumer->poll_batch(0s));
    EXPECT_FALSE(s.consumer->poll(0s));
    EXPECT_EQ(consumed, "t[0] 1 from 0; t[0] 1 from 1; t[0] 3 from 2; ");
}

TEST(ConsumerHooks, see_what_coroutines_are_handed_and_may_ask_the_consumer) {
    std::vector<std::int64_t> positions;
    ConsumerOptions options;
    Consumer* consumer = nullptr;
    options.hooks.on_consume = [&](const ConsumeEvent&) {
        positions.push_back(consumer->position({{"t", 0}})[0].offset.value());
    };
    ConsumerScript s({}, std::move(options));
    consumer = &*s.consumer;
    s.broker.log = {{0, batch_of(0, 2)}};
    s.broker.high = 2;
    s.consumer->assign({{"t", 0, 0}}).value();
    s.consumer->async_poll(1s, [](const Result<std::optional<Event>>& event) { EXPECT_TRUE(event && *event); });
    s.loop.run_for(100ms);
    s.consumer->async_read_message(1s, [](const Result<Message>& message) { EXPECT_TRUE(message); });
    s.loop.run_for(100ms);
    EXPECT_EQ(positions, (std::vector<std::int64_t>{1, 2}));
}

TEST(ConsumerHooks, tell_of_connections_and_requests) {
    std::vector<std::string> told;
    ConsumerOptions options;
    options.hooks.on_connection = [&](const ConnectionEvent& e) { told.emplace_back(to_string(e.stage)); };
    options.hooks.on_request = [&](const RequestEvent& e) {
        if (e.stage == RequestEvent::Stage::sent) told.emplace_back(e.api_name);
    };
    ConsumerScript s({}, std::move(options));
    s.consumer->assign({{"t", 0, Offset::beginning()}}).value();
    s.loop.run_for(100ms);
    ASSERT_GE(told.size(), 6U);
    told.resize(6);  // the metadata may be asked for anew
    EXPECT_EQ(told,
              (std::vector<std::string>{"connecting", "ApiVersions", "connected", "Metadata", "ListOffsets", "Fetch"}));
}

}  // namespace
}  // namespace ottla::client
