// SPDX-License-Identifier: Apache-2.0
#include <sstream>

#include "protocol/generator/emit.hpp"
#include "protocol/generator/names.hpp"

namespace ottla::generator {

std::string emit_json(const Spec& spec) {
    std::ostringstream out;
    const std::string file = snake_case(spec.name);
    out << preamble(spec.name + ".json") << "#include \"protocol/json/json_codec.hpp\"\n#include \"" << file
        << "_walk.hpp\"\n\nnamespace ottla::protocol {\n\n"
        << "OTTLA_JSON_OF(" << spec.name << ")\n"
        << "\n}  // namespace ottla::protocol\n";
    return out.str();
}

}  // namespace ottla::generator
