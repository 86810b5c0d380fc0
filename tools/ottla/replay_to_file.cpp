// SPDX-License-Identifier: Apache-2.0
// From a topic to a file; beside it lies how far it is whole.
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include <fmt/format.h>

#include "tools/ottla/pace.hpp"
#include "tools/ottla/record_json.hpp"
#include "tools/ottla/replay.hpp"
#include "tools/ottla/replay_state.hpp"

namespace ottla::tools {
namespace {

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
        state_ = replay_state_of(options_.connection, options_.from, choice_of(options_));
        if (known) {
            auto why = differs(*known, state_);
            if (why.empty() && (!is_there || std::filesystem::file_size(options_.to_file) < known->file_bytes ||
                                tail_crc_of(options_.to_file, known->file_bytes) != known->tail_crc))
                why = "of another file";
            if (!why.empty())
                throw UsageError(
                    fmt::format("--to-file {}: the progress in {} is {}: remove both, or name another file",
                                options_.to_file, state_path_, why));
            // What was written behind it is read again.
            std::filesystem::resize_file(options_.to_file, known->file_bytes);
            state_ = *known;
            for (const auto& [partition, offset] : state_.offsets) go_on_at(range_, partition, offset, state_path_);
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
        state_.tail_crc = tail_crc_of(options_.to_file, state_.file_bytes);
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

}  // namespace

int replay_topic_to_file(Session& session, const ReplayOptions& options) { return TopicToFile(session, options).run(); }

}  // namespace ottla::tools
