// SPDX-License-Identifier: Apache-2.0
#include "tools/ottla/record_range.hpp"

#include <algorithm>
#include <limits>
#include <map>

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <ottla/admin.hpp>

#include "tools/ottla/iso_time.hpp"
#include "tools/ottla/numbers.hpp"
#include "tools/ottla/partitions_of.hpp"
#include "tools/ottla/topic_common.hpp"

namespace ottla::tools {
namespace {

std::optional<std::int64_t> time_or_usage(const std::string& text, const char* option) {
    if (text.empty()) return std::nullopt;
    const auto ms = parse_datetime_ms(text);
    if (ms.has_error()) throw UsageError(fmt::format("{}: {}", option, ms.error().text()));
    return *ms;
}

std::vector<ListedOffset> list_in_range(Admin& admin, const std::string& topic,
                                        const std::vector<PartitionRange>& ranges, Offset place) {
    std::vector<TopicPartition> asked;
    for (const auto& r : ranges) asked.emplace_back(topic, r.partition, place);
    AdminOptions options = within_time();
    options.read_committed = true;
    auto listed = expect(admin.list_offsets(std::move(asked), std::move(options)), "asking for offsets");
    for (const auto& l : listed)
        if (l.partition.error.code() != ErrorCode::none) throw Exception(l.partition.error);
    return listed;
}

}  // namespace

void add_range_options(CLI::App& app, RangeOptions& to) {
    app.add_option("-p,--partition", to.partitions, "Only this partition; may be repeated")
        ->check(whole_number(0, std::numeric_limits<std::int32_t>::max()))
        ->allow_extra_args(false);
    app.add_option("--from-offset", to.from_offset, "From this offset on, in each partition")
        ->check(whole_number(0))
        ->type_name("N");
    app.add_option("--to-offset", to.to_offset, "Up to this offset, which is not included")
        ->check(whole_number(0))
        ->type_name("N");
    app.add_option("--since", to.since, "Records from this time on, 2026-11-22T18:05:00Z")->type_name("TIME");
    app.add_option("--until", to.until, "Records before this time")->type_name("TIME");
}

RecordRange::RecordRange(const Connection& connection, std::string topic, const RangeOptions& options)
    : topic_(std::move(topic)),
      since_ms_(time_or_usage(options.since, "--since")),
      until_ms_(time_or_usage(options.until, "--until")) {
    TopicOptions asks;
    asks.connection = connection;
    Admin admin = open_admin(asks);
    const auto ids =
        partitions_in(expect(admin.metadata(topic_, answer_within), "asking for topic '" + topic_ + "'"), topic_);
    for (const auto wanted : options.partitions)
        if (std::ranges::find(ids, wanted) == ids.end())
            throw Exception(
                Error::of(ErrorCode::unknown_partition,
                          fmt::format("topic '{}' has no partition {}, only 0 to {}", topic_, wanted, ids.size() - 1)));
    for (const auto id : ids)
        if (options.partitions.empty() || std::ranges::find(options.partitions, id) != options.partitions.end())
            partitions_.push_back({id});
    const auto begins = list_in_range(admin, topic_, partitions_, Offset::beginning());
    const auto ends = list_in_range(admin, topic_, partitions_, Offset::end());
    for (std::size_t i = 0; i < partitions_.size(); ++i) {
        auto& r = partitions_[i];
        r.log_begin = begins[i].partition.offset.value();
        r.log_end = ends[i].partition.offset.value();
        r.from = std::max(r.log_begin, options.from_offset.value_or(0));
        r.to = std::min(r.log_end, options.to_offset.value_or(r.log_end));
    }
    if (!since_ms_) return;
    const auto at_time = list_in_range(admin, topic_, partitions_, std::max<std::int64_t>(0, *since_ms_));
    for (std::size_t i = 0; i < partitions_.size(); ++i) {
        auto& r = partitions_[i];
        // All before it are older; behind it each is looked at.
        r.from =
            at_time[i].partition.offset.is_absolute() ? std::max(r.from, at_time[i].partition.offset.value()) : r.to;
    }
}

void RecordRange::begin_at(std::int32_t partition, std::int64_t offset) {
    for (auto& r : partitions_)
        if (r.partition == partition) r.from = std::max(r.from, offset);
}

bool RecordRange::has(const Message& m) const {
    return is_within(m) && std::ranges::any_of(partitions_, [&](const PartitionRange& r) {
               return r.partition == m.partition() && m.offset() >= r.from && m.offset() < r.to;
           });
}

bool RecordRange::is_within(const Message& m) const {
    return (!since_ms_ || m.timestamp_ms() >= *since_ms_) && (!until_ms_ || m.timestamp_ms() < *until_ms_);
}

bool RecordRange::read(const Session& session, Consumer& consumer, const std::function<bool(const Message&)>& each) {
    std::vector<TopicPartition> from;
    std::map<std::int32_t, std::int64_t> open;
    for (const auto& r : partitions_) {
        if (r.from >= r.to) continue;
        from.emplace_back(topic_, r.partition, r.from);
        open.emplace(r.partition, r.to);
    }
    if (open.empty()) return true;
    expect(consumer.assign(from), "starting to read");
    const auto close = [&](std::int32_t partition) {
        if (open.erase(partition) > 0) (void)consumer.incremental_unassign({{topic_, partition}}).has_value();
    };
    while (!open.empty()) {
        if (session.stop) return false;
        const auto event = consumer.poll(std::chrono::milliseconds(100));
        if (!event) continue;
        if (const auto* m = std::get_if<Message>(&*event)) {
            const auto end = open.find(m->partition());
            if (end == open.end()) continue;
            const auto to = end->second;
            if (m->offset() < to && is_within(*m) && !each(*m)) return false;
            if (m->offset() + 1 >= to) close(m->partition());
        } else if (const auto* eof = std::get_if<PartitionEof>(&*event)) {
            // What is left of the range has no records: markers of transactions, or compacted away.
            if (const auto end = open.find(eof->partition); end != open.end() && eof->offset.value() >= end->second)
                close(eof->partition);
        } else if (const auto* failed = std::get_if<PartitionError>(&*event)) {
            if (!failed->goes_on || !failed->error.is_retriable()) throw Exception(failed->error);
        } else if (const auto* error = std::get_if<Error>(&*event)) {
            if (!error->is_retriable() || error->is_fatal()) throw Exception(*error);
        }
    }
    return true;
}

Consumer open_reader(const Connection& connection, std::initializer_list<Config::Entry> ours) {
    std::vector<Config::Entry> all = {{"enable.partition.eof", true}, {"auto.offset.reset", "error"}};
    all.insert(all.end(), ours.begin(), ours.end());
    Config config = to_config(connection);
    for (const auto& entry : all)
        if (auto set = config.set(entry.name, entry.value); !set)
            throw UsageError(fmt::format("{}: {}", entry.name, set.error().text()));
    auto consumer = Consumer::create(config);
    if (consumer.has_error()) throw UsageError(std::string(consumer.error().text()));
    return std::move(*consumer);
}

}  // namespace ottla::tools
