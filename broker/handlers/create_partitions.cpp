// SPDX-License-Identifier: Apache-2.0
#include "broker/handlers/create_partitions.hpp"

#include "broker/handlers/answers.hpp"
#include "broker/metadata/controller_client.hpp"

namespace ottla::broker {

awaitable<Result<CreatePartitionsHandler::Response>> CreatePartitionsHandler::handle(RequestContext& context,
                                                                                     Request& request) {
    const auto deadline = controller_deadline(context, request.timeout_ms);
    co_return co_await context.node.controller->ask(request, deadline);
}

CreatePartitionsHandler::Response CreatePartitionsHandler::error_answer(const Request& request, std::int16_t,
                                                                        ErrorCode code) {
    Response response;
    for (const auto& topic : request.topics) {
        auto& one = response.results.emplace_back();
        one.name = topic.name;
        one.error_code = wire(code);
    }
    return response;
}

}  // namespace ottla::broker
