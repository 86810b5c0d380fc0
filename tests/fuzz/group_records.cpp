// SPDX-License-Identifier: Apache-2.0
// Any bytes as records of __consumer_offsets, each behind the lengths of its key and value (u16 each; 0xffff: no
// value): what can be read can be written and reads as the same, and a coordinator takes it, whatever it says.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <source_location>

#include <ottla/protocol/big_endian.hpp>
#include "broker/groups/group_coordinator.hpp"

namespace {

using namespace ottla;
using namespace ottla::broker::groups;

void expect(bool condition, std::source_location where = std::source_location::current()) {
    if (condition) return;
    std::fprintf(stderr, "expected at line %u\n", static_cast<unsigned>(where.line()));
    std::abort();
}

ByteSpan take_bytes(ByteSpan& input, std::size_t length) {
    const ByteSpan taken = input.first(std::min(length, input.size()));
    input = input.subspan(taken.size());
    return taken;
}

void round_trip(const GroupRecord& record) {
    const auto written = encode(record);
    if (!written) return;
    const auto value = written->value ? protocol::NullableSpan(written->value->span()) : std::nullopt;
    const auto again = decode_group_record(written->key.span(), value);
    expect(again.has_value());
    const auto rewritten = encode(*again);
    expect(rewritten && rewritten->key == written->key && rewritten->value == written->value);
}

std::size_t answers_to(GroupCoordinator& coordinator, const GroupRequest& request, Moment at) {
    const auto decision = coordinator.handle(1, {"c", "/127.0.0.1", 6}, request, at);
    return decision.replies.size();
}

// Every record is taken by the log.
void perform(GroupCoordinator& coordinator, Decision decision, Moment at) {
    while (!decision.records.empty()) decision = coordinator.appended(decision, ErrorCode::none, at);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    constexpr std::size_t head = 4;
    constexpr std::uint16_t no_value = 0xffff;
    GroupCoordinator coordinator(GroupSettings{}, base::Random(1));
    ByteSpan input(data, size);
    for (int i = 0; input.size() >= head; ++i) {
        const auto key_length = protocol::load_big<std::uint16_t>(input.data());
        const auto value_length = protocol::load_big<std::uint16_t>(input.data() + 2);
        input = input.subspan(head);
        const ByteSpan key = take_bytes(input, key_length);
        const auto value =
            value_length == no_value ? std::nullopt : protocol::NullableSpan(take_bytes(input, value_length));
        const auto record = decode_group_record(key, value);
        if (!record) continue;
        round_trip(*record);
        if (i % 4 == 3) {
            coordinator.replay_pending(i % 2, *record, i);
        } else {
            coordinator.replay(*record, i);
        }
        if (i % 8 == 7) coordinator.replay_marker(i % 2, i % 16 == 7);
    }
    Moment at;
    perform(coordinator, coordinator.loaded(at), at);
    expect(answers_to(coordinator, ListGroups{}, at) == 1);
    expect(answers_to(coordinator, DescribeGroup{"g"}, at) == 1);
    expect(answers_to(coordinator, FetchOffsets{"g", std::nullopt, true}, at) == 1);
    // Sessions end, and what is old goes.
    for (int i = 0; i < 100 && coordinator.next_due(); ++i) {
        at.now = std::max(at.now, *coordinator.next_due());
        at.wall_ms += 600'000;
        while (auto decision = coordinator.on_time(at)) perform(coordinator, std::move(*decision), at);
    }
    return 0;
}
