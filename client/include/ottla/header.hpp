// SPDX-License-Identifier: Apache-2.0
// BytesView: bytes of somebody else, or null. Header: a name and a value beside a record's key and value.
#pragma once

#include <string>
#include <string_view>

#include <ottla/bytes.hpp>

namespace ottla::inline v0 {

// Null and empty differ, as they do in Kafka. Holds nothing: what it shows must live as long as it is used.
class BytesView {
public:
    constexpr BytesView() noexcept = default;
    constexpr BytesView(std::nullptr_t) noexcept {}
    BytesView(ByteSpan bytes) noexcept : data_(bytes.data() ? bytes.data() : &nothing), size_(bytes.size()) {}
    BytesView(std::string_view text) noexcept : BytesView(v0::as_bytes(text)) {}
    BytesView(const std::string& text) noexcept : BytesView(std::string_view(text)) {}
    BytesView(const char* text) noexcept : BytesView(std::string_view(text)) {}
    BytesView(const Bytes& bytes) noexcept : BytesView(bytes.span()) {}

    constexpr bool is_null() const noexcept { return data_ == nullptr; }
    constexpr explicit operator bool() const noexcept { return data_ != nullptr; }
    constexpr const std::uint8_t* data() const noexcept { return data_; }
    constexpr std::size_t size() const noexcept { return size_; }
    constexpr bool empty() const noexcept { return size_ == 0; }
    ByteSpan span() const noexcept { return {data_, size_}; }
    // Empty when null.
    std::string_view text() const noexcept { return as_text(span()); }

    // Null equals only null.
    friend bool operator==(BytesView a, BytesView b) noexcept {
        return a.is_null() == b.is_null() && a.text() == b.text();
    }

private:
    static constexpr std::uint8_t nothing = 0;
    const std::uint8_t* data_ = nullptr;
    std::size_t size_ = 0;
};

struct Header {
    std::string_view name;
    BytesView value;

    friend bool operator==(const Header&, const Header&) = default;
};

// "name=value", "name=null"; bytes that are not printable as \xNN, and no more than 64 of them.
std::string to_string(const Header&);

}  // namespace ottla::inline v0
