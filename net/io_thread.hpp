// SPDX-License-Identifier: Apache-2.0
// IoThread: an io_context and the one thread that runs it. What a client starts when it is not given an executor.
#pragma once

#include <memory>
#include <string>

#include <boost/asio.hpp>

#include "base/clock.hpp"

namespace ottla::net {

namespace asio = boost::asio;

class IoThread {
public:
    // `name` is shown by debuggers and top; the first 15 characters of it.
    explicit IoThread(std::string name);
    IoThread(const IoThread&) = delete;
    IoThread& operator=(const IoThread&) = delete;
    // Stops at once; handlers that wait are destroyed, on this thread or on the loop's. Waits for a handler that is
    // running, unless that handler is the one that destroys this.
    ~IoThread();

    // Lets the thread end when nothing is left to do, which is waited for until `deadline`; then stops it. Afterwards
    // nothing runs on the executor any more. Not from this thread.
    void finish(base::TimePoint deadline);

    asio::any_io_executor executor();
    // The caller is this thread.
    bool is_current() const noexcept;

private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace ottla::net
