// SPDX-License-Identifier: Apache-2.0
// Chain: what goes out on a connection, as pieces that need not lie together: bytes in memory and ranges of files.
// A stream gathers them; nothing is copied on the way.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <variant>
#include <vector>

#include <ottla/bytes.hpp>
#include <ottla/result.hpp>

namespace ottla::protocol {

// A file open for reading, shared by everyone who sends parts of it. Safe from any thread.
class FileSource {
public:
    virtual ~FileSource() = default;
    // Fills `out` from `position` and returns how much; less than asked for only at the end of the file. Blocks.
    virtual Result<std::size_t> read_at(std::uint64_t position, std::span<std::uint8_t> out) const = 0;
    // The same as far as it lies in memory, which may be nowhere: never waits for a disk.
    virtual Result<std::size_t> read_cached_at(std::uint64_t position, std::span<std::uint8_t> out) const {
        return read_at(position, out);
    }
    // The descriptor for sendfile; -1 when there is none (files in memory).
    virtual int native_handle() const noexcept { return -1; }
};

// Part of a file. Must not reach past what the file held when the range was made.
struct FileRange {
    FileRange() = default;
    FileRange(std::shared_ptr<const FileSource> source, std::uint64_t at, std::size_t bytes)
        : file(std::move(source)),
          position(at),
          length(bytes) {}

    // Reads the range into memory. Blocks; fails with file_system when the file has become shorter.
    Result<Bytes> read() const;
    friend bool operator==(const FileRange&, const FileRange&) = default;

    std::shared_ptr<const FileSource> file;
    std::uint64_t position = 0;
    std::size_t length = 0;
};

class Chain {
public:
    using Piece = std::variant<Bytes, FileRange>;

    Chain() = default;
    explicit Chain(Bytes bytes) { append(std::move(bytes)); }

    // Empty pieces are left out.
    void append(Bytes);
    void append(FileRange);
    void append(Chain);
    void clear() noexcept {
        pieces_.clear();
        size_ = 0;
    }

    std::size_t size() const noexcept { return size_; }
    bool empty() const noexcept { return size_ == 0; }
    const std::vector<Piece>& pieces() const noexcept { return pieces_; }
    // No piece is a range of a file.
    bool in_memory() const noexcept;

    // Everything in one piece: shares the memory of a single piece, else copies and reads files. Blocks on files.
    Result<Bytes> flatten() const;
    // The same bytes in memory, however they are cut, or the same pieces.
    friend bool operator==(const Chain&, const Chain&);

private:
    std::vector<Piece> pieces_;
    std::size_t size_ = 0;
};

}  // namespace ottla::protocol
