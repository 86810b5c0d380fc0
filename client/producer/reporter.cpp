// SPDX-License-Identifier: Apache-2.0
#include "client/producer/reporter.hpp"

namespace ottla::client {

DeliveryReport report_frame(const Batch& batch, const Outcome& outcome) {
    DeliveryReport report(batch.topic, batch.partition);
    report.status = outcome.status;
    report.error = outcome.error;
    return report;
}

void fill_report(DeliveryReport& report, const Batch& batch, const Outcome& outcome, std::size_t index) {
    const DeliveryDue& delivery = batch.deliveries[index];
    if (outcome.base_offset >= 0) report.offset = Offset(outcome.base_offset + static_cast<std::int64_t>(index));
    report.timestamp_ms = outcome.log_append_time_ms >= 0 ? outcome.log_append_time_ms : delivery.timestamp_ms;
    report.opaque = delivery.opaque;
}

void Reporter::report(BatchPtr batch, Outcome outcome) {
    std::vector<Ended> one;
    one.emplace_back(std::move(batch), std::move(outcome));
    report(one);
}

void Reporter::report(std::vector<Ended>& ended) {
    std::vector<BatchPtr> done;
    for (auto& [batch, outcome] : ended) {
        if (hooks_.wants(&Hooks::on_delivery)) [[unlikely]]
            tell_hook(*batch, outcome);
        tell(*batch, outcome);
        accumulator_.reported(batch->count());
        if (batch->events > 0) {
            events_.push(std::move(batch), std::move(outcome));
        } else {
            done.push_back(std::move(batch));
        }
    }
    ended.clear();
    accumulator_.recycle(done);
    progress_.notify();
}

void Reporter::tell_hook(const Batch& batch, const Outcome& outcome) {
    DeliveryReport report = report_frame(batch, outcome);
    for (std::size_t i = 0; i < batch.count(); ++i) {
        fill_report(report, batch, outcome, i);
        hooks_.tell(&Hooks::on_delivery, report);
    }
}

void Reporter::tell(Batch& batch, const Outcome& outcome) {
    const std::size_t count = batch.count();
    if (batch.events == count) return;
    DeliveryReport report = report_frame(batch, outcome);
    for (std::size_t i = 0; i < count; ++i) {
        DeliveryCallback& callback = batch.deliveries[i].callback;
        if (!callback) continue;
        fill_report(report, batch, outcome, i);
        callback(report);
    }
}

}  // namespace ottla::client
