// SPDX-License-Identifier: Apache-2.0
#include "broker/metadata/image_records.hpp"

#include "tests/broker/metadata/random_image.hpp"

namespace ottla::broker {
namespace {

TEST(ImageRecords, make_the_same_image_again) {
    for (std::uint64_t seed = 1; seed <= 300; ++seed) {
        SCOPED_TRACE(seed);
        RandomRecords records(seed);
        ImageBuilder builder(MetadataImage::empty());
        std::int64_t offset = 0;
        for (; offset < static_cast<std::int64_t>(seed); ++offset) {
            const auto applied = builder.apply(records.next(), offset);
            ASSERT_TRUE(applied.has_value()) << applied.error().text();
        }
        const auto image = builder.build();
        ImageBuilder again(MetadataImage::empty());
        for (const auto& record : records_of(*image)) {
            // As they come from a disk.
            const auto bytes = encode_record(record);
            ASSERT_TRUE(bytes.has_value()) << bytes.error().text();
            const auto read = decode_record(*bytes);
            ASSERT_TRUE(read.has_value()) << read.error().text();
            ASSERT_TRUE(again.apply(*read, image->offset()).has_value());
        }
        again.skip_to(image->offset());
        expect_same(*image, *again.build());
    }
}

TEST(ImageRecords, tell_the_metadata_version_first) {
    ImageBuilder builder(MetadataImage::empty());
    for (const char* name : {"group.version", "metadata.version", "share.version"}) {
        protocol::FeatureLevelRecord feature;
        feature.name = name;
        feature.feature_level = 1;
        ASSERT_TRUE(builder.apply(feature, 0).has_value());
    }
    const auto records = records_of(*builder.build());
    ASSERT_EQ(records.size(), 3U);
    EXPECT_EQ(std::get<protocol::FeatureLevelRecord>(records.front()).name, "metadata.version");
}

TEST(ImageRecords, end_with_the_first_error) {
    ImageBuilder builder(MetadataImage::empty());
    for (int i = 0; i < 3; ++i) {
        protocol::RegisterControllerRecord controller;
        controller.controller_id = i;
        ASSERT_TRUE(builder.apply(controller, i).has_value());
    }
    int taken = 0;
    const auto done = for_each_record(*builder.build(), [&taken](const MetadataRecord&) -> Result<void> {
        return ++taken < 2 ? ok() : Result<void>(Error::of(ErrorCode::storage_full));
    });
    EXPECT_EQ(done.error(), ErrorCode::storage_full);
    EXPECT_EQ(taken, 2);
}

}  // namespace
}  // namespace ottla::broker
