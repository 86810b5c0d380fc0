// SPDX-License-Identifier: Apache-2.0
// ControllerClient: how a handler asks the controller for a change. Request and reply, also when the controller is
// this very process, so that forwarding to another node can stand behind the same call.
#pragma once

#include <utility>
#include <variant>

#include <boost/asio/awaitable.hpp>

#include <ottla/result.hpp>
#include "base/clock.hpp"
#include "broker/metadata/controller_requests.hpp"

namespace ottla::broker {

class ControllerClient {
public:
    virtual ~ControllerClient() = default;

    // Returns when the change is on disk and every broker of this process that is up has applied it (a created
    // topic can be produced to), or with the request's own errors inside the reply. NOT_CONTROLLER when there is no
    // active controller, REQUEST_TIMED_OUT after `deadline`; the change may still come then. Call it from any
    // executor; it resumes on the caller's.
    virtual boost::asio::awaitable<Result<ControllerReply>> call(ControllerRequest request,
                                                                 base::TimePoint deadline) = 0;

    template <class Request>
    boost::asio::awaitable<Result<typename Request::Response>> ask(Request request, base::TimePoint deadline) {
        ControllerRequest any(std::move(request));
        auto reply = co_await call(std::move(any), deadline);
        if (!reply) co_return reply.error();
        co_return std::get<typename Request::Response>(std::move(*reply));
    }
};

}  // namespace ottla::broker
