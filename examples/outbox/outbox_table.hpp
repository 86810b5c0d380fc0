// SPDX-License-Identifier: Apache-2.0
// The table that a service writes its records into, in the same transaction as the change, what the relay notes down
// beside it, and the headers by which records are known in the topic.
#pragma once

#include <string_view>

#include "../support/sqlite.hpp"

namespace outbox {

// AUTOINCREMENT: an id that was deleted never comes again. SQLite has one writer at a time, so ids are committed in
// their order; where that is not so (PostgreSQL), a lower id may appear after a higher one was published.
inline constexpr const char* schema = R"(
    CREATE TABLE IF NOT EXISTS outbox(id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL, value TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS refused(id INTEGER PRIMARY KEY, key TEXT NOT NULL, value TEXT NOT NULL, why TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS relayed(topic TEXT PRIMARY KEY, partitions INTEGER NOT NULL);
)";

// The row that the record comes from. In each partition the ids rise.
inline constexpr std::string_view id_header = "outbox-id";
// No record of the service: a relay has begun here. Readers pass over it.
inline constexpr std::string_view marker_header = "outbox-marker";

}  // namespace outbox
