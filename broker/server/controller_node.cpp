// SPDX-License-Identifier: Apache-2.0
#include "broker/server/controller_node.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

namespace ottla::broker {
namespace {

ControllerOptions options_of(const BrokerConfig& config, const log::LogDirectory& directory) {
    ControllerOptions options;
    options.node_id = config.node_id;
    options.cluster_id = directory.properties().cluster_id;
    options.num_partitions = config.num_partitions;
    options.default_replication_factor = config.default_replication_factor;
    options.delete_topic_enable = config.delete_topic_enable;
    options.static_values = config.values;
    return options;
}

SnapshotLimits snapshot_limits(const BrokerConfig& config) {
    SnapshotLimits limits;
    limits.record_bytes_max = config.metadata_snapshot_bytes;
    limits.interval_ms = config.metadata_snapshot_interval_ms;
    limits.retention_bytes = config.metadata_retention_bytes;
    limits.retention_ms = config.metadata_retention_ms;
    return limits;
}

template <class Loop>
boost::asio::awaitable<void> run(std::shared_ptr<Loop> loop, std::shared_ptr<net::Signal> ended) {
    co_await loop->run();
    ended->notify();
}

}  // namespace

Result<std::unique_ptr<ControllerNode>> ControllerNode::start(log::LogDirectory& directory, const BrokerConfig& config,
                                                              Parts parts) {
    MetadataLogOptions options;
    options.segments.segment_bytes = static_cast<std::uint64_t>(config.metadata_segment_bytes);
    options.segments.segment_ms = config.metadata_segment_ms;
    options.now_ms = parts.timers->wall_ms();
    options.messages = parts.log;
    auto store = MetadataLog::open(directory, parts.io, parts.executor, options);
    if (!store) return store.error();
    auto replayed = (*store)->replay();
    if (!replayed) return replayed.error();
    ImageBuilder builder(std::move(*replayed));
    const bool is_new = (*store)->is_new();
    if (auto led = (*store)->become_leader(config.node_id, parts.timers->wall_ms()); !led) return led.error();
    builder.skip_to((*store)->end_offset() - 1);

    std::unique_ptr<ControllerNode> node(new ControllerNode());
    node->store_ = *store;
    Controller controller(options_of(config, directory), parts.random);
    std::vector<EndpointImage> endpoints;
    for (const auto& l : config.controller_listeners)
        endpoints.push_back({l.name, l.host, l.port, l.security_protocol});
    const auto registration = controller.controller_registration(endpoints);
    node->loop_ = std::make_shared<ControllerLoop>(parts.executor, *parts.timers, parts.log, *store,
                                                   std::move(controller), builder.build());
    if (is_new) {
        if (auto written = node->loop_->write(Controller::bootstrap_records()); !written) return written.error();
    }
    if (auto written = node->loop_->write({&registration, 1}); !written) return written.error();
    node->snapshots_ = std::make_shared<SnapshotLoop>(parts.executor, *parts.timers, parts.io->workers(), parts.log,
                                                      *store, snapshot_limits(config));
    node->loop_->on_committed([snapshots = node->snapshots_](const ImagePtr& image) { snapshots->committed(image); });
    node->ended_ = std::make_shared<net::Signal>(parts.executor);
    node->snapshots_ended_ = std::make_shared<net::Signal>(parts.executor);
    boost::asio::co_spawn(parts.executor, run(node->loop_, node->ended_), boost::asio::detached);
    boost::asio::co_spawn(parts.executor, run(node->snapshots_, node->snapshots_ended_), boost::asio::detached);
    return node;
}

boost::asio::awaitable<bool> ControllerNode::stop() {
    co_await abandon();
    co_return store_->sync_and_close().has_value();
}

boost::asio::awaitable<void> ControllerNode::abandon() {
    loop_->stop();
    snapshots_->stop();
    co_await ended_->wait();
    co_await snapshots_ended_->wait();
}

}  // namespace ottla::broker
