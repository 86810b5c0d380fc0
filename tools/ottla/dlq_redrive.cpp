// SPDX-License-Identifier: Apache-2.0
// ottla dlq redrive TOPIC: writes dead letters back to where their records stood, or elsewhere, each once. Shows what
// it would do, and does it with --yes.
#include <cstdio>
#include <map>
#include <memory>
#include <set>

#include <fmt/format.h>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <CLI/CLI.hpp>

#include "tools/ottla/copier.hpp"
#include "tools/ottla/dead_letter.hpp"
#include "tools/ottla/output.hpp"
#include "tools/ottla/partitions_of.hpp"
#include "tools/ottla/record_range.hpp"
#include "tools/ottla/redrive_progress.hpp"
#include "tools/ottla/topic_common.hpp"

namespace ottla::tools {
namespace {

struct RedriveOptions : TopicOptions {
    std::string topic;
    std::string to;
    std::string group;
    RangeOptions range;
    DeadLetterFilter filter;
    RateOption rate;
    bool yes = false;

    std::string group_or_default() const { return group.empty() ? "ottla-redrive-" + topic : group; }
};

// Of the letters of one origin.
struct Redriven {
    std::uint64_t planned = 0;
    std::uint64_t written = 0;
    std::uint64_t failed = 0;
};

class Redrive {
public:
    Redrive(Session& session, const RedriveOptions& options)
        : session_(session),
          options_(options),
          range_(options.connection, options.topic, options.range),
          consumer_(open_reader(options.connection,
                                {{"group.id", options.group_or_default()}, {"enable.auto.commit", false}})),
          progress_(consumer_, options.topic, partitions()) {
        if (!options.yes) return;
        copier_ = std::make_unique<Copier>(session, options.connection, options.rate);
    }

    int run() {
        // From what has not gone back on, even where the range begins later: the map tells of all that lies between.
        RangeOptions whole;
        whole.partitions = options_.range.partitions;
        whole.to_offset = options_.range.to_offset;
        RecordRange all(options_.connection, options_.topic, whole);
        for (const auto& p : all.partitions()) all.begin_at(p.partition, progress_.begin_of(p.partition));
        const bool is_whole = all.read(session_, consumer_, [this](const Message& m) { return look_at(m); });
        settle();
        (void)consumer_.close(std::chrono::seconds(1)).has_value();
        return report(is_whole);
    }

private:
    struct Place {
        std::int32_t partition;
        std::int64_t offset;
        std::string origin;
    };

    std::vector<std::int32_t> partitions() const {
        std::vector<std::int32_t> numbers;
        for (const auto& p : range_.partitions()) numbers.push_back(p.partition);
        return numbers;
    }

    bool look_at(const Message& m) {
        const bool gone = progress_.has_gone_back(m.partition(), m.offset());
        const auto letter = dead_letter_of(m);
        if (!range_.has(m) || !options_.filter.takes(letter, m.key())) return true;
        if (gone) {
            ++gone_back_;
            return true;
        }
        if (letter.topic.empty() && options_.to.empty()) {
            ++without_origin_;
            return true;
        }
        const std::string origin(letter.topic);
        ++counts_[origin].planned;
        if (copier_) write(m, origin);
        return true;
    }

    void write(const Message& m, const std::string& origin) {
        const std::string& to = options_.to.empty() ? origin : options_.to;
        // A topic that is gone must not come to be again by this.
        if (known_.insert(to).second) (void)partitions_of(to_config(options_.connection), to);
        std::string count;
        const auto headers = redriven_headers(m, count);
        Record record;
        record.topic = to;
        record.key = m.key();
        record.value = m.value();
        record.headers = headers;
        copier_->write(record);
        on_way_.push_back({m.partition(), m.offset(), origin});
        if (copier_->is_full()) settle();
    }

    void settle() {
        if (!copier_) return;
        const auto errors = copier_->settle();
        for (std::size_t i = 0; i < errors.size(); ++i) {
            const auto& place = on_way_[i];
            auto& counts = counts_[place.origin];
            if (errors[i].code() == ErrorCode::none) {
                ++counts.written;
                progress_.goes_back(place.partition, place.offset);
            } else if (++counts.failed == 1) {
                std::fputs(fmt::format("ottla dlq redrive: {}[{}]@{}: {}\n", options_.topic, place.partition,
                                       place.offset, to_string(errors[i]))
                               .c_str(),
                           stderr);
            }
        }
        on_way_.clear();
        progress_.commit(consumer_);
    }

    int report(bool is_whole) {
        boost::json::array array;
        std::vector<std::vector<std::string>> rows = {{"ORIGIN", "TO", "LETTERS", "WRITTEN", "FAILED"}};
        bool failed = !is_whole;
        for (const auto& [origin, counts] : counts_) {
            failed |= counts.failed > 0;
            const std::string& to = options_.to.empty() ? origin : options_.to;
            boost::json::object object;
            object["origin"] = origin;
            object["to"] = to;
            object["letters"] = counts.planned;
            object["written"] = counts.written;
            object["failed"] = counts.failed;
            array.emplace_back(std::move(object));
            rows.push_back({origin.empty() ? "-" : origin, to, std::to_string(counts.planned),
                            std::to_string(counts.written), std::to_string(counts.failed)});
        }
        const int code = print_answer(session_, options_, array, rows, failed);
        const auto say = [](const std::string& line) { std::fputs((line + "\n").c_str(), stderr); };
        if (gone_back_ > 0)
            say(fmt::format("{} letters have gone back before, as group '{}' knows, and stay where they are",
                            gone_back_, options_.group_or_default()));
        if (without_origin_ > 0)
            say(fmt::format("{} records do not say where they come from, and stay; --to names a topic",
                            without_origin_));
        if (!is_whole) say("it was stopped; the same command goes on from here");
        if (counts_.empty())
            say(fmt::format("nothing is to be written; what has gone back before is known by the offsets of group '{}'",
                            options_.group_or_default()));
        else if (!options_.yes)
            say("nothing was written yet; --yes does it");
        return code;
    }

    Session& session_;
    const RedriveOptions& options_;
    RecordRange range_;
    Consumer consumer_;
    RedriveProgress progress_;
    std::unique_ptr<Copier> copier_;  // null: only the plan is wanted
    std::vector<Place> on_way_;
    std::set<std::string> known_;
    std::map<std::string, Redriven> counts_;
    std::uint64_t gone_back_ = 0;
    std::uint64_t without_origin_ = 0;
};

}  // namespace

Action declare_dlq_redrive(CLI::App& app) {
    auto options = std::make_shared<RedriveOptions>();
    add_topic_options(app, *options, false);
    app.add_option("topic", options->topic, "The topic of dead letters")->required()->type_name("TOPIC");
    app.add_option("--to", options->to, "Write them to this topic, instead of each to that of its record")
        ->type_name("TOPIC");
    add_range_options(app, options->range);
    add_filter_options(app, options->filter);
    add_rate_option(app, options->rate);
    app.add_option(
           "--group", options->group,
           "Where it is kept which letters have gone back: this group's offsets, instead of ottla-redrive-TOPIC")
        ->type_name("GROUP");
    app.add_flag("-y,--yes", options->yes, "Do it; without it, what would be done is shown");
    return [options](Session& session) { return Redrive(session, *options).run(); };
}

}  // namespace ottla::tools
