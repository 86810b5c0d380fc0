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

boost::asio::awaitable<void> run(std::shared_ptr<ControllerLoop> loop, std::shared_ptr<net::Signal> ended) {
    co_await loop->run();
    ended->notify();
}

}  // namespace

Result<std::unique_ptr<ControllerNode>> ControllerNode::start(log::LogDirectory& directory, const BrokerConfig& config,
                                                              Parts parts) {
    auto store = MetadataLog::open(directory, parts.io, parts.executor, parts.timers->wall_ms());
    if (!store) return store.error();
    ImageBuilder builder(MetadataImage::empty());
    if (auto replayed = (*store)->replay(builder); !replayed) return replayed.error();
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
    node->ended_ = std::make_shared<net::Signal>(parts.executor);
    boost::asio::co_spawn(parts.executor, run(node->loop_, node->ended_), boost::asio::detached);
    return node;
}

boost::asio::awaitable<bool> ControllerNode::stop() {
    co_await abandon();
    co_return store_->sync_and_close().has_value();
}

boost::asio::awaitable<void> ControllerNode::abandon() {
    loop_->stop();
    co_await ended_->wait();
}

}  // namespace ottla::broker
