// SPDX-License-Identifier: Apache-2.0
#include "client/priority/priority_desk.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace ottla::client {
namespace {

ClassSchedule schedule_of(const PriorityConsumerConfig& config) {
    std::vector<std::int32_t> weights;
    for (const auto& c : config.classes) weights.push_back(c.weight);
    const auto rule =
        config.order == PriorityOrder::strict ? ClassSchedule::Rule::strict : ClassSchedule::Rule::weighted;
    return {rule, weights, config.starvation_limit};
}

std::size_t bytes_of(const Event& event) {
    const auto* message = std::get_if<Message>(&event);
    return message ? message->key().size() + message->value().size() : 0;
}

bool is_message(const Event& event) { return std::holds_alternative<Message>(event); }

}  // namespace

PriorityDesk::PriorityDesk(const PriorityConsumerConfig& config)
    : limit_(static_cast<std::size_t>(config.buffered_records)),
      bytes_limit_(static_cast<std::size_t>(config.buffered_bytes)),
      schedule_(schedule_of(config)),
      classes_(config.classes.size()) {
    for (std::size_t i = 0; i < classes_.size(); ++i) {
        const auto& given = config.classes[i];
        classes_[i].name = given.name.empty() ? fmt::format("class {}", i + 1) : given.name;
        for (const auto& topic : given.topics) class_of_topic_.emplace(topic, i);
    }
}

void PriorityDesk::assign(Partitions partitions) {
    for (const auto& tp : partitions) {
        const auto topic = class_of_topic_.find(tp.topic);
        if (topic == class_of_topic_.end()) continue;  // nobody has subscribed to it
        auto& p = partitions_[{tp.topic, tp.partition}];
        drop(p);
        p = Partition();
        p.class_number = topic->second;
        is_to_pause_ = true;
    }
}

void PriorityDesk::withdraw(Partitions partitions) {
    for (const auto& tp : partitions) {
        const auto found = partitions_.find(ByName::View(tp.topic, tp.partition));
        if (found == partitions_.end()) continue;
        drop(found->second);
        partitions_.erase(found);
    }
}

void PriorityDesk::withdraw_all() {
    for (auto& [key, p] : partitions_) drop(p);
    partitions_.clear();
}

void PriorityDesk::drop(Partition& p) {
    if (p.buffered == 0) return;
    auto& c = classes_[p.class_number];
    std::erase_if(c.queue, [&](const Entry& entry) {
        if (entry.from != &p) return false;
        c.bytes -= bytes_of(entry.event);
        left_behind_ += is_message(entry.event) ? 1 : 0;
        return true;
    });
    p.buffered = 0;
    look_at(p.class_number);
}

PriorityDesk::Partition* PriorityDesk::of(const Event& event) {
    ByName::View key;
    if (const auto* message = std::get_if<Message>(&event))
        key = {message->topic(), message->partition()};
    else if (const auto* eof = std::get_if<PartitionEof>(&event))
        key = {eof->topic, eof->partition};
    else if (const auto* error = std::get_if<PartitionError>(&event))
        key = {error->topic, error->partition};
    const auto found = partitions_.find(key);
    return found == partitions_.end() ? nullptr : &found->second;
}

void PriorityDesk::add(Event event, base::TimePoint now) {
    auto* p = of(event);
    if (!p) {
        // A message always has its partition here: what is not assigned gives none.
        if (!is_message(event)) urgent_.push_back(std::move(event));
        return;
    }
    if (const auto* message = std::get_if<Message>(&event)) {
        // Its log was cut, or made anew: what is here of before is no more.
        if (message->offset() < p->next_offset) drop(*p);
        p->next_offset = message->offset() + 1;
    }
    ++p->buffered;
    auto& c = classes_[p->class_number];
    c.bytes += bytes_of(event);
    c.queue.push_back({std::move(event), p});
    schedule_.has_records(p->class_number, now);
    look_at(p->class_number);
}

std::optional<PriorityDesk::Given> PriorityDesk::take(base::TimePoint now) {
    if (!urgent_.empty()) {
        Given given{std::move(urgent_.front())};
        urgent_.pop_front();
        return given;
    }
    const auto turn = schedule_.next(now);
    if (!turn) return std::nullopt;
    auto& c = classes_[turn->which];
    Entry entry = std::move(c.queue.front());
    c.queue.pop_front();
    c.bytes -= bytes_of(entry.event);
    --entry.from->buffered;
    if (is_message(entry.event)) ++c.handed_out;
    if (turn->is_starved) ++c.starved_turns;
    look_at(turn->which);
    return Given{std::move(entry.event), entry.from->buffered == 0};
}

void PriorityDesk::look_at(std::size_t class_number) {
    auto& c = classes_[class_number];
    if (c.queue.empty()) schedule_.has_none(class_number);
    const bool is_paused = c.is_paused ? c.queue.size() > limit_ / 2 || c.bytes > bytes_limit_ / 2
                                       : c.queue.size() >= limit_ || c.bytes >= bytes_limit_;
    if (is_paused == c.is_paused) return;
    c.is_paused = is_paused;
    is_to_pause_ = true;
}

PriorityDesk::Pauses PriorityDesk::take_pauses() {
    Pauses changes;
    if (!is_to_pause_) return changes;
    is_to_pause_ = false;
    for (auto& [key, p] : partitions_) {
        const bool is_paused = classes_[p.class_number].is_paused;
        if (is_paused == p.is_paused) continue;
        p.is_paused = is_paused;
        (is_paused ? changes.pause : changes.resume).emplace_back(key.first, key.second);
    }
    return changes;
}

PriorityStats PriorityDesk::stats(base::TimePoint now) const {
    PriorityStats s;
    s.left_behind = left_behind_;
    for (std::size_t i = 0; i < classes_.size(); ++i) {
        const auto& c = classes_[i];
        PriorityClassStats of_class;
        of_class.name = c.name;
        of_class.handed_out = c.handed_out;
        of_class.starved_turns = c.starved_turns;
        of_class.buffered = c.queue.size();
        of_class.is_paused = c.is_paused;
        if (const auto since = schedule_.waits_since(i))
            of_class.waiting = std::chrono::duration_cast<std::chrono::milliseconds>(now - *since);
        s.classes.push_back(std::move(of_class));
    }
    return s;
}

std::vector<std::pair<TopicPartition, std::size_t>> PriorityDesk::assignment() const {
    std::vector<std::pair<TopicPartition, std::size_t>> all;
    for (const auto& [key, p] : partitions_) all.emplace_back(TopicPartition(key.first, key.second), p.class_number);
    return all;
}

}  // namespace ottla::client
