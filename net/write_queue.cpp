// SPDX-License-Identifier: Apache-2.0
#include "net/write_queue.hpp"

#include "net/run_on.hpp"

namespace ottla::net {

WriteQueue::WriteQueue(std::shared_ptr<Stream> stream, base::BufferPool& pool, base::Workers* workers,
                       Function<void(const Result<void>&)> on_progress)
    : stream_(std::move(stream)),
      cursor_(pool),
      workers_(workers),
      on_progress_(std::move(on_progress)) {}

void WriteQueue::push(protocol::Chain chain) {
    if (stopped_ || chain.empty()) return;
    unsent_ += chain.size();
    cursor_.push(std::move(chain));
    if (!writing_) write_more();
}

void WriteQueue::stop() { stopped_ = true; }

std::size_t WriteQueue::offered_bytes() const noexcept {
    std::size_t bytes = 0;
    if (writing_)
        for (const asio::const_buffer& buffer : gathered_) bytes += buffer.size();
    return bytes;
}

void WriteQueue::write_more() {
    if (stopped_ || cursor_.empty()) return;
    writing_ = true;
    if (auto gathered = cursor_.gather(gathered_); !gathered) {
        asio::post(stream_->get_executor(),
                   [self = shared_from_this(), error = gathered.error()]() mutable { self->fail(std::move(error)); });
        return;
    }
    if (gathered_.empty()) return read_wanted();
    stream_->start_write(gathered_,
                         [self = shared_from_this()](error_code ec, std::size_t n) { self->on_written(ec, n); });
}

void WriteQueue::read_wanted() {
    auto job = [range = cursor_.wanted()] { return range.read(); };
    auto handler = [queue = weak_from_this()](Result<Bytes> bytes) {
        if (const auto self = queue.lock()) self->on_read(std::move(bytes));
    };
    if (workers_) return start_on(*workers_, stream_->get_executor(), std::move(job), std::move(handler));
    asio::post(stream_->get_executor(), [handler = std::move(handler), bytes = job()]() mutable { handler(bytes); });
}

void WriteQueue::on_read(Result<Bytes> bytes) {
    if (stopped_) return;
    if (!bytes) return fail(bytes.error());
    cursor_.provide(std::move(*bytes));
    writing_ = false;
    write_more();
}

void WriteQueue::on_written(error_code ec, std::size_t count) {
    if (stopped_) return;
    writing_ = false;
    if (ec) return fail(transport_error(stream_->peer(), ec));
    cursor_.consume(count);
    unsent_ -= count;
    write_more();
    on_progress_({});
}

void WriteQueue::fail(Error error) {
    if (std::exchange(stopped_, true)) return;
    on_progress_(std::move(error));
}

}  // namespace ottla::net
