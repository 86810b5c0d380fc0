// SPDX-License-Identifier: Apache-2.0
// Any bytes as any message of the type OTTLA_FUZZED_TYPE: the first byte picks the message, the second its version.
#include <string_view>
#include <vector>

#include "tests/fuzz/check_message.hpp"

namespace {

using ottla::protocol::MessageInfo;

const std::vector<const MessageInfo*>& candidates() {
    static const std::vector<const MessageInfo*> all = [] {
        std::vector<const MessageInfo*> found;
        for (const MessageInfo& message : ottla::protocol::all_messages()) {
            if (message.type == std::string_view(OTTLA_FUZZED_TYPE)) found.push_back(&message);
        }
        return found;
    }();
    return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const MessageInfo& message = *candidates()[data[0] % candidates().size()];
    const int versions = message.versions.max - message.versions.min + 1;
    ottla::tests::check_message(message, ottla::Bytes::copy_of({data + 2, size - 2}),
                                static_cast<std::int16_t>(message.versions.min + data[1] % versions));
    return 0;
}
