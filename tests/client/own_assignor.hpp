// SPDX-License-Identifier: Apache-2.0
// OwnAssignor: an assignor as an application gives it, that does what the test says.
#pragma once

#include <functional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <ottla/assignor.hpp>

namespace ottla::client {

class OwnAssignor final : public GroupAssignor {
public:
    using Assign = std::function<Result<Assignment>(const std::vector<Member>&, const Topics&)>;
    explicit OwnAssignor(std::string name, RebalanceProtocol how = RebalanceProtocol::eager)
        : name_(std::move(name)),
          protocol_(how) {}

    Assign does;  // left out: everything to the first member
    std::string says;
    bool throws = false;
    std::vector<std::string> told;

    std::string_view name() const noexcept override { return name_; }
    RebalanceProtocol protocol() const noexcept override { return protocol_; }
    Bytes user_data(const std::vector<std::string>&) override { return Bytes::copy_of(says); }
    Result<Assignment> assign(const std::vector<Member>& members, const Topics& topics) override {
        if (throws) throw std::runtime_error("no idea");
        if (does) return does(members, topics);
        Assignment all;
        auto& first = all[members.front().id];
        for (const auto& [topic, partitions] : topics)
            for (std::size_t p = 0; p < partitions.size(); ++p)
                first.partitions[topic].push_back(static_cast<std::int32_t>(p));
        first.user_data = Bytes::copy_of("to " + members.front().id);
        return all;
    }
    void on_assignment(const Assigned& assigned, const GroupMetadata& who) override {
        std::string line = to_string(who) + ":";
        for (const auto& [topic, partitions] : assigned.partitions)
            for (const auto p : partitions) line += " " + topic + std::to_string(p);
        told.push_back(line + "; " + std::string(assigned.user_data.text()));
    }

private:
    const std::string name_;
    const RebalanceProtocol protocol_;
};

}  // namespace ottla::client
