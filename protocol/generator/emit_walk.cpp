// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <sstream>

#include "protocol/generator/emit.hpp"
#include "protocol/generator/names.hpp"

namespace ottla::generator {
namespace {

std::string boolean(const std::string& condition) { return condition.empty() ? "true" : condition; }

// What the field is when nobody sets it, as an argument for the operation.
std::string default_argument(const Field& field) {
    if (field.default_null) return "std::nullopt";
    if (field.kind == Kind::string && !field.array && !field.default_text.empty())
        return "std::string_view(" + field.default_text + ")";
    if (!field.fixed() || field.array) return "empty";
    if (field.kind == Kind::uuid) return "Uuid{}";
    if (field.kind == Kind::boolean) return field.default_text.empty() ? "false" : "true";
    const std::string number = field.default_text.empty() ? "0" : field.default_text;
    if (field.kind == Kind::float64) return "double{" + number + "}";
    const char* type = field.kind == Kind::int8     ? "std::int8_t"
                       : field.kind == Kind::int16  ? "std::int16_t"
                       : field.kind == Kind::uint16 ? "std::uint16_t"
                       : field.kind == Kind::int32  ? "std::int32_t"
                       : field.kind == Kind::uint32 ? "std::uint32_t"
                                                    : "std::int64_t";
    return std::string(type) + "{" + number + "}";
}

class WalkEmitter {
public:
    explicit WalkEmitter(const Spec& spec) : spec_(spec) {}

    std::string emit() {
        const std::string file = snake_case(spec_.name);
        out_ << preamble(spec_.name + ".json") << "#pragma once\n\n#include <ottla/protocol/messages/" << file
             << ".hpp>\n\n#include \"protocol/codec/walk.hpp\"\n\nnamespace ottla::protocol::detail {\n";
        for (const Struct& s : spec_.structs) emit_struct(s, spec_.name + "::" + s.name);
        emit_struct(spec_.root, spec_.name);
        out_ << "\n}  // namespace ottla::protocol::detail\n";
        return out_.str();
    }

private:
    void emit_struct(const Struct& s, const std::string& type) {
        const bool tags = s.has_tags();
        out_ << "\ntemplate <>\nstruct Walk<" << type
             << "> {\n    static constexpr bool has_tags = " << (tags ? "true" : "false") << ";\n";
        emit_unasked(s);
        emit_smallest(s);
        emit_fields(s);
        if (tags) emit_tags(s);
        if (is_a_field(s)) emit_is_default(s, type);
        out_ << "};\n";
    }

    // Whether some struct holds one of these as it is, not in an array.
    bool is_a_field(const Struct& s) const {
        const auto holds = [&](const Struct& holder) {
            return std::ranges::any_of(holder.fields, [&](const Field& field) {
                return field.kind == Kind::structure && !field.array && field.structure == s.name;
            });
        };
        return holds(spec_.root) || std::ranges::any_of(spec_.structs, holds);
    }

    void emit_is_default(const Struct& s, const std::string& type) {
        out_ << "    static bool is_default(const " << type << "& m) {\n        return ";
        for (const Field& field : s.fields)
            out_ << "detail::is_default(m." << member_name(field.name) << ", " << default_argument(field) << ") && ";
        out_ << (spec_.flexible.empty() ? "true" : "m.unknown_tagged_fields.empty()") << ";\n    }\n";
    }

    // The condition under which lengths are varints, for one field.
    std::string compact(const Field& field, Versions context) const {
        if (field.flexible == spec_.flexible) return flexible_in(context);
        return boolean(condition(field.flexible, context));
    }
    std::string flexible_in(Versions context) const {
        const std::string c = condition(spec_.flexible, context);
        return c.empty() ? "true" : c == "false" ? "false" : "compact";
    }

    // The most bytes that one takes on the wire besides nested structs, elements, texts and bytes.
    void emit_unasked(const Struct& s) {
        std::size_t most = 1;
        for (const Field& field : s.fields) most += field.fixed() && !field.array ? size_of(field.kind) : 5;
        out_ << "    static constexpr std::size_t unasked = " << most << ";\n";
    }

    // The fewest bytes that one takes on the wire.
    void emit_smallest(const Struct& s) {
        std::string always = "0";
        std::size_t sure = 0;
        std::string rest;
        const auto add = [&](const std::string& when, const std::string& bytes, std::size_t known) {
            if (when == "false") return;
            if (when.empty() && known) {
                sure += known;
            } else {
                rest += " + " + (when.empty() ? bytes : "(" + when + " ? " + bytes + " : 0)");
            }
        };
        const std::string flexible = condition(spec_.flexible, s.context);
        for (const Field& field : s.fields) {
            const Versions here = intersect(field.versions, s.context);
            const Versions tagged = intersect(field.tagged, s.context);
            if (here.empty() || tagged == here) continue;
            // A field that is tagged in some versions only takes its bytes in the others.
            std::string when = condition(field.versions, s.context);
            if (!tagged.empty())
                when = (when.empty() ? "" : "(" + when + ") && ") + "!(" + boolean(condition(field.tagged, s.context)) +
                       ")";
            const std::string shorter =
                field.flexible == spec_.flexible ? flexible : condition(field.flexible, s.context);
            if (!field.fixed() || field.array) {
                if (field.kind == Kind::structure && !field.array) {
                    const std::string inner = "Walk<" + qualified(field) + ">::smallest(v)";
                    if (!field.ever_nullable()) {
                        add(when, inner, 0);
                    } else {
                        const std::string null = condition(field.nullable, here);
                        add(when,
                            null.empty()      ? "1"
                            : null == "false" ? inner
                                              : "(" + null + " ? 1 : " + inner + ")",
                            null.empty() ? 1 : 0);
                    }
                    continue;
                }
                const std::string plain = field.kind == Kind::string && !field.array ? "2" : "4";
                if (shorter.empty())
                    add(when, "1", 1);
                else if (shorter == "false")
                    add(when, plain, plain == "2" ? 2 : 4);
                else
                    add(when, "(" + shorter + " ? 1 : " + plain + ")", 0);
                continue;
            }
            const std::size_t bytes = size_of(field.kind);
            add(when, std::to_string(bytes), bytes);
        }
        if (flexible != "false") add(flexible, "1", 1);
        const std::string body = std::to_string(sure) + rest;
        out_ << "    static std::size_t smallest([[maybe_unused]] std::int16_t v) { return " << body << "; }\n";
    }
    static std::size_t size_of(Kind kind) {
        switch (kind) {
            case Kind::boolean:
            case Kind::int8: return 1;
            case Kind::int16:
            case Kind::uint16: return 2;
            case Kind::int32:
            case Kind::uint32: return 4;
            case Kind::uuid: return 16;
            default: return 8;
        }
    }
    std::string qualified(const Field& field) const { return spec_.name + "::" + field.structure; }

    void emit_fields(const Struct& s) {
        out_ << "    template <class Op, class M>\n    static void fields(Op& op, M& m, [[maybe_unused]] const "
                "std::int16_t v) {\n";
        const std::string flexible = condition(spec_.flexible, s.context);
        if (!flexible.empty() && flexible != "false")
            out_ << "        [[maybe_unused]] const bool compact = " << flexible << ";\n";
        for (std::size_t i = 0; i < s.fields.size();) {
            const std::size_t run = run_of_values(s, i);
            run > 1 ? emit_run(s, i, run) : emit_field(s, s.fields[i]);
            i += run;
        }
        if (!spec_.flexible.empty()) {
            if (flexible.empty())
                out_ << "        op.tag_section(m, v);\n";
            else if (flexible == "false")
                out_ << "        op.no_tag_section(m);\n";
            else
                out_ << "        compact ? op.tag_section(m, v) : op.no_tag_section(m);\n";
        } else if (s.fields.empty()) {
            out_ << "        (void)op, (void)m;\n";
        }
        out_ << "    }\n";
    }

    // How many fields from here on are of fixed size, never tagged, and in the same versions.
    static std::size_t run_of_values(const Struct& s, std::size_t from) {
        const auto fits = [&](const Field& field) {
            return field.fixed() && !field.array && !field.tag && condition(field.versions, s.context) != "false" &&
                   condition(field.versions, s.context) == condition(s.fields[from].versions, s.context);
        };
        std::size_t to = from;
        while (to < s.fields.size() && fits(s.fields[to])) ++to;
        return to > from ? to - from : 1;
    }
    void emit_run(const Struct& s, std::size_t from, std::size_t count) {
        std::string values, absents;
        for (std::size_t i = from; i < from + count; ++i) {
            const Field& field = s.fields[i];
            values += std::string(i == from ? "" : ", ") + "named(\"" + camel_case(field.name) + "\", m." +
                      member_name(field.name) + ")";
            absents += absent(field) + " ";
        }
        const std::string present = condition(s.fields[from].versions, s.context);
        if (present.empty()) {
            out_ << "        op.values(" << values << ");\n";
        } else {
            out_ << "        if (" << present << ") { op.values(" << values << "); } else { " << absents << "}\n";
        }
    }
    static std::string absent(const Field& field) {
        return "op.absent(\"" + camel_case(field.name) + "\", m." + member_name(field.name) + ", " +
               default_argument(field) + ", " + (field.ignorable ? "true" : "false") + ");";
    }

    void emit_field(const Struct& s, const Field& field) {
        const Versions here = intersect(field.versions, s.context);
        const std::string present = condition(field.versions, s.context);
        if (present == "false") {
            out_ << "        " << absent(field) << "\n";
            return;
        }
        const std::string is_tagged = field.tag ? condition(field.tagged, here) : "false";
        std::string body;
        const std::string in_place = "op." + call(field, here, false) + ";";
        const std::string in_order =
            "if constexpr (Op::in_order) tag_" + std::to_string(field.tag.value_or(0)) + "(op, m, v);";
        if (is_tagged == "false")
            body = in_place;
        else if (is_tagged.empty())
            body = in_order;
        else
            body = "if (" + is_tagged + ") { " + in_order + " } else { " + in_place + " }";
        if (present.empty()) {
            out_ << "        " << body << "\n";
        } else {
            out_ << "        if (" << present << ") { " << body << " } else { " << absent(field) << " }\n";
        }
    }

    void emit_tags(const Struct& s) {
        std::vector<const Field*> fields;
        for (const Field& field : s.fields) {
            if (!intersect(field.tagged, s.context).empty()) fields.push_back(&field);
        }
        std::sort(fields.begin(), fields.end(), [](const Field* a, const Field* b) { return *a->tag < *b->tag; });
        for (const Field* field : fields) {
            const Versions here = intersect(field->tagged, s.context);
            std::string inner = call(*field, here, true);
            out_ << "    template <class Op, class M>\n    static void tag_" << *field->tag
                 << "(Op& op, M& m, [[maybe_unused]] const std::int16_t v) {\n"
                 << "        op.tagged(" << *field->tag << ", m." << member_name(field->name) << ", "
                 << default_argument(*field) << ", [&](auto& to) { to." << inner << "; });\n    }\n";
        }
        out_ << "    template <class Op, class M>\n    static void tags(Op& op, M& m, const std::int16_t v) {\n";
        for (const Field* field : fields) {
            const std::string when = condition(field->tagged, s.context);
            out_ << "        " << (when.empty() ? "" : "if (" + when + ") ") << "tag_" << *field->tag
                 << "(op, m, v);\n";
        }
        out_ << "    }\n";
    }

    // "string("name", m.name, compact, v >= 12)": the operation's word for the field.
    std::string call(const Field& field, Versions here, bool tagged) const {
        const std::string args = "(\"" + camel_case(field.name) + "\", m." + member_name(field.name);
        if (field.fixed() && !field.array) return "value" + args + ")";
        const std::string nullable = field.ever_nullable() ? ", " + boolean(condition(field.nullable, here)) : "";
        if (field.kind == Kind::structure && !field.array)
            return (tagged && field.ever_nullable() ? "tagged_structure" : "structure") + args + nullable + ", v)";
        const std::string length = tagged ? ", true" : ", " + compact(field, here);
        if (field.array) return "array" + args + length + nullable + ", v)";
        return (field.kind == Kind::string ? "string" : "bytes") + args + length + nullable + ")";
    }

    const Spec& spec_;
    std::ostringstream out_;
};

}  // namespace

std::string condition(Versions range, Versions context) {
    const Versions both = intersect(range, context);
    if (both.empty()) return "false";
    const bool from = both.min > context.min, to = both.max < context.max;
    if (from && to)
        return both.min == both.max ? "v == " + std::to_string(both.min)
                                    : "v >= " + std::to_string(both.min) + " && v <= " + std::to_string(both.max);
    if (from) return "v >= " + std::to_string(both.min);
    if (to) return "v <= " + std::to_string(both.max);
    return "";
}

std::string emit_walk(const Spec& spec) { return WalkEmitter(spec).emit(); }

}  // namespace ottla::generator
