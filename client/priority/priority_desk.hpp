// SPDX-License-Identifier: Apache-2.0
// PriorityDesk: what was fetched and not handed out yet, in a queue for each class; says what is handed out next, and
// which partitions pause. Decides only: one call at a time.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ottla/priority_consumer.hpp>

#include "client/priority/class_schedule.hpp"

namespace ottla::client {

class PriorityDesk {
public:
    using Partitions = std::span<const TopicPartition>;

    // A config that was checked.
    explicit PriorityDesk(const PriorityConsumerConfig&);

    void assign(Partitions);
    // What is buffered of them is dropped.
    void withdraw(Partitions);
    void withdraw_all();

    // As the consumer gave it: behind what is here of its partition; what is of no partition goes before all.
    void add(Event, base::TimePoint now);
    bool has_urgent() const noexcept { return !urgent_.empty(); }

    struct Given {
        Event event;
        // Nothing more of its partition is here.
        bool is_last = false;
    };
    std::optional<Given> take(base::TimePoint now);

    struct Pauses {
        std::vector<TopicPartition> pause;
        std::vector<TopicPartition> resume;
    };
    // What has changed since the last call. A partition begins unpaused.
    Pauses take_pauses();

    // All but the lag.
    PriorityStats stats(base::TimePoint now) const;
    // With its class.
    std::vector<std::pair<TopicPartition, std::size_t>> assignment() const;

private:
    using Key = std::pair<std::string, std::int32_t>;
    struct ByName {
        using is_transparent = void;
        using View = std::pair<std::string_view, std::int32_t>;
        static View view(const Key& k) { return {k.first, k.second}; }
        static View view(const View& v) { return v; }
        bool operator()(const auto& a, const auto& b) const { return view(a) < view(b); }
    };
    struct Partition {
        std::size_t class_number = 0;
        std::size_t buffered = 0;       // entries
        std::int64_t next_offset = -1;  // behind the last message that came; -1: none has
        bool is_paused = false;
    };
    struct Entry {
        Event event;
        Partition* from;
    };
    struct Class {
        std::string name;
        std::deque<Entry> queue;
        std::size_t bytes = 0;  // keys and values
        bool is_paused = false;
        std::uint64_t handed_out = 0;
        std::uint64_t starved_turns = 0;
    };

    // Null: not assigned.
    Partition* of(const Event&);
    void drop(Partition&);
    // After a change of its queue.
    void look_at(std::size_t class_number);

    const std::size_t limit_;
    const std::size_t bytes_limit_;
    ClassSchedule schedule_;
    std::vector<Class> classes_;
    std::map<std::string, std::size_t, std::less<>> class_of_topic_;
    std::map<Key, Partition, ByName> partitions_;
    bool is_to_pause_ = false;  // take_pauses() has something to look at
    std::deque<Event> urgent_;
    std::uint64_t left_behind_ = 0;
};

}  // namespace ottla::client
