// SPDX-License-Identifier: Apache-2.0
// From topic to topic; with a group, its offsets say how far it came.
#include <algorithm>
#include <cstdio>
#include <exception>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "tools/ottla/partitions_of.hpp"
#include "tools/ottla/replay.hpp"

namespace ottla::tools {
namespace {

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
        bool is_whole = false;
        try {
            is_whole = range_.read(session_, consumer_, [this](const Message& m) { return copy(m); });
        } catch (...) {
            // What is on its way may be acknowledged yet: a rerun is not to copy it again. What follows is the reason.
            settle_quietly();
            throw;
        }
        settle();
        (void)consumer_.close(std::chrono::seconds(1)).has_value();
        return report_replay(session_, looked_at_, copier_.acknowledged(), is_whole);
    }

private:
    struct Place {
        std::int32_t partition;
        std::int64_t offset;
    };

    void go_on() {
        std::vector<TopicPartition> asked;
        for (const auto& p : range_.partitions()) asked.emplace_back(options_.from, p.partition);
        for (const auto& tp : expect(consumer_.committed(std::move(asked), answer_within), "asking how far it came"))
            if (tp.error.code() != ErrorCode::none)
                throw Exception(tp.error.with_context(fmt::format("how far group '{}' came", options_.group)));
            else if (tp.offset.is_absolute())
                go_on_at(range_, tp.partition, tp.offset.value(), fmt::format("group '{}'", options_.group));
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
            on_way_.push_back({m.partition(), m.offset()});
        }
        if (copier_.is_full() || looked_at_ % 100'000 == 0) settle();
        return true;
    }

    void settle() {
        const auto errors = copier_.settle();
        const auto on_way = std::exchange(on_way_, {});
        std::optional<std::size_t> refused;
        for (std::size_t i = 0; i < errors.size(); ++i) {
            if (errors[i].code() == ErrorCode::none) continue;
            if (!refused) refused = i;
            auto& next = next_[on_way[i].partition];
            next = std::min(next, on_way[i].offset);
        }
        commit();
        if (refused)
            throw_refused(options_, errors[*refused],
                          fmt::format("{}[{}]@{}", options_.from, on_way[*refused].partition, on_way[*refused].offset));
    }

    void settle_quietly() noexcept {
        try {
            settle();
        } catch (const std::exception& e) {
            std::fputs(fmt::format("ottla replay: {}\n", e.what()).c_str(), stderr);
        }
    }

    void commit() {
        if (options_.group.empty() || next_.empty()) return;
        std::vector<TopicPartition> offsets;
        for (const auto& [partition, offset] : next_) offsets.emplace_back(options_.from, partition, offset);
        for (const auto& tp : expect(consumer_.commit(std::move(offsets), answer_within), "committing how far it came"))
            if (tp.error.code() != ErrorCode::none)
                throw Exception(tp.error.with_context("committing how far it came"));
        next_.clear();
    }

    Session& session_;
    const ReplayOptions& options_;
    RecordRange range_;
    Consumer consumer_;
    Copier copier_;
    std::vector<Place> on_way_;
    std::map<std::int32_t, std::int64_t> next_;  // to be committed
    std::int64_t looked_at_ = 0;
};

}  // namespace

int replay_topic_to_topic(Session& session, const ReplayOptions& options) {
    return TopicToTopic(session, options).run();
}

}  // namespace ottla::tools
