// SPDX-License-Identifier: Apache-2.0
#include "client/writer/write_call.hpp"

namespace ottla::client {

WriteCall::WriteCall(std::shared_ptr<WriterState> writer, std::size_t count)
    : writer_(std::move(writer)),
      is_of_one_(count == 1),
      left_(count),
      errors_(count),
      statuses_(count, DeliveryStatus::not_persisted),
      heard_(count) {}

void WriteCall::took(std::size_t index) {
    const std::lock_guard hold(told_);
    if (!heard_[index]) statuses_[index] = DeliveryStatus::possibly_persisted;
}

void WriteCall::tell(std::size_t index, const Error& error, DeliveryStatus status) {
    const std::lock_guard hold(told_);
    if (is_finished_) return;
    errors_[index] = error;
    statuses_[index] = status;
    heard_[index] = true;
    if (error.code() == ErrorCode::none) ++written_;
    if (--left_ == 0) complete_.notify_all();
}

void WriteCall::tell(std::size_t index, const DeliveryReport& report, std::size_t bytes) {
    if (report) {
        const std::lock_guard hold(told_);
        bytes_ += bytes;
    }
    tell(index, report.error, report.status);
}

bool WriteCall::is_complete() const {
    const std::lock_guard hold(told_);
    return left_ == 0;
}

void WriteCall::wait_until(base::TimePoint deadline) {
    std::unique_lock hold(told_);
    const auto complete = [this] { return left_ == 0; };
    if (deadline == base::TimePoint::max())
        complete_.wait(hold, complete);
    else
        complete_.wait_until(hold, deadline, complete);
}

WriteResult WriteCall::finish(const Error& unheard) {
    const std::lock_guard hold(told_);
    is_finished_ = true;
    for (std::size_t i = 0; i < errors_.size(); ++i)
        if (!heard_[i]) errors_[i] = unheard;
    ++writer_->writes;
    writer_->messages += written_;
    writer_->bytes += bytes_;
    writer_->errors += errors_.size() - written_;
    if (written_ == errors_.size()) return {};
    return WriteErrors(std::move(errors_), std::move(statuses_));
}

}  // namespace ottla::client
