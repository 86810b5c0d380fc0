// SPDX-License-Identifier: Apache-2.0
// MemberHost: a machine on which a consumer of a group runs, ends in one way or another, and is started again, all as
// the seed says. It reads, processes and commits as applications do, and writes down in the group's book what happens
// to it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <ottla/consumer.hpp>
#include "client/runtime/runtime.hpp"
#include "tests/simulation/freezer.hpp"
#include "tests/simulation/group_book.hpp"
#include "tests/simulation/simulation.hpp"

namespace ottla::client {
class ConsumerCore;
}

namespace ottla::test {

// What all members of a group have in common, and what one of them is.
struct MemberPlan {
    std::size_t number = 0;
    std::string bootstrap = "broker:9092";
    // Which protocol it speaks; `either`: another with every life, perhaps.
    enum class Speaks : std::uint8_t { classic, consumer, either };
    Speaks speaks = Speaks::classic;
    std::string assignors;                   // partition.assignment.strategy
    std::string remote_assignor;             // group.remote.assignor, in the consumer protocol
    std::optional<std::string> instance_id;  // a static member
    bool is_of_a_mix = false;                // others of its group name other assignors, too
    bool has_twin = false;                   // another has the same name, by mistake
    std::vector<std::string> topics;         // to subscribe to, patterns too
    std::int64_t session_ms = 3'000;
    std::int64_t heartbeat_ms = 700;
    std::int64_t max_poll_ms = 6'000;
    std::int64_t socket_timeout_ms = 3'000;
    std::int64_t metadata_age_ms = 3'000;
    // It lives as long as nobody says otherwise, and never misbehaves.
    bool is_steady = false;
    // It commits behind every message, and waits for no answer.
    bool commits_each = false;
};

class MemberHost {
public:
    MemberHost(Simulation&, GroupBook&, MemberPlan);

    std::string name() const;
    // As this one says; before it begins.
    void speak(const MemberPlan&);
    // Lives and lives again until finish(). Not on another's executor: begin() starts it.
    void begin();
    bool is_done() const noexcept { return done_; }
    // From now on it behaves: who is away stays away, or comes back for good.
    void calm(bool comes_back);
    // Commits everything soon, if nobody does that for it.
    void commit_soon() { to_commit_ = true; }
    // Commits what is left to commit, closes, and ends.
    void finish() { finishing_ = true; }
    // Its life ends now, in order or not, and the next begins so long after that.
    void end_life(bool in_order, std::int64_t away_ms);
    // The application comes back for more only after so long.
    void stop_polling(std::int64_t ms) { pause_ms_ = ms; }
    // The machine stands still, and goes on after that.
    void freeze() { freezer_.freeze(); }
    void thaw() {
        freezer_.thaw();
        thawed_at_ = simulation_.loop.timers.now();
    }

    // It is up, and to take part.
    bool is_alive() const noexcept { return alive_; }
    bool takes_part() const noexcept { return alive_ || (calm_ && comes_back_ && !fenced_); }
    const MemberPlan& plan() const noexcept { return plan_; }
    GroupMetadata group_metadata() const;
    // It has joined, and knows of nothing that is to be done; its generation is then the group's, as far as it knows.
    bool is_settled() const;
    std::size_t commits_done() const noexcept { return commits_done_; }
    // By the coordinator, or since the partitions are not its any more.
    std::size_t commits_refused() const noexcept { return commits_refused_; }

    std::vector<std::string> problems;

private:
    enum class Commits : std::uint8_t { automatic, stored, waiting, passing, each };
    enum class Reads : std::uint8_t { events, messages, batches };
    enum class End : std::uint8_t { closed, killed, power_lost };
    // From one start to the next.
    struct Life {
        Commits commits;
        Reads reads;
        bool is_dealt_to = false;  // it speaks the consumer protocol
        bool has_callbacks = true;
        std::int64_t every = 1;        // so many messages to a commit
        std::int64_t slowness_ms = 0;  // at most, for a message
        double pauses = 0;             // how often it stops polling
        base::TimePoint until;
        End end = End::closed;
        std::shared_ptr<client::ConsumerCore> core;
        std::unique_ptr<Consumer> consumer;
        std::int64_t since_commit = 0;
    };
    using Offsets = std::vector<TopicPartition>;

    asio::awaitable<void> live();
    asio::awaitable<void> live_once();
    Life draw_life();
    Result<void> start(Life&);
    asio::awaitable<void> poll(Life&);
    asio::awaitable<void> on_event(Life&, Event);
    asio::awaitable<void> on_message(Life&, std::string topic, std::int32_t partition, MessageView message);
    asio::awaitable<void> on_batch(Life&, MessageBatch batch);
    void on_error(const Error&);
    void on_assigned(const Consumer&, std::span<const TopicPartition>);
    void on_given_back(std::span<const TopicPartition>);
    asio::awaitable<void> commit_if_due(Life&, Place place, std::int64_t next);
    asio::awaitable<void> commit_all(Life&);
    void start_commit(Life&, Offsets);
    void on_committed(const std::string& member_id, std::int64_t begun_ms, const Result<Offsets>&);
    asio::awaitable<void> perhaps_pause(Life&);
    asio::awaitable<void> close(Life&);
    asio::awaitable<void> end_abruptly(Life&);
    // False: the life is over before that.
    asio::awaitable<bool> spend_ms(Life&, std::int64_t ms);
    asio::awaitable<void> wait_ms(std::int64_t ms);
    bool is_over(const Life&) const;
    static bool commits_by_hand(const Life& life) {
        return life.commits != Commits::automatic && life.commits != Commits::stored;
    }
    base::Log log();

    std::int64_t now_ms() const { return simulation_.loop.timers.wall_ms(); }
    std::string about(std::string_view what) const;

    Simulation& simulation_;
    GroupBook& book_;
    MemberPlan plan_;
    base::Random random_;
    Freezer freezer_;
    std::unique_ptr<net::Transport> transport_;
    Life* life_ = nullptr;
    base::TimePoint thawed_at_{};
    std::int64_t pause_ms_ = 0;
    std::int64_t away_ms_ = 0;
    std::size_t commits_done_ = 0;
    std::size_t commits_refused_ = 0;
    bool alive_ = false;
    bool calm_ = false;
    bool comes_back_ = true;
    bool lost_connection_ = false;
    bool to_commit_ = false;
    bool finishing_ = false;
    bool refused_ = false;  // its name is not free yet
    bool fenced_ = false;   // its twin has taken over
    bool done_ = false;
};

}  // namespace ottla::test
