// SPDX-License-Identifier: Apache-2.0
// Whose turn it is: by rank, by weight, and by having waited too long; and random traffic against what each of these
// promises.
#include "client/priority/class_schedule.hpp"

#include <algorithm>
#include <string>

#include <gtest/gtest.h>

#include "base/random.hpp"

namespace ottla::client {
namespace {

using namespace std::chrono_literals;
using Rule = ClassSchedule::Rule;

class Turns {
public:
    Turns(Rule rule, const std::vector<std::int32_t>& weights, base::Duration limit = 0ms)
        : schedule_(rule, weights, limit) {}

    Turns& has(std::initializer_list<std::size_t> classes) {
        for (const auto c : classes) schedule_.has_records(c, now_);
        return *this;
    }
    Turns& has_none(std::size_t which) {
        schedule_.has_none(which);
        return *this;
    }
    Turns& advance(base::Duration by) {
        now_ += by;
        return *this;
    }
    // "0010", one digit a turn; "0!" a starved one; "-" nobody.
    std::string turns(int count, base::Duration each = 0ms) {
        std::string text;
        for (int i = 0; i < count; ++i) {
            const auto turn = schedule_.next(now_);
            text += turn ? std::to_string(turn->which) + (turn->is_starved ? "!" : "") : "-";
            now_ += each;
        }
        return text;
    }

private:
    ClassSchedule schedule_;
    base::TimePoint now_{};
};

TEST(ClassSchedule, strictly_the_highest_that_has_records) {
    Turns s(Rule::strict, {1, 1, 1});
    EXPECT_EQ(s.turns(1), "-");
    EXPECT_EQ(s.has({2}).turns(2), "22");
    EXPECT_EQ(s.has({1}).turns(2), "11");
    EXPECT_EQ(s.has({0}).advance(24h).turns(3), "000") << "without a limit nobody starves";
    EXPECT_EQ(s.has_none(0).turns(2), "11");
    EXPECT_EQ(s.has_none(1).turns(2), "22");
    EXPECT_EQ(s.has_none(2).turns(1), "-");
}

TEST(ClassSchedule, who_has_waited_too_long_gets_one_turn) {
    Turns s(Rule::strict, {1, 1, 1}, 100ms);
    s.has({0, 1}).advance(40ms).has({2});
    EXPECT_EQ(s.turns(6, 10ms), "000000");  // 40 … 90
    EXPECT_EQ(s.turns(4, 10ms), "1!000") << "at 100; its wait begins anew";
    EXPECT_EQ(s.turns(2, 10ms), "2!0") << "at 140, as it came at 40";
    EXPECT_EQ(s.turns(5, 10ms), "00001!") << "at 200";
}

TEST(ClassSchedule, of_many_that_starve_the_one_that_waited_longest) {
    Turns s(Rule::strict, {1, 1, 1}, 100ms);
    s.has({2}).advance(1ms).has({1}).advance(1ms).has({0}).advance(1s);
    EXPECT_EQ(s.turns(4), "2!1!00");
    EXPECT_EQ(s.advance(1s).turns(3), "01!2!") << "who is highest and starves has its own turn";
}

TEST(ClassSchedule, a_wait_begins_with_the_first_record) {
    Turns s(Rule::strict, {1, 1}, 100ms);
    s.has({0}).advance(1h).has({1});
    EXPECT_EQ(s.turns(1), "0");
    EXPECT_EQ(s.advance(99ms).has({1}).turns(1), "0");
    EXPECT_EQ(s.advance(1ms).turns(1), "1!");
}

TEST(ClassSchedule, weights_share_the_turns) {
    Turns s(Rule::weighted, {3, 1});
    EXPECT_EQ(s.has({0, 1}).turns(8), "01000100");
    EXPECT_EQ(s.has_none(1).turns(3), "000");
    EXPECT_EQ(s.has_none(0).has({1}).turns(3), "111");
}

TEST(ClassSchedule, who_had_nothing_has_saved_nothing_up) {
    Turns s(Rule::weighted, {1, 1});
    s.has({1});
    EXPECT_EQ(s.turns(4), "1111");
    EXPECT_EQ(s.has({0}).turns(6), "001010");
}

TEST(ClassSchedule, the_heaviest_weight_beside_the_lightest) {
    Turns s(Rule::weighted, {ClassSchedule::weight_max, 1});
    const auto text = s.has({0, 1}).turns(1'000'001);
    EXPECT_EQ(std::ranges::count(text, '1'), 1);
}

// Random traffic. `served_` is since all classes have had records.
class TurnTraffic {
public:
    TurnTraffic(std::uint64_t seed, Rule rule, base::Duration limit)
        : random_(seed),
          rule_(rule),
          limit_(limit),
          weights_(1 + random_.below(6)),
          since_(weights_.size()),
          served_(weights_.size()) {
        for (auto& w : weights_)
            w = static_cast<std::int32_t>(random_.chance(0.1) ? random_.between(1, 1'000'000) : random_.between(1, 9));
    }

    void run() {
        ClassSchedule schedule(rule_, weights_, limit_);
        for (int step = 0; step < 3000 && !::testing::Test::HasFailure(); ++step) {
            if (random_.chance(0.02)) change_one(schedule);
            now_ += base::Duration(random_.below(2'000'000));
            const auto turn = schedule.next(now_);
            ASSERT_EQ(turn.has_value(), std::ranges::any_of(since_, [](const auto& s) { return s.has_value(); }));
            if (turn) check(*turn);
        }
    }

private:
    void change_one(ClassSchedule& schedule) {
        const auto which = random_.below(weights_.size());
        if (since_[which]) {
            schedule.has_none(which);
            since_[which].reset();
        } else {
            schedule.has_records(which, now_);
            since_[which] = now_;
        }
        std::ranges::fill(served_, 0);
    }

    void check(const ClassSchedule::Turn& turn) {
        const auto& since = since_[turn.which];
        ASSERT_TRUE(since) << turn.which << " has no records";
        std::size_t starving = 0;
        for (std::size_t i = 0; i < since_.size(); ++i) {
            if (!since_[i]) continue;
            const bool is_starving = limit_ > 0ms && now_ - *since_[i] >= limit_;
            starving += is_starving ? 1 : 0;
            if (is_starving) {
                ASSERT_GE(*since_[i], *since) << i << " has waited longer than " << turn.which;
            } else if (rule_ == Rule::strict && i < turn.which) {
                ASSERT_GE(now_ - *since, limit_) << i << " is higher than " << turn.which;
                ASSERT_TRUE(turn.is_starved);
            }
        }
        if (turn.is_starved) {
            ASSERT_GT(starving, 0U);
            std::ranges::fill(served_, 0);  // out of its turn
        } else {
            ++served_[turn.which];
        }
        if (rule_ == Rule::weighted) check_shares();
        since_[turn.which] = now_;
    }

    // Turns by weight, of any two that have had records all the time, differ by at most a turn of each.
    void check_shares() const {
        for (std::size_t i = 0; i < since_.size(); ++i)
            for (std::size_t k = 0; k < i; ++k) {
                if (!since_[i] || !since_[k] || limit_ > 0ms) continue;
                const auto a = 1.0 / weights_[i], b = 1.0 / weights_[k];
                const auto apart = static_cast<double>(served_[i]) * a - static_cast<double>(served_[k]) * b;
                ASSERT_LE(std::abs(apart), (a + b) * 1.001) << i << " and " << k;
            }
    }

    base::Random random_;
    const Rule rule_;
    const base::Duration limit_;
    std::vector<std::int32_t> weights_;
    base::TimePoint now_{};
    std::vector<std::optional<base::TimePoint>> since_;
    std::vector<std::uint64_t> served_;
};

TEST(ClassSchedule, random_traffic_gets_what_is_promised) {
    for (std::uint64_t seed = 1; seed <= 50 && !HasFailure(); ++seed) {
        SCOPED_TRACE(seed);
        TurnTraffic(seed, Rule::strict, 0ms).run();
        TurnTraffic(seed, Rule::strict, 50ms).run();
        TurnTraffic(seed, Rule::weighted, 0ms).run();
        TurnTraffic(seed, Rule::weighted, 50ms).run();
    }
}

}  // namespace
}  // namespace ottla::client
