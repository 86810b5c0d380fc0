// SPDX-License-Identifier: Apache-2.0
#include "broker/handlers/fetch_slots.hpp"

#include <algorithm>
#include <utility>

#include "broker/partitions/run_plan.hpp"
#include "broker/server/config.hpp"
#include "broker/server/scatter.hpp"

namespace ottla::broker {
namespace {

using protocol::FetchRequest;

std::size_t at_least_zero(std::int32_t bytes) noexcept { return static_cast<std::size_t>(std::max(bytes, 0)); }

// KIP-595: the reader's last record is of another history than ours. Of an epoch that is not known here there is
// nothing to compare: offset_out_of_range.
Result<std::optional<log::EpochEnd>> diverging_epoch(const Partition& partition,
                                                     const FetchRequest::FetchPartition& wanted) {
    std::optional<log::EpochEnd> found;
    if (wanted.last_fetched_epoch < 0) return found;
    const auto end = partition.epochs().end_of(wanted.last_fetched_epoch, partition.log_end_offset());
    if (end.epoch < 0 || wanted.fetch_offset < partition.log_start_offset())
        return Error::of(ErrorCode::offset_out_of_range);
    if (end.epoch < wanted.last_fetched_epoch || end.end_offset < wanted.fetch_offset) found = end;
    return found;
}

}  // namespace

// What the owner of some partitions reads of them: what there is to be read, what was admitted of that, or both at
// once.
class FetchSlots::ReadOnShard {
public:
    enum class Steps { plan, run, both };
    ReadOnShard(FetchSlots& fetch, Steps steps) : fetch_(fetch), steps_(steps) {}

    awaitable<void> operator()(Shard& shard, std::span<const std::size_t> indices) {
        std::size_t left = fetch_.bytes_max_;
        bool found_any = false;
        for (const std::size_t index : indices) {
            FetchSlot& slot = fetch_.slots_[index];
            if (steps_ != Steps::run) make_plan(shard, slot, left, !found_any);
            if (steps_ == Steps::plan || !slot.plan) continue;
            auto slice = co_await run_plan(slot.partition->io(), *std::exchange(slot.plan, std::nullopt));
            if (!slice) {
                slot.error = wire_code(slice.error());
                continue;
            }
            slot.range = std::move(slice->range);
            slot.aborted = std::move(slice->aborted);
            found_any |= slot.range.length != 0;
            left -= std::min(left, slot.range.length);
        }
    }

private:
    void make_plan(Shard& shard, FetchSlot& slot, std::size_t left, bool first_batch_whole) const {
        begin(slot);
        auto partition = find_leader(shard, slot.ref, slot.wanted->current_leader_epoch);
        if (!partition) {
            slot.error = wire_code(partition.error());
            return;
        }
        slot.partition = std::move(*partition);
        auto plan = plan_read(slot, left, first_batch_whole);
        if (!plan)
            slot.error = wire_code(plan.error());
        else if (plan->file)
            slot.plan = std::move(*plan);
    }

    static void begin(FetchSlot& slot) {
        if (slot.partition) slot.partition->cancel(slot.wait);
        slot.wait = 0;
        slot.error = ErrorCode::none;
        slot.diverging.reset();
        slot.range = {};
        slot.aborted.clear();
        slot.plan.reset();
    }

    Result<log::ReadPlan> plan_read(FetchSlot& slot, std::size_t left, bool first_batch_whole) const {
        const Partition& partition = *slot.partition;
        slot.high_watermark = partition.high_watermark();
        slot.last_stable_offset = partition.last_stable_offset();
        slot.log_start_offset = partition.log_start_offset();
        slot.seen_end = partition.end(fetch_.up_to_).offset;
        const auto diverging = diverging_epoch(partition, *slot.wanted);
        if (!diverging) return diverging.error();
        slot.diverging = *diverging;
        if (slot.diverging) return log::ReadPlan{};
        const std::size_t bytes = std::min(left, at_least_zero(slot.wanted->partition_max_bytes));
        return partition.plan_read(slot.wanted->fetch_offset, bytes, fetch_.up_to_, first_batch_whole);
    }

    FetchSlots& fetch_;
    const Steps steps_;
};

// Leaves a callback at each partition.
class FetchSlots::ParkOnShard {
public:
    explicit ParkOnShard(FetchSlots& fetch) : fetch_(fetch) {}

    awaitable<void> operator()(Shard& shard, std::span<const std::size_t> indices) {
        const bool at_home = &shard == &fetch_.context_.shard;
        for (const std::size_t index : indices) {
            FetchSlot& slot = fetch_.slots_[index];
            if (!slot.partition) continue;
            const std::int64_t offset = std::max(slot.wanted->fetch_offset, slot.seen_end);
            slot.wait = slot.partition->wait_readable(offset, fetch_.up_to_, [wake = fetch_.wake_, at_home] {
                if (at_home) {
                    wake->signal.notify();
                } else {
                    net::asio::post(wake->home, [wake] { wake->signal.notify(); });
                }
            });
        }
        co_return;
    }

private:
    FetchSlots& fetch_;
};

FetchSlots::FetchSlots(RequestContext& context, const FetchRequest& request, std::vector<FetchItem> items)
    : context_(context),
      request_(request),
      bytes_max_(at_least_zero(std::min(request.max_bytes, context.node.config->fetch_bytes_max))),
      up_to_(request.isolation_level == 0 ? ReadUpTo::high_watermark : ReadUpTo::last_stable),
      items_(std::move(items)) {
    const bool by_id = context.version >= fetch_by_topic_id_from;
    slots_.reserve(items_.size());
    const FetchedTopic* last = nullptr;
    MetadataImage::TopicPtr known;
    for (const FetchItem& item : items_) {
        if (item.topic.get() != last) {
            last = item.topic.get();
            known = find_topic(*context.image, last->name, last->id, by_id);
        }
        FetchSlot& slot = slots_.emplace_back();
        slot.ref = refer(known, item.wanted.partition, by_id);
        slot.wanted = &item.wanted;
    }
}

FetchSlots::~FetchSlots() {
    for (FetchSlot& slot : slots_) {
        if (slot.wait == 0) continue;
        Shard& owner = context_.node.owner_of(slot.ref.key);
        if (&owner == &context_.shard) {
            slot.partition->cancel(slot.wait);
        } else {
            net::asio::post(owner.executor(),
                            [partition = std::move(slot.partition), wait = slot.wait] { partition->cancel(wait); });
        }
    }
}

awaitable<void> FetchSlots::read() {
    using Steps = ReadOnShard::Steps;
    const auto owner = [this](std::size_t i) { return context_.node.owner_index(slots_[i].ref.key); };
    if (has_room_for_all()) {
        ReadOnShard work(*this, Steps::both);
        co_await on_owners(context_.node, context_.shard, slots_.size(), owner, work);
    } else {
        ReadOnShard planning(*this, Steps::plan), running(*this, Steps::run);
        co_await on_owners(context_.node, context_.shard, slots_.size(), owner, planning);
        if (admit()) co_await on_owners(context_.node, context_.shard, slots_.size(), owner, running);
    }
    trim();
}

// No partition can take another's room; or one shard has them all, and gives the room out as it reads.
bool FetchSlots::has_room_for_all() const noexcept {
    if (context_.node.shards.size() == 1) return true;
    std::size_t wanted = 0;
    for (const FetchSlot& slot : slots_) wanted += at_least_zero(slot.wanted->partition_max_bytes);
    return wanted <= bytes_max_;
}

// Of what was planned, what the answer has room for, the earlier partitions first: what is read beyond that is read in
// vain. False: there is nothing to read.
bool FetchSlots::admit() {
    std::size_t left = bytes_max_;
    bool any = false;
    for (FetchSlot& slot : slots_) {
        if (!slot.plan) continue;
        if (any && left == 0) {
            slot.plan.reset();
            continue;
        }
        slot.plan->first_batch_whole = !any;
        slot.plan->limit_bytes(left);
        left -= std::min(left, slot.plan->bytes_at_most());
        any = true;
    }
    return any;
}

bool FetchSlots::is_enough() const noexcept {
    std::size_t bytes = 0;
    for (const FetchSlot& slot : slots_) {
        if (slot.error != ErrorCode::none || slot.diverging) return true;
        bytes += slot.range.length;
    }
    return slots_.empty() || bytes >= at_least_zero(request_.min_bytes);
}

awaitable<bool> FetchSlots::wait(base::TimePoint deadline) {
    if (!wake_) wake_ = std::make_shared<Wake>(context_.shard.executor());
    ParkOnShard work(*this);
    const auto owner = [this](std::size_t i) { return context_.node.owner_index(slots_[i].ref.key); };
    co_await on_owners(context_.node, context_.shard, slots_.size(), owner, work);
    co_return co_await wake_->signal.wait_until(*context_.node.timers, deadline);
}

// The first batch of each shard came whole, whatever its size: what is too much goes, the later partitions first.
void FetchSlots::trim() {
    std::size_t left = bytes_max_;
    bool found_any = false;
    for (FetchSlot& slot : slots_) {
        if (slot.range.length > left && found_any) slot.range = {};
        left -= std::min(left, slot.range.length);
        found_any |= slot.range.length != 0;
    }
}

}  // namespace ottla::broker
