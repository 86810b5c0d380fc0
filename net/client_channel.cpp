// SPDX-License-Identifier: Apache-2.0
#include "net/client_channel.hpp"

#include <algorithm>
#include <limits>

#include <fmt/format.h>
#include <ottla/protocol/messages/api_versions_response.hpp>
#include <ottla/protocol/messages/request_header.hpp>
#include <ottla/protocol/messages/response_header.hpp>

#include "net/complete.hpp"
#include "net/throttling.hpp"

namespace ottla::net {

using protocol::ApiKey;

ClientChannel::ClientChannel(std::unique_ptr<Stream> stream, Timers& timers, base::BufferPool& pool, Endpoint endpoint,
                             Options options, base::Log log)
    : stream_(std::move(stream)),
      timers_(timers),
      endpoint_(std::move(endpoint)),
      options_(std::move(options)),
      log_(std::move(log)),
      frames_(pool, options_.frame_bytes_max),
      queue_(std::make_shared<WriteQueue>(stream_, pool, nullptr,
                                          [this](const Result<void>& progress) { on_write_progress(progress); })),
      alarm_(timers, stream_->get_executor(), [this] { on_alarm(); }),
      api_versions_(std::make_unique<protocol::ApiVersionsResponse>()),
      last_used_(timers.now()) {}

ClientChannel::~ClientChannel() { queue_->stop(); }

std::shared_ptr<ClientChannel> ClientChannel::over(std::unique_ptr<Stream> stream, Timers& timers,
                                                   base::BufferPool& pool, Endpoint endpoint, Options options,
                                                   base::Log log) {
    std::shared_ptr<ClientChannel> channel(
        new ClientChannel(std::move(stream), timers, pool, std::move(endpoint), std::move(options), std::move(log)));
    asio::co_spawn(channel->get_executor(), read_loop(channel), asio::detached);
    return channel;
}

asio::awaitable<void> ClientChannel::read_loop(std::shared_ptr<ClientChannel> self) {
    // When the loop goes with its io_context, so do those who wait: they may hold the channel.
    struct Waiters {
        explicit Waiters(ClientChannel& c) : channel(c) {}
        ~Waiters() {
            const auto dropped = std::exchange(channel.waiting_, {});
            const auto dropped_posts = std::exchange(channel.posts_, {});
        }
        ClientChannel& channel;
    } waiters(*self);

    bool heard = false;
    while (!self->closed_) {
        const auto room = self->frames_.prepare();
        error_code ec;
        const std::size_t count = co_await self->stream_->async_read_some(
            asio::buffer(room.data(), room.size()), asio::redirect_error(asio::use_awaitable, ec));
        if (self->closed_) break;
        if (ec) {
            auto error = transport_error(fmt::format("connection to {}", to_string(self->endpoint_)), ec);
            if (ec == asio::error::eof && !heard)
                error = error.with_context("nothing was answered; is this a plaintext Kafka listener?");
            self->close(std::move(error));
            break;
        }
        heard = true;
        self->last_used_ = self->timers_.now();
        self->frames_.commit(count);
        if (auto taken = self->take_frames(); !taken) {
            auto error = taken.error().with_context(fmt::format("broker {} sent", to_string(self->endpoint_)));
            self->log_.warn("{}", error.text());
            self->close(std::move(error));
        }
    }
}

Result<void> ClientChannel::take_frames() {
    while (!closed_) {
        auto frame = frames_.next();
        if (!frame) return frame.error();
        if (!frame->has_value()) break;
        if (auto matched = on_frame(**frame); !matched) return matched.error();
    }
    return {};
}

Result<void> ClientChannel::on_frame(const Bytes& frame) {
    protocol::Reader reader(frame);
    const std::int32_t id = reader.int32();
    if (reader.failed()) return Error::of(ErrorCode::bad_message, "a frame without a correlation id");
    if (waiting_.size() == held_)
        return Error::of(ErrorCode::bad_message,
                         fmt::format("an answer (correlation id {}) that nobody asked for", id));
    if (waiting_.front().correlation_id != id)
        return Error::of(ErrorCode::bad_message,
                         fmt::format("correlation id {} where {} was due", id, waiting_.front().correlation_id));
    Waiting request = std::move(waiting_.front());
    waiting_.pop_front();
    if (waiting_.empty()) alarm_.cancel();
    observe_end(request, frame.size() + 4, ErrorCode::none);

    protocol::Reader again(frame);
    protocol::ResponseHeader header;
    auto decoded = decode(again, header, protocol::response_header_version(request.key, request.version));
    if (!decoded) {
        if (request.on_answer) request.on_answer(decoded.error().with_context(subject(request.key, request.version)));
        return {};
    }
    Bytes body = frame.slice(again.position(), again.remaining());
    if (const auto throttle = throttle_in(request.key, request.version, body)) pause(request.key, *throttle);
    if (request.on_answer) request.on_answer(std::move(body));
    return {};
}

Result<protocol::Chain> ClientChannel::frame(ApiKey key, std::int16_t version, std::int32_t correlation_id,
                                             protocol::Chain body) const {
    protocol::RequestHeader header;
    header.request_api_key = static_cast<std::int16_t>(key);
    header.request_api_version = version;
    header.correlation_id = correlation_id;
    header.client_id = options_.client_id;
    protocol::Writer writer(64 + options_.client_id.size());
    auto length = writer.int32_later();
    if (auto encoded = encode(writer, header, protocol::request_header_version(key, version)); !encoded)
        return encoded.error();
    writer.splice(std::move(body));
    const std::size_t size = writer.size() - 4;
    if (size > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max()))
        return Error::of(ErrorCode::message_too_large, fmt::format("{}: {} bytes", subject(key, version), size));
    length.fill(static_cast<std::int32_t>(size));
    if (auto written = writer.result(); !written) return written.error();
    return writer.finish();
}

Result<void> ClientChannel::check_room(ApiKey key) const {
    if (closed_) return reason_;
    if (in_flight() >= options_.in_flight_max || queue_->unsent_bytes() >= options_.unsent_bytes_max)
        return Error::of(ErrorCode::queue_full,
                         fmt::format("{} to {}: {} requests are in flight, {} bytes are unsent", name(key),
                                     to_string(endpoint_), in_flight(), queue_->unsent_bytes()));
    return {};
}

std::optional<std::int32_t> ClientChannel::start(ApiKey key, std::int16_t version, protocol::Chain body,
                                                 TimePoint deadline, OnAnswer on_answer) {
    auto room = check_room(key);
    if (room && deadline <= timers_.now())
        room = Error::of(ErrorCode::timed_out, subject(key, version) + ": the deadline passed before it was sent");
    Waiting request{key, version, deadline, std::move(on_answer)};
    const auto id = room ? launch(request, std::move(body)) : Result<std::int32_t>(room.error());
    if (id) return *id;
    answer_later(std::move(request.on_answer), id.error());
    return std::nullopt;
}

Result<std::int32_t> ClientChannel::launch(Waiting& request, protocol::Chain body) {
    const std::int32_t id = next_correlation_id_;
    auto framed = frame(request.key, request.version, id, std::move(body));
    if (!framed) return framed.error();
    next_correlation_id_ = id == std::numeric_limits<std::int32_t>::max() ? 0 : id + 1;
    request.correlation_id = id;
    request.bytes = framed->size();
    alarm_.set_if_earlier(request.deadline);
    push(std::move(request), std::move(*framed));
    return id;
}

// Onto the wire, or, during a pause, behind those that wait for its end.
void ClientChannel::push(Waiting request, protocol::Chain framed) {
    if (held_ > 0 || timers_.now() < paused_until_) {
        ++held_;
        request.held = std::move(framed);
        waiting_.push_back(std::move(request));
        return alarm_.set_if_earlier(paused_until_);
    }
    push_now(std::move(request), std::move(framed), waiting_.end());
}

void ClientChannel::push_now(Waiting request, protocol::Chain framed, std::deque<Waiting>::iterator at) {
    const SentRequest told{request.key, request.version, request.correlation_id, request.bytes, request.is_answered};
    request.sent = last_used_ = timers_.now();
    pushed_bytes_ += request.bytes;
    request.end_at = pushed_bytes_;
    if (request.is_answered)
        waiting_.insert(at, std::move(request));
    else
        posts_.push_back(std::move(request));
    queue_->push(std::move(framed));
    // Last: who is told may send something himself, which must come behind this.
    if (options_.observer) options_.observer->on_request(told);
}

void ClientChannel::pause(ApiKey key, std::chrono::milliseconds time) {
    if (time.count() > 0) paused_until_ = std::max(paused_until_, timers_.now() + time);
    if (options_.observer) options_.observer->on_throttle(key, time);
}

// What comes meanwhile, from who is told of these, is held, too, behind them.
void ClientChannel::send_held() {
    while (held_ > 0 && !closed_ && timers_.now() >= paused_until_) {
        const auto first = waiting_.end() - static_cast<std::ptrdiff_t>(held_);
        Waiting request = std::move(*first);
        protocol::Chain framed = std::move(*std::exchange(request.held, std::nullopt));
        --held_;
        push_now(std::move(request), std::move(framed), waiting_.erase(first));
    }
}

void ClientChannel::send(ApiKey key, std::int16_t version, protocol::Chain body, TimePoint deadline,
                         OnAnswer on_answer) {
    start(key, version, std::move(body), deadline, std::move(on_answer));
}

asio::awaitable<Result<Bytes>> ClientChannel::exchange(ApiKey key, std::int16_t version, protocol::Chain body,
                                                       TimePoint deadline) {
    using Handler = asio::any_completion_handler<void(Result<Bytes>)>;
    auto self = shared_from_this();
    auto initiate = [self, key, version, &body, deadline](auto own) {
        Handler handler(std::move(own));
        auto slot = asio::get_associated_cancellation_slot(handler);
        auto on_answer = [executor = self->get_executor(), handler = std::move(handler)](Result<Bytes> answer) mutable {
            ignore_cancellation(handler);
            complete_later(executor, handler, std::move(answer));
        };
        const auto id = self->start(key, version, std::move(body), deadline, std::move(on_answer));
        if (!id || !slot.is_connected()) return;
        slot.assign([weak = self->weak_from_this(), number = *id](asio::cancellation_type type) {
            const auto channel = weak.lock();
            if (channel && type != asio::cancellation_type::none) channel->abandon(number);
        });
    };
    co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, void(Result<Bytes>)>(initiate,
                                                                                                asio::use_awaitable);
}

void ClientChannel::observe_end(const Waiting& request, std::size_t response_bytes, ErrorCode code) {
    if (!options_.observer) return;
    const bool was_written = request.written != TimePoint{};
    options_.observer->on_end({request.key, request.version, request.correlation_id, request.bytes, response_bytes,
                               was_written ? request.written - request.sent : base::Duration{},
                               timers_.now() - request.sent, Error::of(code)});
}

void ClientChannel::on_write_progress(const Result<void>& progress) {
    if (!progress) return close(progress.error());
    if (!posts_.empty()) tell_written();
    if (!options_.observer) return;
    const std::uint64_t written = pushed_bytes_ - queue_->unsent_bytes();
    const auto last = waiting_.rbegin() + static_cast<std::ptrdiff_t>(held_);
    for (auto request = last; request != waiting_.rend() && request->written == TimePoint{}; ++request)
        if (request->end_at <= written) request->written = timers_.now();
}

void ClientChannel::abandon(std::int32_t correlation_id) {
    const auto at = std::ranges::find(waiting_, correlation_id, &Waiting::correlation_id);
    if (at == waiting_.end() || !at->on_answer) return;
    answer_later(std::exchange(at->on_answer, nullptr),
                 Error::of(ErrorCode::cancelled, subject(at->key, at->version) + ": the wait was cancelled"));
    if (at->held) drop_held(at);
}

std::deque<ClientChannel::Waiting>::iterator ClientChannel::drop_held(std::deque<Waiting>::iterator at) {
    --held_;
    return waiting_.erase(at);
}

void ClientChannel::answer_later(OnAnswer on_answer, Error error) {
    if (!on_answer) return;
    asio::post(get_executor(),
               [on_answer = std::move(on_answer), error = std::move(error)]() mutable { on_answer(std::move(error)); });
}

void ClientChannel::on_alarm() {
    const TimePoint now = timers_.now();
    TimePoint next = TimePoint::max();
    std::string late;
    for (auto at = waiting_.begin(); at != waiting_.end();) {
        Waiting& request = *at;
        if (request.deadline > now) {
            next = std::min(next, request.deadline);
            ++at;
            continue;
        }
        if (request.held) {
            const Error error = Error::of(ErrorCode::timed_out, subject(request.key, request.version) +
                                                                    ": it was not sent before the deadline, since the "
                                                                    "broker asked for a pause (throttling)");
            answer_later(std::move(request.on_answer), error);
            tell_later(std::move(request.on_written), error, false);
            at = drop_held(at);
            continue;
        }
        ++at;
        request.is_late = true;
        if (late.empty()) late = fmt::format("{} v{} had no answer", name(request.key), request.version);
        answer_later(std::exchange(request.on_answer, nullptr),
                     Error::of(ErrorCode::timed_out,
                               subject(request.key, request.version) + ": no answer came before the deadline"));
    }
    if (has_late_post(now, next) && late.empty()) late = "a request was not taken";
    if (!late.empty())
        close(Error::of(ErrorCode::transport,
                        fmt::format("the connection to {} was closed, since {} in time", to_string(endpoint_), late)));
    if (closed_) return;
    send_held();
    if (held_ > 0) next = std::min(next, paused_until_);
    // Who was told of what was sent may have set it.
    if (next != TimePoint::max()) alarm_.set_if_earlier(next);
}

void ClientChannel::close(Error reason) {
    if (std::exchange(closed_, true)) return;
    const auto self = shared_from_this();
    reason_ = std::move(reason);
    log_.debug("connection to {} closed: {}", to_string(endpoint_), reason_.text());
    alarm_.cancel();
    queue_->stop();
    stream_->close();
    const auto code = reason_.code() == ErrorCode::closed ? ErrorCode::closed : ErrorCode::transport;
    held_ = 0;
    end_posts(code);
    for (Waiting& request : std::exchange(waiting_, {})) {
        if (!request.held) observe_end(request, 0, request.is_late ? ErrorCode::timed_out : code);
        const Error error =
            Error::of(code, fmt::format("{}: {}", subject(request.key, request.version), reason_.text()));
        answer_later(std::move(request.on_answer), error);
        tell_later(std::move(request.on_written), error, false);
    }
    if (on_close_) on_close(std::exchange(on_close_, nullptr));
}

void ClientChannel::on_close(Function<void(const Error&)> f) {
    if (!closed_) {
        on_close_ = std::move(f);
        return;
    }
    asio::post(get_executor(), [self = shared_from_this(), f = std::move(f)]() mutable { f(self->reason_); });
}

std::string ClientChannel::subject(ApiKey key, std::int16_t version) const {
    return fmt::format("{} v{} to {}", name(key), version, to_string(endpoint_));
}

}  // namespace ottla::net
