// SPDX-License-Identifier: Apache-2.0
// Any bytes as batches back to back: the walk ends, views stay inside, and what a broker would take can be read
// and rebuilt.
#include <cstdlib>
#include <vector>

#include <ottla/protocol/check_batch.hpp>
#include <ottla/protocol/control_record.hpp>
#include <ottla/protocol/record_batch_builder.hpp>

namespace {

using namespace ottla;
using namespace ottla::protocol;

constexpr std::size_t bytes_max = 1 << 20;

void expect(bool condition) {
    if (!condition) std::abort();
}

void expect_inside(ByteSpan part, ByteSpan whole) {
    expect(part.empty() || (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size()));
}

std::size_t walk(RecordReader records, ByteSpan inside) {
    std::size_t n = 0;
    for (RecordView r; records.next(r); ++n) {
        if (r.key) expect_inside(*r.key, inside);
        if (r.value) expect_inside(*r.value, inside);
        const std::size_t announced = r.headers.count();
        RecordHeaders headers = r.headers;
        std::size_t seen = 0;
        for (RecordHeaderView h; headers.next(h); ++seen) {
            expect_inside(as_bytes(h.key), inside);
            if (h.value) expect_inside(*h.value, inside);
        }
        expect(seen <= announced);
        (void)control_record_type(r);
        (void)EndTransactionMarker::parse(r);
    }
    return n;
}

// What passed the broker's check gives the same records when it is built anew.
void rebuild(const CheckedBatch& checked, RecordReader records) {
    RecordBatchBuilder builder{Buffer(64)};
    for (RecordView r; records.next(r);) {
        std::vector<RecordHeaderView> headers;
        for (RecordHeaderView h; r.headers.next(h);) headers.push_back(h);
        expect(builder.append(r.timestamp, r.key, r.value, headers));
    }
    const Buffer built = builder.finish();
    const auto view = RecordBatchView::parse(built.span());
    expect(view.has_value() && view->check_crc() && view->header().count == checked.view.header().count);
    expect(view->header().max_timestamp == checked.max_timestamp);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static Decompressor decompressor;
    static Buffer space;
    const ByteSpan all(data, size);
    RecordBatchReader reader(all);
    for (;;) {
        const auto next = reader.next();
        if (!next || !next->has_value()) break;
        const RecordBatchView& batch = **next;
        expect_inside(batch.bytes(), all);
        walk(batch.records(), batch.payload());
        if (auto records = batch.records(decompressor, bytes_max, space))
            walk(*records, batch.is_compressed() ? space.span() : batch.payload());

        // The crc would keep the fuzzer out of what lies behind it.
        Buffer copy;
        copy.append(batch.bytes());
        patch_crc(copy.writable());
        BatchRules rules;
        rules.decompressed_bytes_max = bytes_max;
        if (const auto checked = check_produced_batch(copy.span(), rules, decompressor, space))
            rebuild(*checked,
                    checked->view.is_compressed() ? checked->view.records(space.span()) : checked->view.records());
    }
    expect(reader.position() + reader.rest().size() == size);
    return 0;
}
