// SPDX-License-Identifier: Apache-2.0
#include "client/group/subscription.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace ottla::client {
namespace {

// Kafka's longest name.
constexpr std::size_t topic_length_max = 249;

// What RE2 and ECMAScript read in the same way: no groups with a '?', no classes in colons, and of the escapes those of
// signs and of digits, words and spaces.
bool means_the_same_in_both(std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        const char next = i + 1 < text.size() ? text[i + 1] : '\0';
        if (static_cast<unsigned char>(c) >= 0x80 || (c == '(' && next == '?') || (c == '[' && next == ':'))
            return false;
        if (c != '\\') continue;
        if (std::string_view("dDwWsS.-_^$*+?()[]{}|\\").find(next) == std::string_view::npos) return false;
        ++i;
    }
    return true;
}

std::optional<std::regex> likeness_of(const std::string& text) {
    if (!means_the_same_in_both(text)) return std::nullopt;
    try {
        return std::regex(text, std::regex::ECMAScript | std::regex::nosubs);
    } catch (const std::regex_error&) {
        return std::nullopt;  // the coordinator will say so, if it thinks the same
    }
}

}  // namespace

Result<Subscription> Subscription::parse(std::vector<std::string> topics) {
    Subscription s;
    for (const auto& topic : topics) {
        if (topic.empty()) return Error::of(ErrorCode::invalid_argument, "a topic without a name");
        if (topic.front() != '^') {
            if (topic.size() > topic_length_max)
                return Error::of(ErrorCode::invalid_argument, fmt::format("topic '{}…' is longer than {} characters",
                                                                          topic.substr(0, 32), topic_length_max));
            s.names_.push_back(topic);
            continue;
        }
        try {
            s.patterns_.emplace_back(topic, std::regex(topic, std::regex::ECMAScript | std::regex::nosubs));
        } catch (const std::regex_error& wrong) {
            return Error::of(ErrorCode::invalid_argument,
                             fmt::format("pattern '{}' is no regular expression: {}", topic, wrong.what()));
        }
    }
    std::ranges::sort(s.names_);
    s.names_.erase(std::unique(s.names_.begin(), s.names_.end()), s.names_.end());
    s.given_ = std::move(topics);
    return s;
}

Result<Subscription> Subscription::of(const SubscriptionPattern& pattern) {
    if (pattern.text().empty()) return Error::of(ErrorCode::invalid_argument, "a pattern without a letter");
    Subscription s;
    s.regex_ = pattern.text();
    s.likeness_ = likeness_of(s.regex_);
    s.given_ = {pattern.text()};
    return s;
}

bool Subscription::matches(const std::string& topic) const {
    if (std::ranges::binary_search(names_, topic)) return true;
    if (topic.size() > topic_length_max) return false;
    return std::ranges::any_of(patterns_, [&](const auto& p) { return std::regex_search(topic, p.second); });
}

std::vector<std::string> Subscription::idle_patterns(const std::vector<std::string>& topics) const {
    std::vector<std::string> idle;
    for (const auto& [text, pattern] : patterns_)
        if (std::ranges::none_of(topics, [&, &p = pattern](const auto& t) { return std::regex_search(t, p); }))
            idle.push_back(text);
    if (likeness_ && std::ranges::none_of(topics, [this](const auto& t) { return std::regex_match(t, *likeness_); }))
        idle.push_back(regex_);
    return idle;
}

}  // namespace ottla::client
