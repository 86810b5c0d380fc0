// SPDX-License-Identifier: Apache-2.0
// ChunkDecoder: turns a fetched chunk into messages, a run of record batches at a time, on the thread that polls:
// checks the crc, decompresses, leaves out what is below the position, aborted, or a control record. Pure. Nothing of
// a batch that turns out malformed is handed out.
#pragma once

#include <cstdint>
#include <memory>
#include <set>

#include <ottla/protocol/compression.hpp>
#include <ottla/protocol/record_batch.hpp>

#include "base/buffer_pool.hpp"
#include "client/config/client_config.hpp"
#include "client/consumer/fetch_queue.hpp"

namespace ottla::client {

struct DecodeOptions {
    bool check_crcs = true;
    IsolationLevel isolation_level = IsolationLevel::read_committed;
    std::size_t uncompressed_bytes_max = 100'000'000;
    // A run ends before a batch that leads beyond this, but has one at least: as much as keeps within the processor's
    // caches until it is read.
    std::size_t run_messages = 1024;
};

class ChunkDecoder {
public:
    // `pool` must outlive the decoder.
    ChunkDecoder(DecodeOptions options, base::BufferPool& pool) : options_(options), pool_(pool) {}

    // Begins with this chunk; what was left of the last one is dropped.
    void start(FetchedChunk);
    void drop();
    bool done() const noexcept { return chunk_.slot == nullptr; }
    const FetchedChunk& chunk() const noexcept { return chunk_; }

    // The next run of messages; null when the chunk is used up. Errors: corrupt_message, bad_compression,
    // limit_exceeded, unsupported_for_message_format, with the offset of the batch; next_offset() is then that offset.
    Result<std::shared_ptr<FetchedRecords>> next();
    // Behind all that next() has given, or passed over.
    std::int64_t next_offset() const noexcept { return next_offset_; }

private:
    Result<void> decode(const protocol::RecordBatchView&, FetchedRecords&);
    bool fits(const protocol::RecordBatchHeader&, const FetchedRecords&) const;
    void make_room(std::size_t records, FetchedRecords&);
    const char* read_records(const protocol::RecordBatchView&, ByteSpan records, FetchedRecords&) const;
    // The records of the batch that is read next, if somebody has decompressed them; null: not yet.
    std::shared_ptr<const ChargedBytes> take_unpacked();
    bool is_aborted(const protocol::RecordBatchHeader&);
    Result<void> on_control(const protocol::RecordBatchView&);

    DecodeOptions options_;
    base::BufferPool& pool_;
    protocol::Decompressor decompressor_;
    FetchedChunk chunk_;
    std::size_t read_ = 0;
    std::int64_t next_offset_ = 0;
    std::size_t next_aborted_ = 0;
    std::size_t next_unpacked_ = 0;
    // Whose records are being aborted at this point of the log.
    std::set<std::int64_t> aborting_;
};

}  // namespace ottla::client
