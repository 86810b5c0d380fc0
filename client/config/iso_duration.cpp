// SPDX-License-Identifier: Apache-2.0
#include "client/config/iso_duration.hpp"

#include <cstdint>

namespace ottla::client {
namespace {

constexpr std::int64_t longest_ms = std::int64_t{1'000} * 366 * 86'400'000;

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
char upper(char c) noexcept { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

class DurationText {
public:
    explicit DurationText(std::string_view text) noexcept : rest_(text) {}

    bool is_at_end() const noexcept { return rest_.empty(); }
    bool take(char letter) noexcept {
        if (rest_.empty() || upper(rest_.front()) != letter) return false;
        rest_.remove_prefix(1);
        return true;
    }
    // "12D": true when a number with this unit comes next. Nothing is taken otherwise.
    bool take_number(char unit, std::int64_t unit_ms) noexcept {
        const std::string_view before = rest_;
        std::int64_t count = 0;
        std::size_t digits = 0;
        for (; !rest_.empty() && is_digit(rest_.front()); ++digits) {
            // Beyond any bound, whatever comes.
            count = count > longest_ms ? count : count * 10 + (rest_.front() - '0');
            rest_.remove_prefix(1);
        }
        std::int64_t fraction_ms = 0;
        if (digits > 0 && unit == 'S') take_fraction(fraction_ms);
        if (digits == 0 || !take(unit)) {
            rest_ = before;
            return false;
        }
        if (count > longest_ms / unit_ms)
            too_long_ = true;
        else
            ms_ += count * unit_ms + fraction_ms;
        return true;
    }
    std::optional<std::chrono::milliseconds> whole() const noexcept {
        if (!is_at_end() || too_long_ || ms_ > longest_ms) return std::nullopt;
        return std::chrono::milliseconds(ms_);
    }

private:
    // ".25": nine digits at most, as Java has it; the point may stand alone.
    void take_fraction(std::int64_t& ms) noexcept {
        if (rest_.empty() || (rest_.front() != '.' && rest_.front() != ',')) return;
        rest_.remove_prefix(1);
        std::int64_t worth = 100;
        for (int i = 0; i < 9 && !rest_.empty() && is_digit(rest_.front()); ++i, worth /= 10) {
            ms += (rest_.front() - '0') * worth;
            rest_.remove_prefix(1);
        }
    }

    std::string_view rest_;
    std::int64_t ms_ = 0;
    bool too_long_ = false;
};

}  // namespace

std::optional<std::chrono::milliseconds> parse_iso_duration(std::string_view text) noexcept {
    DurationText duration(text);
    if (!duration.take('P')) return std::nullopt;
    bool any = duration.take_number('D', 86'400'000);
    if (duration.take('T')) {
        any = duration.take_number('H', 3'600'000);
        any = duration.take_number('M', 60'000) || any;
        any = duration.take_number('S', 1'000) || any;
    }
    return any ? duration.whole() : std::nullopt;
}

}  // namespace ottla::client
