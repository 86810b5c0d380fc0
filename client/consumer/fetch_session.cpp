// SPDX-License-Identifier: Apache-2.0
#include "client/consumer/fetch_session.hpp"

#include <algorithm>
#include <limits>

namespace ottla::client {

void FetchSession::ask(std::vector<Item> items, bool by_ids, Request& request) {
    if (by_ids != by_ids_) epoch_ = epoch_of_new;
    by_ids_ = by_ids;
    was_full_ = epoch_ == epoch_of_new;
    // An id beside epoch 0 tells the broker that this session is over.
    request.session_id = id_;
    request.session_epoch = epoch_;
    if (was_full_)
        hold_all(std::move(items), request);
    else
        hold_changed(std::move(items), request);
}

void FetchSession::add(const Item& item, Request& request) {
    if (request.topics.empty() || request.topics.back().topic != *item.topic) {
        auto& topic = request.topics.emplace_back();
        topic.topic = *item.topic;
        topic.topic_id = item.topic_id;
    }
    request.topics.back().partitions.push_back(item.wanted);
}

void FetchSession::hold_all(std::vector<Item> items, Request& request) {
    held_.clear();
    names_.clear();
    for (auto& item : items) {
        add(item, request);
        names_[item.topic_id] = item.topic;
        held_[{*item.topic, item.wanted.partition}] = {item.topic_id, std::move(item.wanted), {}, true};
    }
}

void FetchSession::hold_changed(std::vector<Item> items, Request& request) {
    for (auto& [key, held] : held_) held.is_wanted = false;
    for (auto& item : items) {
        const auto [at, is_new] = held_.try_emplace({*item.topic, item.wanted.partition});
        Held& held = at->second;
        const bool is_another = !is_new && held.topic_id != item.topic_id;
        // A topic that was made anew: to the broker, the partition of another.
        if (is_another) forget(at->first, held.topic_id, request);
        if (is_new || is_another) {
            held = {item.topic_id, item.wanted, {}, true};
            names_[item.topic_id] = item.topic;
            add(item, request);
        } else if (held.wanted != item.wanted) {
            held.wanted = item.wanted;
            add(item, request);
        }
        held.is_wanted = true;
    }
    for (auto at = held_.begin(); at != held_.end();) {
        if (!at->second.is_wanted) {
            forget(at->first, at->second.topic_id, request);
            at = held_.erase(at);
        } else {
            ++at;
        }
    }
}

void FetchSession::forget(const Key& key, const Uuid& id, Request& request) const {
    auto& all = request.forgotten_topics_data;
    const auto is_it = [&](const Request::ForgottenTopic& t) {
        return by_ids_ ? t.topic_id == id : t.topic == key.first;
    };
    auto topic = std::ranges::find_if(all, is_it);
    if (topic == all.end()) {
        topic = all.insert(all.end(), Request::ForgottenTopic());
        topic->topic = key.first;
        topic->topic_id = id;
    }
    topic->partitions.push_back(key.second);
}

Result<void> FetchSession::take(Response& response) {
    if (response.error_code != 0) {
        const auto code = static_cast<ErrorCode>(response.error_code);
        if (code == ErrorCode::fetch_session_id_not_found) id_ = 0;
        epoch_ = epoch_of_new;
        return Error::of(code);
    }
    const bool fits = learn(response);
    const std::int32_t asked = epoch_;
    epoch_ = epoch_of_new;
    if (was_full_) {
        // 0: the broker keeps none for us, now.
        id_ = std::max(response.session_id, 0);
        if (id_ != 0 && fits) epoch_ = 1;
    } else if (response.session_id == 0) {
        id_ = 0;
    } else if (fits && response.session_id == id_) {
        epoch_ = epoch_after(asked);
    }
    return ok();
}

bool FetchSession::learn(Response& response) {
    bool fits = true;
    std::size_t named = 0;
    for (auto& topic : response.responses) {
        if (by_ids_) {
            const auto name = names_.find(topic.topic_id);
            topic.topic = name == names_.end() ? std::string() : *name->second;
        }
        for (const auto& p : topic.partitions) {
            const auto at = held_.find({topic.topic, p.partition_index});
            if (at == held_.end()) {
                fits = false;
                continue;
            }
            ++named;
            if (p.error_code == 0) at->second.told = Marks{p.high_watermark, p.last_stable_offset, p.log_start_offset};
        }
    }
    return fits && (!was_full_ || named == held_.size());
}

const FetchSession::Marks* FetchSession::unchanged(const std::string& topic, std::int32_t partition) const {
    if (was_full_) return nullptr;
    const auto at = held_.find({topic, partition});
    return at != held_.end() && at->second.told ? &*at->second.told : nullptr;
}

std::int32_t FetchSession::epoch_after(std::int32_t epoch) noexcept {
    return epoch == std::numeric_limits<std::int32_t>::max() ? 1 : epoch + 1;
}

std::optional<FetchSession::Request> FetchSession::close() {
    const std::int32_t id = id_;
    id_ = 0;
    epoch_ = epoch_of_new;
    if (id == 0) return std::nullopt;
    Request request;
    request.session_id = id;
    request.session_epoch = epoch_of_last;
    return request;
}

}  // namespace ottla::client
