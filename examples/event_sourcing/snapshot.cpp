// SPDX-License-Identifier: Apache-2.0
// Brings the snapshots up to the events that are there now; run it from time to time: account_snapshot BROKERS
#include <cstdio>

#include "snapshots.hpp"

int main(int argc, char** argv) {
    if (argc != 2) {
        std::fprintf(stderr, "usage: account_snapshot BROKERS\n");
        return 2;
    }
    try {
        accounts::EventLog events(argv[1], accounts::events_topic);
        auto snapshot = accounts::load_snapshot(argv[1], events);
        const auto from = snapshot.next;
        events.seek(from);
        events.read_to(events.ends(), [&](std::int32_t partition, const ottla::MessageView& event) {
            if (snapshot.book.enter(event)) snapshot.homes[std::string(event.key().text())] = partition;
        });
        snapshot.next = events.next();
        const auto written = accounts::write_snapshot(argv[1], from, snapshot);
        std::printf("%zu accounts written, after %lld events\n", written,
                    static_cast<long long>(events.records_read()));
        return 0;
    } catch (const std::exception& e) {
        std::fprintf(stderr, "account_snapshot: %s\n", e.what());
        return 1;
    }
}
