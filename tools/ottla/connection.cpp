// SPDX-License-Identifier: Apache-2.0
#include "tools/ottla/connection.hpp"

#include <CLI/CLI.hpp>

#include "tools/ottla/verb.hpp"

namespace ottla::tools {

void add_connection(CLI::App& app, Connection& to) {
    app.add_option("-b,--bootstrap", to.bootstrap, "Brokers to ask first: HOST:PORT[,HOST:PORT...]")
        ->envname("OTTLA_BOOTSTRAP")
        ->capture_default_str();
    app.add_option("-X", to.settings, "A client setting, KEY=VALUE, by librdkafka's name; may be repeated")
        ->type_name("KEY=VALUE")
        ->allow_extra_args(false);
}

Config to_config(const Connection& from, std::initializer_list<Config::Entry> ours) {
    Config config;
    const auto check = [](const Result<void>& result, std::string_view where) {
        if (result.has_error()) throw UsageError(std::string(where) + ": " + std::string(result.error().text()));
    };
    check(config.set("bootstrap.servers", from.bootstrap), "-b " + from.bootstrap);
    for (const auto& entry : ours) check(config.set(entry.name, entry.value), entry.name);
    for (const auto& setting : from.settings) check(config.set(setting), "-X " + setting);
    return config;
}

}  // namespace ottla::tools
