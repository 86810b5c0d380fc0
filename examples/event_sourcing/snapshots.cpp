// SPDX-License-Identifier: Apache-2.0
#include "snapshots.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <vector>

#include <ottla/writer.hpp>

namespace accounts {

using namespace std::chrono_literals;

Snapshot load_snapshot(const std::string& brokers, EventLog& events) {
    Snapshot snapshot;
    snapshot.next = events.begins();
    EventLog log(brokers, snapshots_topic);
    const auto end = log.ends();
    log.seek(log.begins());
    log.read_to(end, [&](std::int32_t, const ottla::MessageView& record) {
        const std::string key(record.key().text()), value(record.value().text());
        if (key.starts_with('#')) {
            const auto partition = std::strtoul(key.c_str() + 1, nullptr, 10);
            if (partition >= snapshot.next.size()) return;
            auto& next = snapshot.next[partition];
            next = std::max<std::int64_t>(next, std::strtoll(value.c_str(), nullptr, 10));
        } else if (const auto account = parse_account(value)) {
            snapshot.book.put(key, *account);
        }
    });
    snapshot.records_read = log.records_read();
    return snapshot;
}

std::size_t write_snapshot(const std::string& brokers, const Snapshot& before, const Book& book, const Offsets& next) {
    ottla::WriterConfig config;
    config.brokers = brokers;
    config.topic = snapshots_topic;
    config.balancer = "murmur2_random";
    config.write_timeout = 60s;
    auto writer = ottla::Writer::create(std::move(config)).value();
    const auto write = [&](const std::vector<std::pair<std::string, std::string>>& pairs) {
        std::vector<ottla::Record> records;
        for (const auto& [key, value] : pairs) records.push_back({.key = key, .value = value});
        if (!records.empty()) writer.write_messages(records, 60s).value();
    };

    std::vector<std::pair<std::string, std::string>> accounts, ends;
    for (const auto& [name, account] : book.all())
        if (account != before.book.at(name)) accounts.emplace_back(name, to_string(account));
    write(accounts);
    // Not before all of them are acknowledged.
    for (std::size_t p = 0; p < next.size(); ++p)
        if (next[p] != before.next[p]) ends.emplace_back("#" + std::to_string(p), std::to_string(next[p]));
    write(ends);
    return accounts.size();
}

}  // namespace accounts
