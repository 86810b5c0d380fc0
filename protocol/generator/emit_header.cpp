// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <sstream>

#include "protocol/generator/emit.hpp"
#include "protocol/generator/names.hpp"

namespace ottla::generator {
namespace {

std::string element_type(const Field& field) {
    switch (field.kind) {
        case Kind::boolean: return "bool";
        case Kind::int8: return "std::int8_t";
        case Kind::int16: return "std::int16_t";
        case Kind::uint16: return "std::uint16_t";
        case Kind::int32: return "std::int32_t";
        case Kind::uint32: return "std::uint32_t";
        case Kind::int64: return "std::int64_t";
        case Kind::float64: return "double";
        case Kind::string: return "std::string";
        case Kind::bytes: return "Bytes";
        case Kind::records: return "Records";
        case Kind::uuid: return "Uuid";
        case Kind::structure: return field.structure;
    }
    return {};
}

std::string plain_type(const Field& field) {
    return field.array ? "std::vector<" + element_type(field) + ">" : element_type(field);
}

std::string member(const Field& field) {
    const std::string name = member_name(field.name);
    if (field.ever_nullable()) {
        const std::string type = "std::optional<" + plain_type(field) + "> " + name;
        if (field.default_null) return type + ";";
        if (!field.default_text.empty()) return type + " = " + field.default_text + ";";
        return type + " = " + plain_type(field) + "{};";
    }
    const std::string type = plain_type(field) + " " + name;
    if (!field.default_text.empty()) return type + " = " + field.default_text + ";";
    if (field.array || field.kind == Kind::string || field.kind == Kind::bytes || field.kind == Kind::records ||
        field.kind == Kind::structure || field.kind == Kind::uuid)
        return type + ";";
    return type + (field.kind == Kind::boolean ? " = false;" : " = 0;");
}

std::string remark(const Field& field, Versions valid) {
    const Versions within = intersect(field.versions, valid);
    std::string text;
    if (within != valid)
        text += within.empty()
                    ? "none of these versions"
                    : "versions " + to_string({within.min, within.max == valid.max ? Versions::open : within.max});
    if (field.tag) text += (text.empty() ? "" : ", ") + std::string("tag ") + std::to_string(*field.tag);
    if (field.ever_nullable() && !field.nullable.contains(within))
        text += (text.empty() ? "" : ", ") + std::string("null in ") + to_string(field.nullable);
    return text.empty() ? "" : "  // " + text;
}

// Whether some field of the message is a nullable structure of this type. std::optional asks whether it can be made
// from nothing while the message is still incomplete; only a declared constructor can answer that.
bool held_by_optional(const Spec& spec, const Struct& s) {
    const auto holds = [&](const Struct& holder) {
        return std::ranges::any_of(holder.fields, [&](const Field& field) {
            return field.kind == Kind::structure && !field.array && field.ever_nullable() && field.structure == s.name;
        });
    };
    return holds(spec.root) || std::ranges::any_of(spec.structs, holds);
}

void structure(std::ostringstream& out, const Spec& spec, const Struct& s, const std::string& indent) {
    for (const Field& field : s.fields) out << indent << member(field) << remark(field, spec.valid) << "\n";
    if (!spec.flexible.empty()) out << indent << "TaggedFields unknown_tagged_fields;\n";
    if (!s.fields.empty()) out << "\n";
    out << indent << "friend bool operator==(const " << s.name << "&, const " << s.name << "&) = default;\n";
}

}  // namespace

std::string preamble(const std::string& origin) {
    return "// SPDX-License-Identifier: Apache-2.0\n// Generated from " + origin +
           "; change the spec or the generator instead.\n";
}

std::string emit_header(const Spec& spec, const std::string& partner) {
    std::ostringstream out;
    out << preamble(spec.name + ".json")
        << "#pragma once\n\n#include <ottla/protocol/message.hpp>\n\nnamespace ottla::protocol {\n\n";
    if (!partner.empty()) out << "struct " << partner << ";\n\n";
    out << "struct " << spec.name << " {\n";
    out << "    static constexpr std::string_view message_name = \"" << spec.name << "\";\n";
    if (spec.api_key) out << "    static constexpr std::int16_t api_key = " << *spec.api_key << ";\n";
    out << "    static constexpr VersionRange versions{" << spec.valid.min << ", " << spec.valid.max << "};\n";
    if (spec.latest_version_unstable)
        out << "    // The latest version may still change: never advertise or send it.\n    static constexpr "
               "VersionRange "
               "stable_versions{"
            << spec.valid.min << ", " << spec.valid.max - 1 << "};\n";
    else
        out << "    static constexpr VersionRange stable_versions = versions;\n";
    out << "    static constexpr std::int16_t first_flexible = ";
    if (spec.flexible.empty())
        out << "never_flexible;\n";
    else
        out << spec.flexible.min << ";\n";
    if (!partner.empty())
        out << "    using " << (spec.type == "request" ? "Response" : "Request") << " = " << partner << ";\n";
    for (const Struct& s : spec.structs) {
        out << "\n    struct " << s.name << " {\n";
        if (held_by_optional(spec, s)) out << "        " << s.name << "();\n\n";
        structure(out, spec, s, "        ");
        out << "    };\n";
    }
    out << "\n";
    structure(out, spec, spec.root, "    ");
    out << "};\n\n";
    for (const Struct& s : spec.structs) {
        const std::string type = spec.name + "::" + s.name;
        if (held_by_optional(spec, s)) out << "inline " << type << "::" << s.name << "() = default;\n\n";
    }
    out << "Result<void> decode(Reader&, " << spec.name << "&, std::int16_t version);\n";
    out << "Result<void> encode(Writer&, const " << spec.name << "&, std::int16_t version);\n";
    out << "Result<std::size_t> encoded_size(const " << spec.name << "&, std::int16_t version);\n";
    out << "\n}  // namespace ottla::protocol\n";
    return out.str();
}

namespace {

// encode or decode. A hot one is flattened for the versions with compact lengths and tagged fields; the older ones
// stand apart, so that these are not asked at each field which they are.
std::string function(const Spec& spec, const std::string& name, const std::string& parameters, const std::string& op) {
    const std::string head = "Result<void> " + name + "(" + parameters + ", std::int16_t version) {\n";
    const std::string body = "    return detail::" + name + "_message(" + op + ", m, version);\n}\n";
    if (!spec.hot()) return head + body;
    const int newer = spec.first_flexible();
    if (newer <= spec.valid.min || newer > spec.valid.max) return "[[gnu::flatten]] " + head + body;
    const std::string older = name + "_older";
    return "[[gnu::noinline]] static Result<void> " + older + "(" + parameters + ", std::int16_t version) {\n" + body +
           "[[gnu::flatten]] " + head + "    if (version < " + std::to_string(newer) + ") return " + older + "(" + op +
           ", m, version);\n" + body;
}

}  // namespace

std::string emit_source(const Spec& spec) {
    std::ostringstream out;
    const std::string file = snake_case(spec.name);
    out << preamble(spec.name + ".json") << "#include <ottla/protocol/messages/" << file
        << ".hpp>\n\n#include \"protocol/codec/decoder.hpp\"\n#include \"protocol/codec/encoder.hpp\"\n#include \""
        << file << "_walk.hpp\"\n\nnamespace ottla::protocol {\n\n";
    out << function(spec, "decode", "Reader& reader, " + spec.name + "& m", "reader");
    out << function(spec, "encode", "Writer& writer, const " + spec.name + "& m", "writer");
    out << "Result<std::size_t> encoded_size(const " << spec.name
        << "& m, std::int16_t version) {\n    Writer writer;\n    if (auto done = encode(writer, m, version); !done) "
           "return done.error();\n    return writer.size();\n}\n";
    out << "\n}  // namespace ottla::protocol\n";
    return out.str();
}

}  // namespace ottla::generator
