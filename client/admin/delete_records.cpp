// SPDX-License-Identifier: Apache-2.0
// Deleting the oldest records of partitions (KIP-107): each leader moves the begin of its log.
#include <fmt/format.h>
#include <ottla/protocol/messages/delete_records_request.hpp>
#include <ottla/protocol/messages/delete_records_response.hpp>

#include "client/admin/admin_core.hpp"
#include "client/cluster/ask_leaders.hpp"

namespace ottla::client {
namespace {

// The offset asked for, then the one that the partition begins at.
struct DeleteRecordsQuestion {
    explicit DeleteRecordsQuestion(const TopicPartition& from)
        : topic(from.topic),
          partition(from.partition),
          offset(from.offset.value()) {}

    std::string topic;
    std::int32_t partition;
    std::int64_t offset;
    std::int64_t low_watermark = -1;
    Error error;
};

struct DeleteRecordsCall {
    using Request = protocol::DeleteRecordsRequest;
    static constexpr protocol::VersionRange all_versions{0, 2};
    static_assert(Request::versions.contains(all_versions));
    static constexpr std::string_view about = "deleting records of";

    protocol::VersionRange versions() const { return all_versions; }
    Request begin() const { return {}; }
    void ask(const DeleteRecordsQuestion& question, std::int32_t, Request::DeleteRecordsPartition& to) const {
        to.offset = question.offset;
    }
    void take(DeleteRecordsQuestion& question, const Request::Response::DeleteRecordsPartitionResult& answer) const {
        question.low_watermark = answer.low_watermark;
    }
};

}  // namespace

awaitable<Result<std::vector<TopicPartition>>> delete_records(AdminPtr admin, std::vector<TopicPartition> partitions,
                                                              AdminOptions options) {
    if (admin->is_closed()) co_return admin->closed_error("delete_records");
    std::vector<DeleteRecordsQuestion> questions;
    for (const auto& tp : partitions) {
        // Offset::end() is Kafka's own number for the high watermark.
        if (!tp.offset.is_absolute() && tp.offset != Offset::end())
            co_return Error::of(ErrorCode::invalid_argument,
                                fmt::format("delete_records of {}[{}]: the records before an offset go, or all before "
                                            "the end, not before {}",
                                            tp.topic, tp.partition, to_string(tp.offset)));
        questions.emplace_back(tp);
    }
    DeleteRecordsCall call;
    auto answers =
        co_await ask_leaders(admin->cluster(), std::move(questions), call, admin->runtime().deadline(options.timeout));
    if (!answers) co_return answers.error();
    for (std::size_t i = 0; i < partitions.size(); ++i) {
        const auto& answer = (*answers)[i];
        partitions[i].error = answer.error;
        partitions[i].offset =
            answer.error.code() != ErrorCode::none ? Offset::invalid() : Offset(answer.low_watermark);
    }
    co_return partitions;
}

}  // namespace ottla::client
