// SPDX-License-Identifier: Apache-2.0
// ParallelHooks: what a ParallelConsumer does, told as it happens, for tracing and for metrics. As with Hooks
// (hooks.hpp): each may be left out, and then costs one branch for a call of the handler; none may block; what they
// throw is logged, once, and ignored. Texts and spans are good until it returns.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string_view>

#include <ottla/error.hpp>
#include <ottla/function.hpp>
#include <ottla/topic_partition.hpp>
#include <ottla/work_item.hpp>

namespace ottla::inline v0 {

// Of each call of the handler: one `begun`, and one of the others when it has ended.
struct WorkEvent {
    enum class Stage : std::uint8_t {
        begun,
        done,
        retried,         // to be tried again here, after `delay`
        to_retry_topic,  // a letter is to be written
        to_dead_letters,
        dropped,  // set aside without a dead-letter topic
    };
    Stage stage = Stage::begun;
    std::span<const WorkItem> items;
    // Not with begun: how long the handler took.
    std::chrono::nanoseconds took{0};
    std::chrono::nanoseconds delay{0};
    // What the handler said of its failure.
    std::string_view why;
};

// Of each attempt to write the letters of one call: all are acknowledged, or some are to be written again.
struct LetterEvent {
    std::string_view topic;
    bool is_dead = false;  // or a retry
    std::span<const WorkItem> items;
    // One of what went wrong.
    Error error;
};

// Of each commit: what was committed, with its maps as metadata and the error of each; nothing where the whole failed.
struct CommitEvent {
    std::span<const TopicPartition> offsets;
    // Of the whole.
    Error error;
};

struct ParallelHooks {
    // In the thread that runs the handler: several at a time.
    Function<void(const WorkEvent&)> on_work = nullptr;
    // In a thread of the library's, or the one that runs the handler.
    Function<void(const LetterEvent&)> on_letter = nullptr;
    // In a thread of the library's.
    Function<void(const CommitEvent&)> on_commit = nullptr;
};

// "done", "to a retry topic"
std::string_view to_string(WorkEvent::Stage) noexcept;

}  // namespace ottla::inline v0
