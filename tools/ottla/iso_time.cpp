// SPDX-License-Identifier: Apache-2.0
#include "tools/ottla/iso_time.hpp"

#include <charconv>
#include <chrono>
#include <ctime>
#include <optional>
#include <tuple>

#include <fmt/format.h>

namespace ottla::tools {
namespace {

constexpr std::int64_t second_ms = 1000;
constexpr std::int64_t minute_ms = 60 * second_ms;
constexpr std::int64_t hour_ms = 60 * minute_ms;
constexpr std::int64_t day_ms = 24 * hour_ms;

// Takes from the front of a text.
class IsoText {
public:
    explicit IsoText(std::string_view text) : left_(text) {}

    bool is_at_end() const { return left_.empty(); }
    bool take(char c) {
        if (!left_.starts_with(c)) return false;
        left_.remove_prefix(1);
        return true;
    }
    // Exactly so many digits.
    std::optional<int> digits(std::size_t count) {
        if (left_.size() < count) return {};
        int value = 0;
        const auto [end, error] = std::from_chars(left_.data(), left_.data() + count, value);
        if (error != std::errc() || end != left_.data() + count || left_.front() == '-') return {};
        left_.remove_prefix(count);
        return value;
    }
    // As many as there are, at least one.
    std::optional<std::int64_t> number() {
        std::int64_t value = 0;
        const auto [end, error] = std::from_chars(left_.data(), left_.data() + left_.size(), value);
        if (error != std::errc() || left_.front() == '-') return {};
        left_.remove_prefix(static_cast<std::size_t>(end - left_.data()));
        return value;
    }
    // The thousandths behind a point or comma, where there is one; further digits are passed over.
    std::optional<int> thousandths() {
        if (!take('.') && !take(',')) return 0;
        int value = 0;
        int places = 0;
        for (; !left_.empty() && left_.front() >= '0' && left_.front() <= '9'; left_.remove_prefix(1), ++places)
            if (places < 3) value = value * 10 + (left_.front() - '0');
        if (places == 0) return {};
        for (; places < 3; ++places) value *= 10;
        return value;
    }

private:
    std::string_view left_;
};

std::optional<std::int64_t> date_ms(IsoText& text) {
    const auto y = text.digits(4);
    if (!y || !text.take('-')) return {};
    const auto m = text.digits(2);
    if (!m || !text.take('-')) return {};
    const auto d = text.digits(2);
    if (!d) return {};
    const std::chrono::year_month_day date(std::chrono::year(*y), std::chrono::month(static_cast<unsigned>(*m)),
                                           std::chrono::day(static_cast<unsigned>(*d)));
    if (!date.ok()) return {};
    return std::chrono::sys_days(date).time_since_epoch().count() * day_ms;
}

std::optional<std::int64_t> time_of_day_ms(IsoText& text) {
    const auto h = text.digits(2);
    if (!h || *h > 23 || !text.take(':')) return {};
    const auto m = text.digits(2);
    if (!m || *m > 59) return {};
    std::int64_t ms = *h * hour_ms + *m * minute_ms;
    if (!text.take(':')) return ms;
    const auto s = text.digits(2);
    const auto fraction = s ? text.thousandths() : std::nullopt;
    if (!fraction || *s > 59) return {};
    return ms + *s * second_ms + *fraction;
}

// By how much the zone is ahead of UTC.
std::optional<std::int64_t> zone_ms(IsoText& text) {
    if (text.is_at_end() || text.take('Z') || text.take('z')) return 0;
    const bool behind = text.take('-');
    if (!behind && !text.take('+')) return {};
    const auto h = text.digits(2);
    if (!h || *h > 18) return {};
    text.take(':');
    const auto m = text.is_at_end() ? std::optional<int>(0) : text.digits(2);
    if (!m || *m > 59) return {};
    const std::int64_t ms = *h * hour_ms + *m * minute_ms;
    return behind ? -ms : ms;
}

std::optional<std::int64_t> read_datetime(std::string_view from) {
    IsoText text(from);
    const auto date = date_ms(text);
    if (!date || text.is_at_end()) return date;
    if (!text.take('T') && !text.take(' ')) return {};
    const auto time = time_of_day_ms(text);
    const auto zone = time ? zone_ms(text) : std::nullopt;
    if (!zone || !text.is_at_end()) return {};
    return *date + *time - *zone;
}

std::optional<std::int64_t> read_duration(std::string_view from) {
    constexpr std::int64_t parts_max = 100'000'000;  // of any unit; 270,000 years of days
    IsoText text(from);
    if (!text.take('P')) return {};
    std::int64_t ms = 0;
    bool any = false;
    // Each unit once, in this order.
    bool in_time = false;
    for (const auto& [unit, worth, is_time] : {std::tuple('D', day_ms, false), std::tuple('H', hour_ms, true),
                                               std::tuple('M', minute_ms, true), std::tuple('S', second_ms, true)}) {
        if (is_time && !in_time) {
            if (text.is_at_end()) break;
            if (!text.take('T')) return {};
            in_time = true;
            any = false;  // something must follow the T
        }
        if (text.is_at_end()) break;
        IsoText ahead = text;
        const auto count = ahead.number();
        if (!count) {
            if (is_time) return {};
            continue;
        }
        const auto fraction = unit == 'S' ? ahead.thousandths() : std::optional<int>(0);
        if (!fraction || *count > parts_max) return {};
        if (!ahead.take(unit)) continue;
        ms += *count * worth + *fraction;
        any = true;
        text = ahead;
    }
    if (!any || !text.is_at_end()) return {};
    return ms;
}

}  // namespace

Result<std::int64_t> parse_datetime_ms(std::string_view text) {
    if (const auto ms = read_datetime(text)) return *ms;
    return Error::of(ErrorCode::invalid_argument,
                     fmt::format("'{}' is no time: 2026-11-22T18:05:20.250, in UTC or with Z or +01:00", text));
}

Result<std::int64_t> parse_duration_ms(std::string_view text) {
    if (const auto ms = read_duration(text)) return *ms;
    return Error::of(ErrorCode::invalid_argument, fmt::format("'{}' is no duration: P1DT2H, PT90M, PT1.5S", text));
}

std::string datetime_text(std::int64_t ms_since_1970) {
    const auto time = static_cast<std::time_t>(ms_since_1970 / second_ms);
    std::tm utc{};
    if (gmtime_r(&time, &utc) == nullptr) return fmt::format("{}ms", ms_since_1970);
    char text[64];
    return std::string(text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc));
}

std::string duration_text(std::int64_t ms) {
    if (ms < second_ms) return fmt::format("{}ms", ms);
    if (ms < minute_ms) return fmt::format("{}s", ms / second_ms);
    if (ms < hour_ms) return fmt::format("{}m{:02}s", ms / minute_ms, ms % minute_ms / second_ms);
    if (ms < day_ms) return fmt::format("{}h{:02}m", ms / hour_ms, ms % hour_ms / minute_ms);
    return fmt::format("{}d{:02}h", ms / day_ms, ms % day_ms / hour_ms);
}

}  // namespace ottla::tools
