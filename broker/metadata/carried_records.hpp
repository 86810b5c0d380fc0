// SPDX-License-Identifier: Apache-2.0
// CarriedRecords: what the metadata log says about things that this broker does not act on (ACLs, quotas, credentials,
// tokens, controllers). They are kept as they came, each replaced or removed by the records that follow, so that a
// snapshot tells them again.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "broker/metadata/records.hpp"

namespace ottla::broker {

struct CarriedRecords {
    using QuotaEntity = std::vector<std::pair<std::string, std::optional<std::string>>>;  // (type, name), sorted

    std::map<std::int32_t, protocol::RegisterControllerRecord> controllers;
    std::map<std::pair<QuotaEntity, std::string>, protocol::ClientQuotaRecord> quotas;  // by entity and key
    std::map<Uuid, protocol::AccessControlEntryRecord> acls;
    std::map<std::pair<std::string, std::int8_t>, protocol::UserScramCredentialRecord> credentials;  // user, mechanism
    std::map<std::string, protocol::DelegationTokenRecord> tokens;                                   // by id

    void apply(const protocol::RegisterControllerRecord&);
    void apply(const protocol::ClientQuotaRecord&);
    void apply(const protocol::AccessControlEntryRecord&);
    void apply(const protocol::RemoveAccessControlEntryRecord&);
    void apply(const protocol::UserScramCredentialRecord&);
    void apply(const protocol::RemoveUserScramCredentialRecord&);
    void apply(const protocol::DelegationTokenRecord&);
    void apply(const protocol::RemoveDelegationTokenRecord&);

    friend bool operator==(const CarriedRecords&, const CarriedRecords&) = default;
};

}  // namespace ottla::broker
