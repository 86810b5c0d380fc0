// SPDX-License-Identifier: Apache-2.0
// What statistics of every kind of client have in common, in the layout of librdkafka's STATISTICS.md. What does not
// exist here (a replies queue, say) is left out; what it counts per thread of a broker is counted per broker.
#pragma once

#include <string>

#include <boost/json/object.hpp>

#include "client/cluster/cluster.hpp"

namespace ottla::client {

// min, max, avg, sum, stddev, p50 … p99_99, outofrange, hdrsize, cnt. The window is empty afterwards.
boost::json::object window_json(Window&);
// name, client_id, type, ts (microseconds, monotonic), time (seconds since 1970), age (microseconds).
boost::json::object client_json(const Runtime&, const CommonConfig&, std::string_view type, TimePoint began);
// "brokers": by "host:port/id", and the sums tx, tx_bytes, rx, rx_bytes of all of them. Windows are empty afterwards.
void add_brokers(boost::json::object& to, Cluster&);
// topic, metadata_age (milliseconds), batchsize, batchcnt, and "partitions", still empty. The windows are empty
// afterwards.
boost::json::object topic_json(const std::string& name, const MetadataCache&, TopicWindows&, TimePoint now);

}  // namespace ottla::client
