// SPDX-License-Identifier: Apache-2.0
// Messages: the generated codec beside straight-line code for the same job (goal: within 1.25 times).
#include <cstdlib>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>
#include <ottla/protocol/writer.hpp>

#include "base/buffer_pool.hpp"
#include "bench/protocol/straight_line_messages.hpp"

namespace {

using namespace ottla;
using namespace ottla::protocol;

MetadataResponse metadata() {
    MetadataResponse m;
    for (int i = 0; i < 3; ++i) {
        auto& broker = m.brokers.emplace_back();
        broker.node_id = i;
        broker.host = "broker-" + std::to_string(i) + ".kafka.internal";
        broker.port = 9092;
    }
    m.cluster_id = "MkU3OEVBNTcwNTJENDM2Qg";
    m.controller_id = 1;
    auto& topic = m.topics.emplace_back();
    topic.name = "orders-events";
    topic.topic_id.bytes.fill(5);
    for (int i = 0; i < 1000; ++i) {
        auto& p = topic.partitions.emplace_back();
        p.partition_index = i;
        p.leader_id = i % 3;
        p.leader_epoch = 4;
        p.replica_nodes = p.isr_nodes = {i % 3, (i + 1) % 3, (i + 2) % 3};
    }
    return m;
}

// Records so short that both sides copy them: what is measured is the header.
FetchResponse fetch() {
    FetchResponse m;
    auto& topic = m.responses.emplace_back();
    topic.topic = "orders-events";
    for (int i = 0; i < 100; ++i) {
        auto& p = topic.partitions.emplace_back();
        p.partition_index = i;
        p.high_watermark = p.last_stable_offset = 100'000 + i;
        p.log_start_offset = 0;
        p.aborted_transactions.emplace();
        p.records = Bytes::from(std::string(100, 'r'));
    }
    return m;
}

ProduceRequest produce() {
    ProduceRequest m;
    m.acks = -1;
    m.timeout_ms = 30'000;
    auto& topic = m.topic_data.emplace_back();
    topic.name = "orders-events";
    for (int i = 0; i < 100; ++i) topic.partition_data.push_back({i, Records(Bytes::from(std::string(100, 'r')))});
    return m;
}

template <class T>
Bytes bytes_of(const T& message, std::int16_t version) {
    Writer w;
    encode(w, message, version).value();
    return w.finish().flatten().value();
}

// Where the memory of a run lies decides up to a half of its time (stores and loads that are 4 KiB apart wait for each
// other): each run begins elsewhere, so that the median over repetitions is of the code.
std::string elsewhere() {
    static std::uint32_t turn = 0;
    return std::string(1 + (turn++ * 2654435761U >> 17) % 16'384, 'x');
}

template <class T>
void decode_generated(benchmark::State& state, T (*make)(), std::int16_t version) {
    const std::string gap = elsewhere();
    const Bytes frame = bytes_of(make(), version);
    T message;
    for (auto _ : state) {
        Reader reader(frame);
        if (!decode(reader, message, version)) std::abort();
        benchmark::DoNotOptimize(message);
    }
}
template <class T>
void decode_straight_line(benchmark::State& state, T (*make)(), std::int16_t version) {
    const std::string gap = elsewhere();
    const Bytes frame = bytes_of(make(), version);
    T message;
    for (auto _ : state) {
        if (!straight_line::decode(frame, message)) std::abort();
        benchmark::DoNotOptimize(message);
    }
    if (bytes_of(message, version) != frame) std::abort();
}
template <class T>
void encode_generated(benchmark::State& state, T (*make)(), std::int16_t version) {
    const std::string gap = elsewhere();
    const T message = make();
    const std::string second_gap = elsewhere();
    const std::size_t size = encoded_size(message, version).value();
    base::BufferPool pool(1 << 20);
    for (auto _ : state) {
        Writer writer(size, &pool);
        if (!encode(writer, message, version)) std::abort();
        benchmark::DoNotOptimize(writer.finish());
    }
}
template <class T>
void encode_straight_line(benchmark::State& state, T (*make)(), std::int16_t version) {
    const std::string gap = elsewhere();
    const T message = make();
    const std::string second_gap = elsewhere();
    const Bytes frame = bytes_of(message, version);
    for (auto _ : state) {
        Buffer buffer(frame.size());
        buffer.resize(straight_line::encode(buffer.data(), message));
        benchmark::DoNotOptimize(buffer.data());
        benchmark::ClobberMemory();
        if (buffer.size() != frame.size()) std::abort();
    }
}

void add(const char* name, auto make, std::int16_t version) {
    using T = decltype(make());
    const std::string text(name);
    const auto add_one = [&](const char* job, auto* run) {
        benchmark::RegisterBenchmark((text + "/" + job).c_str(),
                                     [=](benchmark::State& state) { run(state, +make, version); });
    };
    add_one("encode/generated", &encode_generated<T>);
    add_one("encode/straight_line", &encode_straight_line<T>);
    add_one("decode/generated", &decode_generated<T>);
    add_one("decode/straight_line", &decode_straight_line<T>);
}

}  // namespace

int main(int argc, char** argv) {
    add("metadata_1000_partitions", &metadata, 12);
    add("fetch_100_partitions", &fetch, 12);
    add("produce_100_partitions", &produce, 9);
    benchmark::Initialize(&argc, argv);
    benchmark::RunSpecifiedBenchmarks();
}
