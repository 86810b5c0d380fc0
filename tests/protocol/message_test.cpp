// SPDX-License-Identifier: Apache-2.0
// The rules of versions, defaults, nulls and tagged fields, on real messages. Bytes against Java are in golden_test.
#include <gtest/gtest.h>

#include <ottla/protocol/api_key.hpp>
#include <ottla/protocol/messages.hpp>
#include <ottla/protocol/reader.hpp>
#include <ottla/protocol/writer.hpp>

namespace ottla::protocol {
namespace {

template <class T>
Bytes encoded(const T& message, std::int16_t version) {
    Writer w;
    encode(w, message, version).value();
    EXPECT_EQ(encoded_size(message, version).value(), w.size());
    return w.finish().flatten().value();
}

template <class T>
T decoded(const Bytes& bytes, std::int16_t version) {
    Reader r(bytes);
    T message;
    decode(r, message, version).value();
    r.end(T::message_name).value();
    return message;
}

MetadataResponse some_metadata() {
    MetadataResponse m;
    m.brokers = {{1, "one", 9092, "rack"}, {2, "two", 9093}};
    m.cluster_id = "cluster";
    m.controller_id = 1;
    auto& topic = m.topics.emplace_back();
    topic.name = "orders";
    topic.partitions.push_back({0, 0, 1, 5, {1, 2}, {1}, {2}});
    topic.partitions.push_back({5, 1, -1, -1, {2}, {2}, {}});
    return m;
}

TEST(Message, comes_back_at_every_version) {
    MetadataResponse m = some_metadata();
    m.topics[0].topic_id = Uuid{{1, 2, 3}};
    EXPECT_EQ(decoded<MetadataResponse>(encoded(m, 12), 12), m);
    for (std::int16_t v = 0; v <= 13; ++v) {
        const MetadataResponse back = decoded<MetadataResponse>(encoded(m, v), v);
        EXPECT_EQ(encoded(back, v), encoded(m, v)) << v;
        EXPECT_EQ(back.topics[0].partitions[0].leader_epoch, v >= 7 ? 5 : -1);
    }
}

TEST(Message, decoding_again_forgets_what_was_there) {
    MetadataResponse m;
    const Bytes large = encoded(some_metadata(), 12);
    const Bytes small = encoded(MetadataResponse{}, 0);
    for (int i = 0; i < 2; ++i) {
        Reader first(large);
        ASSERT_TRUE(decode(first, m, 12));
        EXPECT_EQ(m, some_metadata());
        Reader second(small);
        ASSERT_TRUE(decode(second, m, 0));
        EXPECT_EQ(m, MetadataResponse{});
    }
}

TEST(Message, refuses_a_version_that_it_does_not_have) {
    Writer w;
    const auto written = encode(w, MetadataResponse{}, 14);
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().code(), ErrorCode::unsupported_version);
    EXPECT_EQ(written.error().text(), "MetadataResponse has no version 14, only 0 to 13");
    EXPECT_FALSE(encoded_size(MetadataResponse{}, -1));
}

TEST(Message, refuses_a_value_that_the_version_cannot_carry_unless_ignorable) {
    FetchRequest request;
    request.rack_id = "ignored";
    EXPECT_EQ(decoded<FetchRequest>(encoded(request, 4), 4).rack_id, "");
    request.replica_state.replica_id = 3;
    const auto size = encoded_size(request, 14);
    ASSERT_FALSE(size);
    EXPECT_EQ(size.error().code(), ErrorCode::unsupported_version);
    EXPECT_EQ(size.error().text(),
              "FetchRequest v14: field 'replicaState' has a value of its own, but this version lacks it");
    Writer w;
    EXPECT_FALSE(encode(w, request, 14));
    EXPECT_EQ(decoded<FetchRequest>(encoded(request, 15), 15), request);
}

TEST(Message, refuses_null_where_the_version_has_none) {
    MetadataRequest request;
    request.topics.reset();
    EXPECT_FALSE(encoded_size(request, 0));
    EXPECT_EQ(encoded(request, 1), Bytes::copy_of(std::string(4, '\xff')));
    Reader r(Bytes::copy_of(std::string(4, '\xff')));
    MetadataRequest back;
    const auto read = decode(r, back, 0);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().text(), "MetadataRequest v0, byte 4 of 4: null where this version has none");
}

TEST(Message, keeps_unknown_tagged_fields_in_order) {
    ApiVersionsResponse m;
    m.finalized_features_epoch = 7;
    m.unknown_tagged_fields = {{9, Bytes::copy_of("x")}, {1000, Bytes::copy_of("yy")}};
    const Bytes bytes = encoded(m, 3);
    EXPECT_EQ(decoded<ApiVersionsResponse>(bytes, 3), m);
    EXPECT_FALSE(encoded_size(m, 2)) << "versions without tagged fields cannot carry them";
    m.unknown_tagged_fields[1].tag = 1;  // taken by a field of the spec, and out of order
    Writer w;
    EXPECT_FALSE(encode(w, m, 3));
}

TEST(Message, records_are_a_slice_of_the_frame) {
    ProduceRequest request;
    auto& topic = request.topic_data.emplace_back();
    topic.name = "t";
    topic.partition_data.push_back({3, Records(Bytes::from(std::string(2000, 'r')))});
    const Bytes frame = encoded(request, 9);
    const auto back = decoded<ProduceRequest>(frame, 9);
    EXPECT_EQ(back, request);
    const Bytes* records = back.topic_data[0].partition_data[0].records->bytes();
    ASSERT_NE(records, nullptr);
    EXPECT_GT(records->data(), frame.data());
    EXPECT_LT(records->data(), frame.data() + frame.size());
}

TEST(Message, nullable_structs_are_marked) {
    // Untagged: an int8, -1 or 1.
    DescribeTopicPartitionsRequest request;
    request.response_partition_limit = 1;
    EXPECT_EQ(encoded(request, 0), Bytes::copy_of(std::string("\1\0\0\0\1\xff\0", 7)));
    auto& cursor = request.cursor.emplace();
    cursor.topic_name = "t";
    cursor.partition_index = 2;
    EXPECT_EQ(encoded(request, 0), Bytes::copy_of(std::string("\1\0\0\0\1\1\2t\0\0\0\2\0\0", 14)));
    EXPECT_EQ(decoded<DescribeTopicPartitionsRequest>(encoded(request, 0), 0), request);
}

TEST(Message, a_claim_of_more_elements_than_bytes_fails_at_once) {
    Reader r(Bytes::copy_of(std::string("\x7f\xff\xff\xff", 4)));
    MetadataRequest m;
    const auto read = decode(r, m, 1);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code(), ErrorCode::bad_message);
    EXPECT_TRUE(m.topics->empty());
}

TEST(ApiKeys, know_their_headers) {
    EXPECT_EQ(name(ApiKey::metadata), "Metadata");
    EXPECT_EQ(versions(ApiKey::fetch), FetchRequest::versions);
    EXPECT_EQ(stable_versions(ApiKey::init_producer_id), (VersionRange{0, 5}));
    EXPECT_EQ(request_header_version(ApiKey::metadata, 8), 1);
    EXPECT_EQ(request_header_version(ApiKey::metadata, 9), 2);
    EXPECT_EQ(response_header_version(ApiKey::metadata, 9), 1);
    EXPECT_EQ(request_header_version(ApiKey::api_versions, 3), 2);
    EXPECT_EQ(response_header_version(ApiKey::api_versions, 3), 0);
    EXPECT_FALSE(is_known(ApiKey{7}));
    EXPECT_EQ(name(ApiKey{7}), "Unknown");
    ApiKey key{};
    EXPECT_TRUE(parse("Produce", key));
    EXPECT_EQ(key, ApiKey::produce);
}

TEST(RequestHeader, has_a_client_id_of_the_old_kind_even_when_flexible) {
    RequestHeader header;
    header.request_api_key = 18;
    header.request_api_version = 3;
    header.correlation_id = 1;
    header.client_id = "c";
    EXPECT_EQ(encoded(header, 2), Bytes::copy_of(std::string("\0\x12\0\3\0\0\0\1\0\1c\0", 12)));
}

}  // namespace
}  // namespace ottla::protocol
