// SPDX-License-Identifier: Apache-2.0
#include <ottla/message.hpp>
#include <ottla/protocol/reader.hpp>

#include "client/consumer/fetched_records.hpp"

namespace ottla::inline v0 {
namespace {

// Calls `each(name, value)`. The bytes were checked when the record was read.
template <class Each>
void walk(const std::uint8_t* bytes, std::uint32_t size, std::uint32_t count, Each each) {
    const std::uint8_t* at = bytes;
    const std::uint8_t* const end = bytes + size;
    const auto varint = [&]() -> std::int32_t {
        std::uint32_t value = 0;
        for (unsigned shift = 0; at != end && shift < 35; shift += 7) {
            const std::uint8_t byte = *at++;
            value |= static_cast<std::uint32_t>(byte & 0x7f) << shift;
            if (byte < 0x80) break;
        }
        return static_cast<std::int32_t>((value >> 1) ^ (~(value & 1) + 1));
    };
    for (std::uint32_t i = 0; i < count; ++i) {
        const std::int32_t name_size = varint();
        if (name_size < 0 || name_size > end - at) return;
        const ByteSpan name(at, static_cast<std::size_t>(name_size));
        at += name_size;
        const std::int32_t value_size = varint();
        if (value_size > end - at) return;
        BytesView value;
        if (value_size >= 0) {
            value = ByteSpan(at, static_cast<std::size_t>(value_size));
            at += value_size;
        }
        each(as_text(name), value);
    }
}

}  // namespace

std::vector<Header> MessageView::headers() const {
    std::vector<Header> out;
    out.reserve(header_count_);
    walk(headers_, headers_size_, header_count_, [&](std::string_view name, BytesView value) {
        out.push_back(Header{name, value});
    });
    return out;
}

BytesView MessageView::header(std::string_view name) const {
    BytesView found;
    walk(headers_, headers_size_, header_count_, [&](std::string_view n, BytesView value) {
        if (n == name) found = value;
    });
    return found;
}

std::string_view Message::topic() const noexcept { return pin_ ? std::string_view(*pin_->topic) : std::string_view(); }

std::int32_t Message::partition() const noexcept { return pin_ ? pin_->partition : -1; }

Message Message::copy() const {
    if (!pin_) return *this;
    auto own = std::make_shared<FetchedRecords>();
    own->topic = pin_->topic;
    own->partition = pin_->partition;
    Buffer memory(key_.size() + value_.size() + headers_size_ + 1);
    memory.append(key_.span());
    memory.append(value_.span());
    if (headers_size_ != 0) memory.append(ByteSpan(headers_, headers_size_));
    Bytes bytes = std::move(memory).freeze();
    MessageView view = *this;
    const std::uint8_t* at = bytes.data();
    if (!key_.is_null()) view.key_ = ByteSpan(at, key_.size());
    at += key_.size();
    if (!value_.is_null()) view.value_ = ByteSpan(at, value_.size());
    at += value_.size();
    view.headers_ = at;
    own->memory.push_back(std::move(bytes));
    return Message(view, std::move(own));
}

std::string_view MessageBatch::topic() const noexcept {
    return pin_ ? std::string_view(*pin_->topic) : std::string_view();
}

std::int32_t MessageBatch::partition() const noexcept { return pin_ ? pin_->partition : -1; }

}  // namespace ottla::inline v0
