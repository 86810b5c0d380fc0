// SPDX-License-Identifier: Apache-2.0
#include "published.hpp"

#include <algorithm>
#include <future>
#include <optional>

#include <boost/asio/use_future.hpp>
#include <ottla/consumer.hpp>

#include "outbox_table.hpp"

using namespace std::chrono_literals;

namespace outbox {

namespace {

using Reports = std::vector<std::future<ottla::Result<ottla::DeliveryReport>>>;

// Where they stand.
std::vector<std::int64_t> write_markers(ottla::Producer& producer, const std::string& topic, std::int32_t partitions) {
    const ottla::Header header{marker_header, ""};
    Reports reports;
    for (std::int32_t p = 0; p < partitions; ++p) {
        const ottla::Record marker{
            .topic = topic, .key = marker_header, .value = "", .headers = {&header, 1}, .partition = p};
        reports.push_back(producer.async_produce(marker, boost::asio::use_future));
    }
    std::vector<std::int64_t> offsets;
    for (auto& report : reports) {
        const auto delivered = report.get().value();
        if (!delivered) throw ottla::Exception(delivered.error);
        offsets.push_back(delivered.offset.value());
    }
    return offsets;
}

// The highest id between the two offsets; the record at `end` is there.
std::optional<std::int64_t> highest_id(ottla::Consumer& consumer, const std::string& topic, std::int32_t partition,
                                       std::int64_t begin, std::int64_t end) {
    std::optional<std::int64_t> highest;
    consumer.assign({{topic, partition, begin}}).value();
    for (;;) {
        const auto message = consumer.read_message(60s).value();
        if (const auto id = message.header(id_header))
            highest = std::max(highest.value_or(0), static_cast<std::int64_t>(std::stoll(std::string(id.text()))));
        if (message.offset() >= end) return highest;
    }
}

// Near the end, where it stands as a rule; further and further back, where there are only markers.
std::int64_t last_id(ottla::Consumer& consumer, const std::string& topic, std::int32_t partition, std::int64_t marker) {
    const auto start = consumer.query_watermark_offsets(topic, partition, 60s).value().low.value();
    for (std::int64_t back = 100;; back *= 10) {
        const auto begin = std::max(start, marker - back);
        if (const auto id = highest_id(consumer, topic, partition, begin, marker)) return *id;
        if (begin == start) return 0;
    }
}

}  // namespace

std::vector<std::int64_t> last_published(const std::string& brokers, ottla::Producer& producer,
                                         const std::string& topic) {
    auto consumer =
        ottla::Consumer::create({{"bootstrap.servers", brokers}, {"auto.offset.reset", "earliest"}}).value();
    const auto metadata = consumer.metadata(topic, 60s).value().topics.front();
    if (metadata.error != ottla::ErrorCode::none) throw ottla::Exception(metadata.error);
    const auto partitions = static_cast<std::int32_t>(metadata.partitions.size());
    const auto markers = write_markers(producer, topic, partitions);
    std::vector<std::int64_t> ids;
    for (std::int32_t p = 0; p < partitions; ++p)
        ids.push_back(last_id(consumer, topic, p, markers[static_cast<std::size_t>(p)]));
    return ids;
}

}  // namespace outbox
