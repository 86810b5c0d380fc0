// SPDX-License-Identifier: Apache-2.0
// RedriveMembership: who writes letters back is the only member of the group that keeps which have gone back. So two at
// a time, each of which would write what the other writes, are told apart: the second is refused before it joins, and
// where both join at once, neither writes. What is committed is committed as that member: the coordinator refuses one
// that it counts as gone.
#pragma once

#include <string>

#include <ottla/admin.hpp>
#include <ottla/consumer.hpp>

#include "tools/ottla/connection.hpp"
#include "tools/ottla/verb.hpp"

namespace ottla::tools {

class RedriveMembership {
public:
    // Joins, and has all partitions of the topic then. Throws ottla::Exception where others are members.
    RedriveMembership(const Session&, const Connection&, Admin&, std::string group, const std::string& topic);
    RedriveMembership(const RedriveMembership&) = delete;
    RedriveMembership& operator=(const RedriveMembership&) = delete;
    // Leaves.
    ~RedriveMembership();

    // To commit by.
    Consumer& consumer() noexcept { return consumer_; }
    // Throws when somebody else has joined, or the coordinator has given it up.
    void check();

private:
    void join(const Session&, const std::string& topic);
    std::size_t members(Admin&) const;

    std::string group_;
    bool is_assigned_ = false;
    bool is_taken_ = false;  // what it had
    Consumer consumer_;
};

}  // namespace ottla::tools
