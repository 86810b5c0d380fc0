// SPDX-License-Identifier: Apache-2.0
// ottla dlq redrive TOPIC: writes dead letters back to where their records stood, or elsewhere, each once. Shows what
// it would do, and does it with --yes.
#include <cstdio>
#include <map>
#include <memory>
#include <utility>

#include <fmt/format.h>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <CLI/CLI.hpp>

#include "tools/ottla/copier.hpp"
#include "tools/ottla/dead_letter.hpp"
#include "tools/ottla/output.hpp"
#include "tools/ottla/record_line.hpp"
#include "tools/ottla/record_range.hpp"
#include "tools/ottla/redrive_membership.hpp"
#include "tools/ottla/redrive_progress.hpp"
#include "tools/ottla/safe_text.hpp"
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

// Large letters are not gathered up to the window's count.
constexpr std::size_t window_bytes_max = 32 << 20;

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
          admin_(open_admin(options)),
          membership_(options.yes ? std::make_unique<RedriveMembership>(session, options.connection, admin_,
                                                                        options.group_or_default(), options.topic)
                                  : nullptr),
          progress_(committer(), options.topic, partitions()) {
        if (!options.yes) return;
        copier_ = std::make_unique<Copier>(session, options.connection, options.rate);
    }

    int run() {
        // From what has not gone back on, even where the range begins later: the map tells of all that lies between.
        RangeOptions whole;
        whole.partitions = options_.range.partitions;
        whole.to_offset = options_.range.to_offset;
        RecordRange all(options_.connection, options_.topic, whole);
        for (const auto& p : all.partitions()) {
            const auto end = progress_.end_of(p.partition);
            if (end > p.log_end)
                throw Exception(Error::of(
                    ErrorCode::offset_out_of_range,
                    fmt::format("{}[{}]: what group '{}' knows reaches to {}, but the log ends at {}: the topic is "
                                "another than it was; delete the group's offsets, or name another --group",
                                options_.topic, p.partition, options_.group_or_default(), end, p.log_end)));
            all.begin_at(p.partition, progress_.begin_of(p.partition));
        }
        bool is_whole = false;
        try {
            is_whole = all.read(session_, consumer_, [this](const Message& m) { return look_at(m); });
            write_window();
        } catch (...) {
            // What was written until now is acknowledged, and committed unless just that has failed, which is tried
            // once more. What waits is dropped.
            say_what_went();
            try {
                progress_.commit(committer());
            } catch (const Exception& e) {
                say(fmt::format("ottla dlq redrive: {}", e.what()));
            }
            throw;
        }
        (void)consumer_.close(std::chrono::seconds(1)).has_value();
        return report(is_whole);
    }

private:
    // One that waits to be written, or for what became of it.
    struct Waiting {
        std::int64_t offset;
        std::string origin;
        RecordLine record;
    };

    Consumer& committer() noexcept { return membership_ ? membership_->consumer() : consumer_; }

    std::vector<std::int32_t> partitions() const {
        std::vector<std::int32_t> numbers;
        for (const auto& p : range_.partitions()) numbers.push_back(p.partition);
        return numbers;
    }

    bool look_at(const Message& m) {
        const bool gone = progress_.has_gone_back(m.partition(), m.offset());
        RedriveProgress::Letter place;
        if (copier_ && !gone) place = progress_.stays(m.partition(), m.offset());
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
        auto& counts = counts_[origin];
        ++counts.planned;
        if (!is_there(options_.to.empty() ? origin : options_.to))
            ++counts.failed;
        else if (copier_)
            add_to_window(m, place, origin);
        return true;
    }

    // A topic that is gone must not come to be again by this.
    bool is_there(const std::string& topic) {
        if (const auto known = is_there_.find(topic); known != is_there_.end()) return known->second;
        const auto metadata = admin_.metadata(topic, answer_within);
        if (metadata.has_error() && metadata.error().is_retriable())
            throw Exception(metadata.error().with_context("asking for topic '" + topic + "'"));
        Error error = Error::of(ErrorCode::unknown_topic);
        if (metadata.has_error())
            error = metadata.error();
        else if (const auto* found = metadata->topic(topic))
            error = found->error;
        const bool there = error.code() == ErrorCode::none;
        if (!there) say(fmt::format("ottla dlq redrive: nothing goes to topic '{}': {}", topic, to_string(error)));
        return is_there_[topic] = there;
    }

    void add_to_window(const Message& m, RedriveProgress::Letter place, const std::string& origin) {
        std::string count;
        const auto text_of = [](BytesView bytes) {
            return bytes.is_null() ? std::nullopt : std::optional<std::string>(bytes.text());
        };
        Waiting one{m.offset(), origin, {}};
        one.record.key = text_of(m.key());
        one.record.value = text_of(m.value());
        for (const auto& h : redriven_headers(m, count))
            one.record.headers.emplace_back(std::string(h.name), text_of(h.value));
        window_bytes_ += m.key().size() + m.value().size();
        window_.push_back(std::move(one));
        places_.push_back(place);
        if (window_.size() >= copier_->window() || window_bytes_ >= window_bytes_max) write_window();
    }

    // Writes what waits, and commits that it has gone back. What can fail by itself comes first.
    void write_window() {
        if (window_.empty()) return;
        membership_->check();
        progress_.check_room_for(places_);
        if (!std::exchange(has_proven_commit_, true)) progress_.prove_commit(committer(), places_);
        std::vector<Header> headers;
        for (const auto& one : window_)
            copier_->write(one.record.record(options_.to.empty() ? one.origin : options_.to, headers));
        const auto errors = copier_->settle();
        for (std::size_t i = 0; i < errors.size(); ++i) {
            auto& counts = counts_[window_[i].origin];
            if (errors[i].code() == ErrorCode::none) {
                ++counts.written;
                progress_.goes_back(places_[i]);
            } else if (++counts.failed == 1) {
                say(fmt::format("ottla dlq redrive: {}[{}]@{}: {}", options_.topic, places_[i].partition,
                                window_[i].offset, to_string(errors[i])));
            }
        }
        window_.clear();
        places_.clear();
        window_bytes_ = 0;
        progress_.commit(committer());
    }

    static void say(const std::string& line) { std::fputs((printable(line) + "\n").c_str(), stderr); }

    void say_what_went() const {
        std::uint64_t written = 0;
        for (const auto& [origin, counts] : counts_) written += counts.written;
        if (written > 0) say(fmt::format("{} letters were written before it failed", written));
    }

    int report(bool is_whole) {
        boost::json::array array;
        std::vector<std::vector<std::string>> rows = {{"ORIGIN", "TO", "LETTERS", "WRITTEN", "FAILED"}};
        bool failed = !is_whole;
        std::uint64_t planned = 0;
        for (const auto& [origin, counts] : counts_) {
            failed |= counts.failed > 0;
            planned += counts.planned - counts.failed;
            const std::string& to = options_.to.empty() ? origin : options_.to;
            boost::json::object object;
            object["origin"] = utf8_of(origin);
            object["to"] = utf8_of(to);
            object["letters"] = counts.planned;
            object["written"] = counts.written;
            object["failed"] = counts.failed;
            array.emplace_back(std::move(object));
            rows.push_back({origin.empty() ? "-" : printable(origin), printable(to), std::to_string(counts.planned),
                            std::to_string(counts.written), std::to_string(counts.failed)});
        }
        const int code = print_answer(session_, options_, array, rows, failed);
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
            say(progress_.knows_nothing()
                    ? fmt::format("nothing was written yet; --yes does it. Group '{}' knows of nothing yet: all {} "
                                  "letters go",
                                  options_.group_or_default(), planned)
                    : "nothing was written yet; --yes does it");
        return code;
    }

    Session& session_;
    const RedriveOptions& options_;
    RecordRange range_;
    Consumer consumer_;
    Admin admin_;
    std::unique_ptr<RedriveMembership> membership_;  // null: only the plan is wanted
    RedriveProgress progress_;
    std::unique_ptr<Copier> copier_;  // as well
    std::vector<Waiting> window_;
    std::vector<RedriveProgress::Letter> places_;  // of the window's
    std::size_t window_bytes_ = 0;
    bool has_proven_commit_ = false;
    std::map<std::string, bool> is_there_;
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
           "Where it is kept which letters have gone back: this group's offsets, instead of ottla-redrive-TOPIC. They "
           "expire: on Kafka 7 days after the last commit, by offsets.retention.minutes; all letters go again then")
        ->type_name("GROUP");
    app.add_flag("-y,--yes", options->yes, "Do it; without it, what would be done is shown");
    return [options](Session& session) { return Redrive(session, *options).run(); };
}

}  // namespace ottla::tools
