// SPDX-License-Identifier: Apache-2.0
#include "client/producer/reporter.hpp"

namespace ottla::client {

DeliveryReport report_frame(const Batch& batch, const Outcome& outcome) {
    DeliveryReport report(batch.topic, batch.partition);
    report.status = outcome.status;
    report.error = outcome.error;
    return report;
}

void fill_report(DeliveryReport& report, const Outcome& outcome, std::size_t index, const DeliveryDues::Reader& due) {
    if (outcome.base_offset >= 0) report.offset = Offset(outcome.base_offset + static_cast<std::int64_t>(index));
    report.timestamp_ms = outcome.log_append_time_ms >= 0 ? outcome.log_append_time_ms : due.timestamp_ms();
    report.opaque = due.opaque();
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
        if (batch->events() > 0) {
            events_.push(std::move(batch), std::move(outcome));
        } else {
            done.push_back(std::move(batch));
        }
    }
    ended.clear();
    accumulator_.recycle(done);
    progress_.notify();
}

void Reporter::tell_hook(Batch& batch, const Outcome& outcome) {
    DeliveryReport report = report_frame(batch, outcome);
    DeliveryDues::Reader due(batch.dues);
    for (std::size_t i = 0; due.next(); ++i) {
        fill_report(report, outcome, i, due);
        hooks_.tell(&Hooks::on_delivery, report);
    }
}

void Reporter::tell(Batch& batch, const Outcome& outcome) {
    if (batch.events() == batch.count()) return;
    DeliveryReport report = report_frame(batch, outcome);
    DeliveryDues::Reader due(batch.dues);
    for (std::size_t i = 0; due.next_run(); i += due.run()) {
        if (!due.has_callback()) continue;
        fill_report(report, outcome, i, due);
        DeliveryCallback callback = due.take_callback();
        if (due.run() == 1) {
            callback(report);
            continue;
        }
        // One that records share is plain, and each has its own: what it changes in itself is for nobody else.
        for (std::size_t j = 0; j < due.run(); ++j) {
            DeliveryCallback its = callback.plain_copy();
            its(report);
            if (outcome.base_offset >= 0) report.offset = Offset(report.offset.value() + 1);
        }
    }
}

}  // namespace ottla::client
