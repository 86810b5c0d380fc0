// SPDX-License-Identifier: Apache-2.0
// Damaged bytes: what the fuzz targets look for, on Java's vectors with seeded damage. And the claims of a frame.
#include <gtest/gtest.h>

#include <ottla/protocol/messages/describe_groups_request.hpp>
#include <ottla/protocol/messages/fetch_response.hpp>
#include <ottla/protocol/messages/metadata_request.hpp>
#include <ottla/protocol/writer.hpp>

#include "base/random.hpp"
#include "tests/fuzz/check_message.hpp"
#include "tests/protocol/golden_vectors.hpp"
#include "tests/support/counted_memory.hpp"

namespace ottla::protocol {
namespace {

using tests::check_message;

TEST(DecodeBudget, damaged_messages_keep_to_it) {
    base::Random random(20'26);
    std::size_t understood = 0, tried = 0;
    for (const char* file : {"java-4.3.1.tsv.zst", "java-4.3.1-unknown-tags.tsv.zst"}) {
        for (const GoldenVector& vector : golden_vectors(file)) {
            const MessageInfo& message = *find_message(vector.name);
            EXPECT_TRUE(check_message(message, vector.bytes, vector.version));
            for (int i = 0; i < 6; ++i, ++tried) {
                std::string bytes(vector.bytes.text());
                for (std::uint64_t n = 1 + random.below(3); n > 0 && !bytes.empty(); --n) {
                    char& byte = bytes[random.below(bytes.size())];
                    byte = random.chance(0.3) ? '\xff' : random.chance(0.5) ? '\x7f' : static_cast<char>(random.next());
                }
                if (random.chance(0.2)) bytes.resize(random.below(bytes.size() + 1));
                if (random.chance(0.2)) bytes.append(random.below(3000), random.chance(0.5) ? '\0' : '\1');
                understood += check_message(message, Bytes::from(bytes), vector.version);
            }
        }
    }
    EXPECT_GT(understood, 0U);
    EXPECT_LT(understood, tried);
}

// Frames of one repeated byte reach deep into arrays of tiny elements: the worst ratio of memory to bytes.
TEST(DecodeBudget, long_frames_of_one_byte_keep_to_it) {
    for (const MessageInfo& message : all_messages()) {
        for (const char byte : {'\0', '\1', '\2', '\x7f', '\xff'}) {
            for (const std::size_t size : {100U, 5000U, 70'000U}) {
                std::string bytes(size, byte);
                check_message(message, Bytes::from(bytes), message.versions.max);
                check_message(message, Bytes::from(bytes), message.versions.min);
                // A large count at the start, as varint and as int32.
                bytes.replace(0, 3, "\xff\xff\x03");
                check_message(message, Bytes::from(bytes), message.versions.max);
                bytes.replace(0, 4, std::string("\0\1\0\0", 4));
                check_message(message, Bytes::from(bytes), message.versions.max);
            }
        }
    }
}

TEST(DecodeBudget, is_measured) {
    tests::reset_peak_memory();
    const std::size_t before = tests::live_memory();
    {
        const std::string text(5000, 'x');
        EXPECT_GT(tests::live_memory(), before + 5000);
    }
    EXPECT_EQ(tests::live_memory(), before);
    EXPECT_GT(tests::peak_memory(), before + 5000);
}

// A valid frame may be all small elements: it must be understood, not refused for its memory.
TEST(DecodeBudget, large_valid_messages_fit_into_it) {
    MetadataRequest metadata;
    metadata.topics->resize(100'000);
    for (auto& topic : *metadata.topics) topic.name = "t";
    DescribeGroupsRequest groups;
    groups.groups.resize(50'000);
    FetchResponse fetch;
    fetch.responses.resize(3);
    for (auto& topic : fetch.responses) topic.partitions.resize(5000);
    const auto fits = [](const auto& message, std::int16_t version) {
        Writer w;
        encode(w, message, version).value();
        return check_message(*find_message(message.message_name), w.finish().flatten().value(), version);
    };
    for (std::int16_t v = 1; v <= 13; ++v) EXPECT_TRUE(fits(metadata, v)) << v;
    for (std::int16_t v = 0; v <= 6; ++v) EXPECT_TRUE(fits(groups, v)) << v;
    for (std::int16_t v = 4; v <= 18; ++v) EXPECT_TRUE(fits(fetch, v)) << v;
}

}  // namespace
}  // namespace ottla::protocol
