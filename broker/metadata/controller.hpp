// SPDX-License-Identifier: Apache-2.0
// Controller: decides what a request changes. Given the image it returns the records to write and the reply to give
// once they are on disk; it writes nothing itself, has no clock, and chooses by the seeded Random only.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "broker/metadata/controller_requests.hpp"
#include "broker/metadata/image.hpp"
#include "broker/metadata/records.hpp"
#include "broker/server/properties.hpp"

namespace ottla::broker {

struct ControllerOptions {
    std::int32_t node_id = 1;
    std::string cluster_id;
    std::int32_t num_partitions = 1;
    std::int16_t default_replication_factor = 1;
    // Nothing is replicated yet, so a topic that asks for more copies is refused instead of promised.
    std::int16_t replication_factor_max = 1;
    bool delete_topic_enable = true;
    std::int32_t partitions_per_request_max = 10'000;
    Properties static_values;  // server.properties of the controller's node: defaults behind topic configs
};

struct Decision {
    std::vector<MetadataRecord> records;  // written as one batch, at the offset after the image's
    ControllerReply reply;
};

class Controller {
public:
    Controller(ControllerOptions options, base::Random random);

    Decision decide(const std::shared_ptr<const MetadataImage>&, const ControllerRequest&);

    // What a new cluster starts with: features, and the defaults that they bring (one metadata transaction).
    static std::vector<MetadataRecord> bootstrap_records();
    // The feature levels that a new 4.3 cluster has; they stand in bootstrap.checkpoint as well.
    static std::vector<MetadataRecord> feature_records();
    // This node as the active controller.
    MetadataRecord controller_registration(std::span<const EndpointImage> endpoints);

private:
    Decision on(const ImagePtr&, const protocol::CreateTopicsRequest&);
    Decision on(const ImagePtr&, const protocol::DeleteTopicsRequest&);
    Decision on(const ImagePtr&, const protocol::CreatePartitionsRequest&);
    Decision on(const ImagePtr&, const protocol::IncrementalAlterConfigsRequest&);
    Decision on(const ImagePtr&, const protocol::AllocateProducerIdsRequest&);
    Decision on(const ImagePtr&, const protocol::BrokerRegistrationRequest&);
    Decision on(const ImagePtr&, const protocol::AssignReplicasToDirsRequest&);
    Decision on(const ImagePtr&, const DirectoriesOfflineRequest&);
    Decision on(const ImagePtr&, const SetBrokerStateRequest&);
    Decision on(const ImagePtr&, const MoveLeaderRequest&);

    ControllerOptions options_;
    base::Random random_;
};

// The versions of cluster-wide features that this release can work with.
struct SupportedFeature {
    const char* name;
    FeatureRange range;
};
std::span<const SupportedFeature> supported_features() noexcept;

}  // namespace ottla::broker
