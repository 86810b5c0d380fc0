// SPDX-License-Identifier: Apache-2.0
// Compressor and Decompressor: whole blocks in, whole blocks out, appended to a Buffer. Each owns the contexts of
// the codecs it has met and uses them again, so keep one per loop or worker; one thread at a time.
#pragma once

#include <array>
#include <cstddef>
#include <memory>

#include <ottla/bytes.hpp>
#include <ottla/protocol/compression_type.hpp>
#include <ottla/result.hpp>

namespace ottla::protocol {

namespace compression {
class Encoder;
class Decoder;
}  // namespace compression

class Compressor {
public:
    Compressor() noexcept;
    Compressor(Compressor&&) noexcept;
    Compressor& operator=(Compressor&&) noexcept;
    ~Compressor();

    // Appends the compressed form of `in` to `out`. A level out of the codec's range is invalid_argument.
    Result<void> compress(CompressionType, int level, ByteSpan in, Buffer& out);

private:
    std::array<std::unique_ptr<compression::Encoder>, 5> encoders_;
};

class Decompressor {
public:
    Decompressor() noexcept;
    Decompressor(Decompressor&&) noexcept;
    Decompressor& operator=(Decompressor&&) noexcept;
    ~Decompressor();

    // Appends what `in` holds to `out`. limit_exceeded when that is more than `bytes_max`, found before the memory
    // is touched; bad_compression when the bytes can't be read. After an error `out` is as it was.
    Result<void> decompress(CompressionType, ByteSpan in, std::size_t bytes_max, Buffer& out);

private:
    std::array<std::unique_ptr<compression::Decoder>, 5> decoders_;
};

}  // namespace ottla::protocol
