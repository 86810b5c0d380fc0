// SPDX-License-Identifier: Apache-2.0
#include <ottla/config.hpp>

#include <fmt/format.h>

#include "client/config/property_table.hpp"

namespace ottla::inline v0 {
namespace {

using client::Property;

Error unknown(std::string_view name) {
    const auto near = client::nearest_property(name);
    return Error::of(ErrorCode::invalid_argument,
                     near.empty() ? fmt::format("there is no setting '{}'", name)
                                  : fmt::format("there is no setting '{}'; did you mean '{}'?", name, near));
}

// "{topic}.acks" and the like are written by users of confluent-kafka-go: the prefix says nothing here.
std::string_view without_prefix(std::string_view name) {
    constexpr std::string_view prefix = "{topic}.";
    return name.starts_with(prefix) ? name.substr(prefix.size()) : name;
}

std::string canonical_name(std::string_view name) {
    name = without_prefix(name);
    const Property* p = client::find_property(name);
    return std::string(p ? client::canonical(*p).name : name);
}

}  // namespace

Config::Config(std::initializer_list<Entry> entries) {
    for (const Entry& e : entries) entries_.insert_or_assign(canonical_name(e.name), e.value);
}

Result<void> Config::set(std::string_view name, ConfigValue value) {
    const Property* p = client::find_property(without_prefix(name));
    if (!p) return unknown(name);
    if (auto fits = client::check_value(*p, value); !fits) return fits;
    entries_.insert_or_assign(std::string(client::canonical(*p).name), std::move(value));
    return ok();
}

Result<void> Config::set(std::string_view assignment) {
    const auto equals = assignment.find('=');
    if (equals == std::string_view::npos)
        return Error::of(ErrorCode::invalid_argument, fmt::format("'{}' is not of the form name=value", assignment));
    return set(assignment.substr(0, equals), std::string(assignment.substr(equals + 1)));
}

std::optional<std::string> Config::get(std::string_view name) const {
    const Property* p = client::find_property(without_prefix(name));
    if (!p) return std::nullopt;
    const Property& property = client::canonical(*p);
    const auto set = entries_.find(property.name);
    return set != entries_.end() ? set->second.text() : std::string(property.default_value);
}

Result<void> Config::check() const {
    for (const auto& [name, value] : entries_) {
        const Property* p = client::find_property(name);
        if (!p) return unknown(name);
        if (auto fits = client::check_value(*p, value); !fits) return fits;
    }
    return ok();
}

std::string to_string(const Config& config) {
    std::string out;
    for (const auto& [name, value] : config.entries()) {
        const Property* p = client::find_property(name);
        // What has no row may be a secret with a typing mistake in its name.
        out += fmt::format("{}={}\n", name, !p || p->is_secret ? "[hidden]" : value.text());
    }
    return out;
}

}  // namespace ottla::inline v0
