// SPDX-License-Identifier: Apache-2.0
#include "snapshots.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <stdexcept>
#include <vector>

#include <ottla/writer.hpp>

namespace accounts {

using namespace std::chrono_literals;

namespace {

// "70 3 open 2@20"
struct Kept {
    Account account;
    std::size_t partition = 0;
    std::int64_t next = 0;
};

std::string to_string(const Kept& kept) {
    return to_string(kept.account) + " " + std::to_string(kept.partition) + "@" + std::to_string(kept.next);
}

std::optional<Kept> parse_kept(const std::string& text) {
    const auto space = text.rfind(' ');
    const auto account = space == text.npos ? std::nullopt : parse_account(text.substr(0, space));
    Kept kept;
    long long next = 0;
    if (!account || std::sscanf(text.c_str() + space, " %zu@%lld", &kept.partition, &next) != 2) return std::nullopt;
    kept.account = *account;
    kept.next = next;
    return kept;
}

}  // namespace

Snapshot load_snapshot(const std::string& brokers, EventLog& events) {
    Snapshot snapshot;
    snapshot.next = events.begins();
    EventLog log(brokers, snapshots_topic);
    if (log.next().size() != 1) throw std::runtime_error(snapshots_topic + " must have one partition");
    std::map<std::string, Kept> all;
    const auto take_in = [&](std::int32_t, const ottla::MessageView& record) {
        const std::string key(record.key().text()), value(record.value().text());
        if (key.starts_with('#')) {
            const auto partition = std::strtoul(key.c_str() + 1, nullptr, 10);
            if (partition >= snapshot.next.size()) return;
            auto& next = snapshot.next[partition];
            next = std::max<std::int64_t>(next, std::strtoll(value.c_str(), nullptr, 10));
        } else if (const auto kept = parse_kept(value); kept && kept->partition < snapshot.next.size()) {
            // A snapshot that was overtaken tells older things later.
            auto& known = all[key];
            if (kept->next >= known.next) known = *kept;
        }
    };
    log.seek(log.begins());
    // Until nothing comes any more: compaction may take a record away for one that was not there before.
    for (Offsets end; end != log.ends();) log.read_to(end = log.ends(), take_in);
    for (const auto& [name, kept] : all) {
        snapshot.book.put(name, kept.account);
        snapshot.homes[name] = static_cast<std::int32_t>(kept.partition);
        // Nothing but an older state is left of this one.
        snapshot.next[kept.partition] = std::min(snapshot.next[kept.partition], kept.next);
    }
    snapshot.records_read = log.records_read();
    return snapshot;
}

std::size_t write_snapshot(const std::string& brokers, const Offsets& from, const Snapshot& now) {
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
    for (const auto& [name, home] : now.homes) {
        const auto p = static_cast<std::size_t>(home);
        if (now.next[p] != from[p]) accounts.emplace_back(name, to_string(Kept{now.book.at(name), p, now.next[p]}));
    }
    write(accounts);
    // Not before all of them are acknowledged.
    for (std::size_t p = 0; p < from.size(); ++p)
        if (now.next[p] != from[p]) ends.emplace_back("#" + std::to_string(p), std::to_string(now.next[p]));
    write(ends);
    return accounts.size();
}

}  // namespace accounts
