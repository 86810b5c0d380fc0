// SPDX-License-Identifier: Apache-2.0
#include <sstream>

#include "protocol/generator/emit.hpp"
#include "protocol/generator/names.hpp"

namespace ottla::generator {

std::string emit_json(const Spec& spec) {
    std::ostringstream out;
    out << preamble(spec.name + ".json") << "#include \"protocol/json/message_json.hpp\"\n#include \""
        << snake_case(spec.name) << "_walk.hpp\"\n\nnamespace ottla::protocol {\n\n"
        << "Result<boost::json::value> to_json(const " << spec.name
        << "& m, std::int16_t version, boost::json::storage_ptr storage) {\n"
           "    return detail::message_to_json(m, version, std::move(storage));\n}\n"
        << "Result<void> from_json(const boost::json::value& from, " << spec.name
        << "& m, std::int16_t version) {\n    return detail::message_from_json(from, m, version);\n}\n"
        << "\n}  // namespace ottla::protocol\n";
    return out.str();
}

}  // namespace ottla::generator
