// SPDX-License-Identifier: Apache-2.0
// Any bytes as a snapshot of producers: what can be read is written as the very same bytes, and what is made of it can
// be gone through.
#include <cstdlib>

#include "broker/log/producer_snapshot.hpp"
#include "broker/log/producer_states.hpp"
#include "tests/fuzz/log_files.hpp"

namespace {

using namespace ottla;
using namespace ottla::broker::log;

void expect(bool condition) {
    if (!condition) std::abort();
}

void check(ByteSpan bytes) {
    const auto entries = parse_producer_snapshot(bytes);
    if (!entries) return;
    expect(producer_snapshot_bytes(*entries) == as_text(bytes));
    ProducerStates states(*entries);
    expect(states.entries().size() <= entries->size());
    for (const auto& entry : states.entries()) expect(states.find(entry.producer_id) != nullptr);
    const auto first = states.first_unstable_offset(0);
    expect(!first || *first >= 0);
    states.expire(1000);
    expect(states.first_unstable_offset(0) == first);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::vector<std::uint8_t> bytes(data, data + size);
    check(bytes);
    tests::patch_producer_snapshot(bytes);
    check(bytes);
    return 0;
}
