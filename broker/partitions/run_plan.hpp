// SPDX-License-Identifier: Apache-2.0
// Running a plan from a shard: at once when what it reads is surely in the page cache, else on a worker.
#pragma once

#include <optional>

#include <boost/asio/awaitable.hpp>

#include "broker/log/log_io.hpp"
#include "broker/log/read_plan.hpp"

namespace ottla::broker {

// Written so recently that the page cache has it.
inline constexpr std::uint64_t hot_bytes = 64U << 20;

// `io` must outlive the job: its owner waits for the workers.
boost::asio::awaitable<Result<log::LogSlice>> run_plan(log::LogIo& io, log::ReadPlan plan);
boost::asio::awaitable<Result<std::optional<log::TimestampOffset>>> run_plan(log::LogIo& io, log::TimePlan plan);

}  // namespace ottla::broker
