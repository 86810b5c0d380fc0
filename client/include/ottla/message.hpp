// SPDX-License-Identifier: Apache-2.0
// What a consumer gets. MessageView is one record as a view; Message is the same and keeps the fetched response
// alive that it lies in; MessageBatch is many records of one partition at the price of one.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ottla/header.hpp>
#include <ottla/offset.hpp>

namespace ottla::inline v0 {

enum class TimestampType : std::uint8_t {
    create_time,      // set by the producer
    log_append_time,  // set by the broker
};
std::string_view to_string(TimestampType) noexcept;

// Lives as long as the MessageBatch or Message that it was taken from.
class MessageView {
public:
    std::int64_t offset() const noexcept { return offset_; }
    // Milliseconds since 1970-01-01 UTC; -1 when the record has none.
    std::int64_t timestamp_ms() const noexcept { return timestamp_ms_; }
    TimestampType timestamp_type() const noexcept { return timestamp_type_; }
    BytesView key() const noexcept { return key_; }
    BytesView value() const noexcept { return value_; }
    std::size_t header_count() const noexcept { return header_count_; }
    // Read out of the record at each call.
    std::vector<Header> headers() const;
    // The last header of this name; null also when there is none.
    BytesView header(std::string_view name) const;
    // Epoch of the leader that wrote it; -1 when unknown.
    std::int32_t leader_epoch() const noexcept { return leader_epoch_; }

    // Filled by whoever decodes records; not for users.
    struct Parts {
        std::int64_t offset = -1;
        std::int64_t timestamp_ms = -1;
        BytesView key;
        BytesView value;
        // The encoded headers behind their count, checked already.
        const std::uint8_t* headers = nullptr;
        std::uint32_t headers_size = 0;
        std::uint32_t header_count = 0;
        std::int32_t leader_epoch = -1;
        TimestampType timestamp_type = TimestampType::create_time;
    };
    MessageView() noexcept = default;
    explicit MessageView(const Parts& p) noexcept
        : offset_(p.offset),
          timestamp_ms_(p.timestamp_ms),
          key_(p.key),
          value_(p.value),
          headers_(p.headers),
          headers_size_(p.headers_size),
          header_count_(p.header_count),
          leader_epoch_(p.leader_epoch),
          timestamp_type_(p.timestamp_type) {}

private:
    friend class Message;
    std::int64_t offset_ = -1;
    std::int64_t timestamp_ms_ = -1;
    BytesView key_;
    BytesView value_;
    const std::uint8_t* headers_ = nullptr;
    std::uint32_t headers_size_ = 0;
    std::uint32_t header_count_ = 0;
    std::int32_t leader_epoch_ = -1;
    TimestampType timestamp_type_ = TimestampType::create_time;
};

// "@42 key=… value=…"
std::string to_string(const MessageView&);

// What a message was fetched with. Opaque to users.
struct FetchedRecords;

// Move it or copy it: copies share the response. While one lives, so does the whole response, and its bytes count
// in queued.max.messages.kbytes; copy() detaches what is kept for long.
class Message : public MessageView {
public:
    Message() = default;
    Message(const MessageView& view, std::shared_ptr<const FetchedRecords> pin) noexcept
        : MessageView(view),
          pin_(std::move(pin)) {}

    std::string_view topic() const noexcept;
    std::int32_t partition() const noexcept;
    // The same message in memory of its own.
    Message copy() const;

private:
    std::shared_ptr<const FetchedRecords> pin_;
};

// "orders[3]@42 key=… value=…"
std::string to_string(const Message&);

// Consecutive records of one partition, ready to be walked; empty when the time was up. Moving it is cheap.
class MessageBatch {
public:
    MessageBatch() = default;
    MessageBatch(std::shared_ptr<const FetchedRecords> pin, std::span<const MessageView> messages) noexcept
        : pin_(std::move(pin)),
          messages_(messages) {}

    std::string_view topic() const noexcept;
    std::int32_t partition() const noexcept;
    std::size_t size() const noexcept { return messages_.size(); }
    bool empty() const noexcept { return messages_.empty(); }
    const MessageView& operator[](std::size_t i) const noexcept { return messages_[i]; }
    auto begin() const noexcept { return messages_.begin(); }
    auto end() const noexcept { return messages_.end(); }
    // One of them, to be kept beyond the batch.
    Message message(std::size_t i) const { return {messages_[i], pin_}; }

private:
    std::shared_ptr<const FetchedRecords> pin_;
    std::span<const MessageView> messages_;
};

// "orders[3], 100 messages from 42"
std::string to_string(const MessageBatch&);

}  // namespace ottla::inline v0
