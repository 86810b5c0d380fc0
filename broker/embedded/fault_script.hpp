// SPDX-License-Identifier: Apache-2.0
// FaultScript: what the brokers of an embedded cluster do wrong on purpose, and the log of what they were asked.
// Belongs to the cluster's one executor.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include <ottla/broker/fault.hpp>
#include "broker/handlers/request_hook.hpp"
#include "net/signal.hpp"

namespace ottla::broker {

class FaultScript {
public:
    FaultScript(boost::asio::any_io_executor executor, net::Timers& timers)
        : executor_(std::move(executor)),
          timers_(timers) {}

    void add(const Fault& fault) { faults_.push_back(fault); }
    void clear_faults() { faults_.clear(); }
    // The broker hears requests and answers none, until healed.
    void cut(int broker) { cut_.insert(broker); }
    void heal(int broker);

    const std::vector<LoggedRequest>& requests() const noexcept { return requests_; }
    void clear_requests() { requests_.clear(); }

    boost::asio::awaitable<RequestHook::Verdict> before(int broker, RequestContext& context, protocol::ApiKey api);

private:
    std::optional<Fault> take(int broker, protocol::ApiKey api);
    void record(int broker, const RequestContext&, protocol::ApiKey);

    boost::asio::any_io_executor executor_;
    net::Timers& timers_;
    std::vector<Fault> faults_;
    std::set<int> cut_;
    std::vector<std::shared_ptr<net::Signal>> waiting_for_heal_;
    std::vector<LoggedRequest> requests_;
};

// The script, as one broker sees it.
class BrokerFaults final : public RequestHook {
public:
    BrokerFaults(FaultScript& script, int broker) : script_(script), broker_(broker) {}
    boost::asio::awaitable<Verdict> before(RequestContext& context, protocol::ApiKey api) override {
        return script_.before(broker_, context, api);
    }

private:
    FaultScript& script_;
    int broker_;
};

}  // namespace ottla::broker
