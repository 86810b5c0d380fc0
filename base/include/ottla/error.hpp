// SPDX-License-Identifier: Apache-2.0
// The one error taxonomy of client, broker and codec: a code, what it means for the caller, and a sentence that
// says what failed, where (topic, partition, offset, broker) and what to do.
#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace ottla::inline v0 {

// Kafka's codes (release 4.3.1) as they travel on the wire, -1 and up; below -100, ours, numbered as librdkafka
// numbers its local errors where it has the same, so that they are known in logs; -120 to -117 are only ours.
enum class ErrorCode : std::int16_t {
#define OTTLA_ERROR(NAME, name, code, retriable, refresh, text) name = code,
#include <ottla/error_codes.inc>
#undef OTTLA_ERROR
};

// "UNKNOWN_TOPIC_OR_PARTITION"; for a code that this release does not know, "UNKNOWN_CODE".
std::string_view name(ErrorCode) noexcept;
// One sentence on what the code means.
std::string_view describe(ErrorCode) noexcept;
// The same request may succeed when it is sent again.
bool is_retriable(ErrorCode) noexcept;
// The sender's metadata is out of date; refresh it before sending again.
bool needs_metadata_refresh(ErrorCode) noexcept;
// NAME → code; nothing when there is no such name.
bool parse(std::string_view name, ErrorCode& out) noexcept;

// 16 bytes, cheap to copy and, without a sentence of its own, made without an allocation. Safe to pass between
// threads; one object is not to be written by two.
class [[nodiscard]] Error {
public:
    // No error: ErrorCode::none. What Result::error() answers when there is a value.
    Error() noexcept : Error(ErrorCode::none, 0) {}
    // The code with the table's sentence. Never allocates.
    static Error of(ErrorCode code) noexcept { return Error(code, flags_of(code)); }
    // The code with a sentence that names what and where.
    static Error of(ErrorCode code, std::string text);

    Error(const Error&) noexcept;
    Error(Error&& other) noexcept
        : text_(std::exchange(other.text_, nullptr)),
          code_(other.code_),
          flags_(other.flags_) {}
    Error& operator=(Error other) noexcept {
        std::swap(text_, other.text_);
        std::swap(code_, other.code_);
        std::swap(flags_, other.flags_);
        return *this;
    }
    ~Error();

    ErrorCode code() const noexcept { return code_; }
    // Kafka's name of the code.
    std::string_view name() const noexcept { return v0::name(code_); }
    std::string_view text() const noexcept;

    // The client can't go on: close it. (A fenced producer, broken idempotence.)
    bool is_fatal() const noexcept { return (flags_ & fatal) != 0; }
    // Trying the same again may succeed.
    bool is_retriable() const noexcept { return (flags_ & retriable) != 0; }
    // The open transaction must be aborted; the producer lives on.
    bool requires_abort() const noexcept { return (flags_ & abort) != 0; }
    bool is_timeout() const noexcept;

    Error as_fatal() const&;
    Error as_requiring_abort() const&;
    // The same code and flags with `what` put before the sentence: "what: sentence".
    Error with_context(std::string_view what) const;

    friend bool operator==(const Error& e, ErrorCode code) noexcept { return e.code_ == code; }
    friend bool operator==(const Error& a, const Error& b) noexcept {
        return a.code_ == b.code_ && a.flags_ == b.flags_ && a.text() == b.text();
    }

private:
    enum Flag : std::uint8_t { fatal = 1, retriable = 2, abort = 4 };
    struct Text;

    Error(ErrorCode code, std::uint8_t flags, Text* text = nullptr) noexcept
        : text_(text),
          code_(code),
          flags_(flags) {}
    static std::uint8_t flags_of(ErrorCode) noexcept;

    Text* text_ = nullptr;  // null: the table's sentence
    ErrorCode code_;
    std::uint8_t flags_;
};
static_assert(sizeof(Error) == 16);

// "UNKNOWN_TOPIC_OR_PARTITION: topic 'orders' …"
std::string to_string(const Error&);
std::string to_string(ErrorCode);

// What Result::value() throws.
class Exception : public std::exception {
public:
    explicit Exception(Error error) : error_(std::move(error)), what_(to_string(error_)) {}
    const Error& error() const noexcept { return error_; }
    const char* what() const noexcept override { return what_.c_str(); }

private:
    Error error_;
    std::string what_;
};

}  // namespace ottla::inline v0
