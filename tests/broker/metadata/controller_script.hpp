// SPDX-License-Identifier: Apache-2.0
// A controller with its image: asks are decided and applied at once, without a log.
#pragma once

#include <gtest/gtest.h>

#include "broker/metadata/controller.hpp"
#include "broker/metadata/image_builder.hpp"

namespace ottla::broker {

class ControllerScript {
public:
    explicit ControllerScript(ControllerOptions options = {})
        : controller_(named(std::move(options)), base::Random(1)) {
        apply(Controller::bootstrap_records());
    }

    // Brokers 1 … n, registered and up.
    ControllerScript& with_brokers(int n) {
        for (int id = 1; id <= n; ++id) {
            register_broker(id, static_cast<std::uint8_t>(id));
            set_state(id, true);
        }
        return *this;
    }

    template <class Request>
    typename Request::Response ask(Request request) {
        auto decision = controller_.decide(image_, ControllerRequest(std::move(request)));
        records_ = decision.records;
        apply(decision.records);
        return std::get<typename Request::Response>(std::move(decision.reply));
    }

    protocol::BrokerRegistrationResponse register_broker(int id, std::uint8_t incarnation, std::string cluster = "c") {
        protocol::BrokerRegistrationRequest request;
        request.broker_id = id;
        request.cluster_id = std::move(cluster);
        request.incarnation_id.bytes[0] = incarnation;
        request.log_dirs.push_back(directory_of(id));
        return ask(std::move(request));
    }
    ErrorCode set_state(int id, bool up, bool controlled = true) {
        SetBrokerStateRequest request;
        request.broker_id = id;
        request.up = up;
        request.controlled = controlled;
        return ask(request).error;
    }
    protocol::CreateTopicsResponse create(std::string name, int partitions = 1, bool validate_only = false) {
        protocol::CreateTopicsRequest request;
        auto& topic = request.topics.emplace_back();
        topic.name = std::move(name);
        topic.num_partitions = partitions;
        topic.replication_factor = -1;
        request.validate_only = validate_only;
        return ask(std::move(request));
    }

    static Uuid directory_of(int id) {
        Uuid uuid;
        uuid.bytes[15] = static_cast<std::uint8_t>(100 + id);
        return uuid;
    }

    const std::shared_ptr<const MetadataImage>& image() const { return image_; }
    const MetadataImage& operator*() const { return *image_; }
    const PartitionImage& partition(std::string_view topic, int number = 0) const {
        return *image_->topic(topic)->partition(number);
    }
    // What the last ask wrote.
    const std::vector<MetadataRecord>& records() const { return records_; }

private:
    static ControllerOptions named(ControllerOptions options) {
        options.cluster_id = "c";
        return options;
    }
    void apply(const std::vector<MetadataRecord>& records) {
        ImageBuilder builder(image_);
        for (const auto& record : records) {
            const auto applied = builder.apply(record, next_++);
            EXPECT_TRUE(applied.has_value()) << applied.error().text();
        }
        image_ = builder.build();
    }

    std::int64_t next_ = 0;
    Controller controller_;
    std::shared_ptr<const MetadataImage> image_ = MetadataImage::empty();
    std::vector<MetadataRecord> records_;
};

inline ErrorCode code(std::int16_t raw) { return static_cast<ErrorCode>(raw); }

}  // namespace ottla::broker
