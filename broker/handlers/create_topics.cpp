// SPDX-License-Identifier: Apache-2.0
#include "broker/handlers/create_topics.hpp"

#include "broker/handlers/answers.hpp"
#include "broker/metadata/controller_client.hpp"

namespace ottla::broker {

awaitable<Result<CreateTopicsHandler::Response>> CreateTopicsHandler::handle(RequestContext& context,
                                                                             Request& request) {
    const auto deadline = controller_deadline(context, request.timeout_ms);
    const auto version = context.version;
    auto response = co_await context.node.controller->ask(request, deadline);
    // Older versions have no place for what the newer ones describe.
    if (response && version < 5) {
        for (auto& topic : response->topics) {
            topic.num_partitions = -1;
            topic.replication_factor = -1;
            topic.configs.emplace();
        }
    }
    co_return response;
}

CreateTopicsHandler::Response CreateTopicsHandler::error_answer(const Request& request, std::int16_t, ErrorCode code) {
    Response response;
    for (const auto& topic : request.topics) {
        auto& one = response.topics.emplace_back();
        one.name = topic.name;
        one.error_code = wire(code);
    }
    return response;
}

}  // namespace ottla::broker
