// SPDX-License-Identifier: Apache-2.0
// WorkTracker against a model that knows no lists: random records, keys, gaps, batches, failures, rebalances and
// restarts. What is committed is checked each time, and so is the order of each key.
#include <algorithm>
#include <map>
#include <memory>
#include <set>

#include <gtest/gtest.h>

#include "base/random.hpp"
#include "client/parallel/work_tracker.hpp"

namespace ottla::client {
namespace {

enum class Order : std::uint8_t { key, partition, none };

// What really became of a partition's records, over restarts.
struct Log {
    std::vector<std::int64_t> offsets;     // of its records
    std::vector<std::uint32_t> keys;       // 0: none
    std::map<std::int64_t, int> finished;  // how often
    std::int64_t committed = 0;
    std::string metadata;
};

class Model {
public:
    Model(std::uint64_t seed, Order order) : random_(seed), order_(order), logs_(1 + random_.below(4)) {
        for (auto& log : logs_) {
            std::int64_t offset = 0;
            const auto keys = 1 + random_.below(12);
            for (auto n = random_.below(400); n > 0; --n) {
                offset += random_.chance(0.1) ? random_.between(2, 50) : 1;
                log.offsets.push_back(offset);
                log.keys.push_back(static_cast<std::uint32_t>(random_.below(keys)));
            }
        }
    }

    void run() {
        for (int life = 0; life < 4; ++life) live(life == 3);
        for (const auto& log : logs_) {
            for (const auto offset : log.offsets) ASSERT_EQ(log.finished.count(offset), 1U) << "never done: " << offset;
            ASSERT_EQ(log.committed, log.offsets.empty() ? 0 : log.offsets.back() + 1);
        }
    }

private:
    struct Held {
        std::size_t log;
        std::size_t index;  // of its records
        int life;           // of the partition: lives of before are orphans
    };
    struct Partition {
        WorkTracker::Partition number = 0;
        OffsetMapReader committed;
        int life = 0;
        std::size_t next = 0;                              // to be read
        std::map<std::int64_t, bool> here;                 // offset → is finished
        std::map<std::uint32_t, std::size_t> last_of_key;  // the last that was finished, as an index + 1
        std::map<std::uint32_t, std::size_t> running;      // of each key, how many
    };

    // One process: until it is killed, or all is done.
    void live(bool to_the_end) {
        tracker_ = std::make_unique<WorkTracker>(WorkLimits{
            .calls_max = 1 + random_.below(20), .records_max = 1 + random_.below(200), .bytes_max = 1 << 20});
        partitions_.assign(logs_.size(), {});
        held_.clear();
        running_.clear();
        aside_.clear();
        now_ = {};
        for (std::size_t i = 0; i < logs_.size(); ++i) begin(i);
        for (auto steps = random_.below(1500); to_the_end ? !is_all_done() : steps > 0; steps -= steps > 0 ? 1 : 0)
            step();
        for (std::size_t i = 0; i < logs_.size(); ++i)
            if (to_the_end || random_.chance(0.7)) commit(i);
    }

    bool is_all_done() const {
        for (std::size_t i = 0; i < logs_.size(); ++i) {
            if (partitions_[i].next < logs_[i].offsets.size()) return false;
            for (const auto& [offset, is_finished] : partitions_[i].here)
                if (!is_finished) return false;
        }
        return true;
    }

    void begin(std::size_t i) {
        Partition& p = partitions_[i];
        const int life = p.life + 1;
        p = Partition();
        p.life = life;
        const Log& log = logs_[i];
        const auto map = OffsetMap::decode(log.committed, log.metadata).value();
        p.committed = OffsetMapReader(map);
        p.number = tracker_->begin(PartitionProgress(map));
        p.next = static_cast<std::size_t>(std::ranges::lower_bound(log.offsets, log.committed) - log.offsets.begin());
    }

    void step() {
        const auto dice = random_.below(100);
        const auto i = random_.below(logs_.size());
        if (dice < 40) return read(i);
        if (dice < 65) return hand_out();
        if (dice < 92) return end_one();
        if (dice < 97) return pass_time();
        return dice < 99 ? commit(i) : rebalance(i);
    }

    void pass_time() {
        now_ += std::chrono::milliseconds(random_.below(50));
        (void)tracker_->wake(now_);
    }

    void read(std::size_t i) {
        Partition& p = partitions_[i];
        Log& log = logs_[i];
        if (p.next == log.offsets.size() || !tracker_->wants_more()) return;
        const auto index = p.next++;
        const auto offset = log.offsets[index];
        const auto key = log.keys[index];
        WorkTracker::Chain chain = WorkTracker::none;
        if (order_ == Order::partition) chain = WorkTracker::chain_of(p.number);
        if (order_ == Order::key && key != 0) chain = WorkTracker::chain_of(p.number, std::to_string(key));
        const auto t = tracker_->add(p.number, chain, offset, 100);
        if (!t) {
            ASSERT_EQ(log.finished.count(offset), 1U) << "passed over, and never done: " << offset;
            p.here[offset] = true;
            return;
        }
        p.here[offset] = false;
        ASSERT_FALSE(p.committed.is_done(offset)) << "done again: " << offset;
        ASSERT_EQ(held_.count(*t), 0U) << "a ticket that is in use";
        held_[*t] = {i, index, p.life};
    }

    // What goes in order with it.
    std::optional<std::uint32_t> order_of(const Held& h) const {
        const auto key = logs_[h.log].keys[h.index];
        if (order_ == Order::partition) return 0;
        if (order_ == Order::key && key != 0) return key;
        return std::nullopt;
    }

    void hand_out() {
        std::vector<Ticket> call(random_.chance(0.5) ? 1 : 1 + random_.below(6));
        call.resize(tracker_->take(call));
        if (call.empty()) return;
        std::set<std::pair<std::size_t, std::uint32_t>> in_this;
        for (const auto t : call) {
            const Held& h = held_.at(t);
            Partition& p = partitions_[h.log];
            ASSERT_EQ(h.life, p.life);
            const auto key = order_of(h);
            if (!key) continue;
            ASSERT_TRUE(p.running[*key] == 0 || in_this.contains({h.log, *key})) << "two calls with one key";
            ASSERT_LT(p.last_of_key[*key], h.index + 1) << "out of order";
            // Nothing that is here, of the same key and before it, may be unfinished, but in this call.
            for (const auto& [other, o] : held_) {
                if (o.log != h.log || o.life != h.life || o.index >= h.index || order_of(o) != key) continue;
                const auto here = std::ranges::find(call, t);
                ASSERT_NE(std::find(call.begin(), here, other), here) << "an earlier one is left behind";
            }
            in_this.insert({h.log, *key});
            ++p.running[*key];
        }
        running_.push_back(std::move(call));
    }

    void end_one() {
        if (!aside_.empty() && random_.chance(0.3)) return end_one_aside();
        if (running_.empty()) return;
        const auto call = take_any(running_);
        if (random_.chance(0.15)) {
            tracker_->set_aside(call);
            aside_.push_back({call, false});
            return;
        }
        no_longer_runs(call);
        if (random_.chance(0.2)) {
            for (const auto t : tracker_->retry(call, now_ + std::chrono::milliseconds(random_.below(100))))
                held_.erase(t);
            return;
        }
        tracker_->finish(call);
        is_done(call);
    }

    // A letter fails, or is written.
    void end_one_aside() {
        auto letter = take_any(aside_);
        if (random_.chance(0.5)) {
            letter.is_parked ? tracker_->unpark(letter.call) : tracker_->park(letter.call);
            letter.is_parked = !letter.is_parked;
            aside_.push_back(std::move(letter));
            return;
        }
        no_longer_runs(letter.call);
        tracker_->settle(letter.call);
        is_done(letter.call);
    }

    template <class T>
    T take_any(std::vector<T>& from) {
        std::swap(from[random_.below(from.size())], from.back());
        auto one = std::move(from.back());
        from.pop_back();
        return one;
    }

    void no_longer_runs(const std::vector<Ticket>& call) {
        for (const auto t : call) {
            const Held& h = held_.at(t);
            Partition& p = partitions_[h.log];
            if (h.life != p.life) continue;
            if (const auto key = order_of(h)) --p.running[*key];
        }
    }

    void is_done(const std::vector<Ticket>& call) {
        for (const auto t : call) {
            const Held h = held_.at(t);
            held_.erase(t);
            ++logs_[h.log].finished[logs_[h.log].offsets[h.index]];
            Partition& p = partitions_[h.log];
            if (h.life != p.life) continue;
            p.here[logs_[h.log].offsets[h.index]] = true;
            if (const auto key = order_of(h)) p.last_of_key[*key] = h.index + 1;
        }
        for (std::size_t i = 0; i < logs_.size(); ++i) check(i);
    }

    // What may be committed is what the model would.
    void check(std::size_t i) {
        const Partition& p = partitions_[i];
        std::int64_t expected = p.here.empty() ? logs_[i].committed : p.here.rbegin()->first + 1;
        for (const auto& [offset, is_finished] : p.here) {
            if (is_finished) continue;
            expected = offset;
            break;
        }
        ASSERT_EQ(tracker_->progress(p.number).watermark(), expected);
    }

    void commit(std::size_t i) {
        check(i);
        Log& log = logs_[i];
        const auto& progress = tracker_->progress(partitions_[i].number);
        const auto map = progress.beyond();
        OffsetMapReader reader(map);
        for (const auto offset : log.offsets) {
            const bool is_told = offset < progress.watermark() || reader.is_done(offset);
            ASSERT_TRUE(!is_told || log.finished.contains(offset)) << "committed as done, and is not: " << offset;
        }
        log.committed = progress.watermark();
        log.metadata = map.encode(OffsetMap::text_bytes_max).value();
    }

    void rebalance(std::size_t i) {
        tracker_->stop(partitions_[i].number);
        if (random_.chance(0.7)) commit(i);
        for (const auto t : tracker_->end(partitions_[i].number)) ASSERT_EQ(held_.erase(t), 1U);
        begin(i);
    }

    base::Random random_;
    Order order_;
    std::vector<Log> logs_;
    std::unique_ptr<WorkTracker> tracker_;
    std::vector<Partition> partitions_;
    std::map<Ticket, Held> held_;
    std::vector<std::vector<Ticket>> running_;
    struct Letter {
        std::vector<Ticket> call;
        bool is_parked;
    };
    std::vector<Letter> aside_;
    base::TimePoint now_;
};

TEST(WorkTrackerModel, any_order_any_seed) {
    for (const auto order : {Order::key, Order::partition, Order::none}) {
        for (std::uint64_t seed = 1; seed <= 60; ++seed) {
            Model(seed, order).run();
            ASSERT_FALSE(::testing::Test::HasFatalFailure())
                << "seed " << seed << ", order " << static_cast<int>(order);
        }
    }
}

}  // namespace
}  // namespace ottla::client
