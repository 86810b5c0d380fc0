// SPDX-License-Identifier: Apache-2.0
// A partition that stands still is told by every way to read, once for each place; the others go on meanwhile.
#include <array>

#include "tests/client/consumer_script.hpp"

namespace ottla::client {
namespace {

using namespace std::chrono_literals;

std::string flawed(std::string batch) {
    batch[batch.size() - 2] ^= 1;
    return batch;
}

// t[0] stands still at offset 2, and in t[1] a message comes with every fetch.
class StandstillScript {
public:
    enum class What : std::uint8_t { crc, half, corrupt_message, storage, unknown };

    explicit StandstillScript(What what) {
        s.broker.partitions = 2;
        s.broker.high = 1'000;
        s.broker.log = {{0, batch_of(0, 2)}};
        if (what == What::crc) s.broker.log[2] = flawed(batch_of(2, 2));
        if (what == What::half) s.broker.log[2] = batch_of(2, 2).substr(0, 70);
        s.broker.spoil = [this, what](protocol::FetchResponse& r) { spoil(r, what); };
        s.consumer->assign({{"t", 0, 0}, {"t", 1, 0}}).value();
    }

    // Counts the messages, and keeps the errors.
    void read(base::Duration time, bool by_batch) {
        for (const auto end = s.loop.timers.now() + time; s.loop.timers.now() < end; s.loop.run_for(20ms))
            while (by_batch ? take_batch() : take_message()) {
            }
    }

    std::array<int, 2> messages{};
    std::vector<Error> errors;
    std::string reason;
    std::vector<std::string> warnings;
    bool is_mended = false;
    ConsumerScript s{Config(), [this] {
                         ConsumerOptions options;
                         options.log = [this](const LogEvent& line) {
                             if (line.level == LogLevel::warning) warnings.push_back(to_string(line));
                         };
                         return options;
                     }()};

private:
    void spoil(protocol::FetchResponse& r, What what) {
        for (auto& t : r.responses)
            for (auto& p : t.partitions) spoil(p, what);
    }
    void spoil(protocol::FetchResponse::PartitionData& p, What what) {
        const auto asked = [&] {
            for (const auto& t : s.broker.last_fetch.topics)
                for (const auto& of : t.partitions)
                    if (of.partition == p.partition_index) return of.fetch_offset;
            return std::int64_t{-1};
        }();
        if (p.partition_index == 1) {
            if (asked == next_ && s.loop.timers.now() >= next_at_) {
                p.records.emplace(Bytes::copy_of(batch_of(next_++, 1)));
                next_at_ = s.loop.timers.now() + 100ms;
            }
            return;
        }
        if (asked != 2 || is_mended || what == What::crc || what == What::half) return;
        p.records.reset();
        p.error_code = static_cast<std::int16_t>(what == What::corrupt_message ? ErrorCode::corrupt_message
                                                 : what == What::storage       ? ErrorCode::kafka_storage_error
                                                                               : ErrorCode::unknown_server_error);
    }
    bool take_message() {
        auto got = s.consumer->read_message(0s);
        if (got) return ++messages[static_cast<std::size_t>(got->partition())] > 0;
        return note(got.error());
    }
    bool take_batch() {
        auto got = s.consumer->poll_batch(0s);
        if (!got) return note(got.error());
        for (const auto& m : *got) {
            static_cast<void>(m);
            ++messages[static_cast<std::size_t>(got->partition())];
        }
        return !got->empty();
    }
    bool note(const Error& error) {
        if (error == ErrorCode::timed_out) {
            reason = to_string(error);
            return false;
        }
        errors.push_back(error);
        return true;
    }

    std::int64_t next_ = 0;
    base::TimePoint next_at_{};
};

using What = StandstillScript::What;

TEST(ConsumerTroubles, what_stands_still_is_told_once_with_its_place_and_the_others_go_on) {
    for (const auto what : {What::crc, What::half, What::corrupt_message, What::storage, What::unknown})
        for (const bool by_batch : {false, true}) {
            SCOPED_TRACE(std::to_string(static_cast<int>(what)) + (by_batch ? " by batch" : ""));
            StandstillScript t(what);
            t.read(10s, by_batch);
            EXPECT_EQ(t.messages[0], 2);
            EXPECT_GT(t.messages[1], 15);
            ASSERT_EQ(t.errors.size(), 1U) << t.reason;
            EXPECT_EQ(t.errors[0], what == What::storage   ? ErrorCode::kafka_storage_error
                                   : what == What::unknown ? ErrorCode::unknown_server_error
                                                           : ErrorCode::corrupt_message);
            EXPECT_NE(to_string(t.errors[0]).find("t[0]@2"), std::string::npos) << to_string(t.errors[0]);
            ASSERT_EQ(t.warnings.size(), 1U);
            EXPECT_NE(t.warnings[0].find("t[0]@2"), std::string::npos) << t.warnings[0];
            EXPECT_EQ(t.s.consumer->position({{"t", 0}})[0].offset, Offset(2));
            EXPECT_TRUE(by_batch || t.reason.find("t[0] stands still at 2") != std::string::npos) << t.reason;

            // It comes to an end, and everything that was held up comes.
            t.is_mended = true;
            t.s.broker.log[2] = batch_of(2, 2);
            t.read(5s, by_batch);
            EXPECT_EQ(t.messages[0], 4);
            EXPECT_EQ(t.errors.size(), 1U);
            EXPECT_EQ(t.reason.find("stands still"), std::string::npos) << t.reason;
        }
}

TEST(ConsumerTroubles, who_seeks_past_it_reads_on_and_who_seeks_back_is_told_again) {
    StandstillScript t(What::crc);
    t.s.broker.log[4] = batch_of(4, 3);
    t.read(2s, false);
    ASSERT_EQ(t.errors.size(), 1U);
    t.s.consumer->seek({"t", 0, 4}).value();
    t.read(2s, false);
    EXPECT_EQ(t.messages[0], 5);
    EXPECT_EQ(t.errors.size(), 1U);
    EXPECT_EQ(t.reason.find("stands still"), std::string::npos) << t.reason;
    t.s.consumer->seek({"t", 0, 2}).value();
    t.read(2s, false);
    EXPECT_EQ(t.errors.size(), 2U);
    EXPECT_EQ(t.warnings.size(), 2U);
    EXPECT_EQ(t.messages[0], 5) << "nothing of it";
}

TEST(ConsumerTroubles, poll_tells_each_attempt_and_which_are_new) {
    StandstillScript t(What::crc);
    std::string told;
    for (const auto end = t.s.loop.timers.now() + 2s; t.s.loop.timers.now() < end; t.s.loop.run_for(20ms))
        while (const auto event = t.s.consumer->poll(0s))
            if (const auto* e = std::get_if<PartitionError>(&*event)) told += e->repeated ? "again " : "new ";
    EXPECT_TRUE(told.starts_with("new again again ")) << told;
    EXPECT_EQ(told.find("new", 1), std::string::npos) << told;
}

TEST(ConsumerTroubles, who_waits_in_vain_hears_of_a_partition_without_a_leader) {
    ConsumerScript s;
    s.broker.high = 1;
    s.broker.led_partitions = 0;
    s.consumer->assign({{"t", 0, 0}}).value();
    s.loop.run_for(2s);
    const auto got = s.consumer->read_message(0s);
    EXPECT_EQ(got.error(), ErrorCode::timed_out);
    EXPECT_NE(to_string(got.error()).find("t[0] stands still at 0: LEADER_NOT_AVAILABLE"), std::string::npos)
        << to_string(got.error());
}

}  // namespace
}  // namespace ottla::client
