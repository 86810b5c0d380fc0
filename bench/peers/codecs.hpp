// SPDX-License-Identifier: Apache-2.0
// Kafka codecs (gzip/snappy-xerial/lz4-frame/zstd) and a RecordBatch v2 builder.
#pragma once
#include <lz4frame.h>
#include <snappy-c.h>
#include <zlib.h>
#include <zstd.h>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include "crc32c.hpp"
#include "gen.hpp"
inline std::string compress_block(const std::string& in, const std::string& codec, int level = 0) {
    std::string out;
    if (codec == "none") return in;
    if (codec == "gzip") {
        z_stream z{};
        deflateInit2(&z, level ? level : 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
        out.resize(deflateBound(&z, in.size()) + 32);
        z.next_in = (Bytef*)in.data();
        z.avail_in = (uInt)in.size();
        z.next_out = (Bytef*)out.data();
        z.avail_out = (uInt)out.size();
        deflate(&z, Z_FINISH);
        out.resize(z.total_out);
        deflateEnd(&z);
    } else if (codec == "snappy") {  // xerial framing, 32 KiB blocks, as the Java client writes
        const unsigned char hd[16] = {0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0, 0, 0, 0, 1, 0, 0, 0, 1};
        out.assign((const char*)hd, 16);
        for (size_t i = 0; i < in.size(); i += 32768) {
            size_t n = in.size() - i < 32768 ? in.size() - i : 32768, m = snappy_max_compressed_length(n);
            std::string t(m, 0);
            snappy_compress(in.data() + i, n, t.data(), &m);
            uint32_t l = __builtin_bswap32((uint32_t)m);
            out.append((char*)&l, 4);
            out.append(t.data(), m);
        }
    } else if (codec == "lz4") {
        LZ4F_preferences_t p{};
        p.compressionLevel = level;
        p.frameInfo.blockMode = LZ4F_blockIndependent;
        out.resize(LZ4F_compressFrameBound(in.size(), &p));
        out.resize(LZ4F_compressFrame(out.data(), out.size(), in.data(), in.size(), &p));
    } else if (codec == "zstd") {
        out.resize(ZSTD_compressBound(in.size()));
        out.resize(ZSTD_compress(out.data(), out.size(), in.data(), in.size(), level ? level : 3));
    } else
        throw std::runtime_error("codec " + codec);
    return out;
}
inline int codec_id(const std::string& c) {
    return c == "gzip" ? 1 : c == "snappy" ? 2 : c == "lz4" ? 3 : c == "zstd" ? 4 : 0;
}
inline void put_varint(std::string& s, int64_t v) {
    uint64_t u = ((uint64_t)v << 1) ^ (uint64_t)(v >> 63);
    while (u > 127) {
        s.push_back((char)(u | 128));
        u >>= 7;
    }
    s.push_back((char)u);
}
template <class T>
inline void put_be(std::string& s, T v) {
    for (int i = (int)sizeof(T) - 1; i >= 0; --i) s.push_back((char)((uint64_t)v >> (8 * i)));
}
inline std::string make_records(int n, size_t size) {
    Rng r(42);
    std::string s, rec;
    for (int i = 0; i < n; ++i) {
        rec.clear();
        rec.push_back(0);
        put_varint(rec, i);
        put_varint(rec, i);
        put_varint(rec, -1);
        std::string v = json_record(r, size, (uint64_t)i);
        put_varint(rec, (int64_t)v.size());
        rec += v;
        put_varint(rec, 0);
        put_varint(s, (int64_t)rec.size());
        s += rec;
    }
    return s;
}
inline std::string make_batch(int n, size_t size, const std::string& codec) {
    std::string body = compress_block(make_records(n, size), codec), t, out;
    const int64_t ts = 1763690000000ll;
    put_be<int16_t>(t, (int16_t)codec_id(codec));
    put_be<int32_t>(t, n - 1);
    put_be<int64_t>(t, ts);
    put_be<int64_t>(t, ts + n - 1);
    put_be<int64_t>(t, -1);
    put_be<int16_t>(t, -1);
    put_be<int32_t>(t, -1);
    put_be<int32_t>(t, n);
    t += body;
    put_be<int64_t>(out, 0);
    put_be<int32_t>(out, (int32_t)(t.size() + 9));
    put_be<int32_t>(out, 0);
    out.push_back(2);
    put_be<uint32_t>(out, crc32c_3way(0, t.data(), t.size()));
    out += t;
    return out;
}
