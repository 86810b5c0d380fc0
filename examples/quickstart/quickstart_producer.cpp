// SPDX-License-Identifier: Apache-2.0
// quickstart_producer BOOTSTRAP TOPIC [FILE]: makes the topic, then every package that this machine's package manager
// knows becomes a record: its name the key, its whole stanza the value. Prints "records=N bytes=N hash=H".
#include <atomic>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <string>

#include <ottla/admin.hpp>
#include <ottla/producer.hpp>

#include "digest.hpp"

using namespace std::chrono_literals;

namespace {

void create_topic(const char* bootstrap, const std::string& topic) {
    auto admin = ottla::Admin::create({{"bootstrap.servers", bootstrap}}).value();
    for (const auto& result : admin.create_topics({ottla::NewTopic(topic, 3)}, {}).value())
        if (result.error.code() != ottla::ErrorCode::none) throw ottla::Exception(result.error);
}

// "Package: zlib1g\n…" → "zlib1g"
std::string_view name_of(std::string_view stanza) {
    constexpr std::string_view field = "Package: ";
    if (!stanza.starts_with(field)) return {};
    return stanza.substr(field.size(), stanza.find('\n') - field.size());
}

void send_all(ottla::Producer& producer, const std::string& topic, std::istream& packages, Digest& sent) {
    std::atomic<int> undelivered = 0;
    std::string stanza, line;
    const auto send = [&] {
        if (stanza.empty()) return;
        ottla::Record record;
        record.topic = topic;
        record.key = name_of(stanza);
        record.value = stanza;
        // produce() copies the record and returns; the callback tells later what became of it.
        auto taken = producer.produce(record, [&](const ottla::DeliveryReport& report) {
            if (!report) ++undelivered;
        });
        if (!taken && taken.error() == ottla::ErrorCode::queue_full) {
            producer.flush(30s).value();  // let it drain, then once more
            taken = producer.produce(record, [&](const ottla::DeliveryReport& report) {
                if (!report) ++undelivered;
            });
        }
        taken.value();
        sent.add(name_of(stanza), stanza);
        stanza.clear();
    };
    while (std::getline(packages, line)) {
        if (line.empty())
            send();
        else
            stanza += line + '\n';
    }
    send();
    if (producer.flush(60s).value() > 0 || undelivered > 0)
        throw ottla::Exception(ottla::Error::of(ottla::ErrorCode::failed, "not every record was acknowledged"));
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 3) {
        std::cerr << "usage: quickstart_producer BOOTSTRAP TOPIC [FILE]\n";
        return 2;
    }
    const std::string topic = argv[2], file = argc > 3 ? argv[3] : "/var/lib/dpkg/status";
    try {
        std::ifstream packages(file);
        if (!packages) {
            std::cerr << "quickstart_producer: " << file << " cannot be read\n";
            return 1;
        }
        create_topic(argv[1], topic);
        auto producer = ottla::Producer::create({{"bootstrap.servers", argv[1]}, {"compression.type", "lz4"}}).value();
        Digest sent;
        send_all(producer, topic, packages, sent);
        producer.close(10s).value();
        std::printf("records=%llu bytes=%llu hash=%016llx\n", static_cast<unsigned long long>(sent.count()),
                    static_cast<unsigned long long>(sent.bytes()), static_cast<unsigned long long>(sent.sum()));
        return 0;
    } catch (const std::exception& e) {
        std::cerr << "quickstart_producer: " << e.what() << '\n';
        return 1;
    }
}
