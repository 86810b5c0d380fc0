// SPDX-License-Identifier: Apache-2.0
// ottla log dump: what kafka-dump-log.sh prints, of the same files. Where a file can't be read any further it ends
// with 1, as that does; mismatches alone do not change the exit code.
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "broker/log/dump/dump.hpp"
#include "broker/log/posix_disk.hpp"
#include "tools/ottla/numbers.hpp"
#include "tools/ottla/output.hpp"
#include "tools/ottla/verb.hpp"

namespace ottla::tools {
namespace {

using broker::log::dump::RecordDecoder;

struct LogDumpOptions {
    std::vector<std::string> files;
    broker::log::dump::DumpOptions dump;
};

int dump_log(Session& session, const LogDumpOptions& options) {
    auto asked = options.dump;
    asked.working_directory = std::filesystem::current_path().string();
    broker::log::PosixDisk disk(broker::log::PosixDisk::Access::read_only);
    const auto print = [&](std::string_view text) {
        session.out.print(text);
        return !session.out.closed() && !session.stop;
    };
    const auto remark = [&](std::string_view text) {
        // Behind what it is about, where both go to one place.
        session.out.flush();
        return std::fwrite(text.data(), 1, text.size(), stderr) == text.size();
    };
    broker::log::dump::Dump dump(disk, asked, print, remark);
    for (const auto& file : options.files) {
        if (session.out.closed() || session.stop) return exit_ok;
        const auto done = dump.file(file);
        session.out.flush();
        if (!done) throw Exception(done.error());
    }
    dump.finish();
    return exit_ok;
}

}  // namespace

Action declare_log_dump(CLI::App& app) {
    auto options = std::make_shared<LogDumpOptions>();
    auto& dump = options->dump;
    app.add_option("files,--files", options->files,
                   "Files: .log, .checkpoint, .index, .timeindex, .txnindex, .snapshot; commas may part them")
        ->required()
        ->delimiter(',');
    app.add_flag("--deep-iteration", dump.deep_iteration, "Every record, too");
    app.add_flag("--print-data-log", dump.print_data, "Every record with its key and value");
    app.add_option("--max-bytes", dump.bytes_max, "Read no batch that ends behind so many bytes of the file")
        ->check(whole_number(0));
    app.add_flag("--index-sanity-check", dump.index_sanity_check,
                 "Of an index, only the check that a broker makes at its start");
    app.add_flag("--verify-index-only", dump.verify_index_only,
                 "Hold indexes against their segment, print mismatches only");
    const auto decoder = [&](const char* flag, RecordDecoder which, const char* about) {
        app.add_flag_callback(
            flag,
            [options, which] {
                options->dump.decoder = which;
                options->dump.print_data = true;
            },
            about);
    };
    decoder("--cluster-metadata-decoder", RecordDecoder::cluster_metadata, "The records of __cluster_metadata as JSON");
    decoder("--offsets-decoder", RecordDecoder::offsets, "The records of __consumer_offsets as JSON");
    decoder("--transaction-log-decoder", RecordDecoder::transaction_log, "The records of __transaction_state as JSON");
    decoder("--share-group-state-decoder", RecordDecoder::share_group_state,
            "The records of __share_group_state as JSON");
    return [options](Session& session) { return dump_log(session, *options); };
}

}  // namespace ottla::tools
