// SPDX-License-Identifier: Apache-2.0
#include "broker/server/main.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <optional>
#include <thread>

#include <fmt/format.h>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/signal_set.hpp>

#include "broker/embedded/cluster_core.hpp"
#include "broker/log/memory_disk.hpp"
#include "broker/log/posix_disk.hpp"
#include "broker/server/broker.hpp"
#include "broker/server/main_loops.hpp"
#include "broker/server/open_file_limit.hpp"
#include "net/tcp.hpp"

namespace ottla::broker {
namespace {

namespace asio = boost::asio;

constexpr auto stop_within = std::chrono::seconds(30);
// Most of them wait for the disk: two shards may sync a large group each, and reads must not stand behind them.
constexpr std::size_t worker_threads = 10;

int complain(const Error& error) {
    std::fprintf(stderr, "%s\n", std::string(error.text()).c_str());
    return error == ErrorCode::invalid_config ? 2 : 1;
}

std::string host_name() {
    char name[256] = "localhost";
    return ::gethostname(name, sizeof name - 1) == 0 && name[0] != '\0' ? name : "localhost";
}

// Everything real that a broker stands on.
struct World {
    World(std::size_t shards, bool in_memory, base::LogLevel level)
        : loops(shards),
          log(base::make_stderr_log("ottla", level)),
          transport(timers, log.named("net")),
          random(base::seed_from_system()),
          workers(base::make_thread_workers(worker_threads, "ottla-io")) {
        if (in_memory) {
            disk = std::make_unique<log::MemoryDisk>();
        } else {
            disk = std::make_unique<log::PosixDisk>(log::PosixDisk::Access::read_write, raise_open_file_limit(log));
        }
    }

    BrokerParts parts() {
        BrokerParts parts;
        parts.shards = loops.executors();
        parts.timers = &timers;
        parts.transport = &transport;
        parts.disk = disk.get();
        parts.workers = workers.get();
        parts.random = random.split();
        parts.log = log;
        parts.on_failed = [this](const Error& why) {
            failed = why;
            if (on_failed) on_failed();
        };
        return parts;
    }

    // Of the only broker: on its first loop.
    std::optional<Error> failed;
    std::function<void()> on_failed;
    // Asked to end before the signals were ours.
    const std::atomic<bool>* stop = nullptr;

    MainLoops loops;
    base::Log log;
    net::SystemTimers timers;
    net::TcpTransport transport;
    base::Random random;
    std::unique_ptr<log::Disk> disk;
    std::unique_ptr<base::Workers> workers;  // last: its jobs refer to the others
};

void say_ready(const std::string& bootstrap) {
    std::printf("READY bootstrap=%s\n", bootstrap.c_str());
    std::fflush(stdout);
}

// Starts `server`, waits for a signal or its own end, stops it in order.
template <class Server>
asio::awaitable<void> life_of(World& world, std::shared_ptr<Server> server, int& exit_code) {
    asio::signal_set signals(world.loops.first(), SIGTERM, SIGINT);
    // Read once no signal can be missed any more.
    if (world.stop && *world.stop) {
        world.loops.stop();
        co_return;
    }
    world.on_failed = [&signals] { signals.cancel(); };
    auto started = co_await server->start();
    if (started) {
        say_ready(server->bootstrap());
        if (!world.failed) {
            const auto [cancelled, signal] = co_await signals.async_wait(asio::as_tuple(asio::use_awaitable));
            if (!cancelled) world.log.info("signal {}: stopping", signal);
        }
        if (world.failed) exit_code = complain(*world.failed);
    } else {
        exit_code = complain(started.error());
    }
    world.on_failed = nullptr;
    co_await server->stop(world.timers.now() + stop_within);
    world.loops.stop();
}

template <class Server>
int run(World& world, std::shared_ptr<Server> server) {
    int exit_code = 0;
    asio::co_spawn(world.loops.first(), life_of(world, std::move(server), exit_code), asio::detached);
    world.loops.run();
    world.workers.reset();
    return exit_code;
}

std::size_t shards_of(const BrokerConfig& config) {
    if (config.network_threads) return static_cast<std::size_t>(*config.network_threads);
    return std::max(1U, std::thread::hardware_concurrency());
}

// As those see it who ask the broker for its directories.
std::string absolute_path(const std::string& path) { return std::filesystem::absolute(path).string(); }

Result<BrokerConfig> dev_config(const DevOptions& options, const std::string& directory) {
    // Whoever tries something out waits for no other members.
    std::string text =
        fmt::format("listeners=PLAINTEXT://127.0.0.1:{}\nlog.dirs={}\ngroup.initial.rebalance.delay.ms=0\n",
                    options.port, directory);
    return BrokerConfig::parse(text, options.overrides);
}

}  // namespace

int run_server(const ServerOptions& options) {
    log::PosixDisk files;
    const auto text = log::read_text(files, options.properties_path);
    if (!text) return complain(text.error());
    auto config = BrokerConfig::parse(*text, options.overrides);
    if (!config) return complain(std::move(config).with_context(options.properties_path).error());
    for (auto& path : config->log_dirs) path = absolute_path(path);
    config->metadata_log_dir = absolute_path(config->metadata_log_dir);
    if (auto enough = check_open_file_limit(shards_of(*config), config->log_dirs.size()); !enough)
        return complain(enough.error());
    World world(shards_of(*config), false, base::LogLevel::info);
    auto parts = world.parts();
    parts.cluster_id = options.cluster_id;
    parts.host_name = host_name();
    return run(world, Broker::make(std::move(*config), std::move(parts)));
}

int run_dev(const DevOptions& options) {
    const bool in_memory = options.in_memory || options.data_directory.empty();
    const std::string directory = in_memory ? "/memory" : absolute_path(options.data_directory);
    auto config = dev_config(options, directory);
    if (!config) return complain(config.error());
    const auto loops = options.brokers == 1 ? shards_of(*config) : 1;
    const auto directories = config->log_dirs.size() * static_cast<std::size_t>(options.brokers);
    if (auto enough = check_open_file_limit(loops, directories); !enough) return complain(enough.error());
    const auto level = options.quiet ? base::LogLevel::warn : base::LogLevel::info;
    if (options.brokers == 1) {
        World world(shards_of(*config), in_memory, level);
        world.stop = options.stop;
        return run(world, Broker::make(std::move(*config), world.parts()));
    }
    World world(1, in_memory, level);
    world.stop = options.stop;
    ClusterPlan plan;
    plan.brokers = options.brokers;
    plan.directory = directory;
    plan.overrides = options.overrides;
    for (int id = 1; id <= options.brokers; ++id) {
        const int port = options.port == 0 ? 0 : options.port + id - 1;
        plan.listeners.emplace_back("127.0.0.1", static_cast<std::uint16_t>(port));
    }
    return run(world, ClusterCore::make(std::move(plan), [&world](int) { return world.parts(); }));
}

}  // namespace ottla::broker
