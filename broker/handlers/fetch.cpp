// SPDX-License-Identifier: Apache-2.0
#include "broker/handlers/fetch.hpp"

#include "broker/handlers/answers.hpp"
#include "broker/handlers/fetch_conversation.hpp"
#include "broker/handlers/fetch_slots.hpp"

namespace ottla::broker {
namespace {

using protocol::FetchRequest;
using protocol::FetchResponse;

constexpr std::int16_t fetch_tells_leader_from = 12;
constexpr std::int16_t fetch_tells_endpoint_from = 16;

void fill(FetchResponse::PartitionData& answer, const FetchSlot& slot) {
    answer.error_code = wire(slot.error);
    if (slot.error != ErrorCode::none) {
        answer.high_watermark = -1;
        return;
    }
    answer.high_watermark = slot.high_watermark;
    answer.last_stable_offset = slot.last_stable_offset;
    answer.log_start_offset = slot.log_start_offset;
    if (slot.diverging) {
        answer.diverging_epoch.epoch = slot.diverging->epoch;
        answer.diverging_epoch.end_offset = slot.diverging->end_offset;
    }
    if (slot.range.length == 0) return;
    answer.records = protocol::Records(slot.range);
    for (const auto& [producer_id, first_offset] : slot.aborted) {
        auto& aborted = answer.aborted_transactions->emplace_back();
        aborted.producer_id = producer_id;
        aborted.first_offset = first_offset;
    }
}

std::vector<FetchNews> news_of(const FetchSlots& fetch) {
    std::vector<FetchNews> news;
    news.reserve(fetch.all().size());
    for (const FetchSlot& slot : fetch.all()) {
        FetchNews& found = news.emplace_back();
        found.is_error = slot.error != ErrorCode::none;
        if (found.is_error) continue;
        found.high_watermark = slot.high_watermark;
        found.log_start_offset = slot.log_start_offset;
        found.has_records = slot.range.length != 0;
        found.is_diverging = slot.diverging.has_value();
    }
    return news;
}

FetchResponse make_response(const RequestContext& context, const FetchRequest& request, const FetchSlots& fetch,
                            const std::vector<bool>& told) {
    FetchResponse response;
    const FetchedTopic* last = nullptr;
    for (std::size_t i = 0; i < told.size(); ++i) {
        if (!told[i]) continue;
        const FetchItem& item = fetch.items()[i];
        const FetchSlot& slot = fetch.all()[i];
        if (item.topic.get() != last) {
            last = item.topic.get();
            auto& topic = response.responses.emplace_back();
            topic.topic = last->name;
            topic.topic_id = last->id;
        }
        auto& answer = response.responses.back().partitions.emplace_back();
        answer.partition_index = item.wanted.partition;
        // Who reads uncommitted does not look for aborted transactions: null.
        if (request.isolation_level == 0) answer.aborted_transactions.reset();
        answer.records.emplace();
        fill(answer, slot);
        if (!tells_leader(slot.error)) continue;
        if (context.version >= fetch_tells_leader_from) tell_leader(slot.ref, answer);
        if (context.version >= fetch_tells_endpoint_from) tell_endpoint(context, slot.ref, response);
    }
    return response;
}

}  // namespace

awaitable<Result<FetchResponse>> FetchHandler::handle(RequestContext& context, FetchRequest& request) {
    FetchConversation conversation(context, request);
    auto items = co_await conversation.begin();
    if (!items) co_return items.error();
    FetchSlots fetch(context, request, std::move(*items));
    const auto deadline =
        context.node.timers->now() + std::chrono::milliseconds(std::max<std::int32_t>(request.max_wait_ms, 0));
    co_await fetch.read();
    while (!fetch.is_enough() && context.node.timers->now() < deadline) {
        co_await fetch.wait(deadline);
        co_await fetch.read();
    }
    const auto news = news_of(fetch);
    const auto told = co_await conversation.end(fetch.items(), news);
    if (!told) co_return told.error();
    FetchResponse response = make_response(context, request, fetch, *told);
    response.session_id = conversation.session_id();
    co_return response;
}

FetchResponse FetchHandler::error_answer(const FetchRequest& request, std::int16_t version, ErrorCode code) {
    FetchResponse response;
    // From version 7 on there is one place for it; the client does not look further.
    if (version >= 7) {
        response.error_code = wire(code);
        return response;
    }
    for (const auto& topic : request.topics) {
        auto& answers = response.responses.emplace_back();
        answers.topic = topic.topic;
        for (const auto& wanted : topic.partitions) {
            auto& answer = answers.partitions.emplace_back();
            answer.partition_index = wanted.partition;
            answer.error_code = wire(code);
            answer.high_watermark = -1;
            answer.records.emplace();
        }
    }
    return response;
}

}  // namespace ottla::broker
