// SPDX-License-Identifier: Apache-2.0
#include "broker/server/log_cleaner.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>

#include <fmt/format.h>

#include "broker/partitions/partition.hpp"
#include "broker/server/effective_config.hpp"
#include "broker/server/scatter.hpp"
#include "net/run_on.hpp"

namespace ottla::broker {
namespace asio = boost::asio;

namespace {

// So much is read and written in one piece: a worker is given back soon.
constexpr std::uint64_t piece_bytes = 8U << 20;

log::Disk& disk_of(const Partition& partition) { return partition.io().directory().disk(); }

std::string name_of(const Partition& partition) { return fmt::format("{}-{}", partition.topic(), partition.number()); }

template <class Number>
void read_cleaner_setting(const ConfigView& view, std::string_view name, Number& out) {
    const auto* key = find_config_key(ConfigScope::broker, name);
    const auto text = effective_broker_config(*key, view, std::to_string(view.node_id)).value.value_or("");
    std::from_chars(text.data(), text.data() + text.size(), out);
}

CleanerSettings cleaner_settings(const ConfigView& view) {
    CleanerSettings settings;
    read_cleaner_setting(view, "log.cleaner.backoff.ms", settings.backoff_ms);
    read_cleaner_setting(view, "log.cleaner.dedupe.buffer.size", settings.map_bytes_max);
    read_cleaner_setting(view, "log.cleaner.io.max.bytes.per.second", settings.bytes_per_second_max);
    return settings;
}

}  // namespace

LogCleaner::LogCleaner(Node& node, base::Workers& workers, Housekeeping& housekeeping, base::Random random)
    : node_(node),
      workers_(workers),
      housekeeping_(housekeeping),
      random_(random),
      life_(node.shards.front()->executor()),
      working_(node.shards.front()->executor()) {}

asio::awaitable<void> LogCleaner::run() {
    const net::UntilStopped::Running running(life_);
    while (!life_.stopping()) {
        auto candidate = co_await find_dirtiest();
        if (candidate) {
            co_await compact(std::move(*candidate));
            continue;
        }
        const auto backoff = std::chrono::milliseconds(std::max<std::int64_t>(settings_.backoff_ms, 1));
        co_await life_.wake().wait_until(*node_.timers, node_.timers->now() + backoff);
    }
}

void LogCleaner::stop() {
    give_up_ = true;
    life_.stop();
}

void LogCleaner::take_settings(const MetadataImage& image) {
    const auto next = cleaner_settings({image, node_.config->values, node_.id});
    if (next == settings_) return;
    settings_ = next;
    life_.wake().notify();
}

asio::awaitable<void> LogCleaner::let_go(const PartitionKey& key) {
    if (at_work_ == key) {
        give_up_ = true;
        life_.wake().notify();
        co_await working_.take();
    }
    set_aside_.erase(key);
}

asio::awaitable<std::optional<LogCleaner::Candidate>> LogCleaner::find_dirtiest() {
    std::optional<Candidate> dirtiest;
    const std::int64_t now_ms = node_.timers->wall_ms();
    for (const auto& shard : node_.shards) {
        auto job = [&] {
            for (const auto& partition : shard->partitions()) {
                const auto dirt = partition->worth_compacting(now_ms);
                if (!dirt || set_aside_.contains(partition->key())) continue;
                if (!dirtiest || dirt->ratio() > dirtiest->dirt.ratio()) dirtiest = Candidate{partition, *dirt};
            }
        };
        co_await run_at(*shard, *node_.shards.front(), job);
    }
    co_return dirtiest;
}

asio::awaitable<void> LogCleaner::compact(Candidate candidate) {
    Shard& here = *node_.shards.front();
    Partition& partition = *candidate.partition;
    Shard& owner = node_.owner_of(partition.key());
    const auto turn = co_await working_.take();
    at_work_ = partition.key();
    give_up_ = life_.stopping();
    std::optional<log::CompactionInput> input;
    auto begin = [&] { input = partition.begin_compaction(candidate.dirt); };
    co_await run_at(owner, here, begin);
    if (input) co_await compact(partition, std::move(*input));
    at_work_.reset();
}

asio::awaitable<void> LogCleaner::compact(Partition& partition, log::CompactionInput input) {
    log::CompactionOptions options;
    options.now_ms = node_.timers->wall_ms();
    options.delete_retention_ms = partition.settings().delete_retention_ms;
    options.map_bytes_max = static_cast<std::size_t>(std::max<std::int64_t>(settings_.map_bytes_max, 0));
    const std::string directory = input.directory;
    const auto began = node_.timers->now();
    log::Compaction round(disk_of(partition), std::move(input), options, random_.split());
    const auto done = co_await run_round(partition, round, directory);
    const bool finished = done && *done;
    if (!finished) co_await drop_group(partition, round.group(), directory);

    bool closed = false;
    auto end = [&] {
        closed = partition.is_closed();
        partition.end_compaction(finished ? std::optional(round.clean_up_to()) : std::nullopt);
    };
    co_await run_at(node_.owner_of(partition.key()), *node_.shards.front(), end);
    counts_.bytes_read += round.bytes_read();
    counts_.bytes_written += round.bytes_written();
    counts_.records_read += round.records().records_read();
    counts_.records_kept += round.records().records_kept();
    if (closed) co_return;
    if (!done) report(partition, done.error());
    if (!finished) co_return;
    ++counts_.rounds;
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(node_.timers->now() - began);
    node_.log.info("{} is compacted up to offset {}: {} bytes of segments became {}, {} keys, {} ms",
                   name_of(partition), round.clean_up_to(), round.bytes_copied(), round.bytes_written(),
                   round.keys().size(), took.count());
    co_await housekeeping_.write(log::Checkpoint::cleaned_offsets);
}

asio::awaitable<Result<bool>> LogCleaner::run_round(Partition& partition, log::Compaction& round,
                                                    std::string directory) {
    while (!give_up_) {
        const std::uint64_t before = round.bytes_read() + round.bytes_written();
        auto piece = [&round] { return round.step(piece_bytes); };
        const auto progress = co_await net::run_on(workers_, std::move(piece));
        if (!progress) co_return progress.error();
        if (*progress == log::Compaction::Progress::group_is_ready) {
            if (auto placed = co_await put_in_place(partition, round.group(), directory); !placed)
                co_return placed.error();
        }
        if (*progress == log::Compaction::Progress::done) {
            // What took its place is there for good before anything says so.
            auto sync = [&disk = disk_of(partition), directory] { return disk.sync_directory(directory); };
            const auto synced = co_await net::run_on(workers_, std::move(sync));
            if (!synced) co_return synced.error();
            co_return true;
        }
        co_await wait_for_share(round.bytes_read() + round.bytes_written() - before);
    }
    co_return false;
}

// What was written of a group that nobody will put in place.
asio::awaitable<void> LogCleaner::drop_group(Partition& partition, log::CleanedGroup group, std::string directory) {
    auto drop = [&disk = disk_of(partition), group = std::move(group), directory = std::move(directory)] {
        return log::drop_cleaned(disk, directory, group);
    };
    const auto dropped = co_await net::run_on(workers_, std::move(drop));
    if (!dropped) node_.log.warn("{}; the next start removes it", dropped.error().text());
}

asio::awaitable<Result<void>> LogCleaner::put_in_place(Partition& partition, const log::CleanedGroup& group,
                                                       std::string directory) {
    std::unique_ptr<log::Segment> cleaned;
    auto commit = [&disk = disk_of(partition), &group, &cleaned, directory = std::move(directory)] {
        auto done = log::commit_cleaned(disk, directory, group);
        if (!done) return done;
        auto placed = log::place_cleaned(disk, directory, group);
        if (!placed) return Result<log::Retired>(placed.error());
        cleaned = std::move(*placed);
        return done;
    };
    auto retired = co_await net::run_on(workers_, std::move(commit));
    if (!retired) co_return retired.error();
    Result<void> replaced;
    auto replace = [&] { replaced = partition.replace_segments(group, std::move(cleaned)); };
    co_await run_at(node_.owner_of(partition.key()), *node_.shards.front(), replace);
    if (replaced && !retired->empty())
        housekeeping_.remove_later(partition.io().directory(), std::move(*retired),
                                   partition.settings().file_delete_delay_ms);
    co_return replaced;
}

asio::awaitable<void> LogCleaner::wait_for_share(std::uint64_t bytes) {
    const auto began = node_.timers->now();
    while (!give_up_) {
        // Anew each time: the limit may have been altered.
        const double limit = settings_.bytes_per_second_max;
        if (limit <= 0) co_return;
        const std::chrono::duration<double> share(std::min(static_cast<double>(bytes) / limit, 3600.0));
        const auto until = began + std::chrono::duration_cast<base::Duration>(share);
        if (node_.timers->now() >= until) co_return;
        co_await life_.wake().wait_until(*node_.timers, until);
    }
}

void LogCleaner::report(const Partition& partition, const Error& why) {
    if (why == ErrorCode::storage_full) {
        node_.log.warn("{} cannot be compacted now: {}", name_of(partition), why.text());
        return;
    }
    if (why == ErrorCode::file_system) {
        partition.io().directory().take_offline(why);
        return;
    }
    node_.log.error("{} is not compacted any more: {}", name_of(partition), why.text());
    ++counts_.set_aside;
    set_aside_.insert_or_assign(partition.key(), why);
}

}  // namespace ottla::broker
