// SPDX-License-Identifier: Apache-2.0
#include <ottla/protocol/api_key.hpp>

#include <algorithm>
#include <iterator>

namespace ottla::protocol {
namespace {

struct Api {
    ApiKey key;
    std::string_view name;
    VersionRange versions;
    std::int16_t stable_max;
    std::int16_t request_flexible;
    std::int16_t response_flexible;
};

constexpr Api apis[] = {
#define OTTLA_API(enumerator, NAME, key, min, max, stable_max, request_flexible, response_flexible) \
    {ApiKey::enumerator, NAME, {min, max}, stable_max, request_flexible, response_flexible},
#include <ottla/protocol/api_keys.inc>
#undef OTTLA_API
};

constexpr ApiKey keys[] = {
#define OTTLA_API(enumerator, NAME, key, min, max, stable_max, request_flexible, response_flexible) ApiKey::enumerator,
#include <ottla/protocol/api_keys.inc>
#undef OTTLA_API
};

// Not by its enumerator, which another release's specs may lack.
constexpr ApiKey api_versions{18};

const Api* find(ApiKey key) noexcept {
    const Api* api =
        std::lower_bound(std::begin(apis), std::end(apis), key, [](const Api& a, ApiKey k) { return a.key < k; });
    return api != std::end(apis) && api->key == key ? api : nullptr;
}

}  // namespace

std::span<const ApiKey> all_api_keys() noexcept { return keys; }

bool is_known(ApiKey key) noexcept { return find(key) != nullptr; }

std::string_view name(ApiKey key) noexcept {
    const Api* api = find(key);
    return api ? api->name : "Unknown";
}

bool parse(std::string_view text, ApiKey& out) noexcept {
    for (const Api& api : apis) {
        if (api.name != text) continue;
        out = api.key;
        return true;
    }
    return false;
}

VersionRange versions(ApiKey key) noexcept {
    const Api* api = find(key);
    return api ? api->versions : VersionRange{};
}

VersionRange stable_versions(ApiKey key) noexcept {
    const Api* api = find(key);
    return api ? VersionRange{api->versions.min, api->stable_max} : VersionRange{};
}

std::int16_t request_header_version(ApiKey key, std::int16_t version) noexcept {
    const Api* api = find(key);
    return api && version >= api->request_flexible ? 2 : 1;
}

std::int16_t response_header_version(ApiKey key, std::int16_t version) noexcept {
    const Api* api = find(key);
    return api && key != api_versions && version >= api->response_flexible ? 1 : 0;
}

}  // namespace ottla::protocol
