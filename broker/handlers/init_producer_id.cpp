// SPDX-License-Identifier: Apache-2.0
#include "broker/handlers/init_producer_id.hpp"

#include "broker/handlers/answers.hpp"

namespace ottla::broker {

awaitable<Result<InitProducerIdHandler::Response>> InitProducerIdHandler::handle(RequestContext& context,
                                                                                 Request& request) {
    if (request.transactional_id) {
        // An empty one is a mistake; for any other there is no transaction coordinator to ask.
        co_return Error::of(request.transactional_id->empty() ? ErrorCode::invalid_request
                                                              : ErrorCode::coordinator_not_available);
    }
    const auto deadline = controller_deadline(context, context.node.config->request_timeout_ms);
    const auto* self = context.image->broker(context.node.id);
    const std::int64_t epoch = self ? self->epoch : -1;
    const auto id =
        co_await context.shard.producer_ids().next(*context.node.controller, context.node.id, epoch, deadline);
    if (!id) co_return id.error();
    Response response;
    response.producer_id = *id;
    response.producer_epoch = 0;
    co_return response;
}

InitProducerIdHandler::Response InitProducerIdHandler::error_answer(const Request&, std::int16_t, ErrorCode code) {
    Response response;
    response.error_code = wire(code);
    response.producer_epoch = -1;
    return response;
}

}  // namespace ottla::broker
