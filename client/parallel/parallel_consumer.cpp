// SPDX-License-Identifier: Apache-2.0
// The public face.
#include <ottla/parallel_consumer.hpp>

#include <fmt/format.h>

#include "client/parallel/parallel_core.hpp"

namespace ottla::inline v0 {

using client::ParallelCore;

Result<ParallelConsumer> ParallelConsumer::around(Result<std::shared_ptr<ParallelCore>> core) {
    if (!core) return core.error();
    return ParallelConsumer(std::move(*core));
}

Result<ParallelConsumer> ParallelConsumer::create(ParallelConsumerConfig config, Handler handler) {
    return around(ParallelCore::make(std::move(config), std::move(handler), std::nullopt));
}

Result<ParallelConsumer> ParallelConsumer::create(ParallelConsumerConfig config, BatchHandler handler) {
    return around(ParallelCore::make(std::move(config), std::move(handler), std::nullopt));
}

Result<ParallelConsumer> ParallelConsumer::create(ParallelConsumerConfig config, AsyncHandler handler) {
    return around(ParallelCore::make(std::move(config), std::move(handler), std::nullopt));
}

Result<ParallelConsumer> ParallelConsumer::create(boost::asio::any_io_executor executor, ParallelConsumerConfig config,
                                                  AsyncHandler handler) {
    return around(ParallelCore::make(std::move(config), std::move(handler), std::move(executor)));
}

ParallelConsumer::ParallelConsumer(std::shared_ptr<ParallelCore> core) noexcept : core_(std::move(core)) {}
ParallelConsumer::ParallelConsumer(ParallelConsumer&&) noexcept = default;

ParallelConsumer& ParallelConsumer::operator=(ParallelConsumer&& other) noexcept {
    const ParallelConsumer old(std::move(*this));
    core_ = std::move(other.core_);
    return *this;
}

ParallelConsumer::~ParallelConsumer() {
    if (core_ && !is_closed()) static_cast<void>(close(std::chrono::seconds(1), CloseMode::stop).has_value());
}

Result<void> ParallelConsumer::close(std::chrono::nanoseconds timeout, CloseMode mode) {
    return core_->close(timeout, mode);
}
bool ParallelConsumer::is_closed() const noexcept { return core_->is_closed(); }
std::optional<Error> ParallelConsumer::failure() const { return core_->failure(); }
ParallelStats ParallelConsumer::stats() const { return core_->stats(); }
std::string ParallelConsumer::describe() const { return core_->describe(); }
Consumer& ParallelConsumer::consumer() noexcept { return core_->consumer(); }

std::string_view to_string(WorkOrder order) noexcept {
    switch (order) {
        case WorkOrder::key: return "key";
        case WorkOrder::partition: return "partition";
        case WorkOrder::none: break;
    }
    return "none";
}

std::string_view to_string(WorkEvent::Stage stage) noexcept {
    switch (stage) {
        case WorkEvent::Stage::begun: return "begun";
        case WorkEvent::Stage::done: return "done";
        case WorkEvent::Stage::retried: return "to be tried again";
        case WorkEvent::Stage::to_retry_topic: return "to a retry topic";
        case WorkEvent::Stage::to_dead_letters: return "to the dead letters";
        case WorkEvent::Stage::dropped: break;
    }
    return "dropped";
}

std::string to_string(const ParallelStats& s) {
    return fmt::format(
        "{} done, {} retries, {} dead letters, {} dropped; {} buffered, {} running, {} waiting for a retry", s.done,
        s.retries, s.dead_letters, s.dropped, s.buffered, s.running, s.waiting_for_retry);
}

}  // namespace ottla::inline v0
