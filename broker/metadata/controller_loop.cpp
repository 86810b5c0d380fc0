// SPDX-License-Identifier: Apache-2.0
#include "broker/metadata/controller_loop.hpp"

#include <algorithm>
#include <optional>

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>

#include "base/assert.hpp"

namespace ottla::broker {
namespace {

constexpr std::size_t queue_max = 10'000;

}  // namespace

// A question on its way; `reply` and `answered` are touched on the asker's executor only.
struct ControllerLoop::Pending {
    Pending(ControllerRequest question, boost::asio::any_io_executor executor)
        : request(std::move(question)),
          asker(executor),
          answered(std::move(executor)) {}

    ControllerRequest request;
    boost::asio::any_io_executor asker;
    net::Signal answered;
    std::optional<Result<ControllerReply>> reply;
};

ControllerLoop::ControllerLoop(boost::asio::any_io_executor executor, net::Timers& timers, base::Log log,
                               std::shared_ptr<MetadataLog> store, Controller controller,
                               std::shared_ptr<const MetadataImage> image)
    : executor_(executor),
      timers_(timers),
      log_(std::move(log)),
      store_(std::move(store)),
      controller_(std::move(controller)),
      image_(std::move(image)),
      wake_(std::move(executor)) {}

boost::asio::awaitable<Result<ControllerReply>> ControllerLoop::call(ControllerRequest request,
                                                                     base::TimePoint deadline) {
    auto here = co_await boost::asio::this_coro::executor;
    auto pending = std::make_shared<Pending>(std::move(request), here);
    boost::asio::post(executor_, [this, pending] {
        if (stopped_ || broken_ || queue_.size() >= queue_max) {
            return answer(pending, Error::of(stopped_ || broken_ ? ErrorCode::not_controller
                                                                 : ErrorCode::throttling_quota_exceeded));
        }
        queue_.push_back(pending);
        wake_.notify();
    });
    while (!pending->reply) {
        if (!co_await pending->answered.wait_until(timers_, deadline))
            co_return Error::of(ErrorCode::request_timed_out);
    }
    co_return std::move(*pending->reply);
}

void ControllerLoop::answer(const std::shared_ptr<Pending>& pending, Result<ControllerReply> reply) {
    boost::asio::post(pending->asker, [pending, reply = std::move(reply)]() mutable {
        pending->reply = std::move(reply);
        pending->answered.notify();
    });
}

Result<void> ControllerLoop::append(std::span<const MetadataRecord> records) {
    const auto first = store_->append(records, timers_.wall_ms());
    if (!first) {
        broken_ = true;
        return first.error();
    }
    ImageBuilder builder(image_);
    std::int64_t offset = *first;
    for (const auto& record : records) {
        const auto applied = builder.apply(record, offset++);
        OTTLA_ASSERT(applied.has_value());  // we decided it
        if (!applied) return applied;
    }
    image_ = builder.build();
    return ok();
}

Result<void> ControllerLoop::write(std::span<const MetadataRecord> records) { return append(records); }

boost::asio::awaitable<Result<ControllerReply>> ControllerLoop::perform(std::shared_ptr<Pending> pending) {
    auto decision = controller_.decide(image_, pending->request);
    if (decision.records.empty()) co_return std::move(decision.reply);
    if (auto appended = append(decision.records); !appended) co_return appended.error();
    if (auto synced = co_await store_->sync(); !synced) {
        broken_ = true;
        co_return synced.error();
    }
    if (committed_) committed_(image_);
    const auto listeners = listeners_;
    for (auto* listener : listeners) {
        // It may have left while another one was busy.
        const bool still_there = std::find(listeners_.begin(), listeners_.end(), listener) != listeners_.end();
        if (still_there) co_await listener->on_image(image_);
    }
    co_return std::move(decision.reply);
}

boost::asio::awaitable<void> ControllerLoop::run() {
    while (!stopped_) {
        if (queue_.empty()) {
            co_await wake_.wait();
            continue;
        }
        const auto pending = std::move(queue_.front());
        queue_.pop_front();
        auto reply = co_await perform(pending);
        if (!reply) log_.error("the controller cannot write its log: {}", reply.error().text());
        answer(pending, std::move(reply));
    }
    for (const auto& pending : std::exchange(queue_, {})) answer(pending, Error::of(ErrorCode::not_controller));
}

void ControllerLoop::stop() {
    stopped_ = true;
    wake_.notify();
}

}  // namespace ottla::broker
