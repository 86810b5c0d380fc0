// SPDX-License-Identifier: Apache-2.0
// Which topic names Kafka allows, and which it keeps apart.
#pragma once

#include <string>
#include <string_view>

#include <ottla/protocol/topic_name.hpp>

namespace ottla::broker {

using protocol::check_topic_name;

// '.' and '_' are the same in metric names, so 'a.b' and 'a_b' may not both exist. Equal for names that collide.
std::string collision_key(std::string_view name);

}  // namespace ottla::broker
