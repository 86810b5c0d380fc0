// SPDX-License-Identifier: Apache-2.0
// ParallelHost: a machine on which a ParallelConsumer of a group runs, ends in one way or another, and is started
// again, all as the seed says. What its handlers are called with goes into the group's book.
#pragma once

#include <limits>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "client/parallel/parallel_core.hpp"
#include "tests/simulation/freezer.hpp"
#include "tests/simulation/parallel_book.hpp"
#include "tests/simulation/simulation.hpp"

namespace ottla::test {

// What all of a group have in common.
struct ParallelPlan {
    std::string bootstrap = "broker:9092";
    // Which protocol it speaks; `either`: another with every life, perhaps.
    enum class Speaks : std::uint8_t { classic, consumer, either };
    Speaks speaks = Speaks::classic;
    std::string remote_assignor;
    std::string assignors;
    std::string instance_id;  // static member; none when empty
    std::string topic;
    std::string letters;  // the dead-letter topic; none when empty
    std::int64_t session_ms = 3'000;
    std::int64_t max_poll_ms = 6'000;
    std::int64_t socket_timeout_ms = 3'000;
};

class ParallelHost {
public:
    ParallelHost(Simulation&, ParallelBook&, ParallelPlan, std::size_t number);

    std::string name() const;
    // Lives and lives again until finish().
    void begin();
    bool is_done() const noexcept { return done_; }
    // From now on handlers are quick, and it stays, or goes for good.
    void calm(bool stays);
    // Works on what is here, commits, leaves, and ends. `is_last`: nobody does what it would leave.
    void finish(bool is_last) {
        finishing_ = true;
        last_ = is_last;
    }
    // It is up, and has nothing to work on.
    bool is_idle() const { return core_ && core_->stats().buffered == 0; }
    void freeze() {
        is_frozen_ = true;
        freezer_.freeze();
    }
    void thaw() {
        is_frozen_ = false;
        thawed_ms_ = now_ms();
        freezer_.thaw();
    }

    std::vector<std::string> problems;

private:
    enum class End : std::uint8_t { drained, stopped, killed, power_lost };
    // Of one process. Handlers may outlive what it holds.
    struct Process {
        bool is_dead = false;
        std::int32_t running = 0;
        std::int32_t running_max = 0;
        std::map<Place, std::size_t> stints;
        struct Refusal {
            std::size_t bytes = 0;
            std::int64_t at_ms = 0;
        };
        std::map<Place, Refusal> refused_maps;
    };
    using ProcessPtr = std::shared_ptr<Process>;

    asio::awaitable<void> live();
    asio::awaitable<void> live_once();
    ParallelConsumerConfig draw_config();
    Result<std::shared_ptr<client::ParallelCore>> start(ProcessPtr);
    void on_change(Process&, const client::Intake::Change&);
    void on_commit(Process&, const CommitEvent&);
    base::Log log();
    // Of one record, or of a batch.
    asio::awaitable<Handled> handle(ProcessPtr, std::vector<WorkItem>);
    struct Begun {
        WorkedOn record;
        Fate fate;
    };
    // None: it does not hold one of them.
    WorkedOn worked_on(const Place&, std::size_t stint, const WorkItem&);
    std::vector<Begun> begin_all(const Process&, const std::vector<WorkItem>&);
    Handled end_all(const std::vector<Begun>&);
    asio::awaitable<void> close(std::shared_ptr<client::ParallelCore>, ParallelConsumer::CloseMode);
    asio::awaitable<void> end_abruptly(std::shared_ptr<client::ParallelCore>, bool silently);
    std::int64_t now_ms() const { return simulation_.loop.timers.wall_ms(); }
    std::string about(std::string_view what) const;
    asio::awaitable<void> wait_ms(std::int64_t ms) {
        return simulation_.loop.timers.wait_for(std::chrono::milliseconds(ms));
    }

    Simulation& simulation_;
    ParallelBook& book_;
    const ParallelPlan plan_;
    const std::size_t number_;
    base::Random random_;
    Freezer freezer_;
    std::unique_ptr<net::Transport> transport_;
    bool is_frozen_ = false;
    std::int64_t thawed_ms_ = std::numeric_limits<std::int64_t>::min() / 2;
    bool calm_ = false;
    bool stays_ = true;
    bool finishing_ = false;
    bool last_ = false;
    std::shared_ptr<client::ParallelCore> core_;  // while it is up
    bool done_ = false;
};

}  // namespace ottla::test
