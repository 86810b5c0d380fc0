// SPDX-License-Identifier: Apache-2.0
#include "broker/metadata/carried_records.hpp"

#include <algorithm>

namespace ottla::broker {

void CarriedRecords::apply(const protocol::RegisterControllerRecord& record) {
    controllers[record.controller_id] = record;
}

void CarriedRecords::apply(const protocol::ClientQuotaRecord& record) {
    QuotaEntity entity;
    for (const auto& part : record.entity) entity.emplace_back(part.entity_type, part.entity_name);
    std::sort(entity.begin(), entity.end());
    std::pair key(std::move(entity), record.key);
    if (record.remove) {
        quotas.erase(key);
    } else {
        quotas[std::move(key)] = record;
    }
}

void CarriedRecords::apply(const protocol::AccessControlEntryRecord& record) { acls[record.id] = record; }

void CarriedRecords::apply(const protocol::RemoveAccessControlEntryRecord& record) { acls.erase(record.id); }

void CarriedRecords::apply(const protocol::UserScramCredentialRecord& record) {
    credentials[{record.name, record.mechanism}] = record;
}

void CarriedRecords::apply(const protocol::RemoveUserScramCredentialRecord& record) {
    credentials.erase({record.name, record.mechanism});
}

void CarriedRecords::apply(const protocol::DelegationTokenRecord& record) { tokens[record.token_id] = record; }

void CarriedRecords::apply(const protocol::RemoveDelegationTokenRecord& record) { tokens.erase(record.token_id); }

}  // namespace ottla::broker
