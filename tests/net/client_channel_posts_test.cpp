// SPDX-License-Identifier: Apache-2.0
// Requests without an answer: who is told what, and when, as the connection takes them or breaks.
#include "tests/net/kafka_pair.hpp"

namespace ottla::net {
namespace {

using namespace std::chrono_literals;

// Four requests at a connection that takes 100 bytes and no more. What became of them.
struct StuckPosts {
    StuckPosts() {
        MemoryNetworkOptions narrow = pair.network.options();
        narrow.window_bytes = 100;
        pair.network.set_options(narrow);
        pair.network.cut("client", "server");
        for (std::size_t bytes : {50U, 100U, 10U, 10U}) {
            auto told = [this](const Result<void>& r, bool may_have_left) {
                said.emplace_back(r ? "written" : may_have_left ? "perhaps" : "never");
            };
            protocol::Chain body(Bytes::of_static(std::string_view(dots).substr(0, bytes)));
            EXPECT_TRUE(channel->post(ApiKey::produce, 9, std::move(body), pair.in(5s), std::move(told)));
            if (bytes == 50) pair.loop.settle();  // in a write of its own
        }
        pair.loop.settle();
    }
    const std::string dots = std::string(100, '.');
    KafkaPair pair;
    std::shared_ptr<ClientChannel> channel = pair.open();
    std::vector<std::string> said;
};

TEST(ClientChannelPosts, tells_of_what_it_posts_when_the_system_has_taken_it) {
    StuckPosts s;
    EXPECT_EQ(s.said, std::vector<std::string>{"written"});
    EXPECT_EQ(s.channel->in_flight(), 3U);
    s.pair.network.heal_all();
    s.pair.loop.settle();
    EXPECT_EQ(s.said, (std::vector<std::string>{"written", "written", "written", "written"}));
    EXPECT_EQ(s.pair.handler.metadata_requests, 4);
    s.channel->close();
}

TEST(ClientChannelPosts, tells_what_became_of_what_was_posted_when_the_connection_goes) {
    StuckPosts s;
    s.channel->close();
    s.pair.loop.settle();
    EXPECT_EQ(s.said, (std::vector<std::string>{"written", "perhaps", "perhaps", "perhaps"}))
        << "they were in the write that the end cut off";
}

TEST(ClientChannelPosts, what_is_posted_behind_a_write_under_way_has_not_left) {
    StuckPosts s;
    EXPECT_TRUE(s.channel->post(ApiKey::produce, 9, protocol::Chain(Bytes::of_static("...")), s.pair.in(5s),
                                [&s](const Result<void>& r, bool may_have_left) {
                                    EXPECT_EQ(r.error(), ErrorCode::closed);
                                    s.said.emplace_back(may_have_left ? "perhaps" : "never");
                                }));
    s.channel->close();
    s.pair.loop.settle();
    EXPECT_EQ(s.said.back(), "never");
}

TEST(ClientChannelPosts, closes_when_what_was_posted_is_not_taken_in_time) {
    StuckPosts s;
    s.pair.loop.run_for(4900ms);
    EXPECT_TRUE(s.channel->is_open());
    s.pair.loop.run_for(200ms);
    EXPECT_FALSE(s.channel->is_open());
    EXPECT_EQ(s.said.size(), 4U);
    EXPECT_NE(s.channel->reason().text().find("a request was not taken in time"), std::string::npos)
        << s.channel->reason().text();
}

}  // namespace
}  // namespace ottla::net
