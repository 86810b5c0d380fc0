// SPDX-License-Identifier: Apache-2.0
// The topics that the broker keeps for itself: what they are made with, and making them when they are needed first.
#pragma once

#include <string_view>

#include <ottla/protocol/messages/create_topics_request.hpp>
#include "broker/handlers/handler.hpp"

namespace ottla::broker {

// What is asked of the controller for a topic of this name: for an internal one as the settings say, for any other
// with the broker's defaults.
protocol::CreateTopicsRequest::CreatableTopic new_topic(const BrokerConfig&, std::string_view name);

// __consumer_offsets is there when it returns none; the image of the context is fresh then.
awaitable<ErrorCode> ensure_offsets_topic(RequestContext& context);

}  // namespace ottla::broker
