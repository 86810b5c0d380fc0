// SPDX-License-Identifier: Apache-2.0
// LogIo: the way from a shard to its disk without waiting for it. Syncs are grouped: while one runs, all that is
// asked for meanwhile gathers and becomes the next. One per shard and log directory; called on the shard's thread
// only, and answers there.
#pragma once

#include <cstdint>
#include <memory>

#include <ottla/function.hpp>
#include <ottla/result.hpp>
#include "base/workers.hpp"
#include "broker/log/log_directory.hpp"
#include "broker/log/sync_work.hpp"

namespace ottla::broker::log {

// log.flush.policy: whether an acks=all produce, and so the high watermark, waits for the sync (ack), or syncing is
// left to the operating system as Kafka does (os).
enum class FlushPolicy : std::uint8_t { ack, os };

// Something whose log wants syncing.
class Syncable {
public:
    virtual ~Syncable() = default;
    // Its turn has come: everything not yet on stable storage.
    virtual SyncWork begin_sync() = 0;
    // The work is done. After an error the log directory is offline already.
    virtual void end_sync(const SyncWork&, const Result<void>&) = 0;

private:
    friend class GroupSync;
    bool gathered_ = false;  // waits for the next group
};

class LogIo {
public:
    virtual ~LogIo() = default;

    virtual FlushPolicy policy() const = 0;
    virtual LogDirectory& directory() const = 0;
    // With the next group, which starts as soon as the one that runs has ended.
    virtual void sync_now(const std::shared_ptr<Syncable>&) = 0;
    // Within 10 ms, or with a group that starts before.
    virtual void sync_soon(const std::shared_ptr<Syncable>&) = 0;
    // For jobs that block or compute for long: cold reads, searches by time.
    virtual base::Workers& workers() const = 0;
};

}  // namespace ottla::broker::log
