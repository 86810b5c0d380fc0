// SPDX-License-Identifier: Apache-2.0
// How a channel learns what its broker speaks (KIP-35): ApiVersions at our highest version first; a broker that does
// not know that one answers error 35 in the layout of version 0 (KIP-511) and says which one it knows.
#include <algorithm>

#include <fmt/format.h>
#include <ottla/protocol/messages/api_versions_request.hpp>
#include <ottla/protocol/messages/api_versions_response.hpp>

#include "net/client_channel.hpp"
#include "net/throttling.hpp"

namespace ottla::net {

using protocol::ApiKey;
using protocol::ApiVersionsRequest;
using protocol::ApiVersionsResponse;
using protocol::VersionRange;

namespace {

bool is_unsupported_version(const Bytes& body) {
    protocol::Reader reader(body);
    return reader.int16() == static_cast<std::int16_t>(ErrorCode::unsupported_version);
}

// What to ask with after error 35: the broker's highest if it says so, else the first version of all.
std::int16_t next_version(const Bytes& body, std::int16_t refused) {
    protocol::Reader reader(body);
    ApiVersionsResponse response;
    if (auto decoded = decode(reader, response, 0); decoded)
        for (const auto& api : response.api_keys)
            if (api.api_key_ == ApiVersionsRequest::api_key && api.max_version > 0 && api.max_version < refused)
                return api.max_version;
    return 0;
}

}  // namespace

asio::awaitable<Result<std::shared_ptr<ClientChannel>>> ClientChannel::open(Transport& transport, Timers& timers,
                                                                            base::BufferPool& pool, Endpoint endpoint,
                                                                            Options options, TimePoint deadline,
                                                                            base::Log log) {
    auto stream = co_await transport.connect(endpoint, deadline);
    if (!stream) co_return stream.error();
    auto channel = over(std::move(*stream), timers, pool, std::move(endpoint), std::move(options), std::move(log));
    const TimePoint patience = timers.now() + channel->options_.negotiation_timeout;
    auto negotiated = co_await channel->negotiate(std::min(deadline, patience));
    if (!negotiated) {
        channel->close(negotiated.error());
        co_return negotiated.error();
    }
    co_return channel;
}

asio::awaitable<Result<void>> ClientChannel::negotiate(TimePoint deadline) {
    ApiVersionsRequest request;
    request.client_software_name = options_.software_name;
    request.client_software_version = options_.software_version;
    std::int16_t version = ApiVersionsRequest::stable_versions.max;
    for (;;) {
        protocol::Writer writer;
        if (auto encoded = encode(writer, request, version); !encoded) co_return encoded.error();
        auto body = co_await exchange(ApiKey::api_versions, version, writer.finish(), deadline);
        if (!body) co_return body.error();
        if (is_unsupported_version(*body) && version > 0) {
            version = next_version(*body, version);
            continue;
        }
        protocol::Reader reader(*body);
        ApiVersionsResponse response;
        auto decoded = decode(reader, response, version);
        if (decoded && response.error_code != 0) decoded = Error::of(static_cast<ErrorCode>(response.error_code));
        if (!decoded) co_return decoded.error().with_context(subject(ApiKey::api_versions, version));
        ranges_.clear();
        for (const auto& api : response.api_keys)
            ranges_[static_cast<ApiKey>(api.api_key_)] = VersionRange{api.min_version, api.max_version};
        if (version >= first_throttled_api_versions)
            pause(ApiKey::api_versions, std::chrono::milliseconds(response.throttle_time_ms));
        *api_versions_ = std::move(response);
        co_return ok();
    }
}

Result<std::int16_t> ClientChannel::pick(ApiKey key, VersionRange ours) const {
    const auto found = ranges_.find(key);
    if (found == ranges_.end())
        return Error::of(ErrorCode::unsupported_feature,
                         fmt::format("broker {} does not offer {}", to_string(endpoint_), name(key)));
    const auto both = protocol::intersect(found->second, ours);
    if (both.empty())
        return Error::of(ErrorCode::unsupported_version,
                         fmt::format("{}: broker {} speaks versions {} to {}, we {} to {}", name(key),
                                     to_string(endpoint_), found->second.min, found->second.max, ours.min, ours.max));
    return both.max;
}

}  // namespace ottla::net
