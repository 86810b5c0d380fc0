// SPDX-License-Identifier: Apache-2.0
// ClientLog: a log for each context, so that a line that nobody wants costs one comparison. Any thread.
#pragma once

#include <array>
#include <memory>
#include <string>

#include "base/log.hpp"
#include "client/config/client_config.hpp"
#include "client/logs/log_delivery.hpp"

namespace ottla::client {

class ClientLog {
public:
    // "client [context]" on this log, as loud as it is; nothing at debug level, unless it says all of that.
    ClientLog(const base::Log& outlet, const std::string& client);
    // The same, as loud as the settings say.
    ClientLog(const base::Log& outlet, const std::string& client, const CommonConfig&);
    // To the user.
    ClientLog(const std::shared_ptr<LogDelivery>&, const CommonConfig&);

    const base::Log& operator[](DebugContext c) const noexcept { return logs_[static_cast<std::size_t>(c)]; }

private:
    std::array<base::Log, debug_context_names.size()> logs_;
};

}  // namespace ottla::client
