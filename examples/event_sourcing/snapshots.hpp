// SPDX-License-Identifier: Apache-2.0
// Snapshots: the accounts in a compacted topic of one partition. Each says what it rests on: "alice" → "70 3 open 2@20"
// is alice by the events of partition 2 before offset 20. A record "#2" → "20" says that all accounts of partition 2
// that have an event before 20 are there; it is written last. Both stay true whoever else writes snapshots meanwhile.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "book.hpp"
#include "event_log.hpp"

namespace accounts {

struct Snapshot {
    Book book;
    // The partition of each account's events.
    std::map<std::string, std::int32_t> homes;
    // Where a replay goes on: nothing before it is missing in any account. Some may be further: versions tell.
    Offsets next;
    std::int64_t records_read = 0;
};

// Of `events`. Without snapshots it begins with the first event.
Snapshot load_snapshot(const std::string& brokers, EventLog& events);
// All accounts of the partitions that have gone on since `from`; returns how many.
std::size_t write_snapshot(const std::string& brokers, const Offsets& from, const Snapshot& now);

}  // namespace accounts
