// SPDX-License-Identifier: Apache-2.0
// GroupScript: a coordinator with a log and a clock, asked step by step. Every request gets one answer of its own kind,
// or the script fails.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <ottla/protocol/messages/consumer_protocol_subscription.hpp>
#include <ottla/protocol/writer.hpp>
#include "broker/groups/group_coordinator.hpp"
#include "broker/metadata/image_builder.hpp"
#include "tests/support/uuids.hpp"

namespace ottla::broker::groups {

using namespace std::chrono_literals;
using protocol::HeartbeatRequest;
using protocol::JoinGroupRequest;
using protocol::JoinGroupResponse;
using protocol::LeaveGroupRequest;
using protocol::LeaveGroupResponse;
using protocol::OffsetCommitRequest;
using protocol::OffsetCommitResponse;
using protocol::SyncGroupRequest;
using protocol::SyncGroupResponse;

inline ErrorCode code_of(std::int16_t code) { return static_cast<ErrorCode>(code); }

class GroupScript {
public:
    explicit GroupScript(GroupSettings settings = quick()) : settings_(settings) {
        start();
        perform(coordinator_->loaded(moment()));
    }

    // No delay before the first generation.
    static GroupSettings quick() {
        GroupSettings settings;
        settings.initial_rebalance_delay_ms = 0;
        return settings;
    }

    // --- asking ---
    Ticket send(const GroupRequest& request, std::int16_t version = 9, const std::string& client_id = "c") {
        const Ticket ticket = ++last_;
        open_.insert(ticket);
        perform(coordinator_->handle(ticket, {client_id, "/127.0.0.1", version}, request, moment()));
        run_due();
        return ticket;
    }
    bool waits(Ticket ticket) const { return open_.contains(ticket); }
    template <class Answer>
    const Answer& answer(Ticket ticket) {
        EXPECT_TRUE(answers_.contains(ticket)) << "no answer yet";
        return std::get<Answer>(answers_[ticket]);
    }
    template <class Answer>
    Answer ask(const GroupRequest& request, std::int16_t version = 9) {
        return answer<Answer>(send(request, version));
    }
    // The answers of requests whose records were refused by the log.
    ErrorCode failure(Ticket ticket) { return failures_.contains(ticket) ? failures_[ticket] : ErrorCode::none; }

    // --- time ---
    void pass(base::Duration time) {
        const auto end = clock_.now() + time;
        for (auto next = coordinator_->next_due(); next && *next <= end; next = coordinator_->next_due()) {
            clock_.advance_to(*next);
            run_due();
        }
        clock_.advance_to(end);
    }

    // --- the log ---
    // So the next append ends.
    void fail_next_append(ErrorCode code) { next_append_ = code; }
    // So many go, and then one fails.
    void fail_append_after(int count, ErrorCode code) {
        appends_left_ = count;
        next_append_ = code;
    }
    // Of those appends that had fewer records than that.
    std::size_t largest_append_but(std::size_t count) const {
        std::size_t largest = 0;
        for (const auto one : appends_) largest = one < count ? std::max(largest, one) : largest;
        return largest;
    }
    const std::vector<GroupRecord>& log() const { return log_; }
    // A coordinator that comes after this one, with its log. Who waited is forgotten.
    void restart() {
        open_.clear();
        start();
        for (std::size_t i = 0; i < log_.size(); ++i) coordinator_->replay(log_[i], static_cast<std::int64_t>(i));
        perform(coordinator_->loaded(moment()));
        run_due();
    }
    // Nothing but the next look at what is old.
    bool nothing_is_due() const { return *coordinator_->next_due() > clock_.now() + 9min; }
    // From the next start on.
    void set_max_size(std::int32_t count) { settings_.max_size = count; }
    GroupCoordinator& coordinator() { return *coordinator_; }
    base::TimePoint now() const { return clock_.now(); }
    std::int64_t wall_ms() const { return clock_.wall_ms(); }

    // --- topics ---
    Uuid make_topic(const std::string& name, std::int32_t partitions) {
        protocol::TopicRecord topic;
        topic.name = name;
        topic.topic_id = test::uuid_ending_in(++last_topic_);
        change_metadata(topic);
        add_partitions(topic.topic_id, 0, partitions);
        return topic.topic_id;
    }
    void add_partitions(const Uuid& topic, std::int32_t from, std::int32_t to) {
        for (std::int32_t i = from; i < to; ++i) {
            protocol::PartitionRecord partition;
            partition.topic_id = topic;
            partition.partition_id = i;
            partition.replicas = partition.isr = {1};
            partition.leader = 1;
            change_metadata(partition);
        }
    }
    void remove_topic(const Uuid& topic) {
        protocol::RemoveTopicRecord record;
        record.topic_id = topic;
        change_metadata(record);
    }
    void change_metadata(const MetadataRecord& record) {
        ImageBuilder builder(image_);
        EXPECT_TRUE(builder.apply(record, image_->offset() + 1));
        image_ = builder.build();
        coordinator_->take_image(image_);
    }
    // Many records, shown to the coordinator together.
    void add_quietly(const MetadataRecord& record) {
        if (!quiet_) quiet_ = std::make_unique<ImageBuilder>(image_);
        EXPECT_TRUE(quiet_->apply(record, image_->offset() + ++quiet_records_));
    }
    void show_metadata() {
        image_ = quiet_->build();
        quiet_.reset();
        coordinator_->take_image(image_);
    }
    const MetadataImage& image() const { return *image_; }

    // --- requests in short ---
    static JoinGroupRequest join(std::string member_id, std::vector<std::string> protocols = {"range"}) {
        JoinGroupRequest request;
        request.group_id = "g";
        request.session_timeout_ms = 10'000;
        request.rebalance_timeout_ms = 60'000;
        request.member_id = std::move(member_id);
        request.protocol_type = "consumer";
        for (auto& name : protocols) {
            auto& one = request.protocols.emplace_back();
            one.metadata = Bytes::copy_of(name + " metadata");
            one.name = std::move(name);
        }
        return request;
    }
    // As consumers do it: the metadata of every protocol name the topics.
    static JoinGroupRequest subscribing(JoinGroupRequest request, std::vector<std::string> topics) {
        protocol::ConsumerProtocolSubscription subscription;
        subscription.topics = std::move(topics);
        protocol::Writer writer;
        writer.int16(0);
        EXPECT_TRUE(encode(writer, subscription, 0));
        const Bytes metadata = writer.finish().flatten().value();
        for (auto& one : request.protocols) one.metadata = metadata;
        return request;
    }
    static JoinGroupRequest join_static(std::string instance, std::string member_id = {}) {
        auto request = join(std::move(member_id));
        request.group_instance_id = std::move(instance);
        return request;
    }
    static SyncGroupRequest sync(std::string member_id, std::int32_t generation,
                                 std::vector<std::pair<std::string, std::string>> assignments = {}) {
        SyncGroupRequest request;
        request.group_id = "g";
        request.member_id = std::move(member_id);
        request.generation_id = generation;
        for (auto& [member, assignment] : assignments) {
            auto& one = request.assignments.emplace_back();
            one.member_id = std::move(member);
            one.assignment = Bytes::copy_of(assignment);
        }
        return request;
    }
    ErrorCode heartbeat(std::string member_id, std::int32_t generation, std::optional<std::string> instance = {}) {
        HeartbeatRequest request;
        request.group_id = "g";
        request.member_id = std::move(member_id);
        request.generation_id = generation;
        request.group_instance_id = std::move(instance);
        return code_of(ask<protocol::HeartbeatResponse>(request).error_code);
    }
    ErrorCode leave(std::string member_id, std::optional<std::string> instance = {}) {
        LeaveGroupRequest request;
        request.group_id = "g";
        auto& one = request.members.emplace_back();
        one.member_id = std::move(member_id);
        one.group_instance_id = std::move(instance);
        const Ticket ticket = send(request);
        if (const ErrorCode failed = failure(ticket); failed != ErrorCode::none) return failed;
        const auto& answer = this->answer<LeaveGroupResponse>(ticket);
        return answer.error_code != 0 ? code_of(answer.error_code) : code_of(answer.members.at(0).error_code);
    }
    OffsetCommitRequest commit_of(std::int64_t offset, std::string member_id = {}, std::int32_t generation = -1) {
        OffsetCommitRequest request;
        request.group_id = "g";
        request.member_id = std::move(member_id);
        request.generation_id_or_member_epoch = generation;
        auto& topic = request.topics.emplace_back();
        topic.name = "t";
        topic.topic_id.bytes[0] = 1;
        auto& partition = topic.partitions.emplace_back();
        partition.committed_offset = offset;
        partition.committed_leader_epoch = 3;
        partition.committed_metadata = "m";
        return request;
    }
    ErrorCode commit(std::int64_t offset, std::string member_id = {}, std::int32_t generation = -1) {
        const Ticket ticket = send(commit_of(offset, std::move(member_id), generation));
        if (const ErrorCode failed = failure(ticket); failed != ErrorCode::none) return failed;
        return code_of(answer<OffsetCommitResponse>(ticket).topics.at(0).partitions.at(0).error_code);
    }
    ErrorCode remove_group(const std::string& group_id = "g") {
        const Ticket ticket = send(DeleteGroup{group_id});
        if (const ErrorCode failed = failure(ticket); failed != ErrorCode::none) return failed;
        return code_of(answer<protocol::DeleteGroupsResponse::DeletableGroupResult>(ticket).error_code);
    }
    protocol::DescribeGroupsResponse::DescribedGroup described(const std::string& group_id = "g",
                                                               std::int16_t version = 6) {
        return ask<protocol::DescribeGroupsResponse::DescribedGroup>(DescribeGroup{group_id}, version);
    }
    // Offsets of topics that `gone` names go.
    void delete_topics(const GroupCoordinator::TopicFilter& gone) {
        std::optional<std::string> from;
        do {
            auto decision = coordinator_->drop_offsets_of_topics(gone, from, moment());
            if (!decision.records.empty()) perform(std::move(decision));
        } while (from);
    }
    std::int64_t committed(std::int32_t partition = 0, const std::string& group_id = "g") {
        FetchOffsets fetch;
        fetch.group_id = group_id;
        auto& topic = fetch.topics.emplace().emplace_back();
        topic.name = "t";
        topic.partition_indexes = {partition};
        return ask<protocol::OffsetFetchResponse::OffsetFetchResponseGroup>(fetch)
            .topics.at(0)
            .partitions.at(0)
            .committed_offset;
    }

    // --- stories in short ---
    // The id that a new member is given (KIP-394).
    std::string new_id() {
        const auto answer = ask<JoinGroupResponse>(join(""));
        EXPECT_EQ(code_of(answer.error_code), ErrorCode::member_id_required);
        return answer.member_id;
    }
    // A group of one member that reads these topics; its id.
    std::string stable_reader_of(std::vector<std::string> topics) {
        const std::string id = new_id();
        const Ticket joined = send(subscribing(join(id), std::move(topics)));
        generation_ = answer<JoinGroupResponse>(joined).generation_id;
        EXPECT_EQ(code_of(ask<SyncGroupResponse>(sync(id, generation_)).error_code), ErrorCode::none);
        return id;
    }
    // A group of so many members, in its first generation, each with its own id as its assignment.
    std::vector<std::string> stable(int count = 2) {
        std::vector<std::string> ids;
        std::vector<Ticket> tickets;
        std::vector<std::pair<std::string, std::string>> assignments;
        for (int i = 0; i < count; ++i) ids.push_back(new_id());
        std::sort(ids.begin(), ids.end());
        settings_.initial_rebalance_delay_ms = 0;
        for (const auto& id : ids) {
            tickets.push_back(start_join(join(id)));
            assignments.emplace_back(id, "for " + id);
        }
        pass(0ms);
        generation_ = answer<JoinGroupResponse>(tickets.front()).generation_id;
        const std::string leader = answer<JoinGroupResponse>(tickets.front()).leader;
        for (const auto& id : ids) {
            if (id != leader) send(sync(id, generation_));
        }
        send(sync(leader, generation_, assignments));
        return ids;
    }
    std::int32_t generation() const { return generation_; }
    // Nothing that is due meanwhile happens.
    Ticket start_join(const JoinGroupRequest& request, std::int16_t version = 9) {
        const Ticket ticket = ++last_;
        open_.insert(ticket);
        perform(coordinator_->handle(ticket, {"c", "/127.0.0.1", version}, request, moment()));
        return ticket;
    }

private:
    void start() {
        coordinator_ = std::make_unique<GroupCoordinator>(settings_, base::Random(last_ + 1));
        coordinator_->take_image(image_);
    }
    Moment moment() const { return {clock_.now(), clock_.wall_ms()}; }
    void run_due() {
        while (auto decision = coordinator_->on_time(moment())) perform(std::move(*decision));
    }
    ErrorCode outcome_of_append() {
        if (appends_left_ == 0) return std::exchange(next_append_, ErrorCode::none);
        --appends_left_;
        return ErrorCode::none;
    }
    void perform(Decision decision) {
        while (true) {
            const ErrorCode written = decision.records.empty() ? ErrorCode::none : outcome_of_append();
            Decision more;
            if (!decision.records.empty()) {
                appends_.push_back(decision.records.size());
                if (written == ErrorCode::none)
                    log_.insert(log_.end(), decision.records.begin(), decision.records.end());
                more = coordinator_->appended(decision, written, moment());
            }
            for (auto& reply : decision.replies) {
                EXPECT_EQ(open_.erase(reply.ticket), 1U) << "answered twice, or never asked";
                if (written == ErrorCode::none) {
                    answers_[reply.ticket] = std::move(reply.answer);
                } else {
                    failures_[reply.ticket] = written;
                }
            }
            if (more.empty()) return;
            decision = std::move(more);
        }
    }

    GroupSettings settings_;
    base::ManualClock clock_;
    std::shared_ptr<const MetadataImage> image_ = MetadataImage::empty();
    std::uint8_t last_topic_ = 0;
    std::unique_ptr<ImageBuilder> quiet_;
    std::int64_t quiet_records_ = 0;
    std::unique_ptr<GroupCoordinator> coordinator_;
    std::vector<GroupRecord> log_;
    std::set<Ticket> open_;
    std::map<Ticket, GroupAnswer> answers_;
    std::map<Ticket, ErrorCode> failures_;
    ErrorCode next_append_ = ErrorCode::none;
    int appends_left_ = 0;  // before it
    std::vector<std::size_t> appends_;
    Ticket last_ = 0;
    std::int32_t generation_ = 0;
};

}  // namespace ottla::broker::groups
