// SPDX-License-Identifier: Apache-2.0
#include "broker/handlers/incremental_alter_configs.hpp"

#include "broker/handlers/answers.hpp"
#include "broker/metadata/controller_client.hpp"

namespace ottla::broker {

awaitable<Result<IncrementalAlterConfigsHandler::Response>> IncrementalAlterConfigsHandler::handle(
    RequestContext& context, Request& request) {
    const auto deadline = controller_deadline(context, context.node.config->request_timeout_ms);
    co_return co_await context.node.controller->ask(request, deadline);
}

IncrementalAlterConfigsHandler::Response IncrementalAlterConfigsHandler::error_answer(const Request& request,
                                                                                      std::int16_t, ErrorCode code) {
    Response response;
    for (const auto& resource : request.resources) {
        auto& one = response.responses.emplace_back();
        one.resource_type = resource.resource_type;
        one.resource_name = resource.resource_name;
        one.error_code = wire(code);
    }
    return response;
}

}  // namespace ottla::broker
