// SPDX-License-Identifier: Apache-2.0
// Sequences: the numbers of one partition's batches, by which its leader knows a batch that comes again and misses one
// that does not come (KIP-98). Brokers keep them by partition, so each partition has an epoch of its own here: what
// goes wrong in one is begun anew there, and touches no other (docs/decisions/009). Pure.
//
// A batch keeps its numbers as long as it may have been written under them: that is what makes sending it again safe.
// It gets new ones only when it is certain that it was not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

namespace ottla::client {

struct Numbers {
    std::int64_t producer_id = -1;
    std::int16_t epoch = -1;
    std::int32_t first = -1;  // of the batch's first record
    std::int32_t count = 0;   // of its records

    bool any() const noexcept { return first >= 0; }
    // Of the first `head` records, and of the others. Sequences go around at 2³¹.
    Numbers first_part(std::int32_t head) const noexcept { return {producer_id, epoch, first, any() ? head : 0}; }
    Numbers second_part(std::int32_t head) const noexcept {
        if (!any()) return {};
        return {producer_id, epoch, static_cast<std::int32_t>((std::int64_t{first} + head) & 0x7fffffff), count - head};
    }
};

class Sequences {
public:
    // Brokers remember so many batches of a producer.
    static constexpr std::size_t in_flight_most = 5;

    // A producer id that this partition has not had.
    void begin(std::int64_t producer_id, std::int16_t epoch) noexcept {
        id_ = producer_id;
        epoch_ = epoch;
        next_ = 0;
        proven_ = begins_anew_ = spent_ = false;
    }
    std::int64_t producer_id() const noexcept { return id_; }
    std::int16_t epoch() const noexcept { return epoch_; }
    // No new numbers before begin(): there is no producer id, or its epochs are used up.
    bool needs_id() const noexcept {
        return id_ < 0 || spent_ || (begins_anew_ && epoch_ == std::numeric_limits<std::int16_t>::max());
    }
    // The next numbers are of a new epoch, which the broker lets nothing older follow: only once nothing is in flight.
    bool begins_anew() const noexcept { return begins_anew_ || needs_id(); }

    // For a batch that has none. Not while needs_id().
    Numbers next(std::int32_t count) noexcept {
        if (begins_anew_) begin(id_, static_cast<std::int16_t>(epoch_ + 1));
        const Numbers numbers{id_, epoch_, next_, count};
        next_ = behind(numbers);
        return numbers;
    }

    // How many batches may be in flight: one until the broker has taken one, for a broker that does not know a producer
    // takes any number for its first.
    std::size_t in_flight_max() const noexcept { return proven_ ? in_flight_most : 1; }

    // The broker has the batch.
    void delivered(const Numbers& numbers) noexcept {
        if (numbers.any() && is_current(numbers)) proven_ = true;
    }
    // The batch is given up. What was numbered behind it cannot follow any more.
    void given_up(const Numbers& numbers, bool possibly_persisted) noexcept {
        if (!numbers.any() || !is_current(numbers)) return;
        if (!possibly_persisted && behind(numbers) == next_)
            next_ = numbers.first;  // nothing was, and nothing is written: as if they had not been given
        else
            begins_anew_ = true;
    }

    enum class Verdict : std::uint8_t {
        again,    // the same once more, when what went before it is settled
        anew,     // with new numbers: it is not written, nor will be
        give_up,  // nobody can tell whether it is written
    };
    // The broker refused these numbers. `went_first`: nothing before it was open when it was sent.
    Verdict refused(const Numbers& numbers, bool went_first, bool possibly_persisted) noexcept {
        const bool is_cut_off = begins_anew_ || !is_current(numbers);
        if (possibly_persisted) {
            if (!went_first) return Verdict::again;
            if (is_current(numbers)) begins_anew_ = true;
            return Verdict::give_up;
        }
        if (!went_first && !is_cut_off) return Verdict::again;
        if (is_current(numbers)) begins_anew_ = true;
        return Verdict::anew;
    }
    // The broker knows a newer epoch of this id: no epoch of ours will do.
    void spend_id() noexcept { spent_ = begins_anew_ = true; }

private:
    bool is_current(const Numbers& numbers) const noexcept {
        return numbers.producer_id == id_ && numbers.epoch == epoch_;
    }
    static std::int32_t behind(const Numbers& numbers) noexcept { return numbers.second_part(numbers.count).first; }

    std::int64_t id_ = -1;
    std::int16_t epoch_ = -1;
    std::int32_t next_ = 0;
    bool proven_ = false;       // under the present epoch a batch was delivered
    bool begins_anew_ = false;  // the present epoch takes no more
    bool spent_ = false;
};

}  // namespace ottla::client
