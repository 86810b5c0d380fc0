// SPDX-License-Identifier: Apache-2.0
// What `ottla-broker` and `ottla dev` do once their command lines are read: run until SIGTERM or SIGINT. The line
// "READY bootstrap=HOST:PORT" on standard output says that clients are served; the log goes to standard error.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

namespace ottla::broker {

struct ServerOptions {
    std::string properties_path;
    std::vector<std::string> overrides;  // "key=value"
    std::string cluster_id;              // the cluster that log.dirs must belong to; empty: whatever it says
};

struct DevOptions {
    std::uint16_t port = 9092;  // of the first broker; 0: any
    std::string data_directory;
    bool in_memory = false;  // also when no directory is named
    int brokers = 1;
    std::vector<std::string> overrides;  // "key=value"
    bool quiet = false;                  // warnings and errors only
    // Set by the caller's own handler when a signal came before this one takes over. May be null.
    const std::atomic<bool>* stop = nullptr;
};

// The exit code: 0 after a stop in order, 1 when the broker could not start or failed, 2 for a wrong configuration.
// Takes over SIGTERM and SIGINT.
int run_server(const ServerOptions&);
int run_dev(const DevOptions&);

}  // namespace ottla::broker
