// SPDX-License-Identifier: Apache-2.0
// JsonWriter: the fields of a message as a JSON object.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "base/base64.hpp"
#include "protocol/codec/walk.hpp"

namespace ottla::protocol::detail {

class JsonWriter {
public:
    static constexpr bool in_order = true;

    JsonWriter(boost::json::object& out, WriteFailure& failure) : out_(out), failure_(failure) {}

    template <class... T>
    void values(Named<T>... fields) {
        (value(fields.name, fields.value), ...);
    }
    template <class T>
    void value(const char* name, const T& v) {
        add(name, of(v));
    }
    void string(const char* name, const std::string& s, bool) { add(name, of(s)); }
    void string(const char* name, const std::optional<std::string>& s, bool, bool nullable) {
        s ? add(name, of(*s)) : null(name, nullable);
    }
    template <class T>
    void bytes(const char* name, const T& b, bool) {
        add(name, of(b));
    }
    template <class T>
    void bytes(const char* name, const std::optional<T>& b, bool, bool nullable) {
        b ? add(name, of(*b)) : null(name, nullable);
    }
    template <class T>
    void array(const char* name, const std::vector<T>& items, bool, std::int16_t v) {
        boost::json::array list(out_.storage());
        list.reserve(items.size());
        for (const T& item : items) {
            if constexpr (requires { of(item); }) {
                list.push_back(of(item));
            } else {
                list.push_back(object(item, v));
            }
        }
        add(name, std::move(list));
    }
    template <class T>
    void array(const char* name, const std::optional<std::vector<T>>& items, bool, bool nullable, std::int16_t v) {
        items ? array(name, *items, true, v) : null(name, nullable);
    }
    template <class T>
    void structure(const char* name, const T& s, std::int16_t v) {
        add(name, object(s, v));
    }
    template <class T>
    void structure(const char* name, const std::optional<T>& s, bool nullable, std::int16_t v) {
        s ? structure(name, *s, v) : null(name, nullable);
    }
    template <class T>
    void tagged_structure(const char* name, const std::optional<T>& s, bool nullable, std::int16_t v) {
        structure(name, s, nullable, v);
    }
    template <class T, class D>
    void absent(const char* name, const T& v, const D& by_default, bool ignorable) {
        if (!ignorable && !is_default(v, by_default)) failure_.set(name, lacks_field, ErrorCode::unsupported_version);
    }
    // A tagged field that has its default is left out.
    template <class T, class D, class F>
    void tagged(std::uint32_t, const T& v, const D& by_default, F&& field) {
        if (!is_default(v, by_default)) field(*this);
    }
    template <class M>
    void tag_section(const M&, std::int16_t) {}
    template <class M>
    void no_tag_section(const M&) {}

private:
    boost::json::value of(bool v) { return v; }
    boost::json::value of(std::int8_t v) { return v; }
    boost::json::value of(std::int16_t v) { return v; }
    boost::json::value of(std::uint16_t v) { return std::int64_t{v}; }
    boost::json::value of(std::int32_t v) { return v; }
    boost::json::value of(std::uint32_t v) { return std::int64_t{v}; }
    boost::json::value of(std::int64_t v) { return v; }
    boost::json::value of(double v) { return v; }
    boost::json::value of(const Uuid& v) { return text(to_string(v)); }
    boost::json::value of(const std::string& s) { return text(s); }
    boost::json::value of(const Bytes& b) { return text(base::base64_encode(b)); }
    boost::json::value of(const Records& r) {
        auto bytes = r.flatten();
        if (bytes) return of(*bytes);
        failure_.set("records", "can't be read from its file", ErrorCode::file_system);
        return nullptr;
    }
    boost::json::value text(std::string_view s) {
        return boost::json::value(boost::json::string_view(s.data(), s.size()), out_.storage());
    }

    template <class T>
    boost::json::object object(const T& s, std::int16_t v) {
        boost::json::object fields(out_.storage());
        JsonWriter writer(fields, failure_);
        Walk<T>::fields(writer, s, v);
        return fields;
    }
    void null(const char* name, bool nullable) {
        if (!nullable) failure_.set(name, is_null, ErrorCode::invalid_argument);
        add(name, nullptr);
    }
    void add(const char* name, boost::json::value v) { out_.emplace(name, std::move(v)); }

    boost::json::object& out_;
    WriteFailure& failure_;
};

}  // namespace ottla::protocol::detail
