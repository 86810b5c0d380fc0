// SPDX-License-Identifier: Apache-2.0
#include "broker/embedded/fault_script.hpp"

#include <algorithm>

namespace ottla::broker {
namespace {

constexpr std::size_t requests_max = 1'000'000;

}  // namespace

void FaultScript::heal(int broker) {
    cut_.erase(broker);
    for (const auto& waiting : std::exchange(waiting_for_heal_, {})) waiting->notify();
}

std::optional<Fault> FaultScript::take(int broker, protocol::ApiKey api) {
    const auto at = std::find_if(faults_.begin(), faults_.end(), [&](const Fault& fault) {
        return (!fault.api() || *fault.api() == api) && (!fault.broker() || *fault.broker() == broker);
    });
    if (at == faults_.end()) return std::nullopt;
    const Fault fault = *at;
    if (!at->use_up()) faults_.erase(at);
    return fault;
}

void FaultScript::record(int broker, const RequestContext& context, protocol::ApiKey api) {
    if (requests_.size() == requests_max) return;
    auto& one = requests_.emplace_back();
    one.broker = broker;
    one.api = api;
    one.version = context.version;
    one.client_id = context.client_id;
}

boost::asio::awaitable<RequestHook::Verdict> FaultScript::before(int broker, RequestContext& context,
                                                                 protocol::ApiKey api) {
    record(broker, context, api);
    while (cut_.contains(broker)) {
        const auto healed = std::make_shared<net::Signal>(executor_);
        waiting_for_heal_.push_back(healed);
        co_await healed->wait();
    }
    RequestHook::Verdict verdict;
    const auto fault = take(broker, api);
    if (!fault) co_return verdict;
    if (fault->latency().count() > 0) co_await timers_.wait_for(fault->latency());
    if (fault->disconnects()) {
        verdict.kind = RequestHook::Verdict::disconnect;
    } else if (fault->code() != ErrorCode::none) {
        verdict.kind = RequestHook::Verdict::answer_error;
        verdict.error = fault->code();
    }
    co_return verdict;
}

}  // namespace ottla::broker
