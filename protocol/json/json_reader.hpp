// SPDX-License-Identifier: Apache-2.0
// JsonReader: fills a message from a JSON object.
#pragma once

#include <algorithm>
#include <limits>
#include <string_view>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "base/base64.hpp"
#include "protocol/codec/walk.hpp"

namespace ottla::protocol::detail {

// What was wrong, and in which field: "topics.name". Only the first counts.
struct JsonFailure {
    std::string path;
    std::string reason;
    bool any = false;

    void set(std::string_view why) {
        if (any) return;
        any = true;
        reason = why;
    }
    // The failure happened below this field.
    void within(std::string_view name) { path = path.empty() ? std::string(name) : std::string(name) + "." + path; }
};

class JsonReader {
public:
    static constexpr bool in_order = true;

    JsonReader(const boost::json::object& from, JsonFailure& failure) : from_(from), failure_(failure) {}

    // Fields that nobody asked for are mistakes of whoever wrote the JSON.
    void finish() {
        if (failure_.any || asked_.size() == from_.size()) return;
        for (const auto& entry : from_) {
            const std::string_view key(entry.key().data(), entry.key().size());
            if (std::find(asked_.begin(), asked_.end(), key) != asked_.end()) continue;
            failure_.set("is not known");
            return failure_.within(key);
        }
    }

    template <class... T>
    void values(Named<T>... fields) {
        (value(fields.name, fields.value), ...);
    }
    template <class T>
    void value(const char* name, T& v) {
        read(name, [&](const boost::json::value& json) { to(json, v); });
    }
    template <class T>
    void string(const char* name, T& s, bool, bool nullable = false) {
        read(name, [&](const boost::json::value& json) { to(json, s, nullable); });
    }
    template <class T>
    void bytes(const char* name, T& b, bool, bool nullable = false) {
        read(name, [&](const boost::json::value& json) { to(json, b, nullable); });
    }
    template <class T>
    void array(const char* name, std::vector<T>& items, bool, std::int16_t v) {
        read(name, [&](const boost::json::value& json) { elements(json, items, v); });
    }
    template <class T>
    void array(const char* name, std::optional<std::vector<T>>& items, bool, bool nullable, std::int16_t v) {
        read(name, [&](const boost::json::value& json) {
            if (json.is_null()) return null(items, nullable);
            elements(json, items.emplace(), v);
        });
    }
    template <class T>
    void structure(const char* name, T& s, std::int16_t v) {
        read(name, [&](const boost::json::value& json) { object(json, s, v); });
    }
    template <class T>
    void structure(const char* name, std::optional<T>& s, bool nullable, std::int16_t v) {
        read(name, [&](const boost::json::value& json) {
            if (json.is_null()) return null(s, nullable);
            object(json, s.emplace(), v);
        });
    }
    template <class T>
    void tagged_structure(const char* name, std::optional<T>& s, bool nullable, std::int16_t v) {
        structure(name, s, nullable, v);
    }
    template <class T, class D>
    void absent(const char* name, T& v, const D& by_default, bool ignorable) {
        set_default(v, by_default);
        if (!from_.contains(name)) return;
        asked_.emplace_back(name);
        if (!ignorable) fail(name, "is not in this version");
    }
    template <class T, class D, class F>
    void tagged(std::uint32_t, T& v, const D& by_default, F&& field) {
        set_default(v, by_default);
        optional_ = true;
        field(*this);
        optional_ = false;
    }
    template <class M>
    void tag_section(M& m, std::int16_t) {
        m.unknown_tagged_fields.clear();
    }
    template <class M>
    void no_tag_section(M& m) {
        m.unknown_tagged_fields.clear();
    }

private:
    template <class F>
    void read(const char* name, F&& convert) {
        if (failure_.any) return;
        const boost::json::value* json = from_.if_contains(name);
        if (!json) {
            if (!optional_) fail(name, "is missing");
            return;
        }
        asked_.emplace_back(name);
        convert(*json);
        if (failure_.any) failure_.within(name);
    }
    void fail(const char* name, std::string_view why) {
        if (failure_.any) return;
        failure_.set(why);
        failure_.within(name);
    }

    void to(const boost::json::value& json, bool& v) {
        if (json.is_bool())
            v = json.get_bool();
        else
            failure_.set("is neither true nor false");
    }
    void to(const boost::json::value& json, double& v) {
        if (json.is_number()) return void(v = json.to_number<double>());
        // Jackson quotes what JSON has no number for.
        const std::string_view text = json.is_string() ? std::string_view(json.get_string()) : std::string_view();
        if (text == "NaN")
            v = std::numeric_limits<double>::quiet_NaN();
        else if (text == "Infinity")
            v = std::numeric_limits<double>::infinity();
        else if (text == "-Infinity")
            v = -std::numeric_limits<double>::infinity();
        else
            failure_.set("is not a number");
    }
    void to(const boost::json::value& json, Uuid& v) {
        auto id = Uuid::parse(text_of(json));
        if (id)
            v = *id;
        else
            failure_.set("is not a uuid: 22 characters of base64url are expected");
    }
    template <class T>
        requires std::is_integral_v<T>
    void to(const boost::json::value& json, T& v) {
        if (!json.is_int64() || json.get_int64() < std::int64_t{std::numeric_limits<T>::min()} ||
            json.get_int64() > std::int64_t{std::numeric_limits<T>::max()})
            return failure_.set("is not a whole number from " + std::to_string(std::numeric_limits<T>::min()) + " to " +
                                std::to_string(std::numeric_limits<T>::max()));
        v = static_cast<T>(json.get_int64());
    }
    void to(const boost::json::value& json, std::string& s, bool = false) {
        if (json.is_string())
            s.assign(json.get_string().data(), json.get_string().size());
        else
            failure_.set("is not a string");
    }
    void to(const boost::json::value& json, Bytes& b, bool = false) {
        auto bytes = base::base64_decode(text_of(json));
        if (bytes && json.is_string())
            b = Bytes::from(std::move(*bytes));
        else
            failure_.set("is not base64");
    }
    void to(const boost::json::value& json, Records& r, bool = false) {
        Bytes b;
        to(json, b);
        r = std::move(b);
    }
    template <class T>
    void to(const boost::json::value& json, std::optional<T>& v, bool nullable) {
        if (json.is_null()) return null(v, nullable);
        to(json, v.emplace());
    }
    static std::string_view text_of(const boost::json::value& json) {
        return json.is_string() ? std::string_view(json.get_string()) : std::string_view();
    }

    template <class T>
    void elements(const boost::json::value& json, std::vector<T>& items, std::int16_t v) {
        if (!json.is_array()) return failure_.set("is not an array");
        const boost::json::array& list = json.get_array();
        items.resize(list.size());
        for (std::size_t i = 0; i < items.size() && !failure_.any; ++i) {
            if constexpr (requires { to(list[i], items[i]); }) {
                to(list[i], items[i]);
            } else {
                object(list[i], items[i], v);
            }
        }
    }
    template <class T>
    void object(const boost::json::value& json, T& s, std::int16_t v) {
        if (!json.is_object()) return failure_.set("is not an object");
        JsonReader reader(json.get_object(), failure_);
        Walk<T>::fields(reader, s, v);
        reader.finish();
    }
    template <class T>
    void null(std::optional<T>& v, bool nullable) {
        v.reset();
        if (!nullable) failure_.set("is null, which this version does not allow");
    }

    const boost::json::object& from_;
    JsonFailure& failure_;
    std::vector<std::string_view> asked_;
    bool optional_ = false;
};

}  // namespace ottla::protocol::detail
