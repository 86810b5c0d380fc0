// SPDX-License-Identifier: Apache-2.0
// Workers: where blocking and heavy jobs run (syncs, cold reads, compression), so that no I/O thread waits for a
// disk. A pool in real life; in the simulator they run on virtual time with a seeded delay.
#pragma once

#include <cstddef>
#include <memory>

#include <ottla/function.hpp>

namespace ottla::base {

class Workers {
public:
    virtual ~Workers() = default;
    // Runs `job` once, on a thread of the pool. Any thread may call; never blocks. Jobs start in the order given,
    // and run side by side.
    virtual void run(Function<void()> job) = 0;
};

// `threads` of our own. The destructor runs what was given and joins.
std::unique_ptr<Workers> make_thread_workers(std::size_t threads, const char* name);

}  // namespace ottla::base
