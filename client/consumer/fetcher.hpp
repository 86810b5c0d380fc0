// SPDX-License-Identifier: Apache-2.0
// Fetcher: the loop's end of a consumer. One fetch loop per broker that assigned partitions are read from, one lookup
// per topic whose places are unknown, one check per leader whose log must be compared with what was read, and one
// coroutine that starts them. Loop only.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <ottla/protocol/messages/fetch_request.hpp>
#include <ottla/protocol/messages/fetch_response.hpp>
#include <ottla/protocol/record_batch.hpp>

#include "client/cluster/cluster.hpp"
#include "client/cluster/list_offsets.hpp"
#include "client/consumer/delivery.hpp"
#include "client/consumer/fetch_queue.hpp"
#include "client/consumer/fetch_session.hpp"
#include "client/consumer/fetch_state.hpp"
#include "client/consumer/unpacker.hpp"
#include "client/group/coordinator.hpp"
#include "client/group/group_statistics.hpp"

namespace ottla::client {

inline constexpr protocol::VersionRange fetch_versions{4, 18};

class Fetcher : public std::enable_shared_from_this<Fetcher> {
public:
    // `coordinator`: of the group whose committed offsets count; null: there is no group.
    Fetcher(std::shared_ptr<Cluster>, ConsumerConfig, std::shared_ptr<FetchQueue>,
            std::shared_ptr<Coordinator> coordinator);
    ~Fetcher();
    // Begins; once.
    void start();

    void apply(const std::vector<Delivery::Change>&);
    // There is room, a pause has ended: look again.
    void wake();
    // Told whenever something was put into the queue.
    Watched& arrivals() noexcept { return arrivals_; }
    // About the whole client.
    void tell(Event);
    void close();
    // Then: tells the brokers that the fetch sessions are over, and waits for them, until `until` and no longer than a
    // fetch waits for records.
    static awaitable<void> end_sessions(std::shared_ptr<Fetcher> self, TimePoint until);
    // In the layout of librdkafka's STATISTICS.md (consumer_statistics.cpp).
    std::string statistics();
    // What it does not know itself of what it tells there; the second is for members of groups.
    struct StatisticsOfOthers {
        std::function<std::int64_t(const PartitionSlot&)> stored_offset;
        std::function<std::optional<GroupStatistics>()> group;
    };
    void tell_statistics_of(StatisticsOfOthers others) { others_ = std::move(others); }

    const std::shared_ptr<MemoryBudget>& budget() const noexcept { return budget_; }

private:
    // What a request asked of a partition, to find it again when the answer comes.
    struct Asked {
        SlotPtr slot;
        std::uint32_t turn;
        std::int64_t position;
        std::int32_t leader_epoch;
    };
    // What all partitions of an answer share; `leader_epoch` is the one that was asked with.
    struct Answer {
        BrokerId broker = no_broker;
        std::shared_ptr<const ChargedBytes> body;
        std::int32_t leader_epoch = -1;
    };
    struct Loop {
        FetchSession session;
        bool is_asking = false;  // the broker has a request of it
    };
    struct FetchCall {
        BrokerId broker = no_broker;
        std::int16_t version = 0;
        protocol::FetchRequest request;
        std::vector<Asked> asked;
    };

    static awaitable<void> supervise_loop(std::shared_ptr<Fetcher> self);
    static awaitable<void> emit_statistics(std::shared_ptr<Fetcher> self);
    static awaitable<void> lookup(std::shared_ptr<Fetcher> self, std::string topic,
                                  std::vector<FetchState::Lookup> lookups);
    static awaitable<void> lookup_committed(std::shared_ptr<Fetcher> self, std::vector<FetchState::Lookup> lookups);
    void start_lookups();
    void look_at_topics();
    static awaitable<void> fetch_loop(std::shared_ptr<Fetcher> self, BrokerId broker, std::shared_ptr<Loop> loop);
    static awaitable<Result<void>> ask_to_end(std::shared_ptr<Fetcher> self, BrokerId broker,
                                              protocol::FetchRequest last, Line line, TimePoint until);
    static awaitable<void> end_session(std::shared_ptr<Fetcher> self, BrokerId broker, protocol::FetchRequest last,
                                       Line line, TimePoint until);
    awaitable<Result<void>> fetch_once(Channel channel, FetchCall& call, FetchSession& session);
    void close_session(BrokerId, FetchSession&);
    void start_checks();
    static awaitable<void> check_positions(std::shared_ptr<Fetcher> self, BrokerId leader,
                                           std::vector<FetchState::Check> checks);
    void on_epoch_end(FetchState::Partition&, FetchState::EpochEnd, std::int32_t leader_epoch);

    void place(const FetchState::Lookup&, const Result<std::int64_t>& found);
    void lookup_failed(const FetchState::Lookup&, const Error&);
    std::vector<FetchState::Partition*> plan(BrokerId);
    FetchCall make_call(BrokerId, const Channel&, FetchSession&);
    // How much the next request may bring, so that those under way and what is here keep within the limit together.
    std::int32_t bytes_to_ask() const;
    void on_answer(FetchCall&, const FetchSession&, protocol::FetchResponse&, std::shared_ptr<const ChargedBytes>);
    void on_partition(FetchState::Partition&, protocol::FetchResponse::PartitionData&, const Answer&);
    void on_records(FetchState::Partition&, protocol::FetchResponse::PartitionData&, const Answer&);
    void on_batch(const FetchState::Partition&, const protocol::RecordBatchHeader&, BrokerId);
    void on_partition_error(FetchState::Partition&, const protocol::FetchResponse::PartitionData&, const Answer&);
    void on_leader_error(FetchState::Partition&, const protocol::FetchResponse::PartitionData&, ErrorCode);
    void tell_error(FetchState::Partition&, ErrorCode, bool goes_on);
    void on_preferred_replica(FetchState::Partition&, BrokerId);
    void tell_end(FetchState::Partition&);
    void on_fetch_failed(const FetchCall&, const Error&);
    // The partition's error as an event; `goes_on` as in PartitionError.
    void tell(const FetchState::Partition&, Error, Offset at, bool goes_on);
    // It is fetched again and again in vain: told, and logged once for each place.
    void tell_standstill(FetchState::Partition&, Error);
    // For who waits in vain, and nobody else: it is soon over, as a rule.
    void note_standstill(const FetchState::Partition&, ErrorCode);
    void warn_of_standstill(FetchState::Partition&, const Error&);
    // The position is another now, and why: said to the log and as an event.
    static std::string why_moved(const FetchState::Partition&, ErrorCode why, std::int64_t from, std::int64_t to);
    void tell_moved(const FetchState::Partition&, ErrorCode why, std::int64_t from, std::int64_t to);
    // Kept for whoever waits in vain; and told as an event, once, when no broker can be reached at all.
    void trouble(const Error&);
    void cannot_connect(const Error&);
    void no_trouble();
    // In order, once it is ready to be read.
    void push(FetchQueue::Item);
    void hand_on(FetchQueue::Item);
    bool on_log(LogEvent&&);

    std::shared_ptr<Cluster> cluster_;
    const ConsumerConfig config_;
    std::shared_ptr<FetchQueue> queue_;
    std::shared_ptr<Coordinator> coordinator_;
    std::shared_ptr<MemoryBudget> budget_;
    FetchState state_;
    Unpacker unpacker_;
    std::map<BrokerId, std::shared_ptr<Loop>> loops_;
    int sessions_to_end_ = 0;
    // What the requests under way may bring.
    std::int64_t bytes_asked_ = 0;
    Watched wake_;
    Watched arrivals_;
    Watched closing_;
    // Sizes of the batches fetched since the last statistics, by topic; kept only once somebody has asked.
    std::map<std::string, TopicWindows> windows_;
    bool keeps_windows_;
    StatisticsOfOthers others_;
    const TimePoint began_;
    bool in_trouble_ = false;
    bool down_told_ = false;
    std::atomic<bool> wake_posted_{false};
    bool closed_ = false;
};

}  // namespace ottla::client
