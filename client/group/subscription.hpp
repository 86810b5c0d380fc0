// SPDX-License-Identifier: Apache-2.0
// Subscription: the topics that a consumer asked for, by name or by pattern. A name that begins with ^ is a regular
// expression (ECMAScript's), to be found in the topic's name; internal topics match none. The coordinator's pattern
// (RE2's) is matched there.
#pragma once

#include <memory>
#include <optional>
#include <regex>
#include <string>
#include <vector>

#include <ottla/group.hpp>
#include <ottla/result.hpp>

#include "client/group/membership.hpp"

namespace ottla::client {

class Subscription {
public:
    Subscription() = default;
    // Errors: invalid_argument, naming the topic or pattern.
    static Result<Subscription> parse(std::vector<std::string> topics);
    static Result<Subscription> of(const SubscriptionPattern&);

    // To be matched here.
    bool has_patterns() const noexcept { return !patterns_.empty(); }
    // The coordinator's, and it can be told here whether it would find something: both kinds of expression agree on it.
    bool can_judge_regex() const noexcept { return likeness_.has_value(); }
    // Sorted, each once.
    const std::vector<std::string>& names() const noexcept { return names_; }
    // What can be said without a look at the topics there are.
    TopicSelection selection() const { return {names_, regex_}; }
    // As they were given.
    const std::vector<std::string>& given() const noexcept { return given_; }
    bool matches(const std::string& topic) const;
    // Patterns by which none of these is found, the coordinator's among them.
    std::vector<std::string> idle_patterns(const std::vector<std::string>& topics) const;

private:
    std::vector<std::string> given_;
    std::vector<std::string> names_;
    std::vector<std::pair<std::string, std::regex>> patterns_;  // as given, and to look with
    std::string regex_;
    std::optional<std::regex> likeness_;  // of regex_
};

}  // namespace ottla::client
