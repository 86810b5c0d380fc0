// SPDX-License-Identifier: Apache-2.0
// Where a record stood first.
#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>

#include <ottla/parallel_consumer.hpp>

namespace ottla::inline v0 {
namespace {

// What a header says; nothing when it is not there, or no number of this kind.
template <class T>
std::optional<T> number_in(BytesView header) {
    const auto text = header.text();
    T number = 0;
    const auto [stopped, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (text.empty() || error != std::errc() || stopped != text.data() + text.size()) return std::nullopt;
    return number;
}

}  // namespace

WorkItem WorkItem::from_retry_topic(Message message, std::int32_t attempt) {
    WorkItem item(std::move(message), attempt);
    const auto before = std::max(0, number_in<std::int32_t>(item.header("retry.attempts")).value_or(0));
    item.attempt_ = before > std::numeric_limits<std::int32_t>::max() - attempt ? before : before + attempt;
    item.is_from_retry_topic_ = true;
    // All of them or none: half of them would name a record that never was.
    item.has_origin_ = !item.header("retry.topic").empty() &&
                       number_in<std::int32_t>(item.header("retry.partition")).value_or(-1) >= 0 &&
                       number_in<std::int64_t>(item.header("retry.offset")).value_or(-1) >= 0;
    return item;
}

WorkItem WorkItem::copy() const {
    WorkItem item = *this;
    static_cast<Message&>(item) = Message::copy();
    return item;
}

std::string_view WorkItem::origin_topic() const { return has_origin_ ? header("retry.topic").text() : topic(); }
std::int32_t WorkItem::origin_partition() const {
    return has_origin_ ? number_in<std::int32_t>(header("retry.partition")).value_or(-1) : partition();
}
std::int64_t WorkItem::origin_offset() const {
    return has_origin_ ? number_in<std::int64_t>(header("retry.offset")).value_or(-1) : offset();
}
std::int64_t WorkItem::origin_timestamp_ms() const {
    return has_origin_ ? number_in<std::int64_t>(header("retry.timestamp")).value_or(-1) : timestamp_ms();
}

}  // namespace ottla::inline v0
