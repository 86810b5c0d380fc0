// SPDX-License-Identifier: Apache-2.0
#include "tools/wire_command.hpp"

#include <iostream>
#include <memory>

#include "protocol/wire/wire.hpp"

namespace ottla::tools {
namespace {

using protocol::WireMessage;

void name_the_message(CLI::App& command, WireMessage& message, bool required) {
    command.add_option("NAME", message.name, "Message, as Kafka's specs call it: MetadataRequest")->required(required);
    command.add_option("VERSION", message.version, "Version of the message")->required(required);
    command.add_flag("--hex", message.hex, "Bytes as hexadecimal text");
}

}  // namespace

void add_wire_commands(CLI::App& wire, int& exit_code) {
    struct Options {
        WireMessage message;
        bool lines = false;
    };
    const auto options = std::make_shared<Options>();
    constexpr const char* lines_help = "Standard input holds NAME<TAB>VERSION<TAB>HEX a line";
    wire.require_subcommand(0, 1);
    wire.add_flag("--lines", options->lines, lines_help);

    CLI::App* decode = wire.add_subcommand("decode", "Bytes on standard input to JSON");
    name_the_message(*decode, options->message, false);
    decode->add_flag("--lines", options->lines, lines_help);
    decode->callback([options, &exit_code] {
        if (options->lines) return void(exit_code = protocol::wire_lines(std::cin, std::cout));
        if (options->message.name.empty()) throw CLI::RequiredError("NAME and VERSION");
        exit_code = protocol::wire_decode(options->message, std::cin, std::cout, std::cerr);
    });
    CLI::App* encode = wire.add_subcommand("encode", "JSON on standard input to bytes");
    name_the_message(*encode, options->message, true);
    encode->callback(
        [options, &exit_code] { exit_code = protocol::wire_encode(options->message, std::cin, std::cout, std::cerr); });
    wire.add_subcommand("list", "Every message, its type, API key and versions")->callback([&exit_code] {
        exit_code = protocol::wire_list(std::cout);
    });
    wire.callback([&wire, options, &exit_code] {
        if (!wire.get_subcommands().empty()) return;
        if (!options->lines) throw CLI::CallForHelp();
        exit_code = protocol::wire_lines(std::cin, std::cout);
    });
}

}  // namespace ottla::tools
