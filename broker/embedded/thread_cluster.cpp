// SPDX-License-Identifier: Apache-2.0
// Cluster on a thread of its own, with real sockets and a real disk or one in memory.
#include <ottla/broker/cluster.hpp>

#include <algorithm>
#include <future>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>

#include "broker/embedded/cluster_core.hpp"
#include "broker/log/memory_disk.hpp"
#include "broker/log/posix_disk.hpp"
#include "net/tcp.hpp"

namespace ottla::broker {
namespace {

namespace asio = boost::asio;

constexpr auto stop_within = std::chrono::seconds(10);
constexpr std::size_t worker_threads = 2;

base::Log log_of(const ClusterOptions& options) {
    if (!options.log) return {};
    return base::Log("ottla", base::LogLevel::info,
                     [sink = options.log](base::LogLevel, std::string_view logger, std::string_view text) {
                         sink(std::string(logger) + " " + std::string(text));
                     });
}

std::unique_ptr<log::Disk> disk_of(const ClusterOptions& options) {
    if (options.data_directory.empty()) return std::make_unique<log::MemoryDisk>();
    return std::make_unique<log::PosixDisk>();
}

ClusterPlan plan_of(const ClusterOptions& options) {
    ClusterPlan plan;
    plan.brokers = options.brokers;
    plan.directory = options.data_directory.empty() ? "/memory" : options.data_directory;
    plan.overrides = options.config;
    for (int i = 0; i < options.brokers; ++i) {
        plan.listeners.emplace_back(options.host, static_cast<std::uint16_t>(options.port == 0 ? 0 : options.port + i));
    }
    return plan;
}

}  // namespace

class Cluster::Running {
public:
    explicit Running(const ClusterOptions& options)
        : disk_(disk_of(options)),
          log_(log_of(options)),
          transport_(timers_, log_),
          random_(options.seed),
          workers_(base::make_thread_workers(worker_threads, "ottla-embedded")),
          core_(ClusterCore::make(plan_of(options), [this](int) { return parts(); })),
          thread_([this] {
              const auto guard = asio::make_work_guard(context_);
              context_.run();
          }) {}

    ~Running() {
        if (started_) {
            const auto deadline = timers_.now() + stop_within;
            wait(core_->stop(deadline));
        }
        context_.stop();
        thread_.join();
        workers_.reset();
    }

    Result<void> start() {
        started_ = true;
        auto outcome = wait(core_->start());
        bootstrap = core_->bootstrap();
        return outcome;
    }

    // Runs the coroutine on the cluster's thread.
    template <class T>
    T wait(asio::awaitable<T> work) {
        return asio::co_spawn(context_, std::move(work), asio::use_future).get();
    }
    // Runs a function there.
    template <class Work>
    auto on_thread(Work work) const {
        std::packaged_task<std::invoke_result_t<Work&, ClusterCore&>()> task([&] { return work(*core_); });
        auto done = task.get_future();
        asio::post(context_, std::ref(task));
        return done.get();
    }
    ClusterCore& core() noexcept { return *core_; }

    std::string bootstrap;

private:
    BrokerParts parts() {
        BrokerParts parts;
        parts.shards = {context_.get_executor()};
        parts.timers = &timers_;
        parts.transport = &transport_;
        parts.disk = disk_.get();
        parts.workers = workers_.get();
        parts.random = random_.split();
        parts.log = log_;
        return parts;
    }

    mutable asio::io_context context_{1};
    std::unique_ptr<log::Disk> disk_;
    base::Log log_;
    net::SystemTimers timers_;
    net::TcpTransport transport_;
    base::Random random_;
    std::unique_ptr<base::Workers> workers_;
    std::shared_ptr<ClusterCore> core_;
    bool started_ = false;
    std::thread thread_;
};

Cluster::Cluster(std::unique_ptr<Running> running) noexcept : running_(std::move(running)) {}
Cluster::Cluster(Cluster&&) noexcept = default;
Cluster& Cluster::operator=(Cluster&&) noexcept = default;
Cluster::~Cluster() = default;

Result<Cluster> Cluster::start(ClusterOptions options) {
    if (options.brokers < 1) return Error::of(ErrorCode::invalid_argument, "a cluster needs at least one broker");
    auto running = std::make_unique<Running>(options);
    if (auto started = running->start(); !started) return started.error();
    return Cluster(std::move(running));
}

const std::string& Cluster::bootstrap_servers() const noexcept { return running_->bootstrap; }

Result<void> Cluster::create_topic(std::string name, std::int32_t partitions) {
    return running_->wait(running_->core().create_topic(std::move(name), partitions, 1));
}

Result<int> Cluster::leader(std::string topic, std::int32_t partition) const {
    return running_->on_thread([&](ClusterCore& core) { return core.leader(topic, partition); });
}

Result<void> Cluster::move_leader(std::string topic, std::int32_t partition, int broker) {
    return running_->wait(running_->core().move_leader(std::move(topic), partition, broker));
}

Result<void> Cluster::broker_down(int broker) { return running_->wait(running_->core().broker_down(broker)); }
Result<void> Cluster::broker_up(int broker) { return running_->wait(running_->core().broker_up(broker)); }

void Cluster::inject(const Fault& fault) {
    running_->on_thread([&](ClusterCore& core) { core.script().add(fault); });
}
void Cluster::clear_faults() {
    running_->on_thread([](ClusterCore& core) { core.script().clear_faults(); });
}
void Cluster::cut_link(int broker) {
    running_->on_thread([&](ClusterCore& core) { core.script().cut(broker); });
}
void Cluster::heal_link(int broker) {
    running_->on_thread([&](ClusterCore& core) { core.script().heal(broker); });
}

std::vector<LoggedRequest> Cluster::requests() const {
    return running_->on_thread([](ClusterCore& core) { return core.script().requests(); });
}
std::size_t Cluster::count(protocol::ApiKey api) const {
    return running_->on_thread([&](ClusterCore& core) {
        const auto& all = core.script().requests();
        return static_cast<std::size_t>(
            std::count_if(all.begin(), all.end(), [&](auto& one) { return one.api == api; }));
    });
}
void Cluster::clear_requests() {
    running_->on_thread([](ClusterCore& core) { core.script().clear_requests(); });
}

}  // namespace ottla::broker
