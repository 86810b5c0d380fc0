// SPDX-License-Identifier: Apache-2.0
// The accounts, a line each ("alice 70 3 open"), rebuilt from their events:
//   account_state BROKERS beginning            from the first event on
//   account_state BROKERS until TIME_MS        as they were then: the closing of the books
//   account_state BROKERS since TIME_MS < CLOSING   from that closing and what came after it
//   account_state BROKERS snapshot             from the snapshots, and what came after them
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <stdexcept>
#include <string>

#include "snapshots.hpp"

namespace {

using accounts::Book;
using accounts::EventLog;

Book read_closing() {
    Book book;
    std::string line;
    while (std::getline(std::cin, line)) {
        const auto space = line.find(' ');
        const auto account = space == line.npos ? std::nullopt : accounts::parse_account(line.substr(space + 1));
        if (!account) throw std::runtime_error("'" + line + "' is no account");
        book.put(line.substr(0, space), *account);
    }
    return book;
}

void replay(EventLog& events, const accounts::Offsets& from, const accounts::Offsets& to, Book& book) {
    events.seek(from);
    events.read_to(to, [&](std::int32_t partition, const ottla::MessageView& event) {
        if (event.offset() < to[static_cast<std::size_t>(partition)]) book.enter(event);
    });
}

void print(const Book& book, std::int64_t snapshots, std::int64_t events) {
    for (const auto& [name, account] : book.all())
        if (account.version > 0) std::printf("%s %s\n", name.c_str(), to_string(account).c_str());
    std::fprintf(stderr, "read %lld records of snapshots, %lld events\n", static_cast<long long>(snapshots),
                 static_cast<long long>(events));
}

// Before it is over, events may still come that are older than it, and be in neither part.
void check_is_over(std::int64_t time_ms) {
    const auto now = std::chrono::system_clock::now().time_since_epoch() / std::chrono::milliseconds(1);
    if (time_ms > now)
        throw std::runtime_error(std::to_string(time_ms) + " is not over yet: it is " + std::to_string(now));
}

int rebuild(const std::string& brokers, const std::string& how, std::int64_t time_ms) {
    if (how == "until" || how == "since") check_is_over(time_ms);
    EventLog events(brokers, accounts::events_topic);
    Book book;
    std::int64_t snapshots = 0;
    if (how == "beginning") {
        replay(events, events.begins(), events.ends(), book);
    } else if (how == "until") {
        replay(events, events.begins(), events.at(time_ms), book);
    } else if (how == "since") {
        book = read_closing();
        replay(events, events.at(time_ms), events.ends(), book);
    } else if (how == "snapshot") {
        auto snapshot = accounts::load_snapshot(brokers, events);
        snapshots = snapshot.records_read;
        book = std::move(snapshot.book);
        replay(events, snapshot.next, events.ends(), book);
    } else {
        std::fprintf(stderr, "usage: account_state BROKERS beginning | until TIME_MS | since TIME_MS | snapshot\n");
        return 2;
    }
    print(book, snapshots, events.records_read());
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return rebuild(argc > 1 ? argv[1] : "", argc > 2 ? argv[2] : "", argc > 3 ? std::atoll(argv[3]) : 0);
    } catch (const std::exception& e) {
        std::fprintf(stderr, "account_state: %s\n", e.what());
        return 1;
    }
}
