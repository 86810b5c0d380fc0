// SPDX-License-Identifier: Apache-2.0
#include "broker/partitions/run_plan.hpp"

#include "net/run_on.hpp"

namespace ottla::broker {

namespace {

// Readers come again and again; the broker's log names the place once.
template <class T>
Result<T> reported(log::LogIo& io, Result<T> read) {
    if (!read && read.error() == ErrorCode::corrupt_storage) io.directory().report_damage(read.error());
    return read;
}

}  // namespace

boost::asio::awaitable<Result<log::LogSlice>> run_plan(log::LogIo& io, log::ReadPlan plan) {
    if (!plan.file || (plan.is_known && plan.bytes_behind <= hot_bytes)) co_return reported(io, plan.run());
    // What comes from the disk may have turned bad there. Once checked it lies in the page cache, from where it is
    // sent.
    auto job = [plan] { return plan.run_checked(); };
    auto read = co_await net::run_on(io.workers(), std::move(job));
    io.directory().counts().checked_reads.add();
    if (read) io.directory().counts().bytes_read_checked.add(read->range.length);
    co_return reported(io, std::move(read));
}

boost::asio::awaitable<Result<std::optional<log::TimestampOffset>>> run_plan(log::LogIo& io, log::TimePlan plan) {
    if (!plan.file) co_return std::optional<log::TimestampOffset>();
    auto job = [plan] { return plan.run(); };
    auto read = co_await net::run_on(io.workers(), std::move(job));
    co_return reported(io, std::move(read));
}

}  // namespace ottla::broker
