// SPDX-License-Identifier: Apache-2.0
#include "broker/handlers/delete_topics.hpp"

#include "broker/handlers/answers.hpp"
#include "broker/metadata/controller_client.hpp"

namespace ottla::broker {

awaitable<Result<DeleteTopicsHandler::Response>> DeleteTopicsHandler::handle(RequestContext& context,
                                                                             Request& request) {
    const auto deadline = controller_deadline(context, request.timeout_ms);
    const auto version = context.version;
    auto response = co_await context.node.controller->ask(request, deadline);
    if (response) {
        for (auto& topic : response->responses) {
            if (version < 5) topic.error_message.reset();
            // TOPIC_DELETION_DISABLED came with version 3.
            if (version < 3 && topic.error_code == wire(ErrorCode::topic_deletion_disabled)) {
                topic.error_code = wire(ErrorCode::invalid_request);
            }
        }
    }
    co_return response;
}

DeleteTopicsHandler::Response DeleteTopicsHandler::error_answer(const Request& request, std::int16_t, ErrorCode code) {
    Response response;
    for (const auto& topic : request.topics) {
        auto& one = response.responses.emplace_back();
        one.name = topic.name;
        one.topic_id = topic.topic_id;
        one.error_code = wire(code);
    }
    for (const auto& name : request.topic_names) {
        auto& one = response.responses.emplace_back();
        one.name = name;
        one.error_code = wire(code);
    }
    return response;
}

}  // namespace ottla::broker
