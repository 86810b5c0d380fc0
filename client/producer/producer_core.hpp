// SPDX-License-Identifier: Apache-2.0
// ProducerCore: what a Producer handle points to. Passes records to the accumulator, and ends everything in order.
#pragma once

#include <atomic>
#include <memory>

#include <ottla/producer.hpp>

#include "client/cluster/cluster.hpp"
#include "client/producer/send_loop.hpp"

namespace ottla::client {

// What a record takes of queue.buffering.max.kbytes.
std::size_t payload_bytes(const Record&) noexcept;

class ProducerCore : public std::enable_shared_from_this<ProducerCore> {
public:
    // Starts looking for brokers. `waits_at_end`: the runtime has a thread of its own, so that the last handle can wait
    // for it.
    static std::shared_ptr<ProducerCore> make(std::shared_ptr<Runtime>, const ProducerConfig&, bool waits_at_end,
                                              ProducerOptions = {});

    Runtime& runtime() noexcept { return *runtime_; }
    const std::shared_ptr<Cluster>& cluster() noexcept { return cluster_; }
    const Runtime& runtime() const noexcept { return *runtime_; }
    Accumulator& accumulator() noexcept { return loop_->accumulator(); }
    // Told after every batch. Loop only.
    Watched& progress() noexcept { return loop_->reporter().progress(); }
    EventQueue& events() noexcept { return loop_->events(); }

    // Any thread.
    Result<void> produce(const Record& record, DeliveryCallback&& callback, bool is_awaited = false) {
        if (runtime_->is_of_parent()) [[unlikely]]
            return made_before_fork();
        if (tells_produce_) [[unlikely]]
            runtime_->hooks().tell(&Hooks::on_produce, record);
        return accumulator().append(record, std::move(callback), is_awaited);
    }
    // Waits for room at most `block_for`. Takes the callback over only when it succeeds.
    Result<void> produce(const Record&, DeliveryCallback&&, nanoseconds block_for, bool is_awaited = false);
    void start_produce(const Record&, Completion<DeliveryReport>);
    bool is_closed() const noexcept { return closed_.load(std::memory_order_acquire); }
    // Any thread. invalid_state when it has failed, or was closed, before.
    Result<void> fail(const Error& fatal);
    // The last handle is gone.
    void abandon();

    // What the calls of the same names do; for the loop.
    static awaitable<Result<std::size_t>> flush(std::shared_ptr<ProducerCore> self, nanoseconds timeout);
    // `bytes`: of the record that is to have its place.
    static awaitable<Result<void>> wait_for_room(std::shared_ptr<ProducerCore> self, nanoseconds timeout,
                                                 std::size_t bytes = 0);
    static awaitable<Result<void>> purge(std::shared_ptr<ProducerCore> self, PurgeWhat what);
    static awaitable<Result<std::string>> statistics(std::shared_ptr<ProducerCore> self);
    // Begun by the call itself, from any thread; the awaitable only waits.
    static awaitable<Result<void>> close(std::shared_ptr<ProducerCore> self, nanoseconds timeout);
    // And then for the end of the thread.
    Result<void> close_and_wait(nanoseconds timeout);

private:
    ProducerCore(std::shared_ptr<Runtime>, const ProducerConfig&, std::uint64_t seed, bool waits_at_end,
                 ProducerOptions);

    void end_by(TimePoint deadline);
    static awaitable<void> end(std::shared_ptr<ProducerCore> self);
    static awaitable<Result<void>> wait_for_end(std::shared_ptr<ProducerCore> self);
    static awaitable<void> emit_statistics(std::shared_ptr<SendLoop> loop, milliseconds interval);

    std::shared_ptr<Runtime> runtime_;
    std::shared_ptr<Cluster> cluster_;
    std::shared_ptr<SendLoop> loop_;
    const bool waits_at_end_;
    const bool tells_produce_;  // there is a hook
    std::atomic<bool> closed_{false};
    // Loop only.
    bool closing_ = false;
    bool ended_ = false;
    TimePoint close_at_ = TimePoint::max();
};

}  // namespace ottla::client
