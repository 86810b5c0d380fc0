// SPDX-License-Identifier: Apache-2.0
// -b and -X: where the cluster is and how to talk to it, the same on every verb.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include <ottla/config.hpp>

namespace CLI {
class App;
}

namespace ottla::tools {

struct Connection {
    std::string bootstrap = "127.0.0.1:9092";
    std::vector<std::string> settings;
};

// Declares -b (or $OTTLA_BOOTSTRAP) and -X.
void add_connection(CLI::App&, Connection&);

// The settings, with `ours` beneath what the user gave. Throws UsageError when a name or a value is wrong.
Config to_config(const Connection&, std::initializer_list<Config::Entry> ours = {});

// How long a verb waits for one answer before it gives up.
inline constexpr std::chrono::seconds answer_within{10};

}  // namespace ottla::tools
