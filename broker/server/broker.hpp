// SPDX-License-Identifier: Apache-2.0
// Broker: one node. Its listeners accept connections and spread them over the shards; its partitions follow the
// metadata; it registers with the controller, which is its own or one handed in. Public calls come on shard 0's
// executor.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "base/buffer_pool.hpp"
#include "base/random.hpp"
#include "base/workers.hpp"
#include "broker/handlers/request_hook.hpp"
#include "broker/metadata/controller_loop.hpp"
#include "broker/server/config.hpp"
#include "broker/server/controller_node.hpp"
#include "broker/server/directory_io.hpp"
#include "broker/server/directory_reports.hpp"
#include "broker/server/dispatcher.hpp"
#include "broker/server/housekeeping.hpp"
#include "broker/server/image_applier.hpp"
#include "broker/server/log_cleaner.hpp"
#include "broker/server/node.hpp"
#include "net/transport.hpp"

namespace ottla::broker {

// What a broker stands on. Everything must outlive it.
struct BrokerParts {
    std::vector<boost::asio::any_io_executor> shards;  // one thread each, or all the same
    net::Timers* timers = nullptr;
    net::Transport* transport = nullptr;
    log::Disk* disk = nullptr;
    base::Workers* workers = nullptr;
    base::Random random{0};
    base::Log log;
    // For a directory that belongs to no cluster yet, and the one that any other must belong to; empty: whatever it
    // says, or a new one.
    std::string cluster_id;
    // What is advertised for a listener on all addresses.
    std::string host_name = "localhost";
    // Null: the broker is a controller, too. Else it runs on shard 0's executor.
    ControllerLoop* controller = nullptr;
    RequestHook* hook = nullptr;
    // Called once, on shard 0, when the broker cannot go on: its metadata directory, or all of log.dirs, have failed.
    // Whoever started it ends it.
    std::function<void(const Error&)> on_failed;
};

class Broker final : public ImageListener, public std::enable_shared_from_this<Broker> {
public:
    static std::shared_ptr<Broker> make(BrokerConfig config, BrokerParts parts);
    ~Broker() override;

    // Serves when it returns. Errors: locked, inconsistent_cluster_id, invalid_argument (another node's directory),
    // transport (the port is taken), corrupt_storage, …
    boost::asio::awaitable<Result<void>> start();
    // In order: leadership is given up, connections end, logs are synced and closed. At most `deadline`; what is not
    // done then is left as a crash would leave it.
    boost::asio::awaitable<void> stop(base::TimePoint deadline);
    // What a crash does, as far as a process can do it to itself: connections break, nothing is synced.
    boost::asio::awaitable<void> kill();

    // Stops serving a partition and leaves its log synced and closed, for another broker to take over. Errors:
    // unknown_topic_or_partition, file_system.
    boost::asio::awaitable<Result<void>> release(PartitionKey key);

    boost::asio::awaitable<void> on_image(std::shared_ptr<const MetadataImage>) override;

    std::int32_t id() const noexcept { return node_.id; }
    // Where clients connect: of the first listener, with its real port.
    const EndpointImage& endpoint() const noexcept { return endpoints_.front(); }
    std::string bootstrap() const;
    const std::string& cluster_id() const noexcept { return node_.cluster_id; }
    log::LogDirectories& directories() noexcept { return *directories_; }
    // The first of log.dirs.
    log::LogDirectory& directory() noexcept { return *directories_->served().front(); }
    const LogCleaner& cleaner() const noexcept { return *cleaner_; }
    ControllerLoop& controller() noexcept { return *controller_; }
    Node& node() noexcept { return node_; }

private:
    struct Listening;
    struct Connections;

    Broker(BrokerConfig config, BrokerParts parts);
    Result<void> open_directories();
    void watch_directories();
    void remove_deleted_later();
    static boost::asio::awaitable<void> leave_directory(std::shared_ptr<Broker>, log::LogDirectory*, Error why);
    static boost::asio::awaitable<void> report_directories(std::shared_ptr<Broker>);
    Result<void> open_listeners();
    boost::asio::awaitable<Result<void>> register_with_controller();
    static boost::asio::awaitable<void> look_after_logs(std::shared_ptr<Broker>);
    static boost::asio::awaitable<void> compact_logs(std::shared_ptr<Broker>);
    static boost::asio::awaitable<void> accept_loop(std::shared_ptr<Broker>, std::shared_ptr<Listening>);
    static boost::asio::awaitable<void> serve(std::shared_ptr<Broker>, std::shared_ptr<Listening>, std::size_t shard,
                                              std::unique_ptr<net::Stream>);
    boost::asio::awaitable<void> close_connections(base::TimePoint deadline);
    boost::asio::awaitable<void> leave_controller();
    boost::asio::awaitable<void> stop_housekeeping();
    boost::asio::awaitable<void> stop_groups();
    // The directories where that went well for everything in them.
    boost::asio::awaitable<Housekeeping::Done> close_partitions();
    // Leaves those for which all of them could be written.
    boost::asio::awaitable<void> write_checkpoints(Housekeeping::Done& in_order);
    void close_directories(const Housekeeping::Done& in_order);
    boost::asio::awaitable<void> drop_partitions();
    Shard& here() noexcept { return *node_.shards.front(); }

    BrokerConfig config_;
    BrokerParts parts_;
    Node node_;
    base::BufferPool pool_;
    std::unique_ptr<log::LogDirectories> directories_;
    std::unique_ptr<DirectoryIo> io_;
    std::unique_ptr<DirectoryReports> reports_;
    std::unique_ptr<ControllerNode> own_controller_;
    ControllerLoop* controller_ = nullptr;
    std::unique_ptr<ImageApplier> applier_;
    std::unique_ptr<Housekeeping> housekeeping_;
    std::unique_ptr<LogCleaner> cleaner_;
    std::vector<EndpointImage> endpoints_;
    std::vector<std::shared_ptr<Listening>> listening_;
    std::vector<std::unique_ptr<Connections>> connections_;  // one per shard
    // Touched on shard 0.
    std::size_t open_connections_ = 0;
    std::unique_ptr<net::Signal> connection_ended_;
    std::unique_ptr<net::Signal> image_applied_;
    bool applying_ = false;
    bool serves_ = false;
    bool stopped_ = false;
    bool failed_ = false;
    int leaving_ = 0;  // directories that have failed just now
    std::int64_t epoch_ = -1;
};

}  // namespace ottla::broker
