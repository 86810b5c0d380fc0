// SPDX-License-Identifier: Apache-2.0
// Snapshots: the accounts in a compacted topic, the last state of each. A record "#3" says up to where the events of
// partition 3 are in them; it is written last.
#pragma once

#include <string>

#include "book.hpp"
#include "event_log.hpp"

namespace accounts {

struct Snapshot {
    Book book;
    // Where a replay goes on. Some accounts may be further: versions tell.
    Offsets next;
    std::int64_t records_read = 0;
};

// Of `events`. Without snapshots it begins with the first event.
Snapshot load_snapshot(const std::string& brokers, EventLog& events);
// Those that differ from `before`; returns how many.
std::size_t write_snapshot(const std::string& brokers, const Snapshot& before, const Book& book, const Offsets& next);

}  // namespace accounts
