// SPDX-License-Identifier: Apache-2.0
// acked_producer BOOTSTRAP TOPIC PARTITIONS [KEYS [RECORDS [OPEN]]]: produces increasing numbers, round robin over the
// partitions (with KEYS above 0: the number modulo KEYS is the key), RECORDS of them, or until its standard input ends,
// and keeps a book of promises: "partition offset value" on standard output for every record acknowledged. Says "MARK
// n" on standard error every 2,000 of them. At most OPEN records have no report yet. Brokers may come and go meanwhile;
// where a record is given up it says "LOST" and ends with 1.
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <limits>
#include <string>

#include <poll.h>
#include <unistd.h>

#include <ottla/producer.hpp>

using namespace std::chrono_literals;

namespace {

constexpr std::int64_t mark_every = 2000;

struct Work {
    std::string topic;
    int partitions = 1;
    int keys = 0;
    std::int64_t records = std::numeric_limits<std::int64_t>::max();
    std::int64_t open_max = 1000;  // few enough that the promises follow the kills closely
};

// Written by the client's loop only.
struct Book {
    std::atomic<std::int64_t> reported{0};
    std::int64_t acknowledged = 0;
    std::int64_t lost = 0;

    void report(std::int64_t value, const ottla::DeliveryReport& report) {
        if (report) {
            std::printf("%d %lld %lld\n", report.partition, static_cast<long long>(report.offset.value()),
                        static_cast<long long>(value));
            if (++acknowledged % mark_every == 0)
                std::fprintf(stderr, "MARK %lld\n", static_cast<long long>(acknowledged));
        } else {
            ++lost;
            std::fprintf(stderr, "LOST %lld: %s\n", static_cast<long long>(value), to_string(report.error).c_str());
        }
        reported.fetch_add(1, std::memory_order_release);
    }
};

bool input_ended() {
    pollfd in{STDIN_FILENO, POLLIN, 0};
    if (::poll(&in, 1, 0) <= 0) return false;
    char bytes[256];
    return ::read(STDIN_FILENO, bytes, sizeof bytes) <= 0;
}

void produce_until_told(ottla::Producer& producer, const Work& work, Book& book) {
    std::int64_t sent = 0;
    while (sent < work.records && !input_ended()) {
        if (sent - book.reported.load(std::memory_order_acquire) >= work.open_max) {
            producer.flush(50ms).value();
            continue;
        }
        const std::string text = std::to_string(sent);
        ottla::Record record;
        record.topic = work.topic;
        record.partition = static_cast<std::int32_t>(sent % work.partitions);
        record.value = text;
        const std::string key = work.keys > 0 ? std::to_string(sent % work.keys) : std::string();
        if (work.keys > 0) record.key = key;
        producer.produce(record, [&book, value = sent](const ottla::DeliveryReport& r) { book.report(value, r); })
            .value();
        ++sent;
    }
    if (const std::size_t left = producer.flush(60s).value(); left > 0)
        throw ottla::Exception(
            ottla::Error::of(ottla::ErrorCode::timed_out, std::to_string(left) + " records are still open after 60 s"));
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 4 || argc > 7) {
        std::cerr << "usage: acked_producer BOOTSTRAP TOPIC PARTITIONS [KEYS [RECORDS [OPEN]]]\n";
        return 2;
    }
    try {
        Work work{argv[2], std::atoi(argv[3])};
        if (argc > 4) work.keys = std::atoi(argv[4]);
        if (argc > 5) work.records = std::atoll(argv[5]);
        if (argc > 6) work.open_max = std::atoll(argv[6]);
        Book book;
        auto producer = ottla::Producer::create({{"bootstrap.servers", argv[1]}, {"acks", "all"}}).value();
        produce_until_told(producer, work, book);
        producer.close(10s).value();
        return std::fflush(stdout) == 0 && book.lost == 0 ? 0 : 1;
    } catch (const std::exception& e) {
        std::cerr << "acked_producer: " << e.what() << '\n';
        return 1;
    }
}
