// SPDX-License-Identifier: Apache-2.0
#include "client/runtime/runtime.hpp"

#include <algorithm>
#include <thread>

#include <fmt/format.h>

#include "net/io_thread.hpp"
#include "net/tcp.hpp"

namespace ottla::client {
namespace {

constexpr std::size_t idle_bytes_max = 64 << 20;

using Strand = asio::strand<asio::any_io_executor>;

// Of the strand and, where the caller's executor is that of an io_context, of the thread that runs it: waiting in
// any of its handlers would keep the strand from running.
bool within_strand(const asio::any_io_executor& executor) noexcept {
    const auto* strand = executor.target<Strand>();
    if (!strand) return false;
    if (strand->running_in_this_thread()) return true;
    const auto inner = strand->get_inner_executor();
    const auto* context = inner.target<asio::io_context::executor_type>();
    return context && context->running_in_this_thread();
}

}  // namespace

Runtime::Runtime(std::string name, std::uint64_t seed)
    : name_(std::move(name)),
      logs_(base::Log(), name_),
      random_(seed),
      pool_(idle_bytes_max) {}

Runtime::~Runtime() {
    if (!is_of_parent()) {
        if (log_delivery_) log_delivery_->end();
        return;
    }
    // Their threads are not here: nobody could wait for them.
    static_cast<void>(own_workers_.release());
    static_cast<void>(thread_.release());
}

void Runtime::listen(const base::Log& outlet, const CommonConfig& config, Listeners listeners) {
    if (listeners.log || config.logs_are_events) {
        log_delivery_ = std::make_shared<LogDelivery>(name_, std::move(listeners.log), *timers_);
        logs_ = ClientLog(log_delivery_, config);
    } else {
        logs_ = ClientLog(outlet, name_, config);
    }
    hooks_.set(std::move(listeners.hooks), log(DebugContext::interceptor));
}

void Runtime::attach_logs(LogDelivery::Queue queue) {
    if (log_delivery_) log_delivery_->attach(std::move(queue));
}

void Runtime::detach_logs() {
    if (log_delivery_) log_delivery_->detach();
}

std::shared_ptr<Runtime> Runtime::real(std::string name, const CommonConfig& config, Listeners listeners) {
    std::shared_ptr<Runtime> r(new Runtime(std::move(name), base::seed_from_system()));
    r->own_timers_ = std::make_unique<net::SystemTimers>();
    r->timers_ = r->own_timers_.get();
    r->listen(base::make_stderr_log(r->name_, config.log_level), config, std::move(listeners));
    r->own_transport_ = std::make_unique<net::TcpTransport>(*r->own_timers_, r->log(DebugContext::broker));
    r->transport_ = r->own_transport_.get();
    return r;
}

std::shared_ptr<Runtime> Runtime::with_thread(std::string name, const CommonConfig& config, Listeners listeners) {
    auto r = real(std::move(name), config, std::move(listeners));
    r->thread_ = std::make_unique<net::IoThread>(r->name_);
    r->executor_ = r->thread_->executor();
    return r;
}

std::shared_ptr<Runtime> Runtime::on_executor(asio::any_io_executor executor, std::string name,
                                              const CommonConfig& config, Listeners listeners) {
    auto r = real(std::move(name), config, std::move(listeners));
    // The caller may run his executor on several threads.
    r->executor_ = Strand(std::move(executor));
    return r;
}

std::shared_ptr<Runtime> Runtime::within(const Surroundings& given, std::string name) {
    std::shared_ptr<Runtime> r(new Runtime(std::move(name), given.seed));
    r->logs_ = ClientLog(given.log, r->name_);
    r->timers_ = given.timers;
    r->workers_ = given.workers;
    r->transport_ = given.transport;
    r->executor_ = Strand(given.executor);
    return r;
}

std::shared_ptr<Runtime> Runtime::within(const Surroundings& given, std::string name, const CommonConfig& config,
                                         Listeners listeners) {
    auto r = within(given, std::move(name));
    r->listen(given.log, config, std::move(listeners));
    return r;
}

base::Workers* Runtime::workers() {
    if (!workers_ && thread_) {
        own_workers_ = base::make_thread_workers(std::clamp(std::thread::hardware_concurrency(), 1U, 4U), "ottla-work");
        workers_ = own_workers_.get();
    }
    return workers_;
}

bool Runtime::on_loop() const noexcept { return thread_ ? thread_->is_current() : within_strand(executor_); }

void Runtime::finish(TimePoint deadline) {
    if (!thread_ || is_of_parent() || finished_.exchange(true)) return;
    while (entering_ > 0) std::this_thread::yield();
    thread_->finish(deadline);
}

TimePoint Runtime::deadline(nanoseconds timeout) const {
    const auto now = timers_->now();
    if (timeout <= nanoseconds::zero()) return now;
    return timeout > TimePoint::max() - now ? TimePoint::max() : now + timeout;
}

Error made_before_fork() {
    return Error::of(ErrorCode::invalid_state,
                     "this client was made before fork(), and lives in the parent alone: make another one here");
}

std::string client_name(const CommonConfig& config, std::string_view kind) {
    static std::atomic<std::uint64_t> clients{0};
    return fmt::format("{}#{}-{}", config.client_id, kind, ++clients);
}

}  // namespace ottla::client
