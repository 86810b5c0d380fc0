// SPDX-License-Identifier: Apache-2.0
// FetchSession: a client's end of an incremental fetch session with one broker (KIP-227). The first request names every
// partition, later ones only what has changed, and answers only what is new. Pure; one request at a time: ask(), then
// take() or on_failure().
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ottla/protocol/messages/fetch_request.hpp>
#include <ottla/protocol/messages/fetch_response.hpp>
#include <ottla/result.hpp>
#include <ottla/uuid.hpp>

namespace ottla::client {

class FetchSession {
public:
    using Request = protocol::FetchRequest;
    using Response = protocol::FetchResponse;

    struct Item {
        std::shared_ptr<const std::string> topic;
        Uuid topic_id;
        Request::FetchPartition wanted;
    };
    // What was last told of a partition: it holds until something else is told.
    struct Marks {
        std::int64_t high_watermark = -1;
        std::int64_t last_stable_offset = -1;
        std::int64_t log_start_offset = -1;
    };

    // Fills in the session and the topics of the next request, which is for all of `items`; no partition twice.
    // `by_ids`: topics go by their ids (version 13); a session that went by names begins anew, and the other way round.
    void ask(std::vector<Item> items, bool by_ids, Request&);

    // The answer. Topics get their names; those that nobody asked for keep none. Errors: the answer's own; then there
    // is nothing in it, and the next request begins a session.
    Result<void> take(Response&);
    // There was no answer: nobody knows what the broker has taken over.
    void on_failure() noexcept { epoch_ = epoch_of_new; }

    // The last request named every partition, and so should its answer.
    bool was_full() const noexcept { return was_full_; }
    // Of a partition that the answer left out, in a session where that says "nothing new". Null: nothing is known of
    // it.
    const Marks* unchanged(const std::string& topic, std::int32_t partition) const;
    // The next request begins a session.
    bool begins_anew() const noexcept { return epoch_ == epoch_of_new; }

    // 1, 2, … and behind the largest 1 again: 0 begins anew.
    static std::int32_t epoch_after(std::int32_t epoch) noexcept;

    // What tells the broker that the session is over; nothing where there is none.
    std::optional<Request> close();

private:
    static constexpr std::int32_t epoch_of_new = 0;
    static constexpr std::int32_t epoch_of_last = -1;
    using Key = std::pair<std::string, std::int32_t>;
    // A partition as the broker has it once it has taken over the request under way.
    struct Held {
        Uuid topic_id;
        Request::FetchPartition wanted;
        std::optional<Marks> told;
        bool is_wanted = true;
    };

    void hold_all(std::vector<Item>, Request&);
    void hold_changed(std::vector<Item>, Request&);
    void forget(const Key&, const Uuid&, Request&) const;
    static void add(const Item&, Request&);
    // False: it tells of what was not asked for, or leaves out what it must name.
    bool learn(Response&);

    std::int32_t id_ = 0;
    std::int32_t epoch_ = epoch_of_new;  // of the next request
    bool by_ids_ = false;
    bool was_full_ = true;
    std::map<Key, Held> held_;
    std::map<Uuid, std::shared_ptr<const std::string>> names_;
};

}  // namespace ottla::client
