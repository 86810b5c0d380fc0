// SPDX-License-Identifier: Apache-2.0
// The join of the order confirmation: what it decides, when, and what it would read again after a crash.
#include <algorithm>

#include <gtest/gtest.h>

#include "examples/order_confirmation/join.hpp"

namespace orders {
namespace {

constexpr std::size_t order = 0, inventory = 1, payment = 2, shipping = 3;
using Input = Join::Input;

// The records of a topic have rising offsets, and stay for a second reading.
class OrderJoin : public ::testing::Test {
protected:
    std::vector<std::string> read(std::size_t source, std::int64_t time_ms, std::optional<std::string> id,
                                  std::string value = "ok") {
        log_.push_back({source, next_[source]++, time_ms, std::move(id), std::move(value)});
        return texts(join_.take_in(log_.back()));
    }
    std::vector<std::string> pass_to(std::int64_t time_ms) {
        std::vector<std::string> all;
        for (std::size_t source = 0; source < Join::sources; ++source)
            std::ranges::move(read(source, time_ms, std::nullopt), std::back_inserter(all));
        return all;
    }
    static std::vector<std::string> texts(const std::vector<Decision>& decisions) {
        std::vector<std::string> all;
        for (const auto& d : decisions) all.push_back(d.order_id + " " + d.verdict);
        return all;
    }

    using Texts = std::vector<std::string>;
    Join join_{1000};
    std::vector<Input> log_;
    std::array<std::int64_t, Join::sources> next_{};
};

TEST_F(OrderJoin, confirms_when_all_steps_are_done) {
    EXPECT_EQ(read(order, 10, "a", "lamp 1"), Texts{});
    EXPECT_EQ(read(payment, 20, "a"), Texts{});
    EXPECT_EQ(read(shipping, 30, "a"), Texts{});
    EXPECT_EQ(read(inventory, 40, "a"), Texts{"a confirmed"});
    EXPECT_EQ(join_.open_count(), 0u);
}

TEST_F(OrderJoin, rejects_as_soon_as_one_has_failed) {
    read(order, 10, "a");
    read(payment, 20, "a");
    EXPECT_EQ(read(shipping, 30, "a", "failed: too heavy"), Texts{"a rejected: shipping failed: too heavy"});
    EXPECT_EQ(read(inventory, 40, "a"), Texts{}) << "it is decided";
}

TEST_F(OrderJoin, takes_answers_that_are_read_before_their_order) {
    read(payment, 20, "a");
    read(shipping, 20, "a");
    read(inventory, 20, "a");
    EXPECT_EQ(read(order, 10, "a"), Texts{"a confirmed"});
}

TEST_F(OrderJoin, counts_a_step_once_and_its_first_answer) {
    read(order, 10, "a");
    read(payment, 20, "a");
    EXPECT_EQ(read(payment, 21, "a", "failed: no"), Texts{});
    EXPECT_EQ(read(payment, 22, "a"), Texts{});
    read(inventory, 23, "a");
    EXPECT_EQ(read(shipping, 24, "a"), Texts{"a confirmed"});
}

TEST_F(OrderJoin, an_event_that_comes_again_moves_no_deadline) {
    read(order, 10, "a");
    read(order, 900, "a");
    EXPECT_EQ(pass_to(1011), Texts{"a rejected: not everybody has answered in time"});
    EXPECT_EQ(read(order, 1012, "a"), Texts{});
    EXPECT_EQ(join_.open_count(), 0u) << "nor does it begin anew";
}

TEST_F(OrderJoin, the_time_is_up_when_all_topics_are_read_beyond_the_deadline) {
    read(order, 10, "a");
    read(payment, 20, "a");
    read(shipping, 30, "a");
    for (const auto source : {order, payment, shipping}) EXPECT_EQ(read(source, 5000, std::nullopt), Texts{});
    EXPECT_EQ(join_.next_deadline(), 1010);
    EXPECT_EQ(read(inventory, 1010, "a"), Texts{"a confirmed"}) << "it was written in time, and is only read late";
}

TEST_F(OrderJoin, a_late_answer_counts_for_nothing) {
    read(order, 10, "a");
    read(payment, 20, "a");
    read(shipping, 30, "a");
    EXPECT_EQ(read(inventory, 1011, "a"), Texts{});
    EXPECT_EQ(pass_to(1011), Texts{"a rejected: not everybody has answered in time"});
}

TEST_F(OrderJoin, answers_without_an_order_are_forgotten) {
    read(payment, 20, "nobody's");
    EXPECT_EQ(join_.open_count(), 1u);
    EXPECT_EQ(pass_to(1021), Texts{});
    EXPECT_EQ(join_.open_count(), 0u);
}

TEST_F(OrderJoin, remembers_what_was_decided_for_a_while) {
    Join join(1000, 5000);
    join.decided_before("a", 100);
    const auto pass = [&join](std::int64_t to) {
        for (std::size_t source = 0; source < Join::sources; ++source) join.take_in({source, to, to, std::nullopt, ""});
    };
    pass(5100);
    join.take_in({payment, 5101, 5101, "a", "ok"});
    EXPECT_EQ(join.open_count(), 0u);
    pass(5102);
    join.take_in({payment, 5103, 5103, "a", "ok"});
    EXPECT_EQ(join.open_count(), 1u);
}

// Whoever begins where the offsets say, and knows what is decided, comes to the verdicts that are still open.
TEST_F(OrderJoin, what_it_would_commit_is_enough_to_begin_again) {
    read(order, 10, "a");
    read(order, 11, "b");
    read(order, 12, "c");
    read(payment, 20, "b");
    read(payment, 21, "c", "failed: no money");
    read(shipping, 30, "b");
    read(inventory, 40, "a");
    const auto positions = join_.positions();
    EXPECT_EQ(positions, (std::array<std::int64_t, 4>{0, 0, 0, 0}));

    Join again(1000);
    again.decided_before("c", 21);
    for (const auto& input : log_) {
        if (input.offset < positions[input.source]) continue;
        EXPECT_EQ(texts(again.take_in(input)), Texts{});
    }
    EXPECT_EQ(texts(again.take_in({inventory, 1, 41, "b", "ok"})), Texts{"b confirmed"});
    EXPECT_EQ(texts(again.take_in({shipping, 1, 42, "a", "failed: no road"})),
              Texts{"a rejected: shipping failed: no road"});
    EXPECT_EQ(again.positions(), (std::array<std::int64_t, 4>{3, 2, 2, 2}));
}

}  // namespace
}  // namespace orders
