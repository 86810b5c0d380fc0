// SPDX-License-Identifier: Apache-2.0
// Record batches: ours beside straight-line code for the same job (goal: within 1.25 times), checksums and codecs.
#include <cstdlib>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>
#include <ottla/protocol/check_batch.hpp>
#include <ottla/protocol/record_batch_builder.hpp>

#include "base/crc32c.hpp"
#include "bench/peers/gen.hpp"
#include "bench/protocol/straight_line_records.hpp"

namespace {

using namespace ottla;
using namespace ottla::protocol;

constexpr int records_per_batch = 1000;

struct Sample {
    explicit Sample(bool with_keys, std::size_t size = 100) {
        Rng random(5);
        for (int i = 0; i < records_per_batch; ++i) {
            values.push_back(json_record(random, size, static_cast<std::uint64_t>(i)));
            keys.push_back("key" + std::to_string(10'000 + i));
        }
        for (std::size_t i = 0; i < values.size(); ++i)
            records.push_back({with_keys ? std::string_view(keys[i]) : std::string_view(), values[i],
                               1'763'690'000'000 + static_cast<std::int64_t>(i / 3)});
    }
    std::vector<std::string> keys;
    std::vector<std::string> values;
    std::vector<straight_line::Record> records;
};

Buffer build(RecordBatchBuilder& builder, const Sample& sample, std::span<const RecordHeaderView> headers = {}) {
    for (const auto& r : sample.records)
        builder.append(r.timestamp, r.key.data() != nullptr ? NullableSpan(as_bytes(r.key)) : std::nullopt,
                       as_bytes(r.value), headers);
    return builder.finish();
}

void count(benchmark::State& state) {
    state.counters["per_record"] = benchmark::Counter(
        records_per_batch, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

void encode_ours(benchmark::State& state) {
    const Sample sample(state.range(0) != 0);
    RecordBatchBuilder builder{Buffer(1 << 20)};
    for (auto _ : state) {
        Buffer bytes = build(builder, sample);
        benchmark::DoNotOptimize(bytes.data());
        builder.reset(std::move(bytes));
    }
    count(state);
}
BENCHMARK(encode_ours)->ArgName("keys")->Arg(0)->Arg(1);

void encode_straight_line(benchmark::State& state) {
    const Sample sample(state.range(0) != 0);
    std::vector<std::uint8_t> out(1 << 20);
    for (auto _ : state) {
        benchmark::DoNotOptimize(straight_line::encode(out.data(), sample.records));
        benchmark::ClobberMemory();
    }
    count(state);
}
BENCHMARK(encode_straight_line)->ArgName("keys")->Arg(0)->Arg(1);

Buffer batch_to_read(bool with_headers) {
    const Sample sample(true);
    RecordBatchBuilder builder{Buffer(1 << 20)};
    const RecordHeaderView headers[] = {{"trace-id", as_bytes("0af7651916cd43dd8448eb211c80319c")},
                                        {"source", as_bytes("checkout")}};
    return with_headers ? build(builder, sample, headers) : build(builder, sample);
}

std::uint64_t iterate(ByteSpan bytes, bool crc) {
    const auto batch = RecordBatchView::parse(bytes);
    if (!batch || (crc && !batch->check_crc())) return 0;
    std::uint64_t sum = 0;
    RecordReader records = batch->records();
    for (RecordView r; records.next(r);) {
        for (RecordHeaderView h; r.headers.next(h);) sum += h.key.size() + h.value->size();
        sum += static_cast<std::uint64_t>(r.timestamp) + static_cast<std::uint64_t>(r.offset) + r.key->size() +
               r.value->size() + r.value->front();
    }
    return records.complete() ? sum : 0;
}

void iterate_ours(benchmark::State& state) {
    const Buffer bytes = batch_to_read(state.range(0) != 0);
    if (iterate(bytes.span(), true) != straight_line::iterate<true>(bytes.data(), bytes.size())) std::abort();
    for (auto _ : state) benchmark::DoNotOptimize(iterate(bytes.span(), state.range(1) != 0));
    count(state);
}
BENCHMARK(iterate_ours)->ArgNames({"headers", "crc"})->Args({0, 0})->Args({0, 1})->Args({1, 0});

void iterate_straight_line(benchmark::State& state) {
    const Buffer bytes = batch_to_read(state.range(0) != 0);
    for (auto _ : state)
        benchmark::DoNotOptimize(state.range(1) != 0 ? straight_line::iterate<true>(bytes.data(), bytes.size())
                                                     : straight_line::iterate<false>(bytes.data(), bytes.size()));
    count(state);
}
BENCHMARK(iterate_straight_line)->ArgNames({"headers", "crc"})->Args({0, 0})->Args({0, 1})->Args({1, 0});

void check_as_the_broker_does(benchmark::State& state) {
    const Buffer bytes = batch_to_read(state.range(0) != 0);
    Decompressor decompressor;
    Buffer space;
    for (auto _ : state)
        if (!check_produced_batch(bytes.span(), BatchRules{}, decompressor, space)) std::abort();
    count(state);
}
BENCHMARK(check_as_the_broker_does)->ArgName("headers")->Arg(0)->Arg(1);

void crc32c_ours(benchmark::State& state) {
    const std::vector<std::uint8_t> bytes(static_cast<std::size_t>(state.range(0)), 7);
    std::uint32_t crc = 0;
    for (auto _ : state) benchmark::DoNotOptimize(crc = base::crc32c(bytes, crc));
    state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(crc32c_ours)->Arg(16)->Arg(64)->Arg(128)->Arg(255)->Arg(256)->Arg(1024)->Arg(16384)->Arg(1'000'000);

// Realistic JSON of 1 KiB a record; bytes are those of the uncompressed side.
void compress(benchmark::State& state) {
    const auto type = static_cast<CompressionType>(state.range(0));
    const Sample sample(false, 1024);
    RecordBatchBuilder builder{Buffer(2 << 20)};
    const Buffer plain = build(builder, sample);
    Compressor compressor;
    Buffer packed(2 << 20);
    for (auto _ : state)
        if (!compress_batch(plain.span(), type, static_cast<int>(state.range(1)), compressor, packed)) std::abort();
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(plain.size()));
    state.counters["ratio"] = static_cast<double>(plain.size()) / static_cast<double>(packed.size());
    state.SetLabel(std::string(name(type)));
}
BENCHMARK(compress)
    ->ArgNames({"codec", "level"})
    ->Args({1, -1})
    ->Args({1, 6})
    ->Args({2, -1})
    ->Args({3, -1})
    ->Args({4, 1})
    ->Args({4, -1});

void decompress(benchmark::State& state) {
    const auto type = static_cast<CompressionType>(state.range(0));
    const Sample sample(false, 1024);
    RecordBatchBuilder builder{Buffer(2 << 20)};
    const Buffer plain = build(builder, sample);
    Compressor compressor;
    Buffer packed;
    if (!compress_batch(plain.span(), type, -1, compressor, packed)) std::abort();
    Decompressor decompressor;
    Buffer space(2 << 20);
    const auto batch = RecordBatchView::parse(packed.span());
    for (auto _ : state)
        if (!batch->records(decompressor, 4 << 20, space)) std::abort();
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(plain.size()));
    state.SetLabel(std::string(name(type)));
}
BENCHMARK(decompress)->ArgName("codec")->DenseRange(1, 4);

}  // namespace

BENCHMARK_MAIN();
