// SPDX-License-Identifier: Apache-2.0
// ottla consume TOPIC: prints the records of a topic, from the end on unless told otherwise, until it is stopped,
// has seen as many as asked for, or (with -e) has reached the end.
#include <algorithm>
#include <charconv>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <ottla/consumer.hpp>

#include "tools/ottla/connection.hpp"
#include "tools/ottla/numbers.hpp"
#include "tools/ottla/output.hpp"
#include "tools/ottla/partitions_of.hpp"
#include "tools/ottla/record_format.hpp"
#include "tools/ottla/record_json.hpp"
#include "tools/ottla/verb.hpp"

namespace ottla::tools {

namespace {

struct ConsumeOptions {
    Connection connection;
    std::string topic;
    std::string group;
    std::string offset = "end";
    std::optional<std::uint64_t> count;
    bool until_end = false;
    std::vector<std::int32_t> partitions;
    std::string format = "%v\\n";
    std::string output = "text";
};

Offset parse_offset(const std::string& text) {
    if (text == "start") return Offset::beginning();
    if (text == "end") return Offset::end();
    std::int64_t number = 0;
    const char* const end = text.data() + text.size();
    const auto [stopped, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc() || stopped != end)
        throw UsageError(
            fmt::format("-O {}: an offset is start, end, a number, or -N for the last N of each partition", text));
    return text.starts_with('-') ? Offset::tail(-number) : Offset(number);
}

std::vector<TopicPartition> choose(const ConsumeOptions& options, const std::vector<std::int32_t>& existing,
                                   Offset from) {
    std::vector<TopicPartition> chosen;
    for (const std::int32_t id : options.partitions.empty() ? existing : options.partitions) {
        if (std::find(existing.begin(), existing.end(), id) == existing.end())
            throw Exception(Error::of(ErrorCode::unknown_partition,
                                      fmt::format("topic '{}' has no partition {}, only 0 to {}", options.topic, id,
                                                  static_cast<int>(existing.size()) - 1)));
        chosen.emplace_back(options.topic, id, from);
    }
    return chosen;
}

// A consumer at the end looks dead to a newcomer: say where it stands.
void say_where_it_waits(Session& session, Consumer& consumer, const std::vector<TopicPartition>& partitions) {
    if (!session.stderr_is_terminal || partitions.empty()) return;
    const TopicPartition& first = partitions.front();
    const auto ends = consumer.query_watermark_offsets(first.topic, first.partition, answer_within);
    if (ends.has_error()) return;
    const std::string others =
        partitions.size() == 1 ? "" : fmt::format(" (and {} more partitions)", partitions.size() - 1);
    session.hint(fmt::format("waiting at offset {} of {}[{}]{}; use -O start to read what is there", ends->high.value(),
                             first.topic, first.partition, others));
}

class Printer {
public:
    Printer(Session& session, const ConsumeOptions& options, RecordFormat format)
        : session_(session),
          format_(std::move(format)),
          json_(options.output == "json"),
          left_(options.count),
          until_end_(options.until_end),
          is_member_(!options.group.empty()) {}

    // From now on, the end of these is waited for.
    void expect_ends(const std::vector<TopicPartition>& partitions) {
        for (const TopicPartition& partition : partitions) unfinished_.insert(partition.partition);
    }
    bool done() const {
        return session_.stop || session_.out.closed() || left_ == 0U || (until_end_ && unfinished_.empty());
    }

    void operator()(const Message& message) {
        if (json_)
            append_json_line(message, session_.out.buffer());
        else
            format_.append(message, session_.out.buffer());
        if (is_member_) printed_[{std::string(message.topic()), message.partition()}] = message.offset() + 1;
        session_.out.settle();
        if (left_) --*left_;
    }
    // Of a member: what is out, and not only in the buffer, may be committed.
    void store(Consumer& consumer) {
        if (!is_member_ || !session_.out.buffer().empty() || session_.out.closed() || session_.out.error() != 0) return;
        if (printed_.empty()) return;
        std::vector<TopicPartition> done;
        for (const auto& [partition, next] : printed_) done.emplace_back(partition.first, partition.second, next);
        // One that was given back meanwhile is read again by whoever has it now.
        (void)consumer.store_offsets(std::move(done));
        printed_.clear();
    }

    void operator()(const PartitionEof& end) { unfinished_.erase(end.partition); }
    void operator()(const PartitionError& failed) {
        const auto what = failed.error.with_context(
            fmt::format("{}[{}] at {}", failed.topic, failed.partition, to_string(failed.offset)));
        // What is out of range, or was truncated, is not asked for again, but another place was found.
        const bool retried = failed.error.is_retriable() || failed.moved_to.is_absolute();
        if (!failed.goes_on || !retried) throw Exception(what);
        session_.hint(to_string(what));
    }
    void operator()(const Error& error) {
        if (!error.is_retriable() || error.is_fatal()) throw Exception(error);
        session_.hint(to_string(error));
    }
    void operator()(const DeliveryReport&) {}
    void operator()(const Statistics&) {}
    void operator()(const LogEvent& line) { session_.hint(to_string(line)); }
    void operator()(const AssignedPartitions& event) { session_.hint(to_string(event)); }
    void operator()(const RevokedPartitions& event) { session_.hint(to_string(event)); }
    void operator()(const OffsetsCommitted&) {}

private:
    Session& session_;
    RecordFormat format_;
    bool json_;
    std::optional<std::uint64_t> left_;
    bool until_end_;
    bool is_member_;
    std::set<std::int32_t> unfinished_;
    std::map<std::pair<std::string, std::int32_t>, std::int64_t> printed_;  // the next offset of each partition
};

void print_all(Session& session, Consumer& consumer, Printer& print) {
    while (!print.done()) {
        auto event = consumer.poll(std::chrono::seconds(0));
        if (!event) {
            // Nothing is there right now: show what is known before waiting.
            session.out.flush();
            print.store(consumer);
            event = consumer.poll(std::chrono::milliseconds(200));
        }
        if (event) std::visit(print, *event);
        print.store(consumer);
    }
    session.out.flush();
    print.store(consumer);
}

// As a member: what others of the group have read is not read again.
int consume_as_member(Session& session, const ConsumeOptions& options, Offset from, RecordFormat format) {
    const bool from_start = from == Offset::beginning();
    if (!options.partitions.empty())
        throw UsageError("-g and -p exclude each other: the group shares the partitions out");
    if (options.until_end) throw UsageError("-g and -e exclude each other: a group's end is not that of one member");
    if (!from_start && from != Offset::end())
        throw UsageError("with -g, -O says only where to begin without a committed offset: start or end");
    auto consumer =
        Consumer::create(to_config(options.connection, {{"group.id", options.group},
                                                        {"auto.offset.reset", from_start ? "earliest" : "latest"},
                                                        {"enable.auto.offset.store", false}}));
    if (consumer.has_error()) throw UsageError(std::string(consumer.error().text()));
    Printer print(session, options, std::move(format));
    expect(consumer->subscribe({options.topic}), "joining the group");
    print_all(session, *consumer, print);
    expect(consumer->close(answer_within), "leaving the group");
    return exit_ok;
}

int consume(Session& session, const ConsumeOptions& options) {
    auto format = RecordFormat::parse(options.format);
    if (format.has_error()) throw UsageError(std::string(format.error().text()));
    const Offset from = parse_offset(options.offset);
    if (!options.group.empty()) return consume_as_member(session, options, from, std::move(*format));
    auto consumer = Consumer::create(to_config(options.connection, {{"enable.partition.eof", true}}));
    if (consumer.has_error()) throw UsageError(std::string(consumer.error().text()));

    const auto metadata =
        expect(consumer->metadata(options.topic, answer_within), fmt::format("asking for topic '{}'", options.topic));
    const auto partitions = choose(options, partitions_in(metadata, options.topic), from);
    Printer print(session, options, std::move(*format));
    print.expect_ends(partitions);
    if (from == Offset::end() && !options.until_end) say_where_it_waits(session, *consumer, partitions);
    expect(consumer->assign(partitions), "starting to read");
    print_all(session, *consumer, print);
    (void)consumer->close(std::chrono::seconds(1));
    return exit_ok;
}

}  // namespace

Action declare_consume(CLI::App& app) {
    auto options = std::make_shared<ConsumeOptions>();
    add_connection(app, options->connection);
    app.add_option("topic", options->topic, "The topic to read")->required()->type_name("TOPIC");
    app.add_option("-O,--offset", options->offset,
                   "Where to begin: start, end, N (that offset), -N (the last N of each partition)")
        ->capture_default_str()
        ->type_name("OFFSET");
    app.add_option("-g,--group", options->group,
                   "Read as a member of this group: go on where it has committed, and share the partitions with its "
                   "other members; TOPIC may be a pattern, ^...")
        ->type_name("GROUP");
    app.add_option("-n,--count", options->count, "End after that many records")->check(whole_number(0));
    app.add_flag("-e,--end", options->until_end, "End at the end of the topic instead of waiting for more");
    app.add_option("-p,--partition", options->partitions, "Only this partition; may be repeated")
        ->check(whole_number(0, std::numeric_limits<std::int32_t>::max()))
        ->allow_extra_args(false);
    app.add_option(
           "-f,--format", options->format,
           "What to print: %t topic %p partition %o offset %k key %v value %h headers %d time in ms, %K %V lengths, "
           "%d{strftime[..]}, %h{%k=%v }, %v{hex}, %v{base64}; \\n \\t")
        ->capture_default_str();
    app.add_option("-o,--output", options->output, "text (as -f says) or json (an object a line)")
        ->check(CLI::IsMember({"text", "json"}))
        ->capture_default_str();
    return [options](Session& session) { return consume(session, *options); };
}

}  // namespace ottla::tools
