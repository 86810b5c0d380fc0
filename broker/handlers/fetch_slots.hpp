// SPDX-License-Identifier: Apache-2.0
// FetchSlots: the partitions of one fetch, read and waited for on the shards that own them.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include <ottla/protocol/messages/fetch_request.hpp>
#include "broker/handlers/fetch_session.hpp"
#include "broker/handlers/find_partition.hpp"
#include "broker/handlers/handler.hpp"
#include "net/signal.hpp"

namespace ottla::broker {

struct FetchSlot {
    PartitionRef ref;
    const protocol::FetchRequest::FetchPartition* wanted = nullptr;

    // What the last read found.
    ErrorCode error = ErrorCode::none;
    std::int64_t high_watermark = -1;
    std::int64_t last_stable_offset = -1;
    std::int64_t log_start_offset = -1;
    std::optional<log::EpochEnd> diverging;
    protocol::FileRange range;
    std::vector<log::AbortedTransaction> aborted;
    // What is to be read to find that.
    std::optional<log::ReadPlan> plan;

    // Its wait, touched on the owner's shard only, or when nothing runs there.
    std::shared_ptr<Partition> partition;
    Partition::WaitId wait = 0;
    std::int64_t seen_end = 0;
};

class FetchSlots {
public:
    // Reads `items`, within what `request` says about all of them.
    FetchSlots(RequestContext& context, const protocol::FetchRequest& request, std::vector<FetchItem> items);
    FetchSlots(const FetchSlots&) = delete;
    FetchSlots& operator=(const FetchSlots&) = delete;
    // Waits that are left (the connection went) are taken back, where they are.
    ~FetchSlots();

    // Both in the order that was given.
    const std::vector<FetchItem>& items() const noexcept { return items_; }
    const std::vector<FetchSlot>& all() const noexcept { return slots_; }

    // Reads all partitions anew, within the request's sizes.
    awaitable<void> read();
    // There is enough to answer with, or an error.
    bool is_enough() const noexcept;
    // Waits until something more can be read, or something is wrong; false at `deadline`.
    awaitable<bool> wait(base::TimePoint deadline);

private:
    // Outlives the fetch as long as a partition may wake it.
    struct Wake {
        explicit Wake(net::asio::any_io_executor executor) : home(executor), signal(std::move(executor)) {}
        net::asio::any_io_executor home;
        net::Signal signal;
    };
    class ReadOnShard;
    class ParkOnShard;
    bool has_room_for_all() const noexcept;
    bool admit();
    void trim();

    RequestContext& context_;
    const protocol::FetchRequest& request_;
    std::size_t bytes_max_;
    ReadUpTo up_to_;
    std::vector<FetchItem> items_;
    std::vector<FetchSlot> slots_;
    std::shared_ptr<Wake> wake_;
};

}  // namespace ottla::broker
