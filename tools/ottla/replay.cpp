// SPDX-License-Identifier: Apache-2.0
// ottla replay: copies a range of a topic's records to a topic or a file, or a file's to a topic. Goes on where it was
// stopped: of topics by a group's offsets, of files by FILE.progress.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "tools/ottla/copier.hpp"
#include "tools/ottla/output.hpp"
#include "tools/ottla/pace.hpp"
#include "tools/ottla/partitions_of.hpp"
#include "tools/ottla/record_json.hpp"
#include "tools/ottla/record_line.hpp"
#include "tools/ottla/record_range.hpp"
#include "tools/ottla/replay_state.hpp"

namespace ottla::tools {
namespace {

struct ReplayOptions {
    Connection connection;
    std::string from;
    std::string from_file;
    std::string to;
    std::string to_file;
    std::string group;
    RangeOptions range;
    std::string key_part;
    std::string value_part;
    std::string header_part;
    RateOption rate;
    bool keeps_partitions = false;
    bool has_new_times = false;
};

bool has_part(BytesView bytes, const std::string& part) {
    return part.empty() || bytes.text().find(part) != std::string_view::npos;
}

bool takes(const ReplayOptions& options, BytesView key, BytesView value, std::span<const Header> headers) {
    if (!has_part(key, options.key_part) || !has_part(value, options.value_part)) return false;
    return options.header_part.empty() || std::ranges::any_of(headers, [&](const Header& h) {
               return fmt::format("{}={}", h.name, h.value.text()).find(options.header_part) != std::string::npos;
           });
}

// What all directions say at the end.
int report_replay(Session& session, std::int64_t looked_at, std::int64_t written, bool is_whole) {
    session.out.print(fmt::format("{} records looked at, {} copied\n", looked_at, written));
    if (is_whole) return exit_ok;
    std::fputs("ottla replay: it was stopped; the same command goes on from here\n", stderr);
    return exit_failure;
}

void throw_first(const std::vector<Error>& errors) {
    for (const auto& error : errors)
        if (error.code() != ErrorCode::none)
            throw Exception(
                error.with_context("what is behind the last that was acknowledged is copied by the same "
                                   "command, when this is mended"));
}

// --- Topic to topic.

class TopicToTopic {
public:
    TopicToTopic(Session& session, const ReplayOptions& options)
        : session_(session),
          options_(options),
          range_(options.connection, options.from, options.range),
          consumer_(options.group.empty() ? open_reader(options.connection)
                                          : open_reader(options.connection,
                                                        {{"group.id", options.group}, {"enable.auto.commit", false}})),
          copier_(session, options.connection, options.rate) {
        (void)partitions_of(to_config(options.connection), options.to);
    }

    int run() {
        if (!options_.group.empty()) go_on();
        const bool is_whole = range_.read(session_, consumer_, [this](const Message& m) { return copy(m); });
        settle();
        (void)consumer_.close(std::chrono::seconds(1)).has_value();
        return report_replay(session_, looked_at_, copier_.acknowledged(), is_whole);
    }

private:
    void go_on() {
        std::vector<TopicPartition> asked;
        for (const auto& p : range_.partitions()) asked.emplace_back(options_.from, p.partition);
        for (const auto& tp : expect(consumer_.committed(std::move(asked), answer_within), "asking how far it came"))
            if (tp.offset.is_absolute()) range_.begin_at(tp.partition, tp.offset.value());
    }

    bool copy(const Message& m) {
        ++looked_at_;
        next_[m.partition()] = m.offset() + 1;
        const auto headers = m.headers();
        if (takes(options_, m.key(), m.value(), headers)) {
            Record record;
            record.topic = options_.to;
            record.key = m.key();
            record.value = m.value();
            record.headers = headers;
            if (options_.keeps_partitions) record.partition = m.partition();
            if (!options_.has_new_times) record.timestamp_ms = m.timestamp_ms();
            copier_.write(record);
        }
        if (copier_.is_full() || looked_at_ % 100'000 == 0) settle();
        return true;
    }

    void settle() {
        throw_first(copier_.settle());
        if (options_.group.empty() || next_.empty()) return;
        std::vector<TopicPartition> offsets;
        for (const auto& [partition, offset] : next_) offsets.emplace_back(options_.from, partition, offset);
        next_.clear();
        for (const auto& tp : expect(consumer_.commit(std::move(offsets), answer_within), "committing how far it came"))
            if (tp.error.code() != ErrorCode::none)
                throw Exception(tp.error.with_context("committing how far it came"));
    }

    Session& session_;
    const ReplayOptions& options_;
    RecordRange range_;
    Consumer consumer_;
    Copier copier_;
    std::map<std::int32_t, std::int64_t> next_;
    std::int64_t looked_at_ = 0;
};

// --- Topic to file.

class TopicToFile {
public:
    TopicToFile(Session& session, const ReplayOptions& options)
        : session_(session),
          options_(options),
          state_path_(options.to_file + ".progress"),
          range_(options.connection, options.from, options.range),
          pace_(options.rate.per_second) {
        begin_file();
    }

    int run() {
        auto consumer = open_reader(options_.connection);
        const bool is_whole = range_.read(session_, consumer, [this](const Message& m) {
            ++looked_at_;
            state_.offsets[m.partition()] = m.offset() + 1;
            if (takes(options_, m.key(), m.value(), m.headers())) {
                append_json_line(m, lines_);
                ++written_;
            }
            if (lines_.size() >= 1 << 20 || looked_at_ % 100'000 == 0 || pace_.is_due(written_)) save();
            pace_.keep(session_, written_);
            return true;
        });
        save();
        (void)consumer.close(std::chrono::seconds(1)).has_value();
        return report_replay(session_, looked_at_, written_, is_whole);
    }

private:
    void begin_file() {
        const auto known = load_replay_state(state_path_);
        const bool is_there = std::filesystem::exists(options_.to_file);
        if (!known && is_there)
            throw UsageError(fmt::format("--to-file {}: it is there, and not from a replay: remove it, or name another",
                                         options_.to_file));
        state_.topic = options_.from;
        if (known) {
            if (known->topic != options_.from || !is_there ||
                std::filesystem::file_size(options_.to_file) < known->file_bytes)
                throw UsageError(fmt::format("--to-file {}: {} is of another replay: remove both, or name another file",
                                             options_.to_file, state_path_));
            // What was written behind it is read again.
            std::filesystem::resize_file(options_.to_file, known->file_bytes);
            state_ = *known;
            for (const auto& [partition, offset] : state_.offsets) range_.begin_at(partition, offset);
        } else {
            save_replay_state(state_path_, state_);
        }
        file_.open(options_.to_file, std::ios::binary | std::ios::app);
        if (!file_) throw std::runtime_error(options_.to_file + ": it can't be written");
    }

    void save() {
        file_.write(lines_.data(), static_cast<std::streamsize>(lines_.size()));
        file_.flush();
        if (!file_) throw std::runtime_error(options_.to_file + ": it can't be written");
        state_.file_bytes += lines_.size();
        lines_.clear();
        save_replay_state(state_path_, state_);
    }

    Session& session_;
    const ReplayOptions& options_;
    const std::string state_path_;
    RecordRange range_;
    Pace pace_;
    ReplayState state_;
    std::ofstream file_;
    std::string lines_;
    std::int64_t looked_at_ = 0;
    std::int64_t written_ = 0;
};

// --- File to topic.

class FileToTopic {
public:
    FileToTopic(Session& session, const ReplayOptions& options)
        : session_(session),
          options_(options),
          state_path_(fmt::format("{}.to-{}.progress", options.from_file, options.to)),
          file_(options.from_file, std::ios::binary),
          copier_(session, options.connection, options.rate) {
        if (!file_) throw UsageError(fmt::format("--from-file {}: it can't be read", options.from_file));
        (void)partitions_of(to_config(options.connection), options.to);
        state_.topic = options.to;
        if (const auto known = load_replay_state(state_path_)) {
            if (known->topic != options.to || std::filesystem::file_size(options.from_file) < known->file_bytes)
                throw UsageError(fmt::format("--from-file {}: {} is of another file: remove it to begin anew",
                                             options.from_file, state_path_));
            state_ = *known;
        }
        at_ = state_.file_bytes;
        file_.seekg(static_cast<std::streamoff>(at_));
    }

    int run() {
        std::string line;
        bool is_whole = true;
        while (std::getline(file_, line)) {
            if (session_.stop) {
                is_whole = false;
                break;
            }
            ++looked_at_;
            copy(line);
            at_ += line.size() + 1;
            if (copier_.is_full()) settle();
        }
        if (file_.bad()) throw std::runtime_error(options_.from_file + ": it can't be read");
        settle();
        return report_replay(session_, looked_at_, copier_.acknowledged(), is_whole);
    }

private:
    void copy(const std::string& line) {
        const auto read = read_record_line(line);
        if (!read) {
            settle();
            throw Exception(read.error().with_context(fmt::format("{}, at byte {}", options_.from_file, at_)));
        }
        std::vector<Header> headers;
        Record record = read->record(options_.to, headers);
        if (!takes(options_, record.key, record.value, headers)) return;
        if (options_.keeps_partitions && read->partition >= 0) record.partition = read->partition;
        if (options_.has_new_times) record.timestamp_ms = -1;
        copier_.write(record);
    }

    void settle() {
        throw_first(copier_.settle());
        state_.file_bytes = std::min<std::uint64_t>(at_, std::filesystem::file_size(options_.from_file));
        save_replay_state(state_path_, state_);
    }

    Session& session_;
    const ReplayOptions& options_;
    const std::string state_path_;
    std::ifstream file_;
    Copier copier_;
    ReplayState state_;
    std::uint64_t at_ = 0;
    std::int64_t looked_at_ = 0;
};

int replay(Session& session, const ReplayOptions& options) {
    if (options.from.empty() == options.from_file.empty())
        throw UsageError("say where from, once: --from or --from-file");
    if (options.to.empty() == options.to_file.empty()) throw UsageError("say where to, once: --to or --to-file");
    if (!options.from_file.empty() && !options.to_file.empty()) throw UsageError("from a file to a file: that is cp");
    if (!options.from_file.empty() && !options.range.is_whole())
        throw UsageError("--from-file is read as a whole: leave out partitions, offsets and times");
    if (!options.group.empty() && (options.from.empty() || options.to.empty()))
        throw UsageError("--group is for a replay from topic to topic: with a file, the progress lies beside it");
    if (!options.from.empty() && options.from == options.to)
        throw UsageError("from a topic to itself: its end would stay as far away");
    if (!options.from_file.empty()) return FileToTopic(session, options).run();
    if (!options.to_file.empty()) return TopicToFile(session, options).run();
    return TopicToTopic(session, options).run();
}

}  // namespace

Action declare_replay(CLI::App& app) {
    auto options = std::make_shared<ReplayOptions>();
    add_connection(app, options->connection);
    app.add_option("--from", options->from, "Copy records of this topic")->type_name("TOPIC");
    app.add_option("--from-file", options->from_file, "Copy the records in this file")->type_name("FILE");
    app.add_option("--to", options->to, "To this topic")->type_name("TOPIC");
    app.add_option("--to-file", options->to_file, "To this file")->type_name("FILE");
    add_range_options(app, options->range);
    app.add_option("--key", options->key_part, "Only records with this in their key")->type_name("TEXT");
    app.add_option("--value", options->value_part, "Only records with this in their value")->type_name("TEXT");
    app.add_option("--header", options->header_part, "Only records with this in some header, NAME=VALUE")
        ->type_name("TEXT");
    add_rate_option(app, options->rate);
    app.add_option("--group", options->group,
                   "Keep in this group's offsets how far it came, and go on from there; from topic to topic")
        ->type_name("GROUP");
    app.add_flag("--keep-partitions", options->keeps_partitions,
                 "Each record to the partition of the same number, instead of one by its key");
    app.add_flag("--new-times", options->has_new_times, "With the time of the copy, instead of each record's own");
    return [options](Session& session) { return replay(session, *options); };
}

}  // namespace ottla::tools
