// SPDX-License-Identifier: Apache-2.0
// Fault: something a broker of an embedded cluster is told to do wrong, and LoggedRequest: what it was asked.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include <ottla/error.hpp>
#include <ottla/protocol/api_key.hpp>

namespace ottla::broker {

// Fault::error(ErrorCode::not_leader_or_follower).on(ApiKey::produce).at_broker(2).times(3)
class Fault {
public:
    // The request is not handled; everything it asked for is answered with `code`.
    static Fault error(ErrorCode code) noexcept {
        Fault fault;
        fault.code_ = code;
        return fault;
    }
    // The connection closes instead of an answer; the request is not handled.
    static Fault disconnect() noexcept {
        Fault fault;
        fault.disconnect_ = true;
        return fault;
    }
    // The request is handled that much later.
    static Fault delay(std::chrono::milliseconds by) noexcept {
        Fault fault;
        fault.latency_ = by;
        return fault;
    }

    // Without these two: any API, any broker.
    Fault on(protocol::ApiKey api) const noexcept {
        Fault fault = *this;
        fault.api_ = api;
        return fault;
    }
    Fault at_broker(int id) const noexcept {
        Fault fault = *this;
        fault.broker_ = id;
        return fault;
    }
    // How many requests it hits; once unless said.
    Fault times(int n) const noexcept {
        Fault fault = *this;
        fault.left_ = n;
        return fault;
    }
    Fault always() const noexcept { return times(forever); }
    // An error or a disconnect that comes late.
    Fault after(std::chrono::milliseconds latency) const noexcept {
        Fault fault = *this;
        fault.latency_ = latency;
        return fault;
    }

    std::optional<protocol::ApiKey> api() const noexcept { return api_; }
    std::optional<int> broker() const noexcept { return broker_; }
    ErrorCode code() const noexcept { return code_; }
    bool disconnects() const noexcept { return disconnect_; }
    std::chrono::milliseconds latency() const noexcept { return latency_; }
    // One hit less. False when that was the last.
    bool use_up() noexcept { return left_ == forever || --left_ > 0; }

private:
    static constexpr int forever = -1;
    Fault() = default;

    std::optional<protocol::ApiKey> api_;
    std::optional<int> broker_;
    ErrorCode code_ = ErrorCode::none;
    bool disconnect_ = false;
    std::chrono::milliseconds latency_{0};
    int left_ = 1;
};

// A request that reached a broker, whatever became of it.
struct LoggedRequest {
    LoggedRequest() = default;

    int broker = 0;
    protocol::ApiKey api{};
    std::int16_t version = 0;
    std::string client_id;
};

}  // namespace ottla::broker
