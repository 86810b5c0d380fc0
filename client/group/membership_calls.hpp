// SPDX-License-Identifier: Apache-2.0
// What a membership asks of its coordinator, asked: one attempt each, at the versions and on the connections that are
// right for it. Loop only.
#pragma once

#include <memory>

#include "client/config/client_config.hpp"
#include "client/group/coordinator.hpp"
#include "client/group/membership.hpp"

namespace ottla::client {

// Of the protocol that is configured.
// `own` are the application's assignors; they and `random` must outlive it.
std::unique_ptr<Membership> make_membership(const GroupConfig&, const std::vector<Assignor>& own, const CommonConfig&,
                                            base::Random& random);

// The action is FindCoordinator or one of the coordinator's requests.
bool is_for_coordinator(const MembershipAction&) noexcept;
// Why it was asked in vain: there was no answer, or an error of the whole. For the log.
Error failure_of(const MembershipAnswer&);
awaitable<MembershipAnswer> ask_coordinator(std::shared_ptr<Coordinator> coordinator, MembershipAction action);

}  // namespace ottla::client
