// SPDX-License-Identifier: Apache-2.0
#include "broker/partitions/run_plan.hpp"

#include "net/run_on.hpp"

namespace ottla::broker {

boost::asio::awaitable<Result<log::LogSlice>> run_plan(log::LogIo& io, log::ReadPlan plan) {
    if (!plan.file || plan.bytes_behind <= hot_bytes) co_return plan.run();
    auto job = [plan] {
        auto slice = plan.run();
        // The connection's thread sends the range: it must not wait for the disk then.
        if (slice && slice->range.length != 0) plan.file->prefetch(slice->range.position, slice->range.length);
        return slice;
    };
    co_return co_await net::run_on(io.workers(), std::move(job));
}

boost::asio::awaitable<Result<std::optional<log::TimestampOffset>>> run_plan(log::LogIo& io, log::TimePlan plan) {
    if (!plan.file) co_return std::optional<log::TimestampOffset>();
    auto job = [plan] { return plan.run(); };
    co_return co_await net::run_on(io.workers(), std::move(job));
}

}  // namespace ottla::broker
