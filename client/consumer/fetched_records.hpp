// SPDX-License-Identifier: Apache-2.0
// FetchedRecords: what messages are views into. One per decoded run of record batches of a partition; it shares the
// fetched response, owns what was decompressed, and holds the list of views that a MessageBatch shows.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <ottla/bytes.hpp>
#include <ottla/message.hpp>

#include "client/consumer/memory_budget.hpp"

namespace ottla::client {

// Bytes that count in the budget as long as they live.
class ChargedBytes {
public:
    ChargedBytes(Bytes bytes, std::shared_ptr<MemoryBudget> budget)
        : bytes_(std::move(bytes)),
          budget_(std::move(budget)),
          charged_(static_cast<std::int64_t>(bytes_.pinned())) {
        budget_->charge(charged_);
    }
    ChargedBytes(const ChargedBytes&) = delete;
    ChargedBytes& operator=(const ChargedBytes&) = delete;
    ~ChargedBytes() {
        bytes_ = {};
        budget_->give_back(charged_);
    }
    const Bytes& bytes() const noexcept { return bytes_; }
    const std::shared_ptr<MemoryBudget>& budget() const noexcept { return budget_; }

private:
    Bytes bytes_;
    std::shared_ptr<MemoryBudget> budget_;
    std::int64_t charged_;
};

// What has been charged for memory that lies beside.
class Charge {
public:
    Charge() = default;
    Charge(const Charge&) = delete;
    Charge& operator=(const Charge&) = delete;
    ~Charge() {
        if (budget_) budget_->give_back(bytes_);
    }
    void add(const std::shared_ptr<MemoryBudget>& budget, std::int64_t bytes) {
        budget_ = budget;
        budget_->charge(bytes);
        bytes_ += bytes;
    }

private:
    std::shared_ptr<MemoryBudget> budget_;
    std::int64_t bytes_ = 0;
};

}  // namespace ottla::client

namespace ottla::inline v0 {

struct FetchedRecords {
    std::shared_ptr<const std::string> topic;
    std::int32_t partition = -1;
    // The whole response; absent in a detached copy.
    std::shared_ptr<const client::ChargedBytes> response;
    // Decompressed records, or a copied message.
    std::vector<Bytes> memory;
    // Records that were decompressed ahead of their time.
    std::vector<std::shared_ptr<const client::ChargedBytes>> unpacked;
    client::Charge charge;
    // MessageViews back to back, in memory that goes round.
    Buffer views;
    std::size_t count = 0;
    // Of keys and values.
    std::int64_t payload_bytes = 0;

    std::span<const MessageView> messages() const noexcept {
        return {reinterpret_cast<const MessageView*>(views.data()), count};
    }
};
static_assert(std::is_trivially_copyable_v<MessageView> && std::is_trivially_destructible_v<MessageView>);

}  // namespace ottla::inline v0
