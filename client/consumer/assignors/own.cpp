// SPDX-License-Identifier: Apache-2.0
// Assignors of the application: they are asked, and what they say is checked before anybody acts on it.
#include <algorithm>
#include <exception>
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "client/consumer/assignors/assignor.hpp"

namespace ottla::inline v0 {

GroupAssignor::~GroupAssignor() = default;
RebalanceProtocol GroupAssignor::protocol() const noexcept { return RebalanceProtocol::eager; }
Bytes GroupAssignor::user_data(const std::vector<std::string>&) { return {}; }
void GroupAssignor::on_assignment(const Assigned&, const GroupMetadata&) {}

}  // namespace ottla::inline v0

namespace ottla::client {
namespace {

using Assignment = GroupAssignor::Assignment;

std::string called(const Assignor& assignor) { return fmt::format("assignor '{}'", assignor.name); }

// Whatever it throws is an error that says during what.
template <class Call>
auto guarded(const Assignor& assignor, std::string_view during, Call call) -> decltype(call()) {
    std::string what = "something that is no std::exception";
    try {
        return call();
    } catch (const std::exception& thrown) {
        what = thrown.what();
    } catch (...) {
    }
    return Error::of(ErrorCode::failed, fmt::format("{} threw in {}: {}", called(assignor), during, what));
}

class Check {
public:
    Check(const Assignor& assignor, const std::vector<GroupMember>& members, const GroupTopics& topics)
        : assignor_(assignor),
          topics_(topics) {
        for (const auto& m : members) members_[m.id] = &m;
    }

    // Each partition once, to one who wants it; sorts them.
    Result<void> operator()(Assignment& assignment) {
        for (auto& [id, assigned] : assignment)
            for (auto& [topic, numbers] : assigned.partitions) {
                std::ranges::sort(numbers);
                for (const auto p : numbers)
                    if (auto fine = check(id, topic, p); !fine) return fine;
            }
        return ok();
    }

private:
    Result<void> check(const std::string& id, const std::string& topic, std::int32_t p) {
        const auto member = members_.find(id);
        if (member == members_.end()) return wrong(topic, p, fmt::format("to '{}', who is no member", id));
        if (!subscribes(*member->second, topic))
            return wrong(topic, p, fmt::format("to '{}', who has not subscribed to the topic", id));
        const auto at = topics_.find(topic);
        const auto count = at == topics_.end() ? 0 : at->second.size();
        if (p < 0 || static_cast<std::size_t>(p) >= count)
            return wrong(topic, p, fmt::format("to '{}': the topic has {} partitions", id, count));
        const auto [first, is_new] = given_.try_emplace({topic, p}, id);
        if (!is_new) return wrong(topic, p, fmt::format("twice: to '{}' and to '{}'", first->second, id));
        return ok();
    }
    Error wrong(const std::string& topic, std::int32_t p, const std::string& how) const {
        return Error::of(ErrorCode::invalid_argument, fmt::format("{} gives {}[{}] {}; the assignment is not used",
                                                                  called(assignor_), topic, p, how));
    }

    const Assignor& assignor_;
    const GroupTopics& topics_;
    std::map<std::string, const GroupMember*> members_;
    std::map<std::pair<std::string, std::int32_t>, std::string> given_;
};

// What others may hold still must be given back first (KIP-429).
void keep_back(Assignment& assignment, const std::vector<GroupMember>& members) {
    for (auto& [id, assigned] : assignment) {
        for (const auto& other : members) {
            if (other.id == id) continue;
            const auto self = std::ranges::find(members, id, &GroupMember::id);
            const auto theirs = self == members.end() ? other.owned : without(other.owned, self->owned);
            assigned.partitions = without(assigned.partitions, theirs);
        }
    }
}

}  // namespace

Assignor row_of(GroupAssignor& own) {
    return {own.name(), own.protocol() == RebalanceProtocol::cooperative, Assignor::UserData::own, nullptr, &own};
}

Result<Assignment> assign_by_own(const Assignor& assignor, const std::vector<GroupMember>& members,
                                 const GroupTopics& topics) {
    auto assignment = guarded(assignor, "assign()", [&] { return assignor.own->assign(members, topics); });
    if (!assignment) return assignment.error().with_context(called(assignor));
    Check check(assignor, members, topics);
    if (auto fine = check(*assignment); !fine) return fine.error();
    if (assignor.cooperative) keep_back(*assignment, members);
    for (const auto& m : members) (*assignment)[m.id];
    return assignment;
}

Result<Bytes> user_data_of_own(const Assignor& assignor, const std::vector<std::string>& topics) {
    return guarded(assignor, "user_data()", [&] { return Result<Bytes>(assignor.own->user_data(topics)); });
}

Result<void> tell_own(const Assignor& assignor, const GroupAssignor::Assigned& assigned, const GroupMetadata& who) {
    return guarded(assignor, "on_assignment()", [&] {
        assignor.own->on_assignment(assigned, who);
        return ok();
    });
}

}  // namespace ottla::client
