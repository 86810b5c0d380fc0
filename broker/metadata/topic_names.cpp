// SPDX-License-Identifier: Apache-2.0
#include "broker/metadata/topic_names.hpp"

#include <algorithm>

namespace ottla::broker {

std::string collision_key(std::string_view name) {
    std::string key(name);
    std::replace(key.begin(), key.end(), '.', '_');
    return key;
}

}  // namespace ottla::broker
