// SPDX-License-Identifier: Apache-2.0
// What the consumers of a group commit while the group moves on: never another's offset, and never an older one.
#include "tests/client/group_script.hpp"

namespace ottla::client {
namespace {

TEST(GroupCommits, a_commit_that_the_next_generation_overtakes_is_tried_again_in_it) {
    GroupScript s;
    auto& c = s.add({{"partition.assignment.strategy", "cooperative-sticky"}, {"enable.auto.commit", false}});
    c.subscribe({"t"}).value();
    EXPECT_EQ(s.read(c, 4), "assigned t[0]; v0; v1; v2; v3; ");
    s.broker.join_answer_time = 500ms;
    c.subscribe({"t", "u"}).value();
    s.loop.run_for(200ms);
    EXPECT_EQ(s.broker.generation, 2);
    EXPECT_EQ(c.group_metadata().generation, 1) << "the answer to the join is under way";
    const auto done = s.commit(c);
    ASSERT_TRUE(done) << to_string(done.error());
    EXPECT_EQ((*done)[0].error.code(), ErrorCode::none);
    EXPECT_EQ(s.committed(), 4);
    EXPECT_EQ(s.poll(c, 5s), "assigned u[0]; v0; v1; v2; v3; ") << "t[0] is not lost";
}

}  // namespace
}  // namespace ottla::client
