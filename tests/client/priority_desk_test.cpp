// SPDX-License-Identifier: Apache-2.0
// What is handed out of what was fetched, and which partitions pause; and random traffic in which nothing gets lost.
#include "client/priority/priority_desk.hpp"

#include <algorithm>
#include <map>
#include <set>

#include <gtest/gtest.h>

#include "base/random.hpp"
#include "client/consumer/fetched_records.hpp"

namespace ottla::client {
namespace {

using namespace std::chrono_literals;
using Names = std::vector<TopicPartition>;

Message message(const std::string& topic, std::int32_t partition, std::int64_t offset) {
    auto pin = std::make_shared<FetchedRecords>();
    pin->topic = std::make_shared<const std::string>(topic);
    pin->partition = partition;
    MessageView::Parts parts;
    parts.offset = offset;
    return {MessageView(parts), std::move(pin)};
}

PriorityConsumerConfig three_classes(std::int32_t buffered) {
    PriorityConsumerConfig c;
    c.classes = {{"a", {"a"}}, {"b", {"b", "b2"}}, {"c", {"c"}}};
    c.buffered_records = buffered;
    return c;
}

std::string text_of(const Names& partitions) {
    std::string text;
    for (const auto& tp : partitions) text += (text.empty() ? "" : " ") + tp.topic + std::to_string(tp.partition);
    return text;
}

class DeskScript {
public:
    explicit DeskScript(std::int32_t buffered) : desk_(three_classes(buffered)) {
        desk_.assign(Names{{"a", 0}, {"b", 0}, {"b2", 0}, {"c", 0}});
    }
    DeskScript& add(const std::string& topic, std::int64_t from, int count = 1, std::int32_t partition = 0) {
        for (int i = 0; i < count; ++i) desk_.add(message(topic, partition, from + i), now_);
        return *this;
    }
    // "a@0 b@3*" of so many; "*": the last of its partition; "-": nothing.
    std::string take(int count = 1) {
        std::string text;
        for (int i = 0; i < count; ++i) {
            const auto given = desk_.take(now_);
            text += text.empty() ? "" : " ";
            if (!given) return text + "-";
            if (const auto* m = std::get_if<Message>(&given->event))
                text += std::string(m->topic()) + "@" + std::to_string(m->offset());
            else
                text += to_string(given->event);
            if (given->is_last) text += "*";
        }
        return text;
    }
    // "-a0 +b0": pauses, then resumes.
    std::string pauses() {
        const auto p = desk_.take_pauses();
        return "-" + text_of(p.pause) + " +" + text_of(p.resume);
    }
    PriorityDesk& desk() { return desk_; }

private:
    base::TimePoint now_{};
    PriorityDesk desk_;
};

TEST(PriorityDesk, the_highest_class_first_each_in_its_order) {
    DeskScript s(10);
    s.add("c", 0, 2).add("b", 5).add("b2", 7).add("a", 0, 2);
    EXPECT_EQ(s.take(7), "a@0 a@1* b@5* b2@7* c@0 c@1* -");
}

TEST(PriorityDesk, a_full_class_pauses_until_half_is_left) {
    DeskScript s(4);
    s.add("b", 0, 3);
    EXPECT_EQ(s.pauses(), "- +");
    s.add("b2", 0, 1);
    EXPECT_EQ(s.pauses(), "-b0 b20 +") << "the whole class";
    s.take(1);
    EXPECT_EQ(s.pauses(), "- +");
    s.take(1);
    EXPECT_EQ(s.pauses(), "- +b0 b20");
    EXPECT_TRUE(s.desk().stats({}).classes[1].buffered == 2 && !s.desk().stats({}).classes[1].is_paused);
}

TEST(PriorityDesk, what_is_assigned_to_a_paused_class_is_paused_at_once) {
    DeskScript s(2);
    s.add("c", 0, 2);
    EXPECT_EQ(s.pauses(), "-c0 +");
    s.desk().assign(Names{{"c", 1}, {"a", 1}});
    EXPECT_EQ(s.pauses(), "-c1 +");
    s.take(1);
    EXPECT_EQ(s.pauses(), "- +c0 c1");
}

TEST(PriorityDesk, what_goes_takes_along_what_was_buffered_of_it) {
    DeskScript s(2);
    s.add("b", 0, 1).add("b2", 0, 1);
    EXPECT_EQ(s.pauses(), "-b0 b20 +");
    s.desk().withdraw(Names{{"b", 0}, {"unknown", 3}});
    EXPECT_EQ(s.pauses(), "- +b20") << "the rest of the class goes on";
    EXPECT_EQ(s.desk().stats({}).left_behind, 1U);
    EXPECT_EQ(s.take(2), "b2@0* -");
    s.add("b", 1);
    EXPECT_EQ(s.take(), "-") << "it is not ours";
}

TEST(PriorityDesk, what_comes_back_begins_anew) {
    DeskScript s(2);
    s.add("c", 0, 2);
    EXPECT_EQ(s.pauses(), "-c0 +");
    s.desk().withdraw(Names{{"c", 0}});
    s.desk().assign(Names{{"c", 0}});
    EXPECT_EQ(s.pauses(), "- +");
    EXPECT_EQ(s.add("c", 0).take(2), "c@0* -");
}

TEST(PriorityDesk, a_log_that_was_cut_drops_what_is_here_of_before) {
    DeskScript s(10);
    s.add("c", 7, 2).add("c", 3);
    EXPECT_EQ(s.take(2), "c@3* -");
}

TEST(PriorityDesk, ends_and_errors_stay_behind_their_messages) {
    DeskScript s(10);
    PartitionEof eof;
    eof.topic = "c";
    eof.partition = 0;
    eof.offset = Offset(1);
    s.add("c", 0);
    s.desk().add(eof, {});
    s.add("a", 0);
    EXPECT_FALSE(s.desk().has_urgent());
    s.desk().add(Error::of(ErrorCode::max_poll_exceeded), {});
    EXPECT_TRUE(s.desk().has_urgent());
    EXPECT_EQ(s.take().substr(0, 3), to_string(Event(Error::of(ErrorCode::max_poll_exceeded))).substr(0, 3));
    EXPECT_EQ(s.take(3), "a@0* c@0 " + to_string(Event(eof)) + "*");
    EXPECT_EQ(s.desk().stats({}).classes[2].handed_out, 1U) << "messages count";
}

// A consumer that gives what is not paused, in runs; partitions come and go; each message is handed out once.
class DeskTraffic {
public:
    explicit DeskTraffic(std::uint64_t seed)
        : random_(seed),
          limit_(static_cast<std::int32_t>(random_.between(1, 20))),
          desk_(three_classes(limit_)) {}

    void run() {
        for (int step = 0; step < 2000 && !::testing::Test::HasFailure(); ++step) {
            if (random_.chance(0.01)) come_or_go();
            apply_pauses();
            if (random_.chance(0.5)) fetch();
            if (random_.chance(0.9)) take();
        }
        apply_pauses();
        while (take()) apply_pauses();
        for (const auto& [key, p] : partitions_) {
            ASSERT_EQ(p.handed, p.fetched) << key.first << key.second;
            ASSERT_FALSE(p.is_paused) << key.first << key.second << ": nothing is here, so all are read";
        }
    }

private:
    struct Partition {
        std::int64_t fetched = 0;
        std::int64_t handed = 0;
        bool is_paused = false;
    };
    using Key = std::pair<std::string, std::int32_t>;

    std::size_t here(const std::string& of_class) const {
        std::int64_t count = 0;
        for (const auto& [key, p] : partitions_)
            if (key.first.starts_with(of_class)) count += p.fetched - p.handed;
        return static_cast<std::size_t>(count);
    }
    void come_or_go() {
        static constexpr const char* topics[] = {"a", "b", "b2", "c"};
        const Key key(topics[random_.below(4)], static_cast<std::int32_t>(random_.below(3)));
        const Names name{{key.first, key.second}};
        if (partitions_.erase(key) != 0)
            desk_.withdraw(name);
        else {
            partitions_[key];
            desk_.assign(name);
        }
    }
    void apply_pauses() {
        const auto changes = desk_.take_pauses();
        for (const auto& tp : changes.pause) {
            ASSERT_FALSE(std::exchange(partitions_.at({tp.topic, tp.partition}).is_paused, true));
        }
        for (const auto& tp : changes.resume) {
            ASSERT_TRUE(std::exchange(partitions_.at({tp.topic, tp.partition}).is_paused, false));
        }
        for (const auto& [key, p] : partitions_) {
            const auto count = here(key.first.substr(0, 1));
            const auto limit = static_cast<std::size_t>(limit_);
            ASSERT_TRUE(count < limit || p.is_paused);
            ASSERT_FALSE(count <= limit / 2 && p.is_paused);
        }
    }
    void fetch() {
        for (auto& [key, p] : partitions_) {
            if (!random_.chance(0.3)) continue;
            for (auto n = random_.below(4); n > 0 && !p.is_paused; --n) {
                desk_.add(message(key.first, key.second, p.fetched++), {});
                apply_pauses();
            }
        }
    }
    bool take() {
        const auto given = desk_.take({});
        if (!given) {
            for (const auto& [key, p] : partitions_) EXPECT_EQ(p.fetched, p.handed);
            return false;
        }
        const auto& m = std::get<Message>(given->event);
        auto& p = partitions_.at({std::string(m.topic()), m.partition()});
        for (const char* higher : {"a", "b"}) {
            if (m.topic().substr(0, 1) <= higher) break;
            EXPECT_EQ(here(higher), 0U);
        }
        EXPECT_EQ(m.offset(), p.handed++);
        EXPECT_EQ(given->is_last, p.handed == p.fetched);
        return true;
    }

    base::Random random_;
    const std::int32_t limit_;
    PriorityDesk desk_;
    std::map<Key, Partition> partitions_;
};

TEST(PriorityDesk, random_traffic_loses_nothing_and_stays_within_bounds) {
    for (std::uint64_t seed = 1; seed <= 100 && !HasFailure(); ++seed) {
        SCOPED_TRACE(seed);
        DeskTraffic(seed).run();
    }
}

}  // namespace
}  // namespace ottla::client
