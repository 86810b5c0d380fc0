// SPDX-License-Identifier: Apache-2.0
#include "broker/server/main_loops.hpp"

#include <boost/asio/executor_work_guard.hpp>

namespace ottla::broker {

MainLoops::MainLoops(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) contexts_.push_back(std::make_unique<boost::asio::io_context>(1));
}

MainLoops::~MainLoops() { stop(); }

std::vector<boost::asio::any_io_executor> MainLoops::executors() {
    std::vector<boost::asio::any_io_executor> all;
    for (const auto& context : contexts_) all.emplace_back(context->get_executor());
    return all;
}

void MainLoops::run() {
    const auto loop = [](boost::asio::io_context& context) {
        const auto guard = boost::asio::make_work_guard(context);
        context.run();
    };
    for (std::size_t i = 1; i < contexts_.size(); ++i) threads_.emplace_back(loop, std::ref(*contexts_[i]));
    loop(first());
    for (auto& thread : threads_) thread.join();
    threads_.clear();
}

void MainLoops::stop() {
    for (const auto& context : contexts_) context->stop();
}

}  // namespace ottla::broker
