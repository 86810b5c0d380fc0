// SPDX-License-Identifier: Apache-2.0
#include "tools/ottla/copier.hpp"

#include <algorithm>
#include <utility>

#include <CLI/CLI.hpp>

#include "tools/ottla/numbers.hpp"

namespace ottla::tools {
namespace {

// What a stop in between may cause twice.
constexpr std::size_t window_max = 500;

std::size_t window_of(std::int64_t per_second) {
    if (per_second == 0) return window_max;
    // A tenth of a second.
    return static_cast<std::size_t>(std::clamp<std::int64_t>(per_second / 10, 1, window_max));
}

Producer open_producer(const Connection& connection) {
    // Above a broker's own limit, which is to decide: as large as what is copied may be.
    Config config = to_config(connection, {{"message.max.bytes", 10'000'000}});
    if (auto set = config.set("acks", "all"); !set) throw UsageError(std::string(set.error().text()));
    auto producer = Producer::create(config);
    if (producer.has_error()) throw UsageError(std::string(producer.error().text()));
    return std::move(*producer);
}

}  // namespace

void add_rate_option(CLI::App& app, RateOption& to) {
    app.add_option("--rate", to.per_second, "Write so many records a second at most; without it, as fast as it goes")
        ->check(whole_number(1, 1'000'000'000))
        ->type_name("N");
}

Copier::Copier(const Session& session, const Connection& connection, RateOption rate)
    : session_(session),
      window_(window_of(rate.per_second)),
      pace_(rate.per_second),
      deliveries_(std::make_unique<Deliveries>()),
      producer_(open_producer(connection)) {
    errors_.reserve(window_);
}

Copier::~Copier() { (void)producer_.close(std::chrono::seconds(0)).has_value(); }

void Copier::write(const Record& record) {
    const auto place = errors_.size();
    errors_.emplace_back();
    const auto told = [this, place](const DeliveryReport& report) {
        errors_[place] = report.error;
        deliveries_->report(report);
    };
    for (;;) {
        const auto taken = producer_.produce(record, told);
        if (!taken.has_error()) break;
        if (taken.error() != ErrorCode::queue_full) {
            errors_[place] = taken.error();
            return;
        }
        deliveries_->wait_for(deliveries_->done() + 1);
    }
    ++sent_;
}

std::vector<Error> Copier::settle() {
    // Each has its deadline: delivery.timeout.ms.
    while (deliveries_->done() < sent_) expect(producer_.flush(std::chrono::milliseconds(200)), "flushing");
    std::vector<Error> errors;
    errors.reserve(window_);
    std::swap(errors, errors_);
    acknowledged_ += std::ranges::count_if(errors, [](const Error& e) { return e.code() == ErrorCode::none; });
    pace_.keep(session_, sent_);
    return errors;
}

}  // namespace ottla::tools
