// SPDX-License-Identifier: Apache-2.0
// UnrulyAnswers: what brokers of a simulated cluster do to answers on their way, each kind as often as the seed says:
// they refuse, throttle, answer late, cut the connection before or after the work, deny what they have written, leave
// out who leads, and tell of old metadata. It also looks whether clients wait when they are throttled.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <vector>

#include <ottla/protocol/messages/metadata_response.hpp>
#include <ottla/protocol/messages/produce_response.hpp>

#include "broker/handlers/request_hook.hpp"
#include "tests/simulation/simulation.hpp"

namespace ottla::test {

class UnrulyAnswers final : public broker::RequestHook {
public:
    explicit UnrulyAnswers(Simulation&);

    void begin() { active_ = true; }
    // From now on all answers are as they should be.
    void end() { active_ = false; }
    // No Produce followed before its time one that was throttled: but those that were under way when the answer came,
    // which are as many as may be in flight on a connection.
    void check_throttling(std::int64_t in_flight_max, std::vector<std::string>& failures) const;

    asio::awaitable<Verdict> before(broker::RequestContext&, protocol::ApiKey) override;
    asio::awaitable<Verdict> after(broker::RequestContext&, protocol::ProduceResponse&) override;
    asio::awaitable<Verdict> after(broker::RequestContext&, protocol::MetadataResponse&) override;

private:
    struct Throttled {
        std::size_t request;  // which of its connection
        TimePoint until;
    };
    struct Connection {
        std::vector<TimePoint> produced;  // when each Produce came
        std::vector<Throttled> throttled;
    };

    // How often; never in some worlds.
    double share(double most) { return random_.chance(0.4) ? 0.0 : most * random_.unit(); }
    bool happens(const char* kind, double share);
    void throttle(const broker::RequestContext&, protocol::ProduceResponse&);
    void deny(protocol::ProduceResponse&);
    void leave_out_leaders(protocol::ProduceResponse&);

    Simulation& simulation_;
    base::Random random_;
    bool active_ = false;
    const double refused_, cut_before_, cut_after_, throttled_, late_, denied_, without_leader_, without_endpoint_,
        old_;
    std::map<std::string, Connection, std::less<>> connections_;  // by their peers
    std::map<const broker::RequestContext*, std::size_t> request_of_;
    std::deque<protocol::MetadataResponse> metadata_;  // what was answered, the newest last
};

}  // namespace ottla::test
