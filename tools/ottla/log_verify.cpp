// SPDX-License-Identifier: Apache-2.0
// ottla log verify: reads every file of the partitions in a directory and says what is wrong; changes nothing.
#include <memory>
#include <string>

#include <fmt/core.h>
#include <CLI/CLI.hpp>

#include "broker/log/dump/verify.hpp"
#include "broker/log/posix_disk.hpp"
#include "tools/ottla/output.hpp"
#include "tools/ottla/verb.hpp"

namespace ottla::tools {
namespace {

int verify_log(Session& session, const std::string& directory) {
    broker::log::PosixDisk disk(broker::log::PosixDisk::Access::read_only);
    const auto print = [&](std::string_view text) {
        session.out.print(text);
        return true;
    };
    const auto verified = broker::log::dump::verify_directory(disk, directory, print);
    if (verified.error() == ErrorCode::invalid_argument) throw UsageError(std::string(verified.error().text()));
    const auto& result = verified.value();
    session.out.print(
        fmt::format("{} partitions, {} files, {} problems\n", result.partitions, result.files, result.problems));
    return result.problems == 0 ? exit_ok : exit_failure;
}

}  // namespace

Action declare_log_verify(CLI::App& app) {
    auto directory = std::make_shared<std::string>();
    app.add_option("directory", *directory, "A broker's log directory, or that of one partition")->required();
    return [directory](Session& session) { return verify_log(session, *directory); };
}

}  // namespace ottla::tools
