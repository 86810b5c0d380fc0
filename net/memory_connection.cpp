// SPDX-License-Identifier: Apache-2.0
#include "net/memory_connection.hpp"

#include <cstring>

#include "net/complete.hpp"

namespace ottla::net {

namespace {

// FNV-1a over words: quick, and the same everywhere.
std::uint64_t checksum_of(ByteSpan bytes) {
    std::uint64_t hash = 0xcbf29ce484222325U ^ bytes.size();
    while (bytes.size() >= 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, bytes.data(), 8);
        hash = (hash ^ word) * 0x100000001b3U;
        hash ^= hash >> 29;
        bytes = bytes.subspan(8);
    }
    for (const std::uint8_t byte : bytes) hash = (hash ^ byte) * 0x100000001b3U;
    return hash;
}

constexpr int other(int end) { return 1 - end; }

constexpr Duration first_retransmission = std::chrono::milliseconds(200);
constexpr Duration longest_retransmission = std::chrono::seconds(2);

}  // namespace

MemoryConnection::MemoryConnection(std::shared_ptr<MemoryNetwork::State> network, std::string client,
                                   std::string server, asio::any_io_executor executor)
    : network_(std::move(network)),
      id_(network_->next_connection++),
      hosts_{std::move(client), std::move(server)},
      executors_{executor, executor} {}

MemoryConnection::~MemoryConnection() { network_->alive.erase(id_); }

void MemoryConnection::finish(int end, IoHandler& handler, error_code ec, std::size_t count) {
    if (!handler) return;
    ignore_cancellation(handler);
    complete_later(executor(end), handler, ec, count);
}

void MemoryConnection::watch_cancel(int end, IoHandler& handler, IoHandler Pipe::*which, int pipe) {
    auto slot = asio::get_associated_cancellation_slot(handler);
    if (!slot.is_connected()) return;
    slot.assign([weak = weak_from_this(), end, which, pipe](asio::cancellation_type type) {
        const auto self = weak.lock();
        if (!self || type == asio::cancellation_type::none) return;
        if (IoHandler& pending = self->to(pipe).*which)
            complete_later(self->executor(end), pending, asio::error::operation_aborted, 0);
    });
}

void MemoryConnection::read(int end, asio::mutable_buffer into, IoHandler handler) {
    Pipe& pipe = to(end);
    pipe.reading = into;
    pipe.reader.swap(handler);  // assigning is broken in Boost 1.81
    if (state(end) != EndState::open) return finish(end, pipe.reader, asio::error::operation_aborted, 0);
    if (reset_) return finish(end, pipe.reader, asio::error::connection_reset, 0);
    watch_cancel(end, pipe.reader, &Pipe::reader, end);
    serve_reader(end);
}

void MemoryConnection::write(int end, std::span<const asio::const_buffer> from, IoHandler handler) {
    Pipe& pipe = to(other(end));
    pipe.writing.assign(from.begin(), from.end());
    pipe.writer.swap(handler);
    if (state(end) != EndState::open) return finish(end, pipe.writer, asio::error::operation_aborted, 0);
    if (reset_) return finish(end, pipe.writer, asio::error::broken_pipe, 0);
    watch_cancel(end, pipe.writer, &Pipe::writer, other(end));
    serve_writer(other(end));
}

void MemoryConnection::serve_reader(int end) {
    Pipe& pipe = to(end);
    if (!pipe.reader) return;
    if (pipe.arrived.empty()) {
        if (pipe.end_arrived) finish(end, pipe.reader, asio::error::eof, 0);
        return;
    }
    std::size_t available = 0;
    for (const Bytes& bytes : pipe.arrived) {
        available += bytes.size();
        if (available >= pipe.reading.size()) break;
    }
    const std::size_t count = network_->draw_part(std::min(available, pipe.reading.size()));
    for (std::size_t done = 0; done < count;) {
        Bytes& first = pipe.arrived.front();
        const std::size_t part = std::min(first.size(), count - done);
        std::memcpy(static_cast<std::uint8_t*>(pipe.reading.data()) + done, first.data(), part);
        done += part;
        if (part == first.size())
            pipe.arrived.pop_front();
        else
            first = first.slice(part, first.size() - part);
    }
    pipe.used -= count;
    finish(end, pipe.reader, {}, count);
    serve_writer(end);
}

void MemoryConnection::serve_writer(int to_end) {
    Pipe& pipe = to(to_end);
    if (!pipe.writer) return;
    std::size_t wanted = 0;
    for (const auto& buffer : pipe.writing) wanted += buffer.size();
    const std::size_t window = network_->options.window_bytes;
    if (pipe.used >= window && wanted != 0) return;
    const std::size_t count = wanted == 0 ? 0 : network_->draw_part(std::min(wanted, window - pipe.used));
    Buffer bytes(std::max<std::size_t>(count, 1));
    for (const auto& buffer : pipe.writing) {
        const std::size_t part = std::min(buffer.size(), count - bytes.size());
        bytes.append(ByteSpan(static_cast<const std::uint8_t*>(buffer.data()), part));
    }
    if (count != 0) send(to_end, std::move(bytes).freeze());
    finish(other(to_end), pipe.writer, {}, count);
}

void MemoryConnection::send(int to_end, Bytes bytes) {
    Pipe& pipe = to(to_end);
    if (state(to_end) != EndState::open) {
        if (state(to_end) == EndState::closed || network_->is_up(host(to_end))) return reset_later();
        ++network_->counts.lost;
        pipe.is_owed = true;
        pipe.used += bytes.size();  // unacknowledged: the window fills up
        return;
    }
    pipe.used += bytes.size();
    pipe.last_at = std::max(pipe.last_at, network_->timers.now() + network_->draw_delay());
    pipe.under_way.push_back({pipe.last_at, std::move(bytes)});
    arm(to_end);
}

void MemoryConnection::arm(int end) {
    Pipe& pipe = to(end);
    if (pipe.armed || pipe.under_way.empty()) return;
    if (network_->is_cut(host(other(end)), host(end))) {
        ++network_->counts.held_back;
        return;
    }
    pipe.armed = true;
    auto on_time = [self = shared_from_this(), end](error_code) {
        self->to(end).armed = false;
        self->deliver(end);
    };
    const TimePoint at = pipe.under_way.front().at;
    if (at <= network_->timers.now())
        asio::post(executor(end), [on_time = std::move(on_time)]() mutable { on_time({}); });
    else
        network_->timers.start_wait(executor(end), at, std::move(on_time));
}

void MemoryConnection::deliver(int end) {
    Pipe& pipe = to(end);
    if (reset_ || state(end) != EndState::open) return;
    if (network_->is_cut(host(other(end)), host(end))) return arm(end);
    while (!pipe.under_way.empty() && pipe.under_way.front().at <= network_->timers.now()) {
        Bytes bytes = std::move(pipe.under_way.front().bytes);
        pipe.under_way.pop_front();
        if (bytes.empty()) {
            pipe.end_arrived = true;
            network_->tell(MemoryNetworkEvent::ended, id_, end);
            continue;
        }
        ++network_->counts.deliveries;
        network_->counts.bytes += bytes.size();
        if (network_->on_event) network_->tell(MemoryNetworkEvent::delivered, id_, end, checksum_of(bytes.span()));
        pipe.arrived.push_back(std::move(bytes));
    }
    serve_reader(end);
    arm(end);
}

void MemoryConnection::close(int end) {
    if (state(end) != EndState::open) return;
    state(end) = EndState::closed;
    Pipe& incoming = to(end);
    Pipe& outgoing = to(other(end));
    finish(end, incoming.reader, asio::error::operation_aborted, 0);
    finish(end, outgoing.writer, asio::error::operation_aborted, 0);
    const bool unread = !incoming.arrived.empty();
    incoming.arrived.clear();
    incoming.under_way.clear();
    if (reset_ || state(other(end)) != EndState::open) return;
    // Who closes without having read everything resets, as TCP does.
    if (unread) return reset_later();
    outgoing.last_at = std::max(outgoing.last_at, network_->timers.now() + network_->draw_delay());
    outgoing.under_way.push_back({outgoing.last_at, Bytes()});
    arm(other(end));
    if (incoming.writer) reset_later();  // nobody will make room for it
}

void MemoryConnection::reset_later() {
    auto on_time = [self = shared_from_this()](error_code) { self->reset(); };
    network_->timers.start_wait(executor(0), network_->timers.now() + network_->draw_delay(), std::move(on_time));
}

void MemoryConnection::reset() {
    if (std::exchange(reset_, true)) return;
    ++network_->counts.resets;
    network_->tell(MemoryNetworkEvent::reset, id_, 0);
    for (const int end : {0, 1}) {
        Pipe& pipe = to(end);
        pipe.under_way.clear();
        pipe.arrived.clear();
        finish(end, pipe.reader, asio::error::connection_reset, 0);
        finish(other(end), pipe.writer, asio::error::connection_reset, 0);
    }
}

void MemoryConnection::vanish(int end) {
    if (state(end) != EndState::open) return;
    state(end) = EndState::vanished;
    finish(end, to(end).reader, asio::error::operation_aborted, 0);
    finish(end, to(other(end)).writer, asio::error::operation_aborted, 0);
    to(end).arrived.clear();
    to(end).is_owed = !to(end).under_way.empty();
    to(end).under_way.clear();
    if (!reset_ && state(other(end)) == EndState::open) probe_later(network_->timers.now(), first_retransmission);
}

// Retransmission backs off; a probe of keep-alive comes at its time. Either may reach a host that knows nothing of us.
void MemoryConnection::probe_later(TimePoint silent_since, Duration pause) {
    auto on_time = [self = shared_from_this(), silent_since, pause](error_code) {
        const int gone = self->state(0) == EndState::vanished ? 0 : 1;
        if (self->reset_ || self->state(other(gone)) != EndState::open) return;
        const auto& network = *self->network_;
        const auto silence = network.timers.now() - silent_since;
        const bool is_owed = self->to(gone).is_owed;
        const bool is_asked = is_owed || silence >= network.options.keepalive_idle;
        const bool answers = network.is_up(self->host(gone)) && !network.is_cut(self->host(0), self->host(1)) &&
                             !network.is_cut(self->host(1), self->host(0));
        const bool gives_up =
            !is_owed && silence >= network.options.keepalive_idle + network.options.keepalive_patience;
        if ((is_asked && answers) || gives_up) return self->reset();
        self->probe_later(silent_since, std::min(2 * pause, longest_retransmission));
    };
    const int left = state(0) == EndState::vanished ? 1 : 0;
    network_->timers.start_wait(executor(left), network_->timers.now() + pause, std::move(on_time));
}

void MemoryConnection::drop_waiting() {
    for (Pipe& pipe : pipes_) {
        const auto reader = std::exchange(pipe.reader, nullptr);
        const auto writer = std::exchange(pipe.writer, nullptr);
    }
}

void MemoryConnection::resume() {
    arm(0);
    arm(1);
}

}  // namespace ottla::net
