// SPDX-License-Identifier: Apache-2.0
// What it costs a broker to check a produced batch and to store it in the codec of its topic: 100 records of about
// 160 bytes of text, sent in one codec and kept in another. Bytes are those of the records.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <ottla/protocol/record_batch_builder.hpp>
#include "base/random.hpp"
#include "broker/handlers/stored_batch.hpp"

namespace ottla::broker {
namespace {

Bytes produced(protocol::CompressionType codec) {
    base::Random random(1);
    protocol::RecordBatchBuilder builder{Buffer()};
    for (int i = 0; i < 100; ++i) {
        const auto value =
            fmt::format(R"({{"order":{},"customer":"{:016x}","article":"{:08x}","price":{}.{:02},"note":")"
                        R"(to be delivered on a weekday, please ring twice","country":"{}"}})",
                        1'000'000 + i, random.next(), random.below(50'000), random.below(900), random.below(100),
                        i % 3 == 0 ? "DE" : "FR");
        builder.append(1000 + i, as_bytes(std::to_string(i)), as_bytes(value));
    }
    const Bytes plain = builder.finish().freeze();
    if (codec == protocol::CompressionType::none) return plain;
    protocol::Compressor compressor;
    Buffer packed;
    compress_batch(plain.span(), codec, protocol::default_compression_level, compressor, packed).value();
    return std::move(packed).freeze();
}

void check_and_store(benchmark::State& state) {
    const auto sent = static_cast<protocol::CompressionType>(state.range(0));
    const auto kept = static_cast<protocol::CompressionType>(state.range(1));
    const Bytes batch = produced(sent);
    PartitionSettings settings;
    settings.compression = kept;
    BatchSpace space;
    std::size_t uncompressed = 0, stored = 0;
    for (auto _ : state) {
        const auto checked = protocol::check_produced_batch(batch.span(), {}, space.decompressor, space.bytes).value();
        uncompressed = checked.uncompressed.size();
        stored = stored_batch(checked, settings, space).value().size();
    }
    state.SetLabel(fmt::format("{} to {}", name(sent), name(kept)));
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(uncompressed));
    state.counters["ratio"] = static_cast<double>(uncompressed) / static_cast<double>(stored);
}
BENCHMARK(check_and_store)->ArgsProduct({{0, 3, 4}, {0, 1, 2, 3, 4}});

}  // namespace
}  // namespace ottla::broker
