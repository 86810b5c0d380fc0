// SPDX-License-Identifier: Apache-2.0
// The client's end of a fetch session against a model of the broker's (KIP-227).
#include "client/consumer/fetch_session.hpp"

#include <limits>
#include <set>

#include <gtest/gtest.h>

namespace ottla::client {
namespace {

using Request = FetchSession::Request;
using Response = FetchSession::Response;
using Place = std::pair<std::string, std::int32_t>;  // a topic's name or id, and the number of a partition

Uuid id_of(const std::string& topic) {
    Uuid id;
    id.bytes[0] = 1;
    for (std::size_t i = 0; i < topic.size(); ++i) id.bytes[i + 1] = static_cast<std::uint8_t>(topic[i]);
    return id;
}

// Keeps one session as a broker does, and tells only what was not told.
class SessionBroker {
public:
    bool by_ids = true;
    bool has_slots = true;
    std::int64_t high_watermark = 10;
    // What each partition is read from by now.
    std::map<Place, std::int64_t> fetched;
    std::int32_t id = 0, epoch = 0;
    int full = 0, named = 0;

    Response answer(const Request& request) {
        Response response;
        named = 0;
        for (const auto& t : request.topics) named += static_cast<int>(t.partitions.size());
        if (request.session_epoch <= 0) {
            ++full;
            if (request.session_id == id) id = 0;
            fetched.clear();
            told_.clear();
            update(request);
            if (has_slots && request.session_epoch == 0) {
                id = next_id_++;
                epoch = 1;
            }
            response.session_id = id;
        } else {
            if (request.session_id != id || id == 0) return refused(ErrorCode::fetch_session_id_not_found);
            if (request.session_epoch != epoch) return refused(ErrorCode::invalid_fetch_session_epoch);
            ++epoch;
            update(request);
            if (fetched.empty()) id = 0;
            response.session_id = id;
        }
        tell(response);
        return response;
    }
    static Response refused(ErrorCode code) {
        Response response;
        response.error_code = static_cast<std::int16_t>(code);
        return response;
    }

private:
    std::string key_of(const std::string& name, const Uuid& topic) const { return by_ids ? to_string(topic) : name; }
    void update(const Request& request) {
        for (const auto& t : request.topics) {
            names_[key_of(t.topic, t.topic_id)] = {t.topic, t.topic_id};
            for (const auto& p : t.partitions) fetched[{key_of(t.topic, t.topic_id), p.partition}] = p.fetch_offset;
        }
        // Last: who names a partition in both lists does not fetch it.
        for (const auto& t : request.forgotten_topics_data)
            for (const auto p : t.partitions) {
                fetched.erase({key_of(t.topic, t.topic_id), p});
                told_.erase({key_of(t.topic, t.topic_id), p});
            }
    }
    void tell(Response& response) {
        for (const auto& [place, offset] : fetched) {
            if (told_.contains(place) && told_[place] == high_watermark) continue;
            told_[place] = high_watermark;
            auto& topic = response.responses.emplace_back();
            if (by_ids)
                topic.topic_id = names_[place.first].second;
            else
                topic.topic = names_[place.first].first;
            auto& p = topic.partitions.emplace_back();
            p.partition_index = place.second;
            p.high_watermark = p.last_stable_offset = high_watermark;
        }
    }

    std::map<Place, std::int64_t> told_;
    std::map<std::string, std::pair<std::string, Uuid>> names_;
    std::int32_t next_id_ = 100;
};

struct Wanted {
    std::string topic;
    std::int32_t partition;
    std::int64_t offset;
};

class SessionScript {
public:
    FetchSession session;
    SessionBroker broker;
    Request last;

    Request ask(const std::vector<Wanted>& all) {
        Request request;
        std::vector<FetchSession::Item> items;
        for (const auto& w : all) {
            auto& item = items.emplace_back();
            item.topic = std::make_shared<const std::string>(w.topic);
            item.topic_id = id_of(w.topic + made_[w.topic]);
            item.wanted.partition = w.partition;
            item.wanted.fetch_offset = w.offset;
        }
        session.ask(std::move(items), broker.by_ids, request);
        last = request;
        return request;
    }
    // What the broker would read from is what we want, and of each partition we know the end.
    void expect_agreement(const std::vector<Wanted>& all, const Response& response) {
        std::map<Place, std::int64_t> expected;
        std::set<Place> answered;
        for (const auto& t : response.responses)
            for (const auto& p : t.partitions) answered.insert({t.topic, p.partition_index});
        for (const auto& w : all) {
            expected[{broker.by_ids ? to_string(id_of(w.topic + made_[w.topic])) : w.topic, w.partition}] = w.offset;
            if (answered.contains({w.topic, w.partition})) continue;
            const auto* marks = session.unchanged(w.topic, w.partition);
            ASSERT_NE(marks, nullptr) << w.topic << w.partition << " was left out, and nothing is known of it";
            EXPECT_EQ(marks->high_watermark, broker.high_watermark);
        }
        EXPECT_EQ(broker.fetched, expected);
    }
    void fetch(const std::vector<Wanted>& all) {
        const auto request = ask(all);
        auto response = broker.answer(request);
        ASSERT_TRUE(session.take(response).has_value());
        ASSERT_NO_FATAL_FAILURE(expect_agreement(all, response));
    }
    void make_anew(const std::string& topic) { made_[topic] += "'"; }

private:
    std::map<std::string, std::string> made_;
};

TEST(FetchSession, names_everything_first_and_then_what_has_changed) {
    SessionScript s;
    s.fetch({{"a", 0, 5}, {"a", 1, 7}, {"b", 0, 1}});
    EXPECT_EQ(s.last.session_epoch, 0);
    EXPECT_EQ(s.broker.named, 3);
    s.fetch({{"a", 0, 5}, {"a", 1, 9}, {"b", 0, 1}});
    EXPECT_EQ(s.last.session_epoch, 1);
    EXPECT_EQ(s.broker.named, 1);
    EXPECT_TRUE(s.last.forgotten_topics_data.empty());
    s.fetch({{"a", 0, 5}, {"a", 1, 9}, {"b", 0, 1}});
    EXPECT_EQ(s.broker.named, 0);
    s.fetch({{"b", 0, 1}, {"c", 3, 0}});
    EXPECT_EQ(s.broker.named, 1);
    ASSERT_EQ(s.last.forgotten_topics_data.size(), 1U);
    EXPECT_EQ(s.last.forgotten_topics_data[0].partitions, (std::vector<std::int32_t>{0, 1}));
    EXPECT_EQ(s.broker.full, 1);
}

TEST(FetchSession, goes_by_names_where_there_are_no_ids_and_begins_anew_when_that_changes) {
    SessionScript s;
    s.broker.by_ids = false;
    s.fetch({{"a", 0, 5}, {"b", 0, 1}});
    s.fetch({{"b", 0, 2}});
    EXPECT_EQ(s.last.forgotten_topics_data.at(0).topic, "a");
    s.broker.by_ids = true;
    s.fetch({{"b", 0, 2}});
    EXPECT_EQ(s.last.session_epoch, 0);
    EXPECT_NE(s.last.session_id, 0) << "the broker is told which session is over";
}

TEST(FetchSession, a_topic_made_anew_is_another) {
    SessionScript s;
    s.fetch({{"a", 0, 5}, {"b", 0, 1}});
    s.make_anew("a");
    s.fetch({{"a", 0, 5}, {"b", 0, 1}});
    EXPECT_EQ(s.broker.named, 1);
    ASSERT_EQ(s.last.forgotten_topics_data.size(), 1U);
    EXPECT_EQ(s.last.forgotten_topics_data[0].topic_id, id_of("a"));
}

TEST(FetchSession, a_broker_without_slots_is_asked_for_everything_each_time) {
    SessionScript s;
    s.broker.has_slots = false;
    for (int i = 0; i < 3; ++i) s.fetch({{"a", 0, i}, {"b", 0, 1}});
    EXPECT_EQ(s.broker.full, 3);
    s.broker.has_slots = true;
    for (int i = 0; i < 3; ++i) s.fetch({{"a", 0, i}, {"b", 0, 1}});
    EXPECT_EQ(s.broker.full, 4);
}

TEST(FetchSession, epochs_count_up_and_the_one_after_the_largest_is_one) {
    SessionScript s;
    for (std::int32_t epoch = 0; epoch < 4; ++epoch) {
        s.fetch({{"a", 0, epoch}});
        EXPECT_EQ(s.last.session_epoch, epoch);
    }
    EXPECT_EQ(FetchSession::epoch_after(std::numeric_limits<std::int32_t>::max()), 1);
}

TEST(FetchSession, strangers_in_an_answer_end_the_session) {
    for (const bool full : {true, false}) {
        SessionScript s;
        if (!full) s.fetch({{"a", 0, 5}});
        auto response = s.broker.answer(s.ask({{"a", 0, 6}}));
        auto& stranger = response.responses.emplace_back();
        stranger.topic_id = id_of("unheard of");
        stranger.partitions.emplace_back().partition_index = 0;
        ASSERT_TRUE(s.session.take(response).has_value());
        EXPECT_EQ(response.responses.back().topic, "");
        EXPECT_TRUE(s.session.begins_anew());
        s.fetch({{"a", 0, 6}});
    }
}

TEST(FetchSession, what_a_full_answer_leaves_out_is_not_taken_as_unchanged) {
    SessionScript s;
    auto response = s.broker.answer(s.ask({{"a", 0, 5}, {"a", 1, 5}}));
    response.responses.pop_back();
    ASSERT_TRUE(s.session.take(response).has_value());
    EXPECT_EQ(s.session.unchanged("a", 1), nullptr);
    EXPECT_TRUE(s.session.begins_anew());
}

TEST(FetchSession, of_an_error_nothing_is_remembered) {
    SessionScript s;
    auto response = s.broker.answer(s.ask({{"a", 0, 5}}));
    response.responses[0].partitions[0].error_code = 3;
    ASSERT_TRUE(s.session.take(response).has_value());
    auto next = s.broker.answer(s.ask({{"a", 0, 5}}));
    ASSERT_TRUE(s.session.take(next).has_value());
    EXPECT_EQ(s.session.unchanged("a", 0), nullptr);
}

TEST(FetchSession, closing_names_the_session_and_nothing_else) {
    SessionScript s;
    EXPECT_FALSE(s.session.close());
    s.fetch({{"a", 0, 5}});
    const auto id = s.broker.id;
    const auto last = s.session.close();
    ASSERT_TRUE(last);
    EXPECT_EQ(last->session_id, id);
    EXPECT_EQ(last->session_epoch, -1);
    EXPECT_TRUE(last->topics.empty());
    EXPECT_FALSE(s.session.close());
    s.fetch({{"a", 0, 5}});
    EXPECT_EQ(s.last.session_id, 0);
}

// A step: what is wanted then.
std::vector<std::vector<Wanted>> story() {
    return {{{"a", 0, 5}, {"a", 1, 7}, {"b", 0, 1}},
            {{"a", 0, 6}, {"a", 1, 7}, {"b", 0, 1}},
            {{"a", 0, 6}, {"b", 0, 1}},
            {{"a", 0, 6}, {"b", 0, 1}, {"c", 2, 9}},
            {{"a", 0, 6}, {"b", 0, 1}, {"c", 2, 9}},
            {{"c", 2, 10}},
            {{"a", 1, 7}, {"c", 2, 11}}};
}

enum class Mishap { request_lost, answer_lost, forgotten, evicted, wrong_epoch, wrong_naming };

void go_wrong(SessionScript& s, const std::vector<Wanted>& wanted, Mishap mishap) {
    const auto request = s.ask(wanted);
    switch (mishap) {
        case Mishap::request_lost: return s.session.on_failure();
        case Mishap::answer_lost: (void)s.broker.answer(request); return s.session.on_failure();
        case Mishap::forgotten: {
            s.broker.id = 0;
            auto refused = SessionBroker::refused(ErrorCode::fetch_session_id_not_found);
            EXPECT_EQ(s.session.take(refused).error(), ErrorCode::fetch_session_id_not_found);
            EXPECT_EQ(s.ask(wanted).session_id, 0);
            return;
        }
        case Mishap::evicted: {
            auto answer = s.broker.answer(request);
            s.broker.id = answer.session_id = 0;
            EXPECT_TRUE(s.session.take(answer).has_value());
            return;
        }
        case Mishap::wrong_epoch:
        case Mishap::wrong_naming: {
            const auto code = mishap == Mishap::wrong_epoch ? ErrorCode::invalid_fetch_session_epoch
                                                            : ErrorCode::fetch_session_topic_id_error;
            auto refused = SessionBroker::refused(code);
            EXPECT_EQ(s.session.take(refused).error(), code);
            return;
        }
    }
}

TEST(FetchSession, agrees_with_the_broker_after_whatever_goes_wrong_at_whichever_step) {
    using enum Mishap;
    const auto steps = story();
    for (const auto mishap : {request_lost, answer_lost, forgotten, evicted, wrong_epoch, wrong_naming})
        for (std::size_t at = 0; at < steps.size(); ++at) {
            SCOPED_TRACE(testing::Message() << "mishap " << static_cast<int>(mishap) << " at step " << at);
            SessionScript s;
            for (std::size_t i = 0; i < steps.size(); ++i) {
                s.broker.high_watermark += static_cast<std::int64_t>(i % 2);
                if (i == at) go_wrong(s, steps[i], mishap);
                ASSERT_NO_FATAL_FAILURE(s.fetch(steps[i]));
                EXPECT_TRUE(i != at || s.session.was_full());
            }
            EXPECT_LE(s.broker.full, 3);
        }
}

}  // namespace
}  // namespace ottla::client
