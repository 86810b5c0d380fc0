// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <utility>
#include <vector>

#include <ottla/bytes.hpp>

namespace ottla::protocol {

// A tagged field that this release does not know (KIP-482): kept as it came, so that it can be passed on.
struct TaggedField {
    std::uint32_t tag = 0;
    Bytes data;
    friend bool operator==(const TaggedField&, const TaggedField&) = default;
};

// In rising order of tags. Every struct of every message has them and hardly one is ever filled, so they are one
// pointer, null when there are none.
class TaggedFields {
public:
    TaggedFields() noexcept = default;
    TaggedFields(std::initializer_list<TaggedField> fields);
    TaggedFields(const TaggedFields& other) {
        if (other.fields_) [[unlikely]]
            copy(other);
    }
    TaggedFields(TaggedFields&& other) noexcept : fields_(std::exchange(other.fields_, nullptr)) {}
    TaggedFields& operator=(TaggedFields other) noexcept {
        std::swap(fields_, other.fields_);
        return *this;
    }
    ~TaggedFields() { clear(); }

    bool empty() const noexcept { return fields_ == nullptr || fields_->empty(); }
    std::size_t size() const noexcept { return fields_ ? fields_->size() : 0; }
    const TaggedField* begin() const noexcept { return fields_ ? fields_->data() : nullptr; }
    const TaggedField* end() const noexcept { return begin() + size(); }
    const TaggedField& operator[](std::size_t i) const noexcept { return (*fields_)[i]; }
    TaggedField& operator[](std::size_t i) noexcept { return (*fields_)[i]; }
    // Keeps the order; false, and nothing is done, when its tag is there already.
    bool insert(TaggedField);
    std::size_t capacity() const noexcept { return fields_ ? fields_->capacity() : 0; }
    void reserve(std::size_t capacity);
    void clear() noexcept {
        if (fields_) [[unlikely]]
            free();
    }

    friend bool operator==(const TaggedFields& a, const TaggedFields& b) noexcept {
        return a.fields_ == b.fields_ || same(a.fields_, b.fields_);
    }

private:
    void copy(const TaggedFields&);
    void free() noexcept;
    // By value, so that no struct has to stand in memory only to be compared with its defaults.
    using Fields = std::vector<TaggedField>;
    static bool same(const Fields*, const Fields*) noexcept;

    Fields* fields_ = nullptr;  // owned
};

}  // namespace ottla::protocol
