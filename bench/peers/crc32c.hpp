// SPDX-License-Identifier: Apache-2.0
// CRC-32C: several implementations, for baselines and for the tools here.
#pragma once
#include <immintrin.h>
#include <nmmintrin.h>
#include <wmmintrin.h>
#include <cstddef>
#include <cstdint>
#include <cstring>

// 1. one crc32q chain (latency bound, 8 B / 3 cycles)
__attribute__((target("sse4.2"))) inline uint32_t crc32c_1way(uint32_t crc, const void* p, size_t n) {
    const unsigned char* s = (const unsigned char*)p;
    uint64_t c = ~crc & 0xffffffffu;
    while (n >= 8) {
        uint64_t v;
        memcpy(&v, s, 8);
        c = _mm_crc32_u64(c, v);
        s += 8;
        n -= 8;
    }
    while (n--) c = _mm_crc32_u8((uint32_t)c, *s++);
    return ~(uint32_t)c;
}

// GF(2) helpers: x^n mod P (reflected)
namespace crcdetail {
inline uint32_t mulmod(uint32_t a, uint32_t b) {  // reflected, poly 0x82f63b78
    uint32_t p = 0;
    for (uint32_t m = 1u << 31;; m >>= 1) {
        if (a & m) {
            p ^= b;
            if ((a & (m - 1)) == 0) break;
        }
        b = b & 1 ? (b >> 1) ^ 0x82f63b78u : b >> 1;
        if (!m) break;
    }
    return p;
}
inline uint32_t xpow(uint64_t n) {  // x^n mod P, reflected
    uint32_t r = 1u << 31, b = 1u << 30;
    while (n) {
        if (n & 1) r = mulmod(b, r);
        b = mulmod(b, b);
        n >>= 1;
    }
    return r;
}
}  // namespace crcdetail

// 2. three interleaved crc32q chains joined with pclmul (throughput bound, 8 B / cycle)
struct Crc3Way {
    static constexpr size_t L = 1344;  // bytes per lane, big block
    static constexpr size_t S = 168;   // small block
    uint32_t kL1, kL2, kS1, kS2;
    Crc3Way() {
        // shift by 8*len bits through clmul then crc32q: constant x^(8*len-33)
        kL1 = crcdetail::xpow(8 * L - 33);
        kL2 = crcdetail::xpow(16 * L - 33);
        kS1 = crcdetail::xpow(8 * S - 33);
        kS2 = crcdetail::xpow(16 * S - 33);
    }
    template <size_t LEN>
    __attribute__((target("sse4.2,pclmul"))) static inline uint64_t block(uint64_t c0, const unsigned char* s,
                                                                          uint32_t k1, uint32_t k2) {
        uint64_t c1 = 0, c2 = 0, v;
        // last 8 bytes of lanes 0/1 are folded in together with the shifted crcs
        for (size_t i = 0; i < LEN; i += 8) {
            memcpy(&v, s + i, 8);
            c0 = _mm_crc32_u64(c0, v);
            memcpy(&v, s + LEN + i, 8);
            c1 = _mm_crc32_u64(c1, v);
            if (i + 8 < LEN) {
                memcpy(&v, s + 2 * LEN + i, 8);
                c2 = _mm_crc32_u64(c2, v);
            }
        }
        memcpy(&v, s + 3 * LEN - 8, 8);
        __m128i a = _mm_clmulepi64_si128(_mm_cvtsi64_si128((int64_t)c0), _mm_cvtsi64_si128(k2), 0);
        __m128i b = _mm_clmulepi64_si128(_mm_cvtsi64_si128((int64_t)c1), _mm_cvtsi64_si128(k1), 0);
        uint64_t f = (uint64_t)_mm_cvtsi128_si64(_mm_xor_si128(a, b));
        return _mm_crc32_u64(c2, v ^ f);
    }
    __attribute__((target("sse4.2,pclmul"))) uint32_t operator()(uint32_t crc, const void* p, size_t n) const {
        const unsigned char* s = (const unsigned char*)p;
        uint64_t c = ~crc & 0xffffffffu;
        while (n >= 3 * L) {
            c = block<L>(c, s, kL1, kL2);
            s += 3 * L;
            n -= 3 * L;
        }
        while (n >= 3 * S) {
            c = block<S>(c, s, kS1, kS2);
            s += 3 * S;
            n -= 3 * S;
        }
        while (n >= 8) {
            uint64_t v;
            memcpy(&v, s, 8);
            c = _mm_crc32_u64(c, v);
            s += 8;
            n -= 8;
        }
        while (n--) c = _mm_crc32_u8((uint32_t)c, *s++);
        return ~(uint32_t)c;
    }
};
inline const Crc3Way crc32c_3way;

// 3. VPCLMULQDQ folding, 4 x 512-bit accumulators
struct CrcVpcl {
    uint64_t k[4];  // fold by 4*64 bytes (lo,hi), fold by 64 bytes (lo,hi)
    uint64_t k16[2];
    static uint64_t fold(uint64_t bits) { return (uint64_t)crcdetail::xpow(bits) << 1; }  // 33-bit reflected form
    CrcVpcl() {
        k[0] = fold(4 * 512 + 32 - 0);
        k[1] = fold(4 * 512 - 32);
        k[2] = fold(512 + 32);
        k[3] = fold(512 - 32);
        k16[0] = fold(128 + 32);
        k16[1] = fold(128 - 32);
    }
    __attribute__((target("avx512f,avx512vl,avx512bw,avx512dq,vpclmulqdq,pclmul,sse4.2"))) uint32_t operator()(
        uint32_t crc, const void* p, size_t n) const {
        if (n < 512) return crc32c_3way(crc, p, n);
        const unsigned char* s = (const unsigned char*)p;
        __m512i a0 = _mm512_loadu_si512(s), a1 = _mm512_loadu_si512(s + 64), a2 = _mm512_loadu_si512(s + 128),
                a3 = _mm512_loadu_si512(s + 192);
        a0 = _mm512_xor_si512(a0, _mm512_zextsi128_si512(_mm_cvtsi32_si128((int)~crc)));
        s += 256;
        n -= 256;
        __m512i K = _mm512_broadcast_i32x4(_mm_set_epi64x((int64_t)k[1], (int64_t)k[0]));
        auto f = [&](__m512i a, __m512i kk, __m512i d)
            __attribute__((target("avx512f,avx512vl,avx512bw,avx512dq,vpclmulqdq,pclmul,sse4.2"))) {
            return _mm512_ternarylogic_epi64(_mm512_clmulepi64_epi128(a, kk, 0x00),
                                             _mm512_clmulepi64_epi128(a, kk, 0x11), d, 0x96);
        };
        while (n >= 256) {
            a0 = f(a0, K, _mm512_loadu_si512(s));
            a1 = f(a1, K, _mm512_loadu_si512(s + 64));
            a2 = f(a2, K, _mm512_loadu_si512(s + 128));
            a3 = f(a3, K, _mm512_loadu_si512(s + 192));
            s += 256;
            n -= 256;
        }
        __m512i K1 = _mm512_broadcast_i32x4(_mm_set_epi64x((int64_t)k[3], (int64_t)k[2]));
        a1 = f(a0, K1, a1);
        a2 = f(a1, K1, a2);
        a3 = f(a2, K1, a3);
        while (n >= 64) {
            a3 = f(a3, K1, _mm512_loadu_si512(s));
            s += 64;
            n -= 64;
        }
        alignas(64) unsigned char t[64];
        _mm512_store_si512(t, a3);
        uint64_t c = 0;
        for (int i = 0; i < 64; i += 8) {
            uint64_t v;
            memcpy(&v, t + i, 8);
            c = _mm_crc32_u64(c, v);
        }
        while (n >= 8) {
            uint64_t v;
            memcpy(&v, s, 8);
            c = _mm_crc32_u64(c, v);
            s += 8;
            n -= 8;
        }
        while (n--) c = _mm_crc32_u8((uint32_t)c, *s++);
        return ~(uint32_t)c;
    }
};
inline const CrcVpcl crc32c_vpcl;
