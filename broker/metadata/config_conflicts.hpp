// SPDX-License-Identifier: Apache-2.0
// Topic configs that are right one by one, but contradict each other.
#pragma once

#include <span>
#include <string_view>

#include <ottla/result.hpp>
#include "broker/metadata/image_builder.hpp"
#include "broker/server/properties.hpp"

namespace ottla::broker {

// INVALID_CONFIG when they do once the records stand in the image. Of those, only what sets configs is looked at.
Result<void> check_config_conflicts(const std::shared_ptr<const MetadataImage>&, std::span<const MetadataRecord>,
                                    std::string_view topic, const Properties& static_values, std::int32_t node_id);

}  // namespace ottla::broker
