// SPDX-License-Identifier: Apache-2.0
// ClientChannel: the client's end of one Kafka connection. It negotiates versions (KIP-35, KIP-511), frames and
// pipelines requests, matches answers, and keeps every request's deadline. Belongs to one loop, on whose thread all is
// called.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include <ottla/function.hpp>
#include <ottla/protocol/api_key.hpp>
#include <ottla/protocol/chain.hpp>
#include <ottla/protocol/reader.hpp>
#include <ottla/protocol/version_range.hpp>
#include <ottla/protocol/writer.hpp>

#include "base/buffer_pool.hpp"
#include "base/log.hpp"
#include "net/alarm.hpp"
#include "net/channel_observer.hpp"
#include "net/frame_buffer.hpp"
#include "net/signal.hpp"
#include "net/transport.hpp"
#include "net/write_queue.hpp"

namespace ottla::protocol {
struct ApiVersionsResponse;
}

namespace ottla::net {

struct ClientChannelOptions {
    ClientChannelOptions() {}  // no aggregate: gcc 12 destroys those twice within a co_await

    std::string client_id = "ottla";
    // Sent with ApiVersions: [A-Za-z0-9] first and last, with "." and "-" between (KIP-511).
    std::string software_name = "ottla";
    std::string software_version = "0.1.0";
    std::size_t frame_bytes_max = 1'000'000'000;
    // Once connected, open() waits no longer than this for the broker's versions.
    Duration negotiation_timeout = std::chrono::minutes(5);
    // Beyond, a call fails with queue_full.
    std::size_t in_flight_max = 1000;
    std::size_t unsent_bytes_max = std::size_t{1} << 30;
    // Lives as long as the channel.
    std::shared_ptr<ChannelObserver> observer;
};

class ClientChannel : public std::enable_shared_from_this<ClientChannel> {
public:
    using Options = ClientChannelOptions;
    // The answer's body (after its header), sharing the memory of the frame.
    using OnAnswer = Function<void(Result<Bytes>)>;
    // A request that has no answer: the system has taken all of it; or why not, and whether it may have all the same.
    using OnWritten = Function<void(Result<void>, bool may_have_left)>;
    using ApiRanges = std::map<protocol::ApiKey, protocol::VersionRange>;

    // Connects and negotiates on the calling coroutine's executor. The channel lives on its own until close(), even
    // when nobody holds it. `transport`, `timers` and `pool` must outlive it. Errors: resolve, transport, timed_out,
    // bad_message, unsupported_version; all name the endpoint.
    static asio::awaitable<Result<std::shared_ptr<ClientChannel>>> open(Transport& transport, Timers& timers,
                                                                        base::BufferPool& pool, Endpoint endpoint,
                                                                        Options options, TimePoint deadline,
                                                                        base::Log log = {});
    // Over a stream that is connected already, nothing negotiated. Starts reading.
    static std::shared_ptr<ClientChannel> over(std::unique_ptr<Stream>, Timers&, base::BufferPool&, Endpoint, Options,
                                               base::Log log = {});
    ~ClientChannel();

    // Asks the broker for its versions; open() has done so. Can be repeated.
    asio::awaitable<Result<void>> negotiate(TimePoint deadline);
    // The highest version that both ends speak. Errors: unsupported_feature (the broker lacks the API),
    // unsupported_version; both name API, versions and broker.
    Result<std::int16_t> pick(protocol::ApiKey, protocol::VersionRange ours) const;
    // What the broker said, tagged features included.
    const protocol::ApiVersionsResponse& api_versions() const noexcept { return *api_versions_; }

    // One request and its answer. Errors: those of exchange(), and bad_message when the answer can't be decoded.
    // Cancelled, the wait ends with `cancelled`; the request may still take effect.
    template <class Request>
    asio::awaitable<Result<typename Request::Response>> call(Request request, std::int16_t version, TimePoint deadline);
    // The same for bytes. Errors: timed_out for this request, transport or closed for all when the connection goes:
    // a request past its deadline closes it, since answers come in order; queue_full, unsupported_version.
    asio::awaitable<Result<Bytes>> exchange(protocol::ApiKey, std::int16_t version, protocol::Chain body,
                                            TimePoint deadline);
    // The same with a callback, called once on the loop, never within send(). It may send and close.
    void send(protocol::ApiKey, std::int16_t version, protocol::Chain body, TimePoint deadline, OnAnswer);
    // An answer that was read elsewhere asked for this pause (KIP-219): what is sent before it is over waits here, in
    // order, at most until its own deadline, when it ends with timed_out and leaves the connection as it is. The
    // answers of throttled_apis need nobody to say so.
    void pause(protocol::ApiKey, std::chrono::milliseconds);
    // Until then; in the past when nothing is to be waited for.
    TimePoint paused_until() const noexcept { return paused_until_; }
    // A request that has no answer (Produce with acks=0). When it fails nobody is told; else once, on the loop, never
    // within post(). One that the system has not taken by its deadline closes the connection.
    Result<void> post(protocol::ApiKey, std::int16_t version, protocol::Chain body, TimePoint deadline, OnWritten);

    // Everybody waiting gets `reason`. May be called again and again.
    void close(Error reason = Error::of(ErrorCode::closed));
    bool is_open() const noexcept { return !closed_; }
    // Why it closed; Error{} while open.
    const Error& reason() const noexcept { return reason_; }
    // Called once, on the loop, with the reason; later when it is closed already.
    void on_close(Function<void(const Error&)>);

    const Endpoint& endpoint() const noexcept { return endpoint_; }
    const std::string& peer() const noexcept { return stream_->peer(); }
    asio::any_io_executor get_executor() const { return stream_->get_executor(); }
    std::size_t in_flight() const noexcept { return waiting_.size() + posts_.size(); }
    std::size_t unsent_bytes() const noexcept { return queue_->unsent_bytes(); }
    // When the last byte came or the last request was sent, for connections.max.idle.ms.
    TimePoint last_used() const noexcept { return last_used_; }

private:
    struct Waiting {
        protocol::ApiKey key;
        std::int16_t version;
        TimePoint deadline;
        OnAnswer on_answer;      // empty: nobody waits any more
        OnWritten on_written{};  // of one that has no answer
        std::int32_t correlation_id = -1;
        std::size_t bytes = 0;
        TimePoint sent{};
        std::uint64_t end_at = 0;  // of all bytes pushed, where it ends
        TimePoint written{};       // when the system had taken it; of interest to an observer alone
        bool is_late = false;      // the deadline has passed
        bool is_answered = true;
        std::optional<protocol::Chain> held;  // to be sent when the pause is over; those stand last
    };

    ClientChannel(std::unique_ptr<Stream>, Timers&, base::BufferPool&, Endpoint, Options, base::Log);
    static asio::awaitable<void> read_loop(std::shared_ptr<ClientChannel> self);

    Result<protocol::Chain> frame(protocol::ApiKey, std::int16_t version, std::int32_t correlation_id,
                                  protocol::Chain body) const;
    Result<void> check_room(protocol::ApiKey) const;
    // Its correlation id; nothing when it was not sent: `on_answer` will be told why.
    std::optional<std::int32_t> start(protocol::ApiKey, std::int16_t version, protocol::Chain body, TimePoint deadline,
                                      OnAnswer on_answer);
    // Gives it the next correlation id, which is returned, and sends it. When it fails the request is as it was.
    Result<std::int32_t> launch(Waiting&, protocol::Chain body);
    Result<void> take_frames();
    Result<void> on_frame(const Bytes& frame);
    void push(Waiting, protocol::Chain framed);
    void push_now(Waiting, protocol::Chain framed, std::deque<Waiting>::iterator at);
    void send_held();
    std::deque<Waiting>::iterator drop_held(std::deque<Waiting>::iterator);
    void on_alarm();
    void tell_written();
    bool has_late_post(TimePoint now, TimePoint& next) const;
    void end_posts(ErrorCode);
    void tell_later(OnWritten, Error, bool may_have_left);
    void on_write_progress(const Result<void>&);
    void observe_end(const Waiting&, std::size_t response_bytes, ErrorCode);
    void abandon(std::int32_t correlation_id);
    void answer_later(OnAnswer, Error);
    std::string subject(protocol::ApiKey, std::int16_t version) const;

    std::shared_ptr<Stream> stream_;
    Timers& timers_;
    Endpoint endpoint_;
    Options options_;
    base::Log log_;
    FrameBuffer frames_;
    std::shared_ptr<WriteQueue> queue_;
    Alarm alarm_;
    std::deque<Waiting> waiting_;
    std::deque<Waiting> posts_;  // pushed, have no answer, and the system has not taken all of them
    std::size_t held_ = 0;       // of them, the last
    TimePoint paused_until_{};
    std::unique_ptr<protocol::ApiVersionsResponse> api_versions_;
    ApiRanges ranges_;
    Function<void(const Error&)> on_close_;
    Error reason_;
    TimePoint last_used_{};
    std::uint64_t pushed_bytes_ = 0;
    std::int32_t next_correlation_id_ = 0;
    bool closed_ = false;
};

template <class Request>
asio::awaitable<Result<typename Request::Response>> ClientChannel::call(Request request, std::int16_t version,
                                                                        TimePoint deadline) {
    const auto self = shared_from_this();
    const auto key = static_cast<protocol::ApiKey>(Request::api_key);
    protocol::Writer writer;
    if (auto encoded = encode(writer, request, version); !encoded)
        co_return encoded.error().with_context(subject(key, version));
    auto body = co_await exchange(key, version, writer.finish(), deadline);
    if (!body) co_return body.error();
    protocol::Reader reader(std::move(*body));
    typename Request::Response response;
    if (auto decoded = decode(reader, response, version); !decoded)
        co_return decoded.error().with_context("the answer to " + subject(key, version));
    co_return response;
}

}  // namespace ottla::net
