// SPDX-License-Identifier: Apache-2.0
// A stranger's project: a broker in its own process, a record in and out, a message of the codec.
#include <chrono>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string>

#include <ottla/admin.hpp>
#include <ottla/broker/cluster.hpp>
#include <ottla/consumer.hpp>
#include <ottla/producer.hpp>
#include <ottla/protocol/messages/metadata_request.hpp>

using namespace std::chrono_literals;

int main() try {
    static_assert(ottla::protocol::MetadataRequest::api_key == 3);
    auto cluster = ottla::broker::Cluster::start().value();
    cluster.create_topic("orders").value();

    const ottla::Config config{{"bootstrap.servers", cluster.bootstrap_servers()}};
    auto producer = ottla::Producer::create(config).value();
    producer.produce({.topic = "orders", .key = "7", .value = "paid"}).value();
    if (producer.flush(10s).value() != 0) throw std::runtime_error("the record was not acknowledged");

    auto consumer = ottla::Consumer::create(config).value();
    consumer.assign({{"orders", 0, ottla::Offset::beginning()}}).value();
    const ottla::Message message = consumer.read_message(10s).value();
    if (message.value().text() != "paid") throw std::runtime_error("another record came back: " + to_string(message));
    std::puts("ok");
    return 0;
} catch (const std::exception& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
}
