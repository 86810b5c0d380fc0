// SPDX-License-Identifier: Apache-2.0
// The client's end of a connection: requests that have no answer. They are over when the system has taken them.
#include <algorithm>

#include <fmt/format.h>

#include "net/client_channel.hpp"

namespace ottla::net {

using protocol::ApiKey;

Result<void> ClientChannel::post(ApiKey key, std::int16_t version, protocol::Chain body, TimePoint deadline,
                                 OnWritten on_written) {
    if (auto room = check_room(key); !room) return room.error();
    Waiting request{key, version, deadline, nullptr};
    request.on_written = std::move(on_written);
    request.is_answered = false;
    if (auto launched = launch(request, std::move(body)); !launched) return launched.error();
    return {};
}

void ClientChannel::tell_written() {
    const auto self = shared_from_this();
    const std::uint64_t written = pushed_bytes_ - queue_->unsent_bytes();
    while (!posts_.empty() && posts_.front().end_at <= written) {
        // Who is told may send, or close.
        OnWritten told = std::move(posts_.front().on_written);
        posts_.pop_front();
        if (told) told({}, true);
    }
}

bool ClientChannel::has_late_post(TimePoint now, TimePoint& next) const {
    bool is_late = false;
    for (const Waiting& post : posts_) {
        is_late |= post.deadline <= now;
        next = std::min(next, post.deadline);
    }
    return is_late;
}

// The connection has ended. What was in no write yet has not left; of the write under way nobody knows.
void ClientChannel::end_posts(ErrorCode code) {
    const std::uint64_t offered = pushed_bytes_ - queue_->unsent_bytes() + queue_->offered_bytes();
    for (Waiting& post : std::exchange(posts_, {}))
        tell_later(std::move(post.on_written),
                   Error::of(code, fmt::format("{}: {}", subject(post.key, post.version), reason_.text())),
                   post.end_at <= offered);
}

void ClientChannel::tell_later(OnWritten on_written, Error error, bool may_have_left) {
    if (!on_written) return;
    asio::post(get_executor(), [told = std::move(on_written), error = std::move(error), may_have_left]() mutable {
        told(std::move(error), may_have_left);
    });
}

}  // namespace ottla::net
