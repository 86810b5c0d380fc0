// SPDX-License-Identifier: Apache-2.0
#include "client/cluster/list_offsets.hpp"

#include <ottla/protocol/messages/list_offsets_request.hpp>
#include <ottla/protocol/messages/list_offsets_response.hpp>

#include "client/cluster/ask_leaders.hpp"

namespace ottla::client {
namespace {

class ListOffsetsCall {
public:
    using Request = protocol::ListOffsetsRequest;
    static constexpr protocol::VersionRange all_versions{1, 11};
    static_assert(Request::versions.contains(all_versions));
    static constexpr std::string_view about = "offset of";

    using OnAnswer = std::function<void(const OffsetQuestion&)>;

    ListOffsetsCall(IsolationLevel isolation, const std::vector<OffsetQuestion>& questions, OnAnswer on_answer)
        : isolation_(isolation),
          on_answer_(std::move(on_answer)) {
        // A broker that knows no such time would look for records of before 1970.
        for (const auto& question : questions)
            if (question.timestamp == OffsetQuestion::max_timestamp) min_version_ = 7;
    }

    protocol::VersionRange versions() const { return {min_version_, all_versions.max}; }
    Request begin() const {
        Request request;
        request.replica_id = -1;
        request.isolation_level = static_cast<std::int8_t>(isolation_);
        return request;
    }
    void ask(const OffsetQuestion& question, std::int32_t leader_epoch, Request::ListOffsetsPartition& to) const {
        to.timestamp = question.timestamp;
        to.current_leader_epoch = leader_epoch;
    }
    void take(OffsetQuestion& question, const Request::Response::ListOffsetsPartitionResponse& answer) const {
        question.offset = answer.offset;
        question.found_timestamp = answer.timestamp;
        question.leader_epoch = answer.leader_epoch;
    }
    void on_answer(const OffsetQuestion& question) const {
        if (on_answer_) on_answer_(question);
    }

private:
    IsolationLevel isolation_;
    OnAnswer on_answer_;
    std::int16_t min_version_ = all_versions.min;
};

}  // namespace

awaitable<Result<std::vector<OffsetQuestion>>> list_offsets(std::shared_ptr<Cluster> cluster,
                                                            std::vector<OffsetQuestion> questions,
                                                            IsolationLevel isolation, TimePoint deadline,
                                                            std::function<void(const OffsetQuestion&)> on_answer) {
    ListOffsetsCall call(isolation, questions, std::move(on_answer));
    co_return co_await ask_leaders(std::move(cluster), std::move(questions), std::move(call), deadline);
}

}  // namespace ottla::client
