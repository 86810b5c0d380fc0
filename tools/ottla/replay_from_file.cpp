// SPDX-License-Identifier: Apache-2.0
// From a file to a topic; beside it lies how far it was acknowledged.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "tools/ottla/record_line.hpp"
#include "tools/ottla/replay.hpp"
#include "tools/ottla/replay_state.hpp"

namespace ottla::tools {
namespace {

class FileToTopic {
public:
    FileToTopic(Session& session, const ReplayOptions& options)
        : session_(session),
          options_(options),
          state_path_(fmt::format("{}.to-{}.progress", options.from_file, options.to)),
          file_(options.from_file, std::ios::binary),
          copier_(session, options.connection, options.rate) {
        if (!file_) throw UsageError(fmt::format("--from-file {}: it can't be read", options.from_file));
        state_ = replay_state_of(options.connection, options.to, choice_of(options));
        if (const auto known = load_replay_state(state_path_)) {
            auto why = differs(*known, state_);
            if (why.empty() && (std::filesystem::file_size(options.from_file) < known->file_bytes ||
                                tail_crc_of(options.from_file, known->file_bytes) != known->tail_crc))
                why = "of another file";
            if (!why.empty())
                throw UsageError(fmt::format("--from-file {}: the progress in {} is {}: remove it to begin anew",
                                             options.from_file, state_path_, why));
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
        settle();
        if (file_.bad()) throw std::runtime_error(options_.from_file + ": it can't be read");
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
        on_way_.push_back(at_);
    }

    void settle() {
        const auto errors = copier_.settle();
        const auto on_way = std::exchange(on_way_, {});
        const auto refused = std::ranges::find_if(errors, [](const Error& e) { return e.code() != ErrorCode::none; });
        const bool is_whole = refused == errors.end();
        const auto behind = is_whole ? at_ : on_way[static_cast<std::size_t>(refused - errors.begin())];
        state_.file_bytes = std::min<std::uint64_t>(behind, std::filesystem::file_size(options_.from_file));
        state_.tail_crc = tail_crc_of(options_.from_file, state_.file_bytes);
        save_replay_state(state_path_, state_);
        if (!is_whole) throw_refused(options_, *refused, fmt::format("{}, at byte {}:", options_.from_file, behind));
    }

    Session& session_;
    const ReplayOptions& options_;
    const std::string state_path_;
    std::ifstream file_;
    Copier copier_;
    ReplayState state_;
    std::vector<std::uint64_t> on_way_;  // where their lines begin
    std::uint64_t at_ = 0;
    std::int64_t looked_at_ = 0;
};

}  // namespace

int replay_file_to_topic(Session& session, const ReplayOptions& options) { return FileToTopic(session, options).run(); }

}  // namespace ottla::tools
