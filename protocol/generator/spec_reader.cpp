// SPDX-License-Identifier: Apache-2.0
// Reads one spec and checks it: every mistake is told with file, field and reason. Keys that only document (about,
// listeners, mapKey, entityType, zeroCopy) are known and carry nothing over into the code.
#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <set>
#include <sstream>

#include <boost/json/value.hpp>

#include "protocol/generator/json_text.hpp"
#include "protocol/generator/names.hpp"
#include "protocol/generator/spec.hpp"

namespace ottla::generator {
namespace {

namespace json = boost::json;

constexpr std::array<std::string_view, 12> spec_keys = {
    "apiKey",           "type",   "listeners",     "name",  "validVersions",         "deprecatedVersions",
    "flexibleVersions", "fields", "commonStructs", "about", "latestVersionUnstable", "header"};
constexpr std::array<std::string_view, 15> field_keys = {
    "name",  "type",      "versions", "fields",     "nullableVersions", "taggedVersions", "tag",     "default",
    "about", "ignorable", "mapKey",   "entityType", "flexibleVersions", "zeroCopy",       "hashCode"};
constexpr std::array<std::string_view, 4> struct_keys = {"name", "versions", "fields", "about"};
constexpr std::array<std::string_view, 7> types = {"request", "response",        "header",           "metadata",
                                                   "data",    "coordinator-key", "coordinator-value"};

struct KindName {
    std::string_view name;
    Kind kind;
};
constexpr std::array<KindName, 12> kinds = {{{"bool", Kind::boolean},
                                             {"int8", Kind::int8},
                                             {"int16", Kind::int16},
                                             {"uint16", Kind::uint16},
                                             {"int32", Kind::int32},
                                             {"uint32", Kind::uint32},
                                             {"int64", Kind::int64},
                                             {"float64", Kind::float64},
                                             {"string", Kind::string},
                                             {"bytes", Kind::bytes},
                                             {"records", Kind::records},
                                             {"uuid", Kind::uuid}}};

bool is_name(std::string_view text) {
    return !text.empty() && std::isalpha(static_cast<unsigned char>(text[0])) &&
           std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isalnum(c) || c == '_'; });
}

std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out + "\"";
}

class SpecReader {
public:
    explicit SpecReader(std::string file) { spec_.file = std::move(file); }

    Spec read(std::string_view text) {
        const json::value value = parse_json(spec_.file, text);
        if (!value.is_object()) fail("the spec is not an object");
        const json::object& object = value.get_object();
        check_keys(object, spec_keys);
        spec_.name = name_of(object);
        spec_.type = text_of(object, "type");
        if (std::find(types.begin(), types.end(), spec_.type) == types.end())
            fail("the type '" + spec_.type + "' is not known");
        if (const auto* key = object.if_contains("apiKey"))
            spec_.api_key = static_cast<int>(whole(*key, "apiKey", 0, 32767));
        if ((spec_.type == "request" || spec_.type == "response") && !spec_.api_key) fail("'apiKey' is missing");
        spec_.latest_version_unstable = flag(object, "latestVersionUnstable");
        spec_.valid = versions_of(object, "validVersions", std::nullopt);
        spec_.root.name = spec_.name;
        if (spec_.valid.empty()) {
            if (const auto* fields = object.if_contains("fields");
                fields && fields->is_array() && !fields->get_array().empty())
                fail("there are fields, though 'validVersions' is \"none\"");
            return std::move(spec_);
        }
        if (spec_.valid.max == Versions::open) fail("'validVersions' must have an end");
        spec_.flexible = versions_of(object, "flexibleVersions", std::nullopt);
        if (!spec_.flexible.empty() && spec_.flexible.max < spec_.valid.max)
            fail("'flexibleVersions' must not end before 'validVersions'");
        read_common_structs(object);
        spec_.root.context = spec_.valid;
        spec_.root.fields = fields_of(object);
        read_pending();
        order_structs();
        set_contexts();
        return std::move(spec_);
    }

private:
    [[noreturn]] void fail(const std::string& reason) const {
        std::string where = spec_.file + ": ";
        if (!path_.empty()) {
            where += "field '";
            for (std::size_t i = 0; i < path_.size(); ++i) where += (i ? "." : "") + path_[i];
            where += "': ";
        }
        throw SpecError(where + reason);
    }

    template <std::size_t N>
    void check_keys(const json::object& object, const std::array<std::string_view, N>& known) const {
        for (const auto& entry : object) {
            const std::string_view key(entry.key().data(), entry.key().size());
            if (std::find(known.begin(), known.end(), key) == known.end())
                fail("the key '" + std::string(key) + "' is not known");
        }
    }
    std::string text_of(const json::object& object, const char* key) const {
        const auto* value = object.if_contains(key);
        if (!value) fail("'" + std::string(key) + "' is missing");
        if (!value->is_string()) fail("'" + std::string(key) + "' is not a string");
        return std::string(value->get_string());
    }
    std::string name_of(const json::object& object) const {
        std::string name = text_of(object, "name");
        if (!is_name(name)) fail("'" + name + "' is not a name");
        return name;
    }
    bool flag(const json::object& object, const char* key) const {
        const auto* value = object.if_contains(key);
        if (!value) return false;
        if (!value->is_bool()) fail("'" + std::string(key) + "' is neither true nor false");
        return value->get_bool();
    }
    std::int64_t whole(const json::value& value, const char* key, std::int64_t min, std::int64_t max) const {
        if (!value.is_int64() || value.get_int64() < min || value.get_int64() > max)
            fail("'" + std::string(key) + "' is not a whole number from " + std::to_string(min) + " to " +
                 std::to_string(max));
        return value.get_int64();
    }
    Versions versions_of(const json::object& object, const char* key, std::optional<Versions> otherwise) const {
        if (otherwise && !object.if_contains(key)) return *otherwise;
        const std::string text = text_of(object, key);
        const auto versions = Versions::parse(text);
        if (!versions) fail("'" + std::string(key) + "' is \"" + text + "\", which is not a range of versions");
        return *versions;
    }

    void read_common_structs(const json::object& object) {
        const auto* common = object.if_contains("commonStructs");
        if (!common) return;
        if (!common->is_array()) fail("'commonStructs' is not an array");
        for (const json::value& value : common->get_array()) {
            if (!value.is_object()) fail("a common struct is not an object");
            check_keys(value.get_object(), struct_keys);
            const std::string name = name_of(value.get_object());
            path_ = {name};
            versions_of(value.get_object(), "versions", std::nullopt);
            if (!value.get_object().if_contains("fields")) fail("'fields' is missing");
            declare(name, &value.get_object());
            path_.clear();
        }
    }
    // Remembers a struct, to be read once all names are known.
    void declare(const std::string& name, const json::object* object) {
        if (name == spec_.name || !declared_.emplace(name, object).second) fail("there are two structs '" + name + "'");
        pending_.push_back({name, object, path_});
    }
    void read_pending() {
        // Common structs first, then what their fields and the message's declare on the way.
        for (std::size_t i = 0; i < pending_.size(); ++i) {
            const Pending next = pending_[i];
            path_ = next.path;
            Struct structure;
            structure.name = next.name;
            structure.fields = fields_of(*next.object);
            spec_.structs.push_back(std::move(structure));
            path_.clear();
        }
        check_types(spec_.root);
        for (const Struct& structure : spec_.structs) check_types(structure);
    }
    void check_types(const Struct& structure) {
        for (const Field& field : structure.fields) {
            if (field.kind != Kind::structure || declared_.contains(field.structure)) continue;
            path_ = {structure.name, field.name};
            fail("the type '" + field.structure + "' is not known");
        }
    }

    std::vector<Field> fields_of(const json::object& object) {
        const auto* fields = object.if_contains("fields");
        if (!fields) fail("'fields' is missing");
        if (!fields->is_array()) fail("'fields' is not an array");
        std::vector<Field> out;
        std::set<std::string> names;
        std::set<std::uint32_t> tags;
        for (const json::value& value : fields->get_array()) {
            if (!value.is_object()) fail("a field is not an object");
            path_.push_back("?");
            path_.back() = name_of(value.get_object());
            Field field = read_field(value.get_object());
            if (!names.insert(member_name(field.name)).second) fail("there are two fields of this name");
            if (field.tag && !tags.insert(*field.tag).second)
                fail("the tag " + std::to_string(*field.tag) + " is taken by another field");
            out.push_back(std::move(field));
            path_.pop_back();
        }
        return out;
    }

    Field read_field(const json::object& object) {
        check_keys(object, field_keys);
        Field field;
        field.name = path_.back();
        read_type(field, object);
        field.ignorable = flag(object, "ignorable");
        flag(object, "mapKey");
        flag(object, "zeroCopy");
        read_tag(field, object);
        field.nullable = versions_of(object, "nullableVersions", Versions{});
        if (object.if_contains("nullableVersions") && field.fixed() && !field.array)
            fail("'nullableVersions' is given, but this type can't be null");
        field.flexible = versions_of(object, "flexibleVersions", spec_.flexible);
        if (object.if_contains("flexibleVersions") && field.kind != Kind::string && field.kind != Kind::bytes &&
            !field.array)
            fail("'flexibleVersions' is given, but the length of this type does not depend on it");
        if (const auto* by_default = object.if_contains("default")) read_default(field, *by_default);
        // A records field without a value of its own is null, as in Kafka's own classes.
        if (field.kind == Kind::records && field.ever_nullable()) field.default_null = true;
        return field;
    }

    void read_type(Field& field, const json::object& object) {
        std::string type = text_of(object, "type");
        if (type.starts_with("[]")) {
            field.array = true;
            type.erase(0, 2);
            if (type.starts_with("[]")) fail("an array of arrays is not allowed");
        }
        const auto known = std::find_if(kinds.begin(), kinds.end(), [&](const KindName& k) { return k.name == type; });
        if (known != kinds.end()) {
            field.kind = known->kind;
            if (field.array && field.kind == Kind::records) fail("an array of records is not allowed");
            if (object.if_contains("fields")) fail("there are fields, but '" + type + "' is not a struct");
            return;
        }
        if (!is_name(type) || !std::isupper(static_cast<unsigned char>(type[0])))
            fail("the type '" + type + "' is not known");
        field.kind = Kind::structure;
        field.structure = type;
        if (object.if_contains("fields")) declare(type, &object);
    }

    void read_tag(Field& field, const json::object& object) {
        if (const auto* tag = object.if_contains("tag")) {
            field.tag = static_cast<std::uint32_t>(whole(*tag, "tag", 0, 0x7fffffff));
            field.tagged = versions_of(object, "taggedVersions", std::nullopt);
            if (field.tagged.empty()) fail("'taggedVersions' is \"none\"");
            if (!spec_.flexible.contains(field.tagged))
                fail("'taggedVersions' " + to_string(field.tagged) + " is not within flexibleVersions " +
                     to_string(spec_.flexible));
            field.versions = versions_of(object, "versions", field.tagged);
            if (!field.versions.contains(field.tagged)) fail("'taggedVersions' is not within 'versions'");
        } else {
            if (object.if_contains("taggedVersions")) fail("'taggedVersions' is given without 'tag'");
            field.versions = versions_of(object, "versions", std::nullopt);
        }
    }

    void read_default(Field& field, const json::value& value) {
        if (value.is_null()) return;  // no default at all: only the string "null" is one
        std::string text;
        if (value.is_string()) {
            text = std::string(value.get_string());
        } else if (value.is_bool()) {
            text = value.get_bool() ? "true" : "false";
        } else if (value.is_int64()) {
            text = std::to_string(value.get_int64());
        } else if (value.is_double()) {
            std::ostringstream number;
            number.precision(17);
            number << value.get_double();
            text = number.str();
        } else {
            fail("'default' is neither text nor a number nor true or false");
        }
        if (text == "null" && (!field.fixed() || field.array)) {
            if (!field.ever_nullable()) fail("the default is null, but the field is never nullable");
            field.default_null = true;
            return;
        }
        if (field.array || field.kind == Kind::structure || field.kind == Kind::bytes || field.kind == Kind::records) {
            if (!text.empty()) fail("the default '" + text + "' does not fit the type");
            return;
        }
        field.default_text = default_of(field, text);
    }

    std::string default_of(const Field& field, const std::string& text) const {
        switch (field.kind) {
            case Kind::string: return text.empty() ? "" : quoted(text);
            case Kind::boolean:
                if (text.empty() || text == "false") return "";
                if (text == "true") return text;
                break;
            case Kind::uuid:
                if (text.empty() || text == "AAAAAAAAAAAAAAAAAAAAAA") return "";
                break;
            case Kind::float64: {
                if (text.empty()) return "";
                char* end = nullptr;
                std::strtod(text.c_str(), &end);
                if (end == text.c_str() + text.size())
                    return text.find_first_of(".eE") == text.npos ? text + ".0" : text;
                break;
            }
            default: return number_default(field.kind, text);
        }
        fail("the default '" + text + "' does not fit the type");
    }
    std::string number_default(Kind kind, std::string_view text) const {
        if (text.empty()) return "";
        const bool negative = text.front() == '-';
        std::string_view digits = negative ? text.substr(1) : text;
        const int base = digits.starts_with("0x") || digits.starts_with("0X") ? 16 : 10;
        if (base == 16) digits.remove_prefix(2);
        std::uint64_t magnitude = 0;
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), magnitude, base);
        const bool is_signed = kind != Kind::uint16 && kind != Kind::uint32;
        const int bits = kind == Kind::int8                            ? 8
                         : kind == Kind::int16 || kind == Kind::uint16 ? 16
                         : kind == Kind::int64                         ? 64
                                                                       : 32;
        const std::uint64_t most = is_signed ? (std::uint64_t{1} << (bits - 1)) - 1 : (std::uint64_t{1} << bits) - 1;
        if (error != std::errc{} || end != digits.data() + digits.size() || (negative && !is_signed) ||
            magnitude > most + (negative ? 1 : 0))
            fail("the default '" + std::string(text) + "' does not fit the type");
        if (magnitude == 0) return "";
        if (negative && magnitude == most + 1) {  // C++ has no literal for the smallest number
            return "-" + std::to_string(most) + (bits == 64 ? "LL" : "") + " - 1";
        }
        return (negative ? "-" : "") + std::to_string(magnitude) + (bits == 64 && magnitude > 0x7fffffff ? "LL" : "");
    }

    // Inner structs before those that hold them; one that holds itself is refused.
    void order_structs() {
        std::vector<Struct> ordered;
        std::set<std::string> done, open;
        for (const Struct& structure : spec_.structs) place(structure, ordered, done, open);
        spec_.structs = std::move(ordered);
    }
    void place(const Struct& structure, std::vector<Struct>& ordered, std::set<std::string>& done,
               std::set<std::string>& open) {
        if (done.contains(structure.name)) return;
        if (!open.insert(structure.name).second) {
            path_ = {structure.name};
            fail("the struct holds itself");
        }
        for (const Field& field : structure.fields) {
            if (field.kind == Kind::structure) place(spec_.structure(field.structure), ordered, done, open);
        }
        done.insert(structure.name);
        ordered.push_back(structure);
    }

    // From the message inwards: where can each struct occur?
    void set_contexts() {
        const auto pass_on = [&](const Struct& from) {
            for (const Field& field : from.fields) {
                if (field.kind != Kind::structure) continue;
                auto& inner = const_cast<Struct&>(spec_.structure(field.structure));
                inner.context = hull(inner.context, intersect(from.context, field.versions));
            }
        };
        pass_on(spec_.root);
        for (auto structure = spec_.structs.rbegin(); structure != spec_.structs.rend(); ++structure)
            pass_on(*structure);
        for (Struct& structure : spec_.structs) {
            if (structure.context.empty()) structure.context = spec_.valid;  // nobody holds it
        }
    }

    struct Pending {
        std::string name;
        const json::object* object;
        std::vector<std::string> path;
    };

    Spec spec_;
    std::vector<std::string> path_;
    std::map<std::string, const json::object*> declared_;
    std::vector<Pending> pending_;
};

}  // namespace

bool Struct::has_tags() const {
    return std::any_of(fields.begin(), fields.end(),
                       [&](const Field& f) { return !intersect(f.tagged, context).empty(); });
}

const Struct& Spec::structure(const std::string& struct_name) const {
    return *std::find_if(structs.begin(), structs.end(), [&](const Struct& s) { return s.name == struct_name; });
}

Spec read_spec_text(const std::string& file, std::string_view text) { return SpecReader(file).read(text); }

Spec read_spec(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    std::stringstream text;
    text << in.rdbuf();
    if (!in) throw SpecError(path + ": can't be read");
    return read_spec_text(path, text.view());
}

}  // namespace ottla::generator
