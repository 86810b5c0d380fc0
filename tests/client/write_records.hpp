// SPDX-License-Identifier: Apache-2.0
// Records "0" … "n-1" for tests at a real broker, all acknowledged when it returns.
#pragma once

#include <chrono>
#include <string>

#include <gtest/gtest.h>
#include <ottla/producer.hpp>

namespace ottla {

// `place(i, record, key)` says where each goes; `key` is room for one.
template <class Place>
void write_records(const Config& config, int n, Place&& place) {
    auto producer = Producer::create(config).value();
    for (int i = 0; i < n; ++i) {
        const std::string value = std::to_string(i);
        std::string key;
        Record record;
        record.value = value;
        place(i, record, key);
        producer.produce(record, [](const DeliveryReport& r) { ASSERT_TRUE(r) << to_string(r); }).value();
    }
    ASSERT_EQ(producer.flush(std::chrono::seconds(20)).value(), 0U);
}

}  // namespace ottla
