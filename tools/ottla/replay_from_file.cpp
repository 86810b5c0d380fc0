// SPDX-License-Identifier: Apache-2.0
// From a file to a topic; beside it lies how far it was acknowledged.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include <fmt/format.h>

#include "tools/ottla/partitions_of.hpp"
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

}  // namespace

int replay_file_to_topic(Session& session, const ReplayOptions& options) { return FileToTopic(session, options).run(); }

}  // namespace ottla::tools
