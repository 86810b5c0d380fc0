// SPDX-License-Identifier: Apache-2.0
// ottla produce TOPIC: every line of standard input becomes a record. Ends when the input ends and all is
// acknowledged; 1 when a record was not.
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>

#include <unistd.h>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <ottla/producer.hpp>

#include "tools/ottla/connection.hpp"
#include "tools/ottla/deliveries.hpp"
#include "tools/ottla/line_reader.hpp"
#include "tools/ottla/numbers.hpp"
#include "tools/ottla/partitions_of.hpp"
#include "tools/ottla/verb.hpp"

namespace ottla::tools {

namespace {

struct ProduceOptions {
    Connection connection;
    std::string topic;
    std::optional<std::string> key_separator;
    std::vector<std::string> headers;
    std::int32_t partition = any_partition;
    std::optional<std::string> codec;
    bool empty_is_null = false;
};

std::vector<Header> parse_headers(const std::vector<std::string>& given) {
    std::vector<Header> headers;
    for (const std::string_view header : given) {
        const auto equals = header.find('=');
        if (equals == std::string_view::npos) throw UsageError(fmt::format("-H {}: a header is NAME=VALUE", header));
        headers.push_back(Header{header.substr(0, equals), BytesView(header.substr(equals + 1))});
    }
    return headers;
}

// A topic that is absent, or a partition that it lacks, is told before anything is read.
void check_topic(const ProduceOptions& options, const Config& config) {
    if (config.get("allow.auto.create.topics") == "true") return;
    const auto ids = partitions_of(config, options.topic);
    if (options.partition != any_partition && std::find(ids.begin(), ids.end(), options.partition) == ids.end())
        throw Exception(Error::of(ErrorCode::unknown_partition,
                                  fmt::format("topic '{}' has no partition {}, only 0 to {}", options.topic,
                                              options.partition, static_cast<int>(ids.size()) - 1)));
}

class LineProducer {
public:
    LineProducer(const ProduceOptions& options, std::vector<Header> headers, Producer& producer,
                 const std::atomic<bool>& stop)
        : options_(options),
          producer_(producer),
          stop_(stop),
          headers_(std::move(headers)) {}

    void produce(std::string_view line) {
        const Record record = parse(line);
        while (!stop_) {
            auto taken =
                producer_.produce(record, [this](const DeliveryReport& report) { deliveries_.report(report); });
            if (!taken.has_error()) {
                ++sent_;
                return;
            }
            if (taken.error() != ErrorCode::queue_full)
                throw Exception(taken.error().with_context(fmt::format("line {}", sent_ + 1)));
            deliveries_.wait_for(deliveries_.done() + (sent_ - deliveries_.done()) / 2);
        }
    }

    void finish() {
        while (deliveries_.done() < sent_ && !stop_)
            expect(producer_.flush(std::chrono::milliseconds(200)), "flushing");
    }

    std::int64_t sent() const { return sent_; }
    const Deliveries& deliveries() const { return deliveries_; }

private:
    Record parse(std::string_view line) const {
        const auto bytes = [this](std::string_view text) {
            return text.empty() && options_.empty_is_null ? BytesView() : BytesView(text);
        };
        Record record;
        record.topic = options_.topic;
        record.partition = options_.partition;
        record.headers = headers_;
        if (options_.key_separator) {
            if (const auto at = line.find(*options_.key_separator); at != std::string_view::npos) {
                record.key = bytes(line.substr(0, at));
                line.remove_prefix(at + options_.key_separator->size());
            }
        }
        record.value = bytes(line);
        return record;
    }

    const ProduceOptions& options_;
    Producer& producer_;
    const std::atomic<bool>& stop_;
    std::vector<Header> headers_;
    Deliveries deliveries_;
    std::int64_t sent_ = 0;
};

int produce(Session& session, const ProduceOptions& options) {
    if (options.key_separator && options.key_separator->empty())
        throw UsageError("-k: the separator must not be empty");
    auto headers = parse_headers(options.headers);
    Connection connection = options.connection;
    if (options.codec) connection.settings.push_back("compression.type=" + *options.codec);
    const Config config = to_config(connection);
    auto producer = Producer::create(config);
    if (producer.has_error()) throw UsageError(std::string(producer.error().text()));
    check_topic(options, config);
    if (isatty(STDIN_FILENO) == 1) session.hint("Every line becomes a record; Ctrl-D ends.");

    LineReader lines(STDIN_FILENO);
    // Behind the producer whose loop reports to it; closed before it goes.
    LineProducer out(options, std::move(headers), *producer, session.stop);
    struct Closing {
        Producer& producer;
        ~Closing() { (void)producer.close(std::chrono::seconds(0)); }
    } closing{*producer};
    while (!session.stop) {
        const auto line = lines.next();
        if (!line) break;
        out.produce(*line);
    }
    out.finish();
    if (lines.error() != 0) throw std::runtime_error(std::string("standard input: ") + std::strerror(lines.error()));
    const std::int64_t lost = out.deliveries().failed() + (out.sent() - out.deliveries().done());
    if (lost == 0) {
        session.hint(fmt::format("{} records acknowledged", out.sent()));
        return exit_ok;
    }
    const Error first = out.deliveries().first_error();
    throw Exception(
        first.code() == ErrorCode::none
            ? Error::of(ErrorCode::cancelled,
                        fmt::format("{} of {} records were not acknowledged when it ended", lost, out.sent()))
            : first.with_context(fmt::format("{} of {} records were not delivered; the first", lost, out.sent())));
}

}  // namespace

Action declare_produce(CLI::App& app) {
    auto options = std::make_shared<ProduceOptions>();
    add_connection(app, options->connection);
    app.add_option("topic", options->topic, "The topic to write to")->required()->type_name("TOPIC");
    app.add_option("-k,--key-separator", options->key_separator,
                   "What stands before it in a line is the key; a line without it has none")
        ->type_name("SEP");
    app.add_option("-H,--header", options->headers, "A header for every record, NAME=VALUE; may be repeated")
        ->type_name("NAME=VALUE")
        ->allow_extra_args(false);
    app.add_option("-p,--partition", options->partition, "This partition, instead of one by the key")
        ->check(whole_number(0, std::numeric_limits<std::int32_t>::max()));
    app.add_option("-z,--compress", options->codec, "none, gzip, snappy, lz4 or zstd")
        ->check(CLI::IsMember({"none", "gzip", "snappy", "lz4", "zstd"}));
    app.add_flag("-Z,--null", options->empty_is_null, "An empty key or value is null (a tombstone), not empty");
    return [options](Session& session) { return produce(session, *options); };
}

}  // namespace ottla::tools
