// SPDX-License-Identifier: Apache-2.0
// Any bytes as the small files beside the logs: what can be read can be written, and reads as the same again. The
// first byte picks the file.
#include <cstdlib>
#include <string>

#include <ottla/bytes.hpp>

#include "broker/log/directory_files.hpp"
#include "broker/log/leader_epochs.hpp"

namespace {

using namespace ottla;
using namespace ottla::broker::log;

void expect(bool condition) {
    if (!condition) std::abort();
}

template <class Parse, class Print>
void round_trip(std::string_view text, Parse parse, Print print) {
    const auto value = parse(text);
    if (!value) {
        expect(!value.error().text().empty());
        return;
    }
    const std::string printed = print(*value);
    const auto again = parse(printed);
    expect(again.has_value());
    expect(print(*again) == printed);
    if constexpr (requires { *again == *value; }) expect(*again == *value);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 1) return 0;
    const auto text = as_text(ByteSpan(data + 1, size - 1));
    switch (data[0] % 7) {
        case 0: round_trip(text, parse_offset_checkpoint, offset_checkpoint_text); break;
        case 1:
            round_trip(text, LeaderEpochs::parse, [](const LeaderEpochs& epochs) { return epochs.to_text(); });
            break;
        case 2: round_trip(text, parse_partition_metadata, partition_metadata_text); break;
        case 3: round_trip(text, MetaProperties::parse, [](const MetaProperties& p) { return p.to_text(); }); break;
        case 4: round_trip(text, parse_clean_shutdown, clean_shutdown_text); break;
        case 5: round_trip(text, QuorumState::parse, [](const QuorumState& state) { return state.to_text(); }); break;
        default:
            if (const auto name = parse_partition_directory(text)) {
                expect(name->partition >= 0 && !name->topic.empty());
                expect(parse_partition_directory(partition_directory(name->topic, name->partition)) == *name);
            }
    }
    return 0;
}
