// SPDX-License-Identifier: Apache-2.0
// ottla dev: a broker here and now. Prints "READY bootstrap=HOST:PORT" once it serves; Ctrl-C or SIGTERM ends it.
#include <memory>

#include <CLI/CLI.hpp>

#include "broker/server/main.hpp"
#include "tools/ottla/numbers.hpp"
#include "tools/ottla/verb.hpp"

namespace ottla::tools {

Action declare_dev(CLI::App& app) {
    auto options = std::make_shared<broker::DevOptions>();
    app.add_option("--port", options->port, "Where the first broker listens on 127.0.0.1; 0: any free port")
        ->check(whole_number(0, 65535))
        ->capture_default_str();
    auto* data = app.add_option("--data", options->data_directory, "Keep the records in this directory, over restarts")
                     ->type_name("DIR");
    app.add_flag("--memory", options->in_memory, "Keep nothing on disk; so it is without --data")->excludes(data);
    app.add_option("--brokers", options->brokers, "So many brokers in this one process")
        ->check(whole_number(1, 9))
        ->capture_default_str();
    app.add_option("-c,--config", options->overrides, "A broker setting by Kafka's name, KEY=VALUE; may be repeated")
        ->type_name("KEY=VALUE")
        ->allow_extra_args(false);
    app.add_flag("-q,--quiet", options->quiet, "Log warnings and errors only");
    return [options](Session& session) {
        options->stop = &session.stop;
        return broker::run_dev(*options);
    };
}

}  // namespace ottla::tools
