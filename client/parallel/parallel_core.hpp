// SPDX-License-Identifier: Apache-2.0
// ParallelCore: what a ParallelConsumer handle holds: the intake with its thread, the desk, and those who work: threads
// or coroutines, which call the handler and say what became of it.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <ottla/parallel_consumer.hpp>

#include "base/workers.hpp"
#include "client/parallel/intake.hpp"
#include "client/runtime/runtime.hpp"
#include "net/io_thread.hpp"

namespace ottla::client {

class ParallelCore : public std::enable_shared_from_this<ParallelCore> {
public:
    // Of a simulator: batches that take their time without blocking.
    using AsyncBatchHandler = Function<awaitable<Handled>(std::vector<WorkItem>)>;
    using AnyHandler = std::variant<Handler, BatchHandler, AsyncHandler, AsyncBatchHandler>;
    // Without an executor coroutines get a thread of their own.
    static Result<std::shared_ptr<ParallelCore>> make(ParallelConsumerConfig, AnyHandler,
                                                      std::optional<asio::any_io_executor>);
    // All on one executor, with what a simulator hands in: nothing blocks, and the three calls below take the place of
    // close().
    static Result<std::shared_ptr<ParallelCore>> make_within(const Surroundings&, ParallelConsumerConfig, AnyHandler);
    ~ParallelCore();

    static awaitable<Result<void>> close_async(std::shared_ptr<ParallelCore> self, std::chrono::nanoseconds timeout,
                                               ParallelConsumer::CloseMode);
    // As if its process had ended: nothing is told to anybody.
    static awaitable<void> end(std::shared_ptr<ParallelCore> self);
    Intake& intake() noexcept { return *intake_; }

    Result<void> close(std::chrono::nanoseconds timeout, ParallelConsumer::CloseMode);
    bool is_closed() const noexcept { return closing_; }
    std::optional<Error> failure() const { return intake_->failure(); }
    ParallelStats stats() const;
    std::string describe() const;
    Consumer& consumer() noexcept { return intake_->consumer(); }

private:
    // Without a clock: the system's.
    ParallelCore(ParallelConsumerConfig, AnyHandler, const base::Clock* = nullptr);
    Result<void> start(std::optional<asio::any_io_executor>);
    Result<void> start_within(const Surroundings&);
    void put_together(std::shared_ptr<ConsumerCore>, std::optional<Producer>);
    // By when all must be over.
    TimePoint begin_close(std::chrono::nanoseconds timeout, ParallelConsumer::CloseMode);
    static Result<void> close_result(bool is_over, std::uint64_t left);
    static awaitable<void> run_intake(std::shared_ptr<ParallelCore> self);
    bool is_async() const noexcept { return std::holds_alternative<AsyncHandler>(handler_); }

    // A thread's, until the desk closes.
    void work();
    static awaitable<void> work_async(std::shared_ptr<ParallelCore> self);
    awaitable<Handled> begin(const WorkCall&);
    void begin_coroutines();
    Handled handle(const WorkCall&);
    // When it began, if a hook wants to know.
    base::TimePoint tell_begun(const WorkCall&);
    void tell(WorkEvent::Stage, const WorkCall&, const Handled&, base::TimePoint began,
              std::chrono::nanoseconds delay = {});
    void conclude(WorkCall&, const Handled&, base::TimePoint began);
    std::size_t retry_topic_after(const WorkItem&) const;
    bool was_last(const WorkCall&, const Handled&) const;
    void set_aside(WorkCall&, const Handled&, base::TimePoint began);
    base::TimePoint due_after(const WorkItem&, const Handled&);

    void one_more();
    void one_less();
    int running();
    // Those who run: the polling thread, workers, coroutines.
    bool wait_until_few(int count, base::TimePoint until);
    void let_go();

    ParallelConsumerConfig config_;
    AnyHandler handler_;
    const base::SystemClock own_clock_;
    const base::Clock& clock_;
    // Letters and commits may end after this.
    const std::shared_ptr<ParallelHookCalls> hooks_ = std::make_shared<ParallelHookCalls>();
    std::shared_ptr<Runtime> runtime_;
    std::shared_ptr<WorkDesk> desk_;
    std::shared_ptr<Letters> letters_;  // null without topics for them
    std::unique_ptr<Intake> intake_;
    std::atomic<bool> closing_{false};
    std::mutex running_mutex_;  // guards running_
    std::condition_variable ended_;
    int running_ = 0;
    std::unique_ptr<net::IoThread> own_loop_;
    asio::any_io_executor executor_;  // of coroutines
    std::unique_ptr<base::Workers> threads_;
    std::unique_ptr<base::Workers> poller_;
};

}  // namespace ottla::client
