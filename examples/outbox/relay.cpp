// SPDX-License-Identifier: Apache-2.0
// The relay: publishes the rows of an outbox in their order, each once, also when it is killed and started again: what
// stands in the topic tells it where to go on. One for each database: outbox_relay BROKERS DATABASE TOPIC
#include <algorithm>
#include <cstdio>
#include <deque>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sys/file.h>

#include <ottla/writer.hpp>

#include "../support/stop.hpp"
#include "outbox_table.hpp"
#include "published.hpp"

using namespace std::chrono_literals;

namespace {

// The kernel takes it back when the process ends, however it ends.
void be_the_only_one(const std::string& file) {
    const int lock = ::open(file.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0644);
    if (lock < 0 || ::flock(lock, LOCK_EX | LOCK_NB) != 0)
        throw std::runtime_error(file + ": another relay is at work");
}

// FNV-1a. The relay chooses by itself, since it must know of each row where it went.
std::size_t partition_of(std::string_view key, std::size_t partitions) {
    std::uint32_t hash = 2166136261U;
    for (const char c : key) hash = (hash ^ static_cast<std::uint8_t>(c)) * 16777619U;
    return hash % partitions;
}

// Neither a retry nor a new start would change it, and the record is nowhere.
bool is_refused(const ottla::Error& error, ottla::DeliveryStatus status) {
    using enum ottla::ErrorCode;
    static constexpr ottla::ErrorCode for_good[] = {message_too_large, record_list_too_large, invalid_record};
    return status == ottla::DeliveryStatus::not_persisted &&
           std::ranges::any_of(for_good, [&error](ottla::ErrorCode code) { return error == code; });
}

struct Row {
    std::int64_t id;
    std::string key;
    std::string value;
    std::string header;
};

class Relay {
public:
    Relay(const std::string& brokers, const std::string& database, std::string topic)
        : topic_(std::move(topic)),
          database_(database, outbox::schema) {
        be_the_only_one(database + ".relay");
        auto producer = ottla::Producer::create({{"bootstrap.servers", brokers}, {"linger.ms", 0}}).value();
        published_ = outbox::last_published(brokers, producer, topic_);
        keep_partitions();
        writer_.emplace(std::move(producer), topic_);
    }

    void run() {
        while (!stop::asked) {
            const auto rows = next();
            if (rows.empty()) {
                stop::wait(20ms);
                continue;
            }
            publish(to_publish(rows));
            database_.run("DELETE FROM outbox WHERE id <= ?", rows.back().id);
        }
    }

private:
    std::vector<Row> next() {
        std::vector<Row> rows;
        auto found = database_.query("SELECT id, key, value FROM outbox ORDER BY id LIMIT 100");
        while (found.step())
            rows.push_back({found.integer(0), found.text(1), found.text(2), std::to_string(found.integer(0))});
        return rows;
    }

    // Rows of a key go to one partition for ever, also when the topic is given more of them.
    void keep_partitions() {
        const auto now = static_cast<std::int64_t>(published_.size());
        database_.run("INSERT OR IGNORE INTO relayed(topic, partitions) VALUES(?, ?)", topic_, now);
        const auto first = database_.number("SELECT partitions FROM relayed WHERE topic = ?", topic_);
        if (first > now) throw std::runtime_error(topic_ + " has fewer partitions than it had: it is another topic");
        published_.resize(static_cast<std::size_t>(first));
    }

    // By partition. Those that an earlier relay has published, and did not come to delete, are left out.
    std::vector<std::deque<Row>> to_publish(const std::vector<Row>& rows) const {
        std::vector<std::deque<Row>> queues(published_.size());
        for (const auto& row : rows) {
            const auto partition = partition_of(row.key, queues.size());
            if (row.id > published_[partition]) queues[partition].push_back(row);
        }
        return queues;
    }

    // One row of each partition at a time: the next start takes all before the last one in the topic for done, so no
    // row may be there while one before it is neither there nor set aside.
    void publish(std::vector<std::deque<Row>> queues) {
        for (;;) {
            std::vector<Row> round;
            for (auto& queue : queues) {
                if (queue.empty()) continue;
                round.push_back(std::move(queue.front()));
                queue.pop_front();
            }
            if (round.empty()) return;
            write(round);
        }
    }

    void write(const std::vector<Row>& rows) {
        std::vector<ottla::Header> headers;
        std::vector<ottla::Record> records;
        for (const auto& row : rows) headers.push_back({outbox::id_header, row.header});
        for (std::size_t i = 0; i < rows.size(); ++i)
            records.push_back({.topic = topic_,
                               .key = rows[i].key,
                               .value = rows[i].value,
                               .headers = {&headers[i], 1},
                               .partition = static_cast<std::int32_t>(partition_of(rows[i].key, published_.size()))});
        const auto written = writer_->write_messages(records, 60s);
        if (written) return;
        const auto& errors = written.error();
        for (std::size_t i = 0; i < rows.size(); ++i) {
            const auto& error = errors.each()[i];
            if (error == ottla::ErrorCode::none) continue;
            // It may be there or not: the next start finds out.
            if (!is_refused(error, errors.statuses()[i])) throw ottla::Exception(error);
            set_aside(rows[i], to_string(error));
        }
    }

    void set_aside(const Row& row, const std::string& why) {
        std::fprintf(stderr, "row %s is set aside in the table refused: %s\n", row.header.c_str(), why.c_str());
        sqlite::Transaction transaction(database_);
        database_.run("INSERT INTO refused(id, key, value, why) VALUES(?, ?, ?, ?)", row.id, row.key, row.value, why);
        database_.run("DELETE FROM outbox WHERE id = ?", row.id);
        transaction.commit();
    }

    const std::string topic_;
    sqlite::Database database_;
    std::vector<std::int64_t> published_;
    std::optional<ottla::Writer> writer_;
};

}  // namespace

int main(int argc, char** argv) {
    if (argc != 4) {
        std::fprintf(stderr, "usage: outbox_relay BROKERS DATABASE TOPIC\n");
        return 2;
    }
    stop::on_signals();
    try {
        Relay(argv[1], argv[2], argv[3]).run();
        return 0;
    } catch (const std::exception& e) {
        std::fprintf(stderr, "relay: %s\n", e.what());
        return 1;
    }
}
