// SPDX-License-Identifier: Apache-2.0
#include <ottla/protocol/tagged_fields.hpp>

#include <algorithm>
#include <iterator>

namespace ottla::protocol {

TaggedFields::TaggedFields(std::initializer_list<TaggedField> fields) {
    if (fields.size() != 0) fields_ = new Fields(fields);
}

bool TaggedFields::insert(TaggedField field) {
    if (!fields_) fields_ = new Fields();
    const auto place = std::ranges::upper_bound(*fields_, field.tag, {}, &TaggedField::tag);
    if (place != fields_->begin() && std::prev(place)->tag == field.tag) return false;
    fields_->insert(place, std::move(field));
    return true;
}

void TaggedFields::reserve(std::size_t capacity) {
    if (!fields_) fields_ = new Fields();
    fields_->reserve(capacity);
}

void TaggedFields::copy(const TaggedFields& other) { fields_ = new Fields(*other.fields_); }

void TaggedFields::free() noexcept { delete std::exchange(fields_, nullptr); }

bool TaggedFields::same(const Fields* a, const Fields* b) noexcept {
    return (a ? a->size() : 0) == (b ? b->size() : 0) && (!a || !b || *a == *b);
}

}  // namespace ottla::protocol
