// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <ottla/uuid.hpp>

#include "base/base64.hpp"

namespace ottla {
namespace {

TEST(Base64, follows_the_vectors_of_rfc_4648) {
    const std::pair<std::string_view, std::string_view> vectors[] = {{"", ""},
                                                                     {"f", "Zg=="},
                                                                     {"fo", "Zm8="},
                                                                     {"foo", "Zm9v"},
                                                                     {"foob", "Zm9vYg=="},
                                                                     {"fooba", "Zm9vYmE="},
                                                                     {"foobar", "Zm9vYmFy"}};
    for (const auto& [text, code] : vectors) {
        EXPECT_EQ(base::base64_encode(as_bytes(text)), code);
        EXPECT_EQ(base::base64_decode(code), text);
    }
}

TEST(Base64, refuses_what_is_not_base64) {
    for (const auto* bad : {"Z", "Zg=", "Zg===", "Z@==", "Zm9v\n", "=", "Zg==Zg=="})
        EXPECT_FALSE(base::base64_decode(bad)) << bad;
}

TEST(Uuid, is_written_as_kafka_writes_it) {
    Uuid metadata_topic;
    metadata_topic.bytes[15] = 1;
    EXPECT_EQ(to_string(metadata_topic), "AAAAAAAAAAAAAAAAAAAAAQ");
    EXPECT_EQ(Uuid::parse("AAAAAAAAAAAAAAAAAAAAAQ").value(), metadata_topic);
    EXPECT_FALSE(Uuid::parse("AAAA"));
}

}  // namespace
}  // namespace ottla
