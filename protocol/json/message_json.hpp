// SPDX-License-Identifier: Apache-2.0
// What the generated to_json and from_json call.
#pragma once

#include <ottla/protocol/json.hpp>

#include "protocol/json/json_reader.hpp"
#include "protocol/json/json_writer.hpp"

namespace ottla::protocol::detail {

Error json_error(std::string_view message, std::int16_t version, const JsonFailure&);

template <class T>
Result<boost::json::value> message_to_json(const T& m, std::int16_t version, boost::json::storage_ptr storage) {
    if (!T::versions.contains(version)) return no_such_version(T::message_name, T::versions, version);
    boost::json::object out(std::move(storage));
    WriteFailure failure;
    JsonWriter writer(out, failure);
    Walk<T>::fields(writer, m, version);
    if (failure.reason) return failure.error(T::message_name, version);
    return boost::json::value(std::move(out));
}

template <class T>
Result<void> message_from_json(const boost::json::value& from, T& m, std::int16_t version) {
    if (!T::versions.contains(version)) return no_such_version(T::message_name, T::versions, version);
    JsonFailure failure;
    if (from.is_object()) {
        JsonReader reader(from.get_object(), failure);
        Walk<T>::fields(reader, m, version);
        reader.finish();
    } else {
        failure.set("is not an object");
    }
    if (failure.any) return json_error(T::message_name, version, failure);
    return ok();
}

}  // namespace ottla::protocol::detail
