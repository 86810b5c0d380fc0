// SPDX-License-Identifier: Apache-2.0
// Any bytes as the files of a partition, printed by the dump and judged by verify: both come to an end, whatever is
// wrong with the files, and change nothing. The first byte picks the options.
#include <cstdlib>

#include "broker/log/dump/dump.hpp"
#include "broker/log/dump/verify.hpp"
#include "tests/fuzz/log_files.hpp"

namespace {

using namespace ottla;
using namespace ottla::broker::log;

const std::string directory = "/logs/topic-0";

void expect(bool condition) {
    if (!condition) std::abort();
}

dump::DumpOptions options_of(std::uint8_t how) {
    dump::DumpOptions options;
    options.deep_iteration = (how & 2) != 0;
    options.print_data = (how & 4) != 0;
    options.index_sanity_check = (how & 24) == 8;
    options.verify_index_only = (how & 24) == 16;
    options.decoder = static_cast<dump::RecordDecoder>((how >> 5) % 5);
    options.uncompressed_bytes_max = 1 << 20;
    return options;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 1) return 0;
    MemoryDisk disk;
    const auto files = tests::cut_log_files(ByteSpan(data + 1, size - 1), (data[0] & 1) == 0);
    tests::put_on_disk(disk, directory, files);
    const auto changes = disk.changes();
    std::size_t printed = 0;
    const auto count = [&](std::string_view text) {
        printed += text.size();
        return true;
    };
    dump::Dump dump(disk, options_of(data[0]), count, count);
    for (const auto& file : files) (void)dump.file(join_path(directory, file.name));
    dump.finish();
    expect(files.empty() || printed != 0);
    const auto verified = dump::verify_directory(disk, directory, count);
    if (verified) expect(verified->partitions == 1);
    expect(disk.changes() == changes);
    return 0;
}
