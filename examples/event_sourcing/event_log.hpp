// SPDX-License-Identifier: Apache-2.0
// EventLog: a topic, read from some offsets up to others; where that is, a time or the log's ends may say.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <ottla/consumer.hpp>

namespace accounts {

inline const std::string events_topic = "account-events";
inline const std::string snapshots_topic = "account-snapshots";

// By partition.
using Offsets = std::vector<std::int64_t>;

class EventLog {
public:
    EventLog(const std::string& brokers, std::string topic);

    // The first that is there, and the first that is not there yet.
    Offsets begins();
    Offsets ends();
    // The first whose record is not older; the end where there is none.
    Offsets at(std::int64_t time_ms);

    // From here on.
    void seek(const Offsets& from);
    using Each = std::function<void(std::int32_t partition, const ottla::MessageView&)>;
    // Until all before `to` has been read. A few behind it may be read, too.
    void read_to(const Offsets& to, const Each& each);
    // What was read, and more, begins here.
    const Offsets& next() const noexcept { return next_; }
    std::int64_t records_read() const noexcept { return records_read_; }

private:
    const std::string topic_;
    ottla::Consumer consumer_;
    // For questions: a broker answers in order, and may keep a reader's connection waiting for events.
    ottla::Consumer asks_;
    Offsets next_;
    std::int64_t records_read_ = 0;
};

}  // namespace accounts
