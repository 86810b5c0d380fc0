// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace ottla::generator {

// "TopicId" → "topic_id", "KRaftVersion" → "kraft_version", "ISRNodes" → "isr_nodes".
std::string snake_case(std::string_view);
// snake_case, with an underscore behind it when C++ or the generated struct uses the word itself.
std::string member_name(std::string_view);
// "TopicId" → "topicId": the name in JSON.
std::string camel_case(std::string_view);

}  // namespace ottla::generator
