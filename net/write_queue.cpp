// SPDX-License-Identifier: Apache-2.0
#include "net/write_queue.hpp"

namespace ottla::net {

WriteQueue::WriteQueue(std::shared_ptr<Stream> stream, base::BufferPool& pool,
                       Function<void(const Result<void>&)> on_progress)
    : stream_(std::move(stream)),
      cursor_(pool),
      on_progress_(std::move(on_progress)) {}

void WriteQueue::push(protocol::Chain chain) {
    if (stopped_ || chain.empty()) return;
    unsent_ += chain.size();
    cursor_.push(std::move(chain));
    if (!writing_) write_more();
}

void WriteQueue::stop() { stopped_ = true; }

void WriteQueue::write_more() {
    if (stopped_ || cursor_.empty()) return;
    writing_ = true;
    if (auto gathered = cursor_.gather(gathered_); !gathered) {
        asio::post(stream_->get_executor(),
                   [self = shared_from_this(), error = gathered.error()]() mutable { self->fail(std::move(error)); });
        return;
    }
    stream_->start_write(gathered_,
                         [self = shared_from_this()](error_code ec, std::size_t n) { self->on_written(ec, n); });
}

void WriteQueue::on_written(error_code ec, std::size_t count) {
    if (stopped_) return;
    if (ec) return fail(transport_error(stream_->peer(), ec));
    writing_ = false;
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
