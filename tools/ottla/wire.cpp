// SPDX-License-Identifier: Apache-2.0
// ottla wire: the commands of ottla-wire as a verb. They run while the command line is parsed; what is left to do is
// to pass their exit code on.
#include <memory>

#include <CLI/CLI.hpp>

#include "tools/ottla/verb.hpp"
#include "tools/wire_command.hpp"

namespace ottla::tools {

Action declare_wire(CLI::App& app) {
    auto exit_code = std::make_shared<int>(exit_ok);
    add_wire_commands(app, *exit_code);
    return [exit_code](Session&) { return *exit_code; };
}

}  // namespace ottla::tools
