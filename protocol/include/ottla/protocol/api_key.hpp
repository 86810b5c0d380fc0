// SPDX-License-Identifier: Apache-2.0
// The APIs of this release, by the key that stands in the request header.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include <ottla/protocol/version_range.hpp>

namespace ottla::protocol {

enum class ApiKey : std::int16_t {
#define OTTLA_API(enumerator, NAME, key, min, max, stable_max, request_flexible, response_flexible) enumerator = key,
#include <ottla/protocol/api_keys.inc>
#undef OTTLA_API
};

// All of them, by key.
std::span<const ApiKey> all_api_keys() noexcept;
// This release has an API with that key.
bool is_known(ApiKey) noexcept;
// "Metadata"; "Unknown" for a key that this release does not have.
std::string_view name(ApiKey) noexcept;
// Name → key; nothing when there is no such API.
bool parse(std::string_view name, ApiKey& out) noexcept;

// What the specs hold; empty for an unknown key. The stable ones leave out a latest version that may still change.
VersionRange versions(ApiKey) noexcept;
VersionRange stable_versions(ApiKey) noexcept;

// Which RequestHeader a request of this version carries: 1 or, from the first flexible version, 2 (KIP-482).
std::int16_t request_header_version(ApiKey, std::int16_t version) noexcept;
// Which ResponseHeader its response carries: 0, or 1 from the first flexible version. ApiVersions always has 0, since
// the client does not yet know what the broker speaks (KIP-511).
std::int16_t response_header_version(ApiKey, std::int16_t version) noexcept;

}  // namespace ottla::protocol
