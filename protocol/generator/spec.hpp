// SPDX-License-Identifier: Apache-2.0
// A message spec, checked and resolved: what the emitters write from.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "protocol/generator/versions.hpp"

namespace ottla::generator {

// "MetadataRequest.json: field 'Topics': the type '[]Foo' is not known".
class SpecError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

enum class Kind {
    boolean,
    int8,
    int16,
    uint16,
    int32,
    uint32,
    int64,
    float64,
    string,
    bytes,
    records,
    uuid,
    structure,
};

struct Field {
    std::string name;
    Kind kind = Kind::boolean;  // of the elements, when it is an array
    bool array = false;
    std::string structure;  // its name, for Kind::structure
    Versions versions;      // where it exists at all
    Versions nullable;
    Versions tagged;
    std::optional<std::uint32_t> tag;
    Versions flexible;  // where its length is a varint
    bool ignorable = false;
    // How its default is written in C++; empty for "nothing", that is zero, an empty string, array or struct.
    std::string default_text;
    bool default_null = false;

    bool fixed() const {
        return kind != Kind::string && kind != Kind::bytes && kind != Kind::records && kind != Kind::structure;
    }
    bool ever_nullable() const { return !nullable.empty(); }
};

struct Struct {
    std::string name;
    std::vector<Field> fields;
    // The message's versions in which it can occur.
    Versions context;

    bool has_tags() const;
};

struct Spec {
    std::string file;
    std::string name;
    std::string type;
    std::optional<int> api_key;
    Versions valid;
    Versions flexible;
    bool latest_version_unstable = false;
    Struct root;
    // Nested ones, each after those that it holds.
    std::vector<Struct> structs;

    // On the way of every record, or as large as the cluster: Produce, Fetch, ListOffsets, Metadata.
    bool hot() const { return (type == "request" || type == "response") && api_key.value_or(4) <= 3; }
    bool has_fields() const { return !valid.empty(); }
    const Struct& structure(const std::string& struct_name) const;
    int first_flexible() const { return flexible.empty() ? Versions::open : flexible.min; }
};

// Throws SpecError.
Spec read_spec(const std::string& path);
Spec read_spec_text(const std::string& file, std::string_view text);

}  // namespace ottla::generator
