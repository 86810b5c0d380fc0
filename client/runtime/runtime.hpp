// SPDX-License-Identifier: Apache-2.0
// Runtime: what a client runs on: its loop, time, network, memory, chance and log. Real ones with a thread of their
// own, real ones on the caller's executor, or all handed in (the simulator).
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include <boost/asio.hpp>

#include "base/buffer_pool.hpp"
#include "base/fork_generation.hpp"
#include "base/log.hpp"
#include "base/random.hpp"
#include "base/workers.hpp"
#include "client/config/client_config.hpp"
#include "client/hooks/hook_calls.hpp"
#include "client/logs/client_log.hpp"
#include "net/timers.hpp"
#include "net/transport.hpp"

namespace ottla::net {
class IoThread;
}

namespace ottla::client {

namespace asio = boost::asio;
using base::TimePoint;
using std::chrono::nanoseconds;
template <class T>
using awaitable = asio::awaitable<T>;

// What a simulator hands in; must outlive the clients.
struct Surroundings {
    asio::any_io_executor executor;
    net::Transport* transport = nullptr;
    net::Timers* timers = nullptr;
    base::Workers* workers = nullptr;  // null: heavy work is done on the loop
    std::uint64_t seed = 0;
    base::Log log;
};

// Who is told what the client does.
struct Listeners {
    LogCallback log;
    Hooks hooks;
};

class Runtime {
public:
    // A thread of its own.
    static std::shared_ptr<Runtime> with_thread(std::string name, const CommonConfig&, Listeners);
    static std::shared_ptr<Runtime> on_executor(asio::any_io_executor, std::string name, const CommonConfig&,
                                                Listeners);
    static std::shared_ptr<Runtime> within(const Surroundings&, std::string name);
    static std::shared_ptr<Runtime> within(const Surroundings&, std::string name, const CommonConfig&, Listeners);
    ~Runtime();

    const std::string& name() const noexcept { return name_; }
    // All of a client's coroutines run here, one at a time.
    const asio::any_io_executor& executor() const noexcept { return executor_; }
    // In a child of fork(): the loop does not run here, and locks may be held for ever.
    bool is_of_parent() const noexcept { return made_in_ != base::fork_generation(); }
    // It runs by itself.
    bool has_own_thread() const noexcept { return thread_ != nullptr; }
    // The caller is on that executor: waiting would wait for itself.
    bool on_loop() const noexcept;
    net::Timers& timers() noexcept { return *timers_; }
    net::Transport& transport() noexcept { return *transport_; }
    // For heavy work; null where it is to be done on the loop, since it runs on the caller's executor. Threads of their
    // own, as many as there are cores (four at most), start with the first call.
    base::Workers* workers();
    base::BufferPool& pool() noexcept { return pool_; }
    // On the loop only.
    base::Random& random() noexcept { return random_; }
    const base::Log& log(DebugContext about) const noexcept { return logs_[about]; }
    HookCalls& hooks() noexcept { return hooks_; }
    // Where lines are events, and no callback takes them: they go there, until detach_logs(). The queue is called from
    // any thread, one line at a time, and must not log.
    void attach_logs(LogDelivery::Queue);
    void detach_logs();
    TimePoint now() const { return timers_->now(); }
    std::int64_t wall_ms() const { return timers_->wall_ms(); }
    // After the client's coroutines have been told to end: lets its own thread end, waiting until `deadline` at most.
    // A second call does nothing. Not on the loop.
    void finish(TimePoint deadline);
    // Its own thread has ended, or is about to: nothing that is posted now would be run.
    bool has_finished() const noexcept { return finished_; }
    // Held by who posts to the loop from outside, so that it does not end in between. False: it has.
    class Entry {
    public:
        explicit Entry(const Runtime& r) noexcept : runtime_(r) {
            ++r.entering_;
            is_in_ = !r.finished_;
            if (!is_in_) --r.entering_;
        }
        Entry(const Entry&) = delete;
        Entry& operator=(const Entry&) = delete;
        ~Entry() {
            if (is_in_) --runtime_.entering_;
        }
        explicit operator bool() const noexcept { return is_in_; }

    private:
        const Runtime& runtime_;
        bool is_in_;
    };
    // now() + timeout without overflow; nanoseconds::max() is a wait without end.
    TimePoint deadline(nanoseconds timeout) const;

private:
    Runtime(std::string name, std::uint64_t seed);
    static std::shared_ptr<Runtime> real(std::string name, const CommonConfig&, Listeners);
    void listen(const base::Log& outlet, const CommonConfig&, Listeners);

    const std::uint32_t made_in_ = base::fork_generation();
    std::string name_;
    ClientLog logs_;
    std::shared_ptr<LogDelivery> log_delivery_;  // null: to standard error, or what is handed in
    HookCalls hooks_;
    base::Random random_;
    base::BufferPool pool_;
    std::unique_ptr<net::Timers> own_timers_;
    std::unique_ptr<net::Transport> own_transport_;
    net::Timers* timers_ = nullptr;
    net::Transport* transport_ = nullptr;
    // Last: the loop ends before what it uses.
    std::unique_ptr<net::IoThread> thread_;
    asio::any_io_executor executor_;
    base::Workers* workers_ = nullptr;
    std::unique_ptr<base::Workers> own_workers_;  // they tell the loop
    mutable std::atomic<int> entering_{0};
    std::atomic<bool> finished_{false};
};

// For every call in a child of fork().
Error made_before_fork();

// "client.id#consumer-3": N counts the clients of this process.
std::string client_name(const CommonConfig&, std::string_view kind);

}  // namespace ottla::client
