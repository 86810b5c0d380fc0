// SPDX-License-Identifier: Apache-2.0
// What a dump shows of a record behind its numbers: key and value as text, or as the messages that Kafka's own topics
// hold, in JSON; and what control records say.
#pragma once

#include <cstdint>
#include <string>

#include <ottla/protocol/record.hpp>
#include <ottla/result.hpp>

namespace ottla::broker::log::dump {

enum class RecordDecoder : std::uint8_t {
    text,
    cluster_metadata,   // __cluster_metadata
    offsets,            // __consumer_offsets
    transaction_log,    // __transaction_state
    share_group_state,  // __share_group_state
};

// " key: … payload: …", with what is not there left out.
void append_key_and_payload(const protocol::RecordView&, RecordDecoder, std::string& out);
// " endTxnMarker: …", " LeaderChange: {…}" and the like. corrupt_storage when the record is none of a control batch.
Result<void> append_control(const protocol::RecordView&, std::string& out);

}  // namespace ottla::broker::log::dump
