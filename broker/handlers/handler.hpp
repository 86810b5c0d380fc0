// SPDX-License-Identifier: Apache-2.0
// What an API handler is. One file per API holds a struct of this shape, and table.cpp one row for it:
//
//   struct ListOffsetsHandler {
//       using Request = protocol::ListOffsetsRequest;
//       static constexpr protocol::VersionRange versions{1, 11};   // advertised; within Request::versions
//       static constexpr std::int16_t served_from = 1;             // optional: below it the connection is closed
//       // Runs on the shard of the connection. A Kafka error code (-1 and up) is answered through error_answer();
//       // any other closes the connection with a log line. `request` is the caller's: take out of it what you like.
//       static awaitable<Result<Request::Response>> handle(RequestContext& context, Request& request);
//       // The answer that carries `code` to everything that `request` asked for.
//       static Request::Response error_answer(const Request& request, std::int16_t version, ErrorCode code);
//   };
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <boost/asio/awaitable.hpp>

#include "broker/metadata/image.hpp"
#include "broker/server/node.hpp"
#include "broker/server/shard.hpp"

namespace ottla::broker {

using boost::asio::awaitable;

// One request on its way through a handler. Lives until the answer is handed to the connection.
struct RequestContext {
    Node& node;    // config, clock, log, controller, shards of this broker
    Shard& shard;  // the shard that accepted the connection: the handler runs on its executor

    // The metadata as it was when the request came; it never changes, whatever happens meanwhile.
    std::shared_ptr<const MetadataImage> image;

    std::int16_t version = 0;
    std::string_view client_id;      // of the request header; empty when null
    std::string_view peer;           // "127.0.0.1:43210"
    std::string_view listener_name;  // "PLAINTEXT"

    // A produce with acks=0 sets it to false: nothing goes back.
    bool answer = true;
};

}  // namespace ottla::broker
