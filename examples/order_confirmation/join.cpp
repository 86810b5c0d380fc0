// SPDX-License-Identifier: Apache-2.0
#include "join.hpp"

#include <algorithm>

#include "topics.hpp"

namespace orders {

void Join::decided_before(std::string order_id, std::int64_t time_ms) {
    if (decided_.insert(order_id).second) decided_at_.emplace_back(time_ms, std::move(order_id));
}

std::vector<Decision> Join::take_in(const Input& input) {
    std::vector<Decision> decisions;
    next_offset_[input.source] = input.offset + 1;
    read_to_ms_[input.source] = std::max(read_to_ms_[input.source], input.time_ms);
    if (input.order_id && !decided_.contains(*input.order_id)) note(input, decisions);
    expire(decisions);
    while (!decided_at_.empty() && decided_at_.front().first + remember_ms_ < time_ms()) {
        decided_.erase(decided_at_.front().second);
        decided_at_.pop_front();
    }
    return decisions;
}

// An event or an answer that comes again changes nothing.
void Join::note(const Input& input, std::vector<Decision>& decisions) {
    const auto& id = *input.order_id;
    auto& order = open_[id];
    auto& first = order.first[input.source];
    if (first < 0) first = input.offset;
    if (input.source == 0) {
        if (!order.is_placed) set_time(id, order, input.time_ms);
        order.is_placed = true;
    } else {
        if (order.time_ms < 0) set_time(id, order, input.time_ms);
        if (!order.said[input.source]) order.said[input.source] = Said{input.time_ms, input.value};
    }
    if (const auto decided = verdict(order)) close(id, *decided, decisions);
}

void Join::set_time(const std::string& id, Order& order, std::int64_t time_ms) {
    deadlines_.erase({order.time_ms + timeout_ms_, id});
    order.time_ms = time_ms;
    deadlines_.insert({order.time_ms + timeout_ms_, id});
}

std::optional<std::string> Join::verdict(const Order& order) const {
    if (!order.is_placed) return std::nullopt;
    std::size_t done = 0;
    for (std::size_t source = 1; source < sources; ++source) {
        const auto& said = order.said[source];
        if (!said || said->time_ms > order.time_ms + timeout_ms_) continue;
        if (said->answer != "ok") return "rejected: " + std::string(steps[source - 1].name) + " " + said->answer;
        ++done;
    }
    if (done < steps.size()) return std::nullopt;
    return "confirmed";
}

void Join::close(const std::string& id, std::string verdict, std::vector<Decision>& decisions) {
    decisions.push_back({id, std::move(verdict)});
    decided_before(id, time_ms());
    const auto order = open_.find(id);
    deadlines_.erase({order->second.time_ms + timeout_ms_, id});
    open_.erase(order);
}

// Answers without an event are nobody's: an event stands in its log before anybody can answer it.
void Join::expire(std::vector<Decision>& decisions) {
    while (!deadlines_.empty() && deadlines_.begin()->first < time_ms()) {
        const std::string id = deadlines_.begin()->second;
        if (open_.at(id).is_placed) {
            close(id, "rejected: not everybody has answered in time", decisions);
        } else {
            deadlines_.erase(deadlines_.begin());
            open_.erase(id);
        }
    }
}

std::int64_t Join::time_ms() const { return *std::ranges::min_element(read_to_ms_); }

std::optional<std::int64_t> Join::next_deadline() const {
    if (deadlines_.empty()) return std::nullopt;
    return deadlines_.begin()->first;
}

std::array<std::int64_t, Join::sources> Join::positions() const {
    auto positions = next_offset_;
    for (const auto& [id, order] : open_)
        for (std::size_t source = 0; source < sources; ++source)
            if (order.first[source] >= 0) positions[source] = std::min(positions[source], order.first[source]);
    return positions;
}

}  // namespace orders
