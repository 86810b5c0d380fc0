// SPDX-License-Identifier: Apache-2.0
// ottla-wire: `ottla wire` as a program of its own, on the messages of whichever release it was built for.
#include <iostream>

#include "tools/wire_command.hpp"

int main(int argc, char** argv) {
    std::ios::sync_with_stdio(false);
    CLI::App app("Kafka's messages between bytes and JSON", "ottla-wire");
    int exit_code = 0;
    ottla::tools::add_wire_commands(app, exit_code);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        return app.exit(e) == 0 ? 0 : 2;
    }
    return exit_code;
}
