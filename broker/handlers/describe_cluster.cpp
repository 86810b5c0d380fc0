// SPDX-License-Identifier: Apache-2.0
#include "broker/handlers/describe_cluster.hpp"

#include "broker/handlers/answers.hpp"

namespace ottla::broker {
namespace {

constexpr std::int8_t brokers_endpoint = 1;
constexpr std::int8_t controllers_endpoint = 2;

}  // namespace

awaitable<Result<DescribeClusterHandler::Response>> DescribeClusterHandler::handle(RequestContext& context,
                                                                                   Request& request) {
    Response response;
    if (request.endpoint_type != brokers_endpoint) {
        const bool known = request.endpoint_type == controllers_endpoint;
        response.error_code = wire(known ? ErrorCode::mismatched_endpoint_type : ErrorCode::unsupported_endpoint_type);
        response.error_message = known ? "The request was sent to an endpoint of the wrong type: this is a broker."
                                       : "Unsupported endpoint type.";
        co_return response;
    }
    response.cluster_id = context.node.cluster_id;
    response.controller_id = context.node.id;
    for (const auto& [id, broker] : context.image->brokers()) {
        const auto* endpoint = broker.endpoint(context.listener_name);
        if (!endpoint || (broker.fenced && !request.include_fenced_brokers)) continue;
        auto& one = response.brokers.emplace_back();
        one.broker_id = id;
        one.host = endpoint->host;
        one.port = endpoint->port;
        one.rack = broker.rack;
        one.is_fenced = broker.fenced;
    }
    if (request.include_cluster_authorized_operations)
        response.cluster_authorized_operations = all_cluster_operations();
    co_return response;
}

DescribeClusterHandler::Response DescribeClusterHandler::error_answer(const Request&, std::int16_t, ErrorCode code) {
    Response response;
    response.error_code = wire(code);
    response.error_message = std::string(describe(code));
    return response;
}

}  // namespace ottla::broker
