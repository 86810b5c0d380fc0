// SPDX-License-Identifier: Apache-2.0
// ottla-broker server.properties [--override key=value]...
#include <CLI/CLI.hpp>

#include "broker/server/main.hpp"

int main(int argc, char** argv) {
    ottla::broker::ServerOptions options;
    CLI::App app("The Ottla broker: speaks Kafka's protocol, keeps Kafka's files.");
    app.add_option("properties", options.properties_path, "server.properties, with Kafka's names")
        ->required()
        ->check(CLI::ExistingFile);
    app.add_option("--override", options.overrides, "key=value, stronger than the file; may be repeated")
        ->allow_extra_args(false);
    app.add_option("--cluster-id", options.cluster_id, "the cluster that the log directory must belong to");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : 2;
    }
    return ottla::broker::run_server(options);
}
