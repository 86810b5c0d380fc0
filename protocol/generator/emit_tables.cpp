// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <sstream>

#include "protocol/generator/emit.hpp"
#include "protocol/generator/names.hpp"

namespace ottla::generator {

std::string emit_api_keys(const std::vector<Spec>& specs) {
    struct Api {
        const Spec* request = nullptr;
        const Spec* response = nullptr;
    };
    std::map<int, Api> apis;
    for (const Spec& spec : specs) {
        if (!spec.has_fields()) continue;
        if (spec.type == "request") apis[*spec.api_key].request = &spec;
        if (spec.type == "response") apis[*spec.api_key].response = &spec;
    }
    std::ostringstream out;
    out << preamble("the requests and responses")
        << "// OTTLA_API(enumerator, \"Name\", key, first and last version, last stable version,\n"
           "//     first version with request header 2, with response header 1)\n";
    for (const auto& [key, api] : apis) {
        if (!api.request || !api.response) continue;
        std::string name = api.request->name;
        if (name.ends_with("Request")) name.resize(name.size() - 7);
        const Versions valid = api.request->valid;
        out << "OTTLA_API(" << member_name(name) << ", \"" << name << "\", " << key << ", " << valid.min << ", "
            << valid.max << ", " << valid.max - (api.request->latest_version_unstable ? 1 : 0) << ", "
            << api.request->first_flexible() << ", " << api.response->first_flexible() << ")\n";
    }
    return out.str();
}

std::string emit_message_table(const std::vector<Spec>& specs) {
    std::ostringstream out;
    out << preamble("all specs") << "// OTTLA_MESSAGE(Name, \"type\"), in the order of the names.\n";
    for (const Spec& spec : specs) {
        if (spec.has_fields()) out << "OTTLA_MESSAGE(" << spec.name << ", \"" << spec.type << "\")\n";
    }
    return out.str();
}

std::string emit_all_headers(const std::vector<Spec>& specs) {
    std::ostringstream out;
    out << preamble("all specs") << "#pragma once\n\n";
    for (const Spec& spec : specs) {
        if (spec.has_fields()) out << "#include <ottla/protocol/messages/" << snake_case(spec.name) << ".hpp>\n";
    }
    return out.str();
}

}  // namespace ottla::generator
