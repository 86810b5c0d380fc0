// SPDX-License-Identifier: Apache-2.0
// What both halves of limitclient stand on: one blocking socket, reading and writing of numbers, clocks, the calls made
// for each record.
#pragma once
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>
#include "big_endian.hpp"
#include "use.hpp"
struct Options {
    std::string topic = "bench", crc = "3way";
    int64_t n = 5000000;
    size_t size = 100, batch = 1000000;
    int parts = 1, infl = 5, pmax = 1 << 20, per_request = 1;
    double rate = 1000;
};
static int32_t corr = 0;
static int64_t wall_ms() {
    timespec t;
    clock_gettime(CLOCK_REALTIME_COARSE, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}
struct Wr {
    uint8_t* p;
    template <class T>
    void be(T v) {
        v = big_endian(v);
        memcpy(p, &v, sizeof v);
        p += sizeof v;
    }
    void uvar(uint64_t v) {
        while (v > 127) {
            *p++ = (uint8_t)(v | 128);
            v >>= 7;
        }
        *p++ = (uint8_t)v;
    }
    void var(int64_t v) { uvar(((uint64_t)v << 1) ^ (uint64_t)(v >> 63)); }
    void uvar5(uint32_t v) {
        for (int i = 0; i < 4; ++i) {
            *p++ = (uint8_t)(v | 128);
            v >>= 7;
        }
        *p++ = (uint8_t)v;
    }
};
static inline size_t vlen(int64_t v) {
    uint64_t u = ((uint64_t)v << 1) ^ (uint64_t)(v >> 63);
    return (size_t)(70 - __builtin_clzll(u | 1)) / 7;
}
static int fd;
static void sendall(const void* b, size_t n) {
    const char* p = (const char*)b;
    while (n) {
        ssize_t k = send(fd, p, n, MSG_NOSIGNAL);
        if (k < 0) {
            perror("send");
            exit(1);
        }
        p += k;
        n -= (size_t)k;
    }
}
static void send_pieces(std::vector<iovec>& v) {
    for (size_t i = 0; i < v.size();) {
        msghdr m{};
        m.msg_iov = &v[i];
        m.msg_iovlen = std::min<size_t>(v.size() - i, 512);
        ssize_t k = sendmsg(fd, &m, MSG_NOSIGNAL);
        if (k < 0) {
            perror("send");
            exit(1);
        }
        for (; i < v.size() && (size_t)k >= v[i].iov_len; ++i) k -= (ssize_t)v[i].iov_len;
        if (k > 0) {
            v[i].iov_base = (char*)v[i].iov_base + k;
            v[i].iov_len -= (size_t)k;
        }
    }
}
static void recvall(void* b, size_t n) {
    char* p = (char*)b;
    while (n) {
        ssize_t k = recv(fd, p, n, MSG_WAITALL);
        if (k <= 0) {
            if (k < 0 && errno == EINTR) continue;
            fprintf(stderr, "closed\n");
            exit(1);
        }
        p += k;
        n -= (size_t)k;
    }
}
struct Rd {
    const uint8_t *p, *e;
    bool bad = false;
    template <class T>
    T be() {
        if ((size_t)(e - p) < sizeof(T)) [[unlikely]] {
            bad = true;
            return 0;
        }
        T v;
        memcpy(&v, p, sizeof v);
        p += sizeof v;
        return big_endian(v);
    }
    uint64_t uvar() {
        uint64_t v = 0;
        for (int s = 0; s < 64; s += 7) {
            if (p == e) [[unlikely]] {
                bad = true;
                return 0;
            }
            uint8_t b = *p++;
            v |= uint64_t(b & 127) << s;
            if (!(b & 128)) [[likely]]
                return v;
        }
        bad = true;
        return 0;
    }
    int64_t var() {
        uint64_t u = uvar();
        return (int64_t)(u >> 1) ^ -(int64_t)(u & 1);
    }
    std::string_view take(size_t n) {
        if ((size_t)(e - p) < n) [[unlikely]] {
            bad = true;
            return {};
        }
        std::string_view s((const char*)p, n);
        p += n;
        return s;
    }
};
static int64_t g_done;
static uint64_t g_sum;
static void on_dr(void* m, int err) {
    g_done += !err;
    g_sum += (uint64_t)m;
}
static void on_rec(void*, int64_t off, int64_t, std::string_view v) {
    g_sum += (uint8_t)v.front() + (uint8_t)v.back() + (uint64_t)off;
    ++g_done;
}
static void (*volatile dr_cb)(void*, int) = on_dr;
static void (*volatile rec_cb)(void*, int64_t, int64_t, std::string_view) = on_rec;
