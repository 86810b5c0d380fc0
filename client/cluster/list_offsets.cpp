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
    static constexpr protocol::VersionRange versions{1, 11};
    static_assert(Request::versions.contains(versions));
    static constexpr std::string_view about = "offset of";

    explicit ListOffsetsCall(IsolationLevel isolation) : isolation_(isolation) {}

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

private:
    IsolationLevel isolation_;
};

}  // namespace

awaitable<Result<std::vector<OffsetQuestion>>> list_offsets(std::shared_ptr<Cluster> cluster,
                                                            std::vector<OffsetQuestion> questions,
                                                            IsolationLevel isolation, TimePoint deadline) {
    ListOffsetsCall call(isolation);
    co_return co_await ask_leaders(std::move(cluster), std::move(questions), std::move(call), deadline);
}

}  // namespace ottla::client
