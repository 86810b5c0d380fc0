// SPDX-License-Identifier: Apache-2.0
// ottla bench commit: commits one offset after the other, each when the one before is answered, without being a member.
#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <boost/asio/io_context.hpp>
#include <CLI/CLI.hpp>

#include <ottla/consumer.hpp>

#include "tools/ottla/bench.hpp"
#include "tools/ottla/output.hpp"
#include "tools/ottla/verb.hpp"

namespace ottla::tools {

namespace {

std::vector<TopicPartition> one_offset(const std::string& topic, std::int64_t offset) {
    std::vector<TopicPartition> offsets;
    offsets.emplace_back(topic, 0, Offset(offset));
    return offsets;
}

void check_commit(const Result<std::vector<TopicPartition>>& committed) {
    const auto done = expect(committed, "committing");
    for (const auto& one : done)
        if (one.error.code() != ErrorCode::none) throw Exception(one.error);
}

// By the blocking call; the consumer has a thread of its own.
std::vector<std::int64_t> commit_blocking(const Config& config, const BenchOptions& options, std::int64_t count) {
    auto consumer = Consumer::create(config).value();
    std::vector<std::int64_t> times_ns;
    times_ns.reserve(static_cast<std::size_t>(count));
    for (std::int64_t i = 0; i < count; ++i) {
        const std::int64_t began = now_ns();
        check_commit(consumer.commit(one_offset(options.topic, i), answer_within));
        times_ns.push_back(now_ns() - began);
    }
    (void)consumer.close(std::chrono::seconds(1));
    return times_ns;
}

// async_commit() on this thread's loop, which is also the consumer's.
class CommitRun {
public:
    CommitRun(const Config& config, const BenchOptions& options, std::int64_t count)
        : consumer_(Consumer::create(loop_.get_executor(), config).value()),
          options_(options),
          count_(count) {}

    std::vector<std::int64_t> run() {
        next();
        loop_.run();
        if (error_.code() != ErrorCode::none) throw Exception(error_);
        return std::move(times_ns_);
    }

private:
    void next() {
        const auto i = static_cast<std::int64_t>(times_ns_.size());
        if (i == count_ || error_.code() != ErrorCode::none) {
            consumer_.async_close(std::chrono::seconds(1), [this](const Result<void>&) { loop_.stop(); });
            return;
        }
        consumer_.async_commit(one_offset(options_.topic, i), answer_within,
                               [this, began = now_ns()](const Result<std::vector<TopicPartition>>& done) {
                                   times_ns_.push_back(now_ns() - began);
                                   if (!done) error_ = done.error();
                                   next();
                               });
    }

    boost::asio::io_context loop_{1};
    Consumer consumer_;
    const BenchOptions& options_;
    std::int64_t count_;
    std::vector<std::int64_t> times_ns_;
    Error error_;
};

int bench_commit(Session& session, const BenchOptions& options) {
    const Config config = to_config(options.connection, {{"group.id", options.topic}});
    const auto commit = [&](std::int64_t count) {
        if (options.on_executor) return CommitRun(config, options, count).run();
        return commit_blocking(config, options, count);
    };
    commit(std::max<std::int64_t>(options.records / 10, 1));  // the coordinator is found, caches are warm
    BenchResult result{.mode = "commit"};
    result.began = Usage::now();
    auto times = commit(options.records);
    result.ended = Usage::now();
    result.records = options.records;
    session.out.print(to_line(result) + percentiles(times) + "\n");
    return exit_ok;
}

}  // namespace

Action declare_bench_commit(CLI::App& app) {
    auto options = std::make_shared<BenchOptions>();
    options->records = 20'000;
    add_bench_options(app, *options);
    app.add_flag("--on-executor", options->on_executor,
                 "async_commit() on a loop of one's own, instead of commit() and the consumer's own thread");
    return [options](Session& session) { return bench_commit(session, *options); };
}

}  // namespace ottla::tools
