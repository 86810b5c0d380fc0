// SPDX-License-Identifier: Apache-2.0
// OffsetCommit and OffsetFetch as they are asked and read, whatever the version: by names, or by the topics' ids from
// version 10 on. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <ottla/protocol/messages/offset_commit_request.hpp>
#include <ottla/protocol/messages/offset_commit_response.hpp>
#include <ottla/protocol/messages/offset_fetch_request.hpp>
#include <ottla/protocol/messages/offset_fetch_response.hpp>
#include <ottla/topic_partition.hpp>
#include <ottla/uuid.hpp>

#include "client/group/membership.hpp"

namespace ottla::client {

// Partitions that have no answer yet, each once.
using OpenOffsets = std::map<std::pair<std::string, std::int32_t>, TopicPartition*>;
// Of one named twice the last counts, as the first is told the same. The partitions must stay where they are.
OpenOffsets all_open(std::vector<TopicPartition>&);

// The ids of the topics of a request; when one is not known, names are used.
struct OfferedIds {
    std::map<std::string, Uuid> ids;
    bool complete = true;

    template <class IdOf>
    static OfferedIds of(const OpenOffsets& open, const IdOf& id_of) {
        OfferedIds offered;
        for (const auto& [key, tp] : open) {
            if (offered.ids.contains(key.first)) continue;
            const std::optional<Uuid> id = id_of(key.first);
            if (id)
                offered.ids.emplace(key.first, *id);
            else
                offered.complete = false;
        }
        return offered;
    }
    protocol::VersionRange commit_versions() const noexcept;
    protocol::VersionRange fetch_versions() const noexcept;
    // Of a topic in an answer, which has one of both.
    std::string name_of(const std::string& name, const Uuid& id) const;
};

protocol::OffsetCommitRequest commit_request(const std::string& group, const MemberIdentity&,
                                             const std::optional<std::string>& instance_id, const OpenOffsets&,
                                             const OfferedIds&);
// What is still open after it is to be tried again, for the reason in `last`. Errors: of the group as a whole, by which
// the commit fails.
Result<void> take_commits(const protocol::OffsetCommitResponse&, bool waits_for_rebalance, OpenOffsets&,
                          const OfferedIds&, Error& last);

// Of nobody, where the identity is no member's.
protocol::OffsetFetchRequest fetch_request(const std::string& group, const MemberIdentity&, const OpenOffsets&,
                                           const OfferedIds&, std::int16_t version);
// The same. Errors: of the group.
Result<void> take_committed(const protocol::OffsetFetchResponse&, std::int16_t version, OpenOffsets&, const OfferedIds&,
                            Error& last);

}  // namespace ottla::client
