// SPDX-License-Identifier: Apache-2.0
#include "client/consumer/fetch_queue.hpp"

#include "client/logs/log_delivery.hpp"

namespace ottla::client {
namespace {

bool tells_commit(const FetchQueue::Item& item) {
    const auto* notice = std::get_if<Notice>(&item);
    return notice && std::holds_alternative<OffsetsCommitted>(notice->event);
}

}  // namespace

void FetchQueue::push(Item item) {
    const std::lock_guard lock(items_mutex_);
    if (closed_ || replace_statistics(item)) return;
    if (tells_commit(item)) {
        if (commits_ == commits_max) return;
        ++commits_;
    }
    if (std::holds_alternative<FetchedChunk>(item)) unread_.fetch_add(1, std::memory_order_acq_rel);
    items_.push_back(std::move(item));
    come_.notify_one();
}

bool FetchQueue::push(LogEvent&& line) {
    const std::lock_guard lock(items_mutex_);
    if (closed_ || lines_ == LogDelivery::lines_max) return false;
    ++lines_;
    Notice notice;
    notice.event = std::move(line);
    items_.emplace_back(std::move(notice));
    come_.notify_one();
    return true;
}

bool FetchQueue::replace_statistics(Item& item) {
    const auto is_statistics = [](const Item& i) {
        const auto* notice = std::get_if<Notice>(&i);
        return notice && std::holds_alternative<Statistics>(notice->event);
    };
    if (!is_statistics(item)) return false;
    const auto waiting = std::ranges::find_if(items_, is_statistics);
    if (waiting == items_.end()) return false;
    *waiting = std::move(item);
    return true;
}

std::size_t FetchQueue::notices() const {
    const std::lock_guard lock(items_mutex_);
    return static_cast<std::size_t>(
        std::ranges::count_if(items_, [](const Item& i) { return std::holds_alternative<Notice>(i); }));
}

std::optional<FetchQueue::Item> FetchQueue::take() {
    const std::lock_guard lock(items_mutex_);
    if (items_.empty()) return std::nullopt;
    std::optional<Item> item(std::move(items_.front()));
    items_.pop_front();
    const auto* notice = std::get_if<Notice>(&*item);
    if (notice && std::holds_alternative<LogEvent>(notice->event)) --lines_;
    if (tells_commit(*item)) --commits_;
    return item;
}

bool FetchQueue::empty() const {
    const std::lock_guard lock(items_mutex_);
    return items_.empty();
}

bool FetchQueue::wait_until(std::chrono::steady_clock::time_point at, std::uint64_t seen) {
    std::unique_lock lock(items_mutex_);
    const auto here = [&] { return !items_.empty() || closed_ || wakes_ != seen; };
    if (at == std::chrono::steady_clock::time_point::max()) {
        come_.wait(lock, here);
        return true;
    }
    return come_.wait_until(lock, at, here);
}

void FetchQueue::wait_for_wake(std::chrono::steady_clock::time_point at, std::uint64_t seen) {
    std::unique_lock lock(items_mutex_);
    const auto here = [&] { return closed_ || wakes_ != seen; };
    if (at == std::chrono::steady_clock::time_point::max())
        come_.wait(lock, here);
    else
        come_.wait_until(lock, at, here);
}

std::uint64_t FetchQueue::wakes() const {
    const std::lock_guard lock(items_mutex_);
    return wakes_;
}

void FetchQueue::wake() {
    const std::lock_guard lock(items_mutex_);
    ++wakes_;
    come_.notify_all();
}

void FetchQueue::close() {
    const std::lock_guard lock(items_mutex_);
    closed_ = true;
    items_.clear();
    lines_ = commits_ = 0;
    come_.notify_all();
}

bool FetchQueue::is_closed() const {
    const std::lock_guard lock(items_mutex_);
    return closed_;
}

void FetchQueue::set_trouble(std::string text) {
    const std::lock_guard lock(items_mutex_);
    trouble_ = std::move(text);
}

std::string FetchQueue::trouble() const {
    const std::lock_guard lock(items_mutex_);
    return trouble_;
}

}  // namespace ottla::client
