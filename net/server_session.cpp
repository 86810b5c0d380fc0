// SPDX-License-Identifier: Apache-2.0
#include "net/server_session.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <ottla/protocol/messages/api_versions_response.hpp>
#include <ottla/protocol/reader.hpp>
#include <ottla/protocol/writer.hpp>

namespace ottla::net {

using protocol::ApiKey;

namespace {

// ApiVersions at a version that we do not have: error 35 in the layout of version 0, which every client can read,
// with the versions that we have (KIP-511).
protocol::Chain unsupported_api_versions(protocol::VersionRange served) {
    protocol::ApiVersionsResponse response;
    response.error_code = static_cast<std::int16_t>(ErrorCode::unsupported_version);
    auto& api = response.api_keys.emplace_back();
    api.api_key_ = static_cast<std::int16_t>(ApiKey::api_versions);
    api.min_version = served.min;
    api.max_version = served.max;
    protocol::Writer writer;
    const auto encoded = encode(writer, response, 0);
    static_cast<void>(encoded);  // a version that always exists
    return writer.finish();
}

protocol::Chain framed_answer(ApiKey key, std::int16_t version, std::int32_t correlation_id, protocol::Chain body) {
    protocol::Writer writer(64);
    auto length = writer.int32_later();
    writer.int32(correlation_id);
    if (protocol::response_header_version(key, version) >= 1) writer.unsigned_varint(0);  // no tags
    writer.splice(std::move(body));
    length.fill(static_cast<std::int32_t>(writer.size() - 4));
    return writer.finish();
}

asio::awaitable<Reply> handle_one(RequestHandler& handler, RequestFrame request) {
    co_return co_await handler.handle(std::move(request));
}

}  // namespace

ServerSession::ServerSession(std::unique_ptr<Stream> stream, Timers& timers, base::BufferPool& pool,
                             RequestHandler& handler, Options options, base::Log log)
    : stream_(std::move(stream)),
      timers_(timers),
      handler_(handler),
      options_(options),
      log_(std::move(log)),
      frames_(pool, options.frame_bytes_max),
      queue_(std::make_shared<WriteQueue>(stream_, pool, options.workers,
                                          [this](const Result<void>& progress) { on_progress(progress); })),
      alarm_(timers, stream_->get_executor(), [this] { on_alarm(); }),
      changed_(stream_->get_executor()) {}

ServerSession::~ServerSession() { queue_->stop(); }

std::shared_ptr<ServerSession> ServerSession::make(std::unique_ptr<Stream> stream, Timers& timers,
                                                   base::BufferPool& pool, RequestHandler& handler, Options options,
                                                   base::Log log) {
    return std::shared_ptr<ServerSession>(
        new ServerSession(std::move(stream), timers, pool, handler, options, std::move(log)));
}

asio::awaitable<void> ServerSession::run() {
    const auto self = shared_from_this();
    touch();
    on_alarm();
    try {
        co_await serve();
    } catch (const boost::system::system_error&) {
        // Cancelled: closing is what was asked for.
    }
    close();
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    while (running_ != 0) co_await changed_.wait();
    slots_.clear();
}

asio::awaitable<void> ServerSession::serve() {
    while (!closed_ && !closing_) {
        take_frames();
        if (closed_ || closing_) break;
        if (!has_room()) {
            co_await changed_.wait();
            continue;
        }
        const auto room = frames_.prepare();
        error_code ec;
        const std::size_t count = co_await stream_->async_read_some(asio::buffer(room.data(), room.size()),
                                                                    asio::redirect_error(asio::use_awaitable, ec));
        if (ec && ec != asio::error::operation_aborted && frames_.pending() != 0)
            note_cut_frame(ec == asio::error::eof ? "closed its connection" : ec.message());
        if (ec == asio::error::eof) {
            // What was asked before, with acks=0 perhaps, still counts.
            closing_ = true;
        } else if (ec) {
            log_.debug("{}: {}", peer(), ec.message());
            co_return;
        } else {
            frames_.commit(count);
            touch();
        }
    }
    close_when_done();
    while (!closed_) co_await changed_.wait();
}

// A peer that went within a frame: where it speaks something else, the line shows what.
void ServerSession::note_cut_frame(std::string_view how) {
    log_.info("{}: {} within a frame, which looks like {}", peer(), how, describe_garbage(frames_.peek()));
}

bool ServerSession::has_room() const noexcept {
    return slots_.size() < options_.requests_max && bytes_ + queue_->unsent_bytes() < options_.bytes_max;
}

void ServerSession::take_frames() {
    while (!closed_ && !closing_ && has_room()) {
        auto frame = frames_.next();
        if (!frame) return refuse(frame.error().text());
        if (!frame->has_value()) break;
        accept_frame(std::move(**frame));
    }
    advance();
}

void ServerSession::refuse(std::string_view why) {
    log_.warn("{}: closing the connection: {}", peer(), why);
    closing_ = true;
    close_when_done();
}

void ServerSession::close_when_done() {
    if (closing_ && slots_.empty() && queue_->unsent_bytes() == 0) close();
}

void ServerSession::accept_frame(Bytes frame) {
    auto slot = std::make_unique<Slot>();
    RequestFrame& request = slot->request;
    protocol::Reader start(frame);
    request.key = static_cast<ApiKey>(start.int16());
    request.version = start.int16();
    request.header.correlation_id = start.int32();
    if (start.failed()) return refuse(fmt::format("a frame of {} bytes holds no request header", frame.size()));
    slot->key = request.key;
    slot->version = request.version;
    slot->correlation_id = request.header.correlation_id;
    const auto served = handler_.serves(request.key);
    if (!served)
        return refuse(fmt::format("API key {} ({}) is not served", static_cast<int>(request.key), name(request.key)));
    if (!served->contains(request.version)) {
        if (request.key != ApiKey::api_versions)
            return refuse(fmt::format("{} v{} is not served, only {} to {}", name(request.key), request.version,
                                      served->min, served->max));
        slot->started = true;
        slot->reply = Reply::of(unsupported_api_versions(*served));
        slots_.push_back(std::move(slot));
        return;
    }
    protocol::Reader reader(frame);
    if (auto decoded = decode(reader, request.header, protocol::request_header_version(request.key, request.version));
        !decoded)
        return refuse(decoded.error().text());
    request.body = frame.slice(reader.position(), reader.remaining());
    request.received_at = timers_.now();
    request.session = shared_from_this();
    slot->bytes = frame.size();
    bytes_ += slot->bytes;
    slots_.push_back(std::move(slot));
}

// Starts what may start, sends what is due. Handlers may finish within start(): then it goes round again.
void ServerSession::advance() {
    advance_again_ = true;
    if (std::exchange(advancing_, true)) return;
    while (std::exchange(advance_again_, false) && !closed_) {
        start_ready();
        send_ready();
    }
    advancing_ = false;
    close_when_done();
}

void ServerSession::start_ready() {
    bool any_running = false;
    bool all_overlap = true;
    for (std::size_t i = 0; i < slots_.size() && !closed_ && !dropping_; ++i) {
        Slot& slot = *slots_[i];
        if (slot.reply) continue;
        const bool overlaps = handler_.overlaps(slot.key);
        if (!slot.started) {
            if (any_running && !(all_overlap && overlaps)) break;
            if (queue_->unsent_bytes() >= options_.bytes_max) break;
            start(slot);
            if (slot.reply) continue;
        }
        any_running = true;
        all_overlap = all_overlap && overlaps;
    }
}

void ServerSession::start(Slot& slot) {
    slot.started = true;
    ++running_;
    auto on_end = [self = shared_from_this(), &slot](std::exception_ptr error, Reply reply) {
        self->finish(slot, error, std::move(reply));
    };
    asio::co_spawn(stream_->get_executor(), handle_one(handler_, std::move(slot.request)),
                   asio::bind_cancellation_slot(slot.cancel.slot(), std::move(on_end)));
}

void ServerSession::finish(Slot& slot, const std::exception_ptr& error, Reply reply) {
    --running_;
    bytes_ -= slot.bytes;
    touch();
    slot.reply = std::move(reply);
    if (error) {
        try {
            std::rethrow_exception(error);
        } catch (const std::exception& e) {
            if (!closed_ && !dropping_)
                log_.error("{}: {} v{} failed: {}", peer(), name(slot.key), slot.version, e.what());
            slot.reply = Reply::close(Error::of(ErrorCode::failed, e.what()));
        }
    }
    changed_.notify();
    advance();
}

void ServerSession::send_ready() {
    while (!slots_.empty() && slots_.front()->reply && !closed_) {
        const auto slot = std::move(slots_.front());
        slots_.pop_front();
        changed_.notify();
        if (dropping_) continue;
        Reply& reply = *slot->reply;
        if (reply.kind_ == Reply::Kind::answer) {
            queue_->push(framed_answer(slot->key, slot->version, slot->correlation_id, std::move(reply.body_)));
        } else if (reply.kind_ == Reply::Kind::close) {
            refuse(fmt::format("{} v{}: {}", name(slot->key), slot->version, reply.why_.text()));
            drop_rest();
        }
    }
}

void ServerSession::drop_rest() {
    dropping_ = true;
    std::erase_if(slots_, [this](const std::unique_ptr<Slot>& slot) {
        if (slot->started) return false;
        bytes_ -= slot->bytes;
        return true;
    });
    cancel_handlers();
}

void ServerSession::cancel_handlers() {
    for (std::size_t i = 0; i < slots_.size(); ++i)
        if (slots_[i]->started && !slots_[i]->reply) slots_[i]->cancel.emit(asio::cancellation_type::terminal);
}

void ServerSession::on_progress(const Result<void>& progress) {
    if (!progress) {
        log_.debug("{}", progress.error().text());
        return close();
    }
    touch();
    changed_.notify();
    advance();
}

void ServerSession::touch() { last_progress_ = timers_.now(); }

void ServerSession::on_alarm() {
    if (closed_) return;
    const TimePoint now = timers_.now();
    const bool working = running_ != 0 && queue_->unsent_bytes() == 0;
    if (!working && now - last_progress_ >= options_.idle_max) {
        if (frames_.pending() != 0 && has_room())  // without room it holds whole ones
            note_cut_frame("sent nothing more");
        else
            log_.debug("{}: idle, closing the connection", peer());
        return close();
    }
    alarm_.set(working ? now + options_.idle_max : last_progress_ + options_.idle_max);
}

void ServerSession::close() {
    if (std::exchange(closed_, true)) return;
    const auto self = shared_from_this();
    alarm_.cancel();
    queue_->stop();
    stream_->close();
    cancel_handlers();
    changed_.notify();
}

}  // namespace ottla::net
