// SPDX-License-Identifier: Apache-2.0
// The relay: publishes the rows of an outbox in their order, each once, also when it is killed and started again: what
// stands in the topic tells it where to go on. One for each database: outbox_relay BROKERS DATABASE TOPIC
#include <cstdio>
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
        writer_.emplace(std::move(producer), topic_);
    }

    void run() {
        while (!stop::asked) {
            const auto rows = next();
            if (rows.empty()) {
                stop::wait(20ms);
                continue;
            }
            publish(rows);
            database_.run("DELETE FROM outbox WHERE id <= ?", rows.back().id);
        }
    }

private:
    std::vector<Row> next() {
        std::vector<Row> rows;
        auto found = database_.query("SELECT id, key, value FROM outbox ORDER BY id LIMIT 500");
        while (found.step())
            rows.push_back({found.integer(0), found.text(1), found.text(2), std::to_string(found.integer(0))});
        return rows;
    }

    // Those that an earlier relay has published, and did not come to delete, are passed over.
    void publish(const std::vector<Row>& rows) {
        std::vector<ottla::Header> headers;
        std::vector<ottla::Record> records;
        headers.reserve(rows.size());  // records point into it
        for (const auto& row : rows) {
            const auto partition = partition_of(row.key, published_.size());
            if (row.id <= published_[partition]) continue;
            headers.push_back({outbox::id_header, row.header});
            records.push_back({.topic = topic_,
                               .key = row.key,
                               .value = row.value,
                               .headers = {&headers.back(), 1},
                               .partition = static_cast<std::int32_t>(partition)});
        }
        // What fails here may be there or not: the next start finds out.
        if (!records.empty()) writer_->write_messages(records, 60s).value();
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
