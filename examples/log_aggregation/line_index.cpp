// SPDX-License-Identifier: Apache-2.0
#include "line_index.hpp"

#include <stdexcept>

#include "log_line.hpp"

namespace logs {
namespace {

// Words are found by an index that refers to the lines, and is kept by the database.
constexpr const char* schema = R"(
CREATE TABLE IF NOT EXISTS offsets (topic TEXT, partition INTEGER, next INTEGER, PRIMARY KEY (topic, partition)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS topics (name TEXT PRIMARY KEY, id TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS lines (id INTEGER PRIMARY KEY, topic TEXT, partition INTEGER, "offset" INTEGER,
    host TEXT, severity INTEGER, at INTEGER, tag TEXT, message TEXT, UNIQUE (topic, partition, "offset"));
CREATE INDEX IF NOT EXISTS lines_by_host ON lines (host);
CREATE INDEX IF NOT EXISTS lines_by_severity ON lines (severity);
CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5 (host, tag, message, content = lines, content_rowid = id);
CREATE TRIGGER IF NOT EXISTS index_words AFTER INSERT ON lines BEGIN
    INSERT INTO words (rowid, host, tag, message) VALUES (new.id, new.host, new.tag, new.message);
END;
)";

LineIndex::Counts counts_of(sqlite::Statement rows) {
    LineIndex::Counts counts;
    while (rows.step()) counts.emplace_back(rows.text(0), rows.integer(1));
    return counts;
}

}  // namespace

LineIndex::LineIndex(const std::string& path) : database_(path, schema) {}

void LineIndex::begin(const std::string& topic, const std::string& id) {
    sqlite::Transaction transaction(database_);
    auto row = database_.query("SELECT id FROM topics WHERE name = ?", topic);
    const auto before = row.step() ? row.text(0) : id;
    if (before != id) {
        database_.run("UPDATE lines SET topic = ? WHERE topic = ?", topic + " " + before, topic);
        database_.run("DELETE FROM offsets WHERE topic = ?", topic);
    }
    database_.run("INSERT OR REPLACE INTO topics VALUES (?, ?)", topic, id);
    transaction.commit();
}

ottla::TopicPartition LineIndex::next(const std::string& topic, std::int32_t partition) {
    auto row =
        database_.query("SELECT next FROM offsets WHERE topic = ? AND partition = ?", topic, std::int64_t{partition});
    return {topic, partition, row.step() ? ottla::Offset(row.integer(0)) : ottla::Offset::beginning()};
}

void LineIndex::add(const ottla::MessageBatch& batch) {
    if (batch.empty()) return;
    sqlite::Transaction transaction(database_);
    for (const auto& record : batch) add(batch, record);
    database_.run("INSERT INTO offsets VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET next = max(next, excluded.next)",
                  batch.topic(), std::int64_t{batch.partition()}, batch[batch.size() - 1].offset() + 1);
    transaction.commit();
}

void LineIndex::add(const ottla::MessageBatch& batch, const ottla::MessageView& record) {
    // What is no line of ours is kept as it is: somebody will look for it.
    const auto text = record.value().text();
    const auto line = parse(text).value_or(LogLine{"?", 5, record.timestamp_ms() / 1000, "", text});
    const int inserted = database_.run(
        "INSERT OR IGNORE INTO lines (topic, partition, \"offset\", host, severity, at, tag, message) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        batch.topic(), std::int64_t{batch.partition()}, record.offset(), line.host, std::int64_t{line.severity},
        line.at, line.tag, line.message);
    if (inserted > 0) return;
    const auto is_same = database_.number(
        "SELECT count(*) FROM lines WHERE topic = ? AND partition = ? AND \"offset\" = ? AND host = ? AND at = ? "
        "AND message = ?",
        batch.topic(), std::int64_t{batch.partition()}, record.offset(), line.host, line.at, line.message);
    if (is_same == 0)
        throw std::runtime_error("offset " + std::to_string(record.offset()) +
                                 " is another line than before: was the topic made anew? Start the indexer again");
}

LineIndex::Counts LineIndex::by_host() {
    return counts_of(database_.query("SELECT host, count(*) FROM lines GROUP BY host ORDER BY 2 DESC, 1"));
}

LineIndex::Counts LineIndex::by_severity() {
    auto counts =
        counts_of(database_.query("SELECT severity, count(*) FROM lines GROUP BY severity ORDER BY severity"));
    for (auto& [name, count] : counts) name = severities[static_cast<std::size_t>(std::stoi(name))];
    return counts;
}

std::vector<std::string> LineIndex::search(const std::string& words, std::int64_t at_most) {
    const std::string sql =
        "SELECT * FROM (SELECT host || ': ' || message, at, id FROM lines WHERE id IN "
        "(SELECT rowid FROM words WHERE words MATCH ?) ORDER BY at DESC, id DESC LIMIT ?) ORDER BY 2, 3";
    try {
        auto rows = database_.query(sql, words, at_most);
        std::vector<std::string> found;
        while (rows.step()) found.push_back(rows.text(0));
        return found;
    } catch (const sqlite::Error& e) {
        // Who asks has not written this statement.
        std::string why = e.what();
        if (why.starts_with(sql + ": ")) why.erase(0, sql.size() + 2);
        throw std::runtime_error("search " + words + ": " + why);
    }
}

}  // namespace logs
