// SPDX-License-Identifier: Apache-2.0
// Reporter: tells the application what became of its records, a batch at a time: callbacks run here, on the loop; what
// has none becomes an event.
#pragma once

#include "client/cluster/watch.hpp"
#include "client/hooks/hook_calls.hpp"
#include "client/producer/accumulator.hpp"
#include "client/producer/event_queue.hpp"

namespace ottla::client {

// A report with what all records of the batch share; fill_report() adds the rest for one of them.
DeliveryReport report_frame(const Batch&, const Outcome&);
void fill_report(DeliveryReport&, const Outcome&, std::size_t index, const DeliveryDues::Reader& due);

// Loop only.
class Reporter {
public:
    // All must outlive this.
    Reporter(Accumulator& accumulator, EventQueue& events, HookCalls& hooks)
        : accumulator_(accumulator),
          events_(events),
          hooks_(hooks) {}

    // Each record of the batch gets its report; nobody else may have told them.
    void report(BatchPtr, Outcome);
    // Of several; the vector is empty afterwards.
    using Ended = std::pair<BatchPtr, Outcome>;
    void report(std::vector<Ended>&);
    // Told after every report.
    Watched& progress() noexcept { return progress_; }

private:
    void tell_hook(Batch&, const Outcome&);
    static void tell(Batch&, const Outcome&);

    Accumulator& accumulator_;
    EventQueue& events_;
    HookCalls& hooks_;
    Watched progress_;
};

}  // namespace ottla::client
