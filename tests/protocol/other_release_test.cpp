// SPDX-License-Identifier: Apache-2.0
// The codec of another release, as -DOTTLA_SPECS builds it, here from the few specs in tests/protocol/specs, which are
// written the way Apache Kafka writes them.
#include <sstream>

#include <gtest/gtest.h>
#include <ottla/protocol/api_key.hpp>
#include <ottla/protocol/json.hpp>

#include "protocol/wire/wire.hpp"

namespace ottla::protocol {
namespace {

TEST(OtherRelease, has_its_own_messages_only) {
    std::ostringstream list;
    EXPECT_EQ(wire_list(list), 0);
    EXPECT_EQ(list.str(), "SampleRequest\trequest\t1\t1-4\nSampleResponse\tresponse\t1\t1-4\n");
    ASSERT_EQ(all_api_keys().size(), 1U);
    EXPECT_EQ(name(ApiKey{1}), "Sample");
    EXPECT_EQ(stable_versions(ApiKey{1}), (VersionRange{1, 3}));
    EXPECT_EQ(request_header_version(ApiKey{1}, 3), 2);
}

TEST(OtherRelease, goes_to_bytes_and_back) {
    const std::string old_json =
        R"({"limit":7,"oldText":"o","blob":"AQI=","topics":[{"name":"t"}],"home":{"host":"h","port":65535}})";
    const std::string new_json =
        R"({"clusterId":"c","limit":2147483647,"delay":5,"oldText":"","blob":"","rate":0.5,"topics":[{"name":"t","where":{"host":"h","port":1}},{"name":"u","where":null}]})";
    for (const auto& [version, json] : {std::pair{1, old_json}, std::pair{4, new_json}}) {
        std::istringstream in(json);
        std::ostringstream hex, back, err;
        EXPECT_EQ(wire_encode({"SampleRequest", version, true}, in, hex, err), 0) << err.str();
        std::istringstream again(hex.str());
        EXPECT_EQ(wire_decode({"SampleRequest", version, true}, again, back, err), 0) << err.str();
        EXPECT_EQ(back.str(), json + "\n");
    }
}

}  // namespace
}  // namespace ottla::protocol
