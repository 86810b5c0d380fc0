// SPDX-License-Identifier: Apache-2.0
// The generated Walk<T> of a message or nested struct names its fields once, in order, to an operation: Encoder,
// Decoder or one of the JSON ones. The messages that carry records and metadata are flattened (emit_header.cpp), so
// that their walk costs what straight-line code does; the others are left to the compiler, or they would take minutes
// to build.
//
// An operation has: value, values, string, bytes, records, array, structure, tagged_structure, absent (a field that
// this version lacks), tag_section and no_tag_section; and `in_order`, true when it wants tagged fields where they are
// declared (tagged) instead of at the end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <ottla/bytes.hpp>
#include <ottla/protocol/message.hpp>

namespace ottla::protocol::detail {

template <class T>
struct Walk;

// The default of strings, bytes, arrays and structs that have none of their own.
struct Empty {};
inline constexpr Empty empty{};

template <class T>
inline constexpr bool is_fixed = std::is_arithmetic_v<T> || std::is_same_v<T, Uuid>;

template <class T>
inline constexpr std::size_t fixed_size = sizeof(T);
template <>
inline constexpr std::size_t fixed_size<bool> = 1;

template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;

template <class T>
bool is_default(const T& value, Empty) {
    if constexpr (is_optional<T>) {
        return value && is_default(*value, empty);
    } else if constexpr (requires { value.empty(); }) {
        return value.empty();
    } else {
        return Walk<T>::is_default(value);
    }
}
template <class T>
bool is_default(const std::optional<T>& value, std::nullopt_t) {
    return !value;
}
template <class T, class D>
    requires(!std::is_same_v<D, Empty> && !std::is_same_v<D, std::nullopt_t>)
bool is_default(const T& value, const D& by_default) {
    return value == by_default;
}

template <class T>
void set_default(T& value, Empty) {
    if constexpr (is_optional<T>) {
        if (!value) value.emplace();
        set_default(*value, empty);
    } else if constexpr (requires { value.clear(); }) {
        value.clear();
    } else if (!is_default(value, empty)) [[unlikely]] {
        value = T{};
    }
}
template <class T, class D>
    requires(!std::is_same_v<D, Empty>)
void set_default(T& value, const D& by_default) {
    value = by_default;
}

// Fields of fixed size that stand side by side: one check serves them all.
template <class T>
struct Named {
    const char* name;
    T& value;
};
template <class T>
Named<T> named(const char* name, T& value) {
    return {name, value};
}
template <class... T>
inline constexpr std::size_t fixed_sizes = (fixed_size<std::remove_const_t<T>> + ...);

// What went wrong while writing; the first counts.
struct WriteFailure {
    const char* field = nullptr;
    const char* reason = nullptr;
    ErrorCode code = ErrorCode::none;

    [[gnu::cold, gnu::noinline]] void set(const char* where, const char* why, ErrorCode what) {
        if (!reason) *this = {where, why, what};
    }
    Error error(std::string_view message, std::int16_t version) const;
};

inline constexpr const char* lacks_field = "has a value of its own, but this version lacks it";
inline constexpr const char* is_null = "is null, which this version does not allow";
inline constexpr const char* too_long = "is too long for this version";

Error no_such_version(std::string_view message, VersionRange versions, std::int16_t version);

}  // namespace ottla::protocol::detail
