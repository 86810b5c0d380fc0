// SPDX-License-Identifier: Apache-2.0
#include "client/priority/priority_config.hpp"

#include <map>
#include <set>

#include <fmt/format.h>

#include "client/priority/class_schedule.hpp"

namespace ottla::client {
namespace {

constexpr std::size_t classes_max = 100;
constexpr std::int32_t buffered_max = 1'000'000;
constexpr std::chrono::milliseconds limit_max{24 * 3'600'000};

Error wrong_setting(std::string text) {
    return Error::of(ErrorCode::invalid_argument, "PriorityConsumerConfig::" + std::move(text));
}

Result<void> check_topics(const PriorityConsumerConfig& c) {
    std::map<std::string_view, std::size_t> seen;
    for (std::size_t i = 0; i < c.classes.size(); ++i) {
        const auto& topics = c.classes[i].topics;
        if (topics.empty()) return wrong_setting(fmt::format("classes[{}].topics is empty: what is to be read?", i));
        for (std::size_t k = 0; k < topics.size(); ++k) {
            const auto name = fmt::format("classes[{}].topics[{}]", i, k);
            if (topics[k].empty()) return wrong_setting(name + " is empty");
            if (topics[k].front() == '^')
                return wrong_setting(
                    fmt::format("{} is the pattern '{}': a class has names of topics", name, topics[k]));
            const auto [where, is_new] = seen.emplace(topics[k], i);
            if (!is_new)
                return wrong_setting(
                    fmt::format("{}: topic '{}' is in classes[{}] already", name, topics[k], where->second));
        }
    }
    return ok();
}

Result<void> check_classes(const PriorityConsumerConfig& c) {
    if (c.classes.empty()) return wrong_setting("classes is empty: what is to be read?");
    if (c.classes.size() > classes_max)
        return wrong_setting(fmt::format("classes has {}: up to {}", c.classes.size(), classes_max));
    std::set<std::string_view> names;
    for (std::size_t i = 0; i < c.classes.size(); ++i) {
        const auto& given = c.classes[i];
        if (given.weight < 1 || given.weight > ClassSchedule::weight_max)
            return wrong_setting(
                fmt::format("classes[{}].weight is {}: from 1 to {}", i, given.weight, ClassSchedule::weight_max));
        if (!given.name.empty() && !names.insert(given.name).second)
            return wrong_setting(fmt::format("classes[{}].name '{}' is another's already", i, given.name));
    }
    return check_topics(c);
}

Result<void> check_numbers(const PriorityConsumerConfig& c) {
    if (c.order != PriorityOrder::strict && c.order != PriorityOrder::weighted)
        return wrong_setting(fmt::format("order is {}: strict or weighted", static_cast<int>(c.order)));
    if (c.starvation_limit.count() < 0 || c.starvation_limit > limit_max)
        return wrong_setting(
            fmt::format("starvation_limit is {}: from 0 to {} ms", c.starvation_limit.count(), limit_max.count()));
    if (c.buffered_records < 1 || c.buffered_records > buffered_max)
        return wrong_setting(fmt::format("buffered_records is {}: from 1 to {}", c.buffered_records, buffered_max));
    if (c.buffered_bytes < 1) return wrong_setting(fmt::format("buffered_bytes is {}: from 1 up", c.buffered_bytes));
    return ok();
}

}  // namespace

Result<PrioritySettings> priority_settings(const PriorityConsumerConfig& c) {
    if (auto fine = check_classes(c); !fine) return fine.error();
    if (auto fine = check_numbers(c); !fine) return fine.error();
    if (c.group_id.empty() && !c.config.entries().contains("group.id"))
        return wrong_setting("group_id is empty: whose offsets are they?");
    if (auto fine = c.config.check(); !fine) return fine.error();

    PrioritySettings settings;
    std::vector<Config::Entry> entries;
    if (!c.brokers.empty()) entries.emplace_back("bootstrap.servers", c.brokers);
    if (!c.group_id.empty()) entries.emplace_back("group.id", c.group_id);
    for (const auto& [name, value] : c.config.entries()) entries.emplace_back(name, value);
    entries.emplace_back("enable.auto.offset.store", false);
    for (const Config::Entry& entry : entries)
        if (auto set = settings.consumer.set(entry.name, entry.value); !set) return set.error();
    settings.stores_what_was_returned = c.config.get("enable.auto.offset.store") == "true";
    for (const auto& given : c.classes)
        settings.topics.insert(settings.topics.end(), given.topics.begin(), given.topics.end());
    return settings;
}

}  // namespace ottla::client
