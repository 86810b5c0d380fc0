// SPDX-License-Identifier: Apache-2.0
// ServerSession: the broker's end of one Kafka connection. It cuts frames, reads request headers, hands requests to a
// handler and sends the answers in the order of the requests. Belongs to one loop.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include <ottla/protocol/api_key.hpp>
#include <ottla/protocol/chain.hpp>
#include <ottla/protocol/messages/request_header.hpp>

#include "base/buffer_pool.hpp"
#include "base/log.hpp"
#include "net/alarm.hpp"
#include "net/frame_buffer.hpp"
#include "net/signal.hpp"
#include "net/write_queue.hpp"

namespace ottla::net {

class ServerSession;

struct RequestFrame {
    protocol::ApiKey key{};
    std::int16_t version = 0;
    protocol::RequestHeader header;  // correlation id, client id
    Bytes body;                      // what follows the header; shares the memory of the frame
    TimePoint received_at{};
    std::shared_ptr<ServerSession> session;  // peer(), close(), set_frame_max()
};

// What a handler answers.
class Reply {
public:
    Reply() = default;  // none()
    // The body of the answer, without header and length.
    static Reply of(protocol::Chain body) { return Reply(Kind::answer, std::move(body), {}); }
    // Nothing is sent (acks=0).
    static Reply none() { return Reply(Kind::none, {}, {}); }
    // The connection closes after the answers before this one, with one log line: a body that cannot be read, say.
    static Reply close(Error why) { return Reply(Kind::close, {}, std::move(why)); }

private:
    friend class ServerSession;
    enum class Kind : std::uint8_t { answer, none, close };
    Reply(Kind kind, protocol::Chain body, Error why) : kind_(kind), body_(std::move(body)), why_(std::move(why)) {}

    Kind kind_ = Kind::none;
    protocol::Chain body_;
    Error why_;
};

class RequestHandler {
public:
    virtual ~RequestHandler() = default;
    // The versions that are answered; nothing for an API that is not served.
    virtual std::optional<protocol::VersionRange> serves(protocol::ApiKey) const = 0;
    // Runs on the session's loop. Cancelled (an exception, as awaitables have it) when the session closes.
    virtual asio::awaitable<Reply> handle(RequestFrame) = 0;
    // May start while earlier requests of the connection are still being handled, all of them of this kind. Others
    // are handled one after another, as Kafka does.
    virtual bool overlaps(protocol::ApiKey key) const { return key == protocol::ApiKey::produce; }
};

struct ServerSessionOptions {
    std::size_t frame_bytes_max = 100 * 1024 * 1024;  // socket.request.max.bytes
    // Requests read and not yet answered, answers not yet sent: beyond, nothing more is read.
    std::size_t requests_max = 64;
    std::size_t bytes_max = 64 * 1024 * 1024;
    // connections.max.idle.ms; a peer that does not read its answers counts as idle.
    Duration idle_max = std::chrono::minutes(10);
    base::Workers* workers = nullptr;  // they read what is to be sent and not in memory; else the loop does
};

class ServerSession : public std::enable_shared_from_this<ServerSession> {
public:
    using Options = ServerSessionOptions;

    // `timers`, `pool` and `handler` must outlive run().
    static std::shared_ptr<ServerSession> make(std::unique_ptr<Stream>, Timers& timers, base::BufferPool& pool,
                                               RequestHandler& handler, Options options, base::Log log);

    ~ServerSession();

    // Serves the connection; returns when it is closed and every handler has ended. Cancelling is closing.
    asio::awaitable<void> run();
    // Ends reading, sending and all handlers. May be called again and again.
    void close();

    const std::string& peer() const noexcept { return stream_->peer(); }
    asio::any_io_executor get_executor() const { return stream_->get_executor(); }
    void set_frame_max(std::size_t bytes) noexcept { frames_.set_frame_max(bytes); }
    bool is_open() const noexcept { return !closed_; }
    // Handed to the handler and not yet answered.
    std::size_t requests() const noexcept { return slots_.size(); }

private:
    // A request on its way: its place in the order of answers.
    struct Slot {
        RequestFrame request;  // until it is started
        protocol::ApiKey key{};
        std::int16_t version = 0;
        std::int32_t correlation_id = 0;
        std::size_t bytes = 0;
        asio::cancellation_signal cancel;
        std::optional<Reply> reply;
        bool started = false;
    };

    ServerSession(std::unique_ptr<Stream>, Timers&, base::BufferPool&, RequestHandler&, Options, base::Log);

    asio::awaitable<void> serve();
    void take_frames();
    void accept_frame(Bytes frame);
    // Reads no more; closes when the earlier answers are out. One log line.
    void refuse(std::string_view why);
    void note_cut_frame(std::string_view how);
    void close_when_done();
    void advance();
    void start_ready();
    void start(Slot&);
    void finish(Slot&, const std::exception_ptr&, Reply);
    void send_ready();
    void drop_rest();
    void cancel_handlers();
    void on_progress(const Result<void>&);
    void on_alarm();
    bool has_room() const noexcept;
    void touch();

    std::shared_ptr<Stream> stream_;
    Timers& timers_;
    RequestHandler& handler_;
    Options options_;
    base::Log log_;
    FrameBuffer frames_;
    std::shared_ptr<WriteQueue> queue_;
    Alarm alarm_;
    Signal changed_;
    std::deque<std::unique_ptr<Slot>> slots_;  // in the order of the requests
    std::size_t bytes_ = 0;                    // of the requests in slots_
    std::size_t running_ = 0;
    TimePoint last_progress_{};
    bool closing_ = false;   // reads no more; closes when the answers are out
    bool dropping_ = false;  // answers no more
    bool advancing_ = false;
    bool advance_again_ = false;
    bool closed_ = false;
};

}  // namespace ottla::net
