// SPDX-License-Identifier: Apache-2.0
#include "broker/metadata/bootstrap_checkpoint.hpp"

#include <string>

#include "broker/metadata/controller.hpp"
#include "broker/metadata/snapshot_writer.hpp"

namespace ottla::broker {

Result<void> write_bootstrap_checkpoint(log::LogDirectory& directory, std::int64_t now_ms) {
    std::string out;
    const auto keep = [&out](ByteSpan batch) -> Result<void> {
        out += as_text(batch);
        return ok();
    };
    SnapshotWriter writer(keep, 0, now_ms);
    if (auto begun = writer.begin(0); !begun) return begun;
    for (const auto& record : Controller::feature_records()) {
        if (auto added = writer.add(record); !added) return added;
    }
    if (auto finished = writer.finish(); !finished) return finished;
    return log::replace_text(directory.disk(), log::join_path(directory.path(), "bootstrap.checkpoint"), out);
}

}  // namespace ottla::broker
