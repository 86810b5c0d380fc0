// SPDX-License-Identifier: Apache-2.0
// The records of __cluster_metadata (KIP-631): all that release 4.3.1 knows, framed as on disk by
// uvarint 1, uvarint key, uvarint version, flexible message.
#pragma once

#include <variant>

#include <ottla/bytes.hpp>
#include <ottla/protocol/messages/abort_transaction_record.hpp>
#include <ottla/protocol/messages/access_control_entry_record.hpp>
#include <ottla/protocol/messages/begin_transaction_record.hpp>
#include <ottla/protocol/messages/broker_registration_change_record.hpp>
#include <ottla/protocol/messages/clear_elr_record.hpp>
#include <ottla/protocol/messages/client_quota_record.hpp>
#include <ottla/protocol/messages/config_record.hpp>
#include <ottla/protocol/messages/delegation_token_record.hpp>
#include <ottla/protocol/messages/end_transaction_record.hpp>
#include <ottla/protocol/messages/feature_level_record.hpp>
#include <ottla/protocol/messages/fence_broker_record.hpp>
#include <ottla/protocol/messages/no_op_record.hpp>
#include <ottla/protocol/messages/partition_change_record.hpp>
#include <ottla/protocol/messages/partition_record.hpp>
#include <ottla/protocol/messages/producer_ids_record.hpp>
#include <ottla/protocol/messages/register_broker_record.hpp>
#include <ottla/protocol/messages/register_controller_record.hpp>
#include <ottla/protocol/messages/remove_access_control_entry_record.hpp>
#include <ottla/protocol/messages/remove_delegation_token_record.hpp>
#include <ottla/protocol/messages/remove_topic_record.hpp>
#include <ottla/protocol/messages/remove_user_scram_credential_record.hpp>
#include <ottla/protocol/messages/topic_record.hpp>
#include <ottla/protocol/messages/unfence_broker_record.hpp>
#include <ottla/protocol/messages/unregister_broker_record.hpp>
#include <ottla/protocol/messages/user_scram_credential_record.hpp>
#include <ottla/protocol/messages/zk_migration_state_record.hpp>
#include <ottla/result.hpp>

namespace ottla::broker {

using MetadataRecord =
    std::variant<protocol::RegisterBrokerRecord, protocol::UnregisterBrokerRecord, protocol::TopicRecord,
                 protocol::PartitionRecord, protocol::ConfigRecord, protocol::PartitionChangeRecord,
                 protocol::FenceBrokerRecord, protocol::UnfenceBrokerRecord, protocol::RemoveTopicRecord,
                 protocol::DelegationTokenRecord, protocol::UserScramCredentialRecord, protocol::FeatureLevelRecord,
                 protocol::ClientQuotaRecord, protocol::ProducerIdsRecord, protocol::BrokerRegistrationChangeRecord,
                 protocol::AccessControlEntryRecord, protocol::RemoveAccessControlEntryRecord, protocol::NoOpRecord,
                 protocol::ZkMigrationStateRecord, protocol::RemoveUserScramCredentialRecord,
                 protocol::BeginTransactionRecord, protocol::EndTransactionRecord, protocol::AbortTransactionRecord,
                 protocol::RemoveDelegationTokenRecord, protocol::RegisterControllerRecord, protocol::ClearElrRecord>;

// At the version that metadata.version 30 writes.
Result<Bytes> encode_record(const MetadataRecord&);
// bad_message: the frame is broken, or the record is none that we know. A broker must not go on then.
Result<MetadataRecord> decode_record(Bytes);

}  // namespace ottla::broker
