// SPDX-License-Identifier: Apache-2.0
#include <ottla/error.hpp>
#include <ottla/result.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <string>

namespace ottla::inline v0 {
namespace {

struct Row {
    ErrorCode code;
    std::string_view name;
    bool retriable;
    bool refresh;
    std::string_view text;
};

constexpr bool yes = true;
constexpr bool no = false;
constexpr Row rows[] = {
#define OTTLA_ERROR(NAME, name, code, retriable, refresh, text) {ErrorCode::name, #NAME, retriable, refresh, text},
#include <ottla/error_codes.inc>
#undef OTTLA_ERROR
};

constexpr int code_min = -256;
constexpr int code_max = 255;
// Index of a code's row, or -1: the table is dense enough that a lookup is one load.
constexpr auto index_of_code = [] {
    std::array<std::int16_t, code_max - code_min + 1> index{};
    index.fill(-1);
    for (std::size_t i = 0; i < std::size(rows); ++i)
        index[static_cast<std::size_t>(static_cast<int>(rows[i].code) - code_min)] = static_cast<std::int16_t>(i);
    return index;
}();

const Row* find(ErrorCode code) noexcept {
    const int c = static_cast<int>(code);
    if (c < code_min || c > code_max) return nullptr;
    const auto i = index_of_code[static_cast<std::size_t>(c - code_min)];
    return i < 0 ? nullptr : &rows[i];
}

}  // namespace

std::string_view name(ErrorCode code) noexcept {
    const Row* row = find(code);
    return row ? row->name : "UNKNOWN_CODE";
}

std::string_view describe(ErrorCode code) noexcept {
    const Row* row = find(code);
    return row ? row->text : "The broker answered with a code that this release does not know.";
}

bool is_retriable(ErrorCode code) noexcept {
    const Row* row = find(code);
    return row && row->retriable;
}

bool needs_metadata_refresh(ErrorCode code) noexcept {
    const Row* row = find(code);
    return row && row->refresh;
}

bool parse(std::string_view name, ErrorCode& out) noexcept {
    const auto* row = std::find_if(std::begin(rows), std::end(rows), [&](const Row& r) { return r.name == name; });
    if (row == std::end(rows)) return false;
    out = row->code;
    return true;
}

struct Error::Text {
    std::atomic<std::uint32_t> references{1};
    std::string text;
};

Error Error::of(ErrorCode code, std::string text) {
    auto owned = std::make_unique<Text>();
    owned->text = std::move(text);
    return Error(code, flags_of(code), owned.release());
}

Error::Error(const Error& other) noexcept : text_(other.text_), code_(other.code_), flags_(other.flags_) {
    if (text_) text_->references.fetch_add(1, std::memory_order_relaxed);
}

Error::~Error() {
    if (text_ && text_->references.fetch_sub(1, std::memory_order_acq_rel) == 1) delete text_;
}

std::string_view Error::text() const noexcept { return text_ ? std::string_view(text_->text) : describe(code_); }

std::uint8_t Error::flags_of(ErrorCode code) noexcept {
    return v0::is_retriable(code) ? std::uint8_t{retriable} : std::uint8_t{0};
}

bool Error::is_timeout() const noexcept {
    return code_ == ErrorCode::timed_out || code_ == ErrorCode::message_timed_out ||
           code_ == ErrorCode::request_timed_out;
}

Error Error::as_fatal() const& {
    Error e = *this;
    e.flags_ = fatal;
    return e;
}

Error Error::as_requiring_abort() const& {
    Error e = *this;
    e.flags_ = abort;
    return e;
}

Error Error::with_context(std::string_view what) const {
    std::string sentence(what);
    sentence += ": ";
    sentence += text();
    Error e = of(code_, std::move(sentence));
    e.flags_ = flags_;
    return e;
}

std::string to_string(ErrorCode code) { return std::string(name(code)); }

std::string to_string(const Error& error) {
    std::string s(error.name());
    s += ": ";
    s += error.text();
    return s;
}

void throw_exception_from_error(const Error& error, const boost::source_location&) { throw Exception(error); }

}  // namespace ottla::inline v0
