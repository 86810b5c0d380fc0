// SPDX-License-Identifier: Apache-2.0
// limitclient: the least a Kafka client can do against the null broker, one thread, blocking socket: the practical
// ceiling.
//   limitclient produce HOST:PORT --n N --size B --parts P [--batch BYTES] [--inflight K] [--crc 3way|vpcl]
//   limitclient consume HOST:PORT --n N --parts P [--crc none|3way] [--inflight K] [--max BYTES_PER_PARTITION]
// produce: copies every payload into its batch record by record (varints, time stamps per message), CRC-32C, Produce v9
//   acks=-1, K requests in flight, one indirect call per message when its acknowledgement arrives.
// consume: Fetch v12 for all partitions, walks every record, one indirect call per record with a view of its value.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <deque>
#include <string_view>
#include "crc32c.hpp"
#include "gen.hpp"
static int64_t now() {
    timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000ll + t.tv_nsec;
}
static double tv(timeval t) { return (double)t.tv_sec + t.tv_usec / 1e6; }
struct Use {
    int64_t t;
    double u, s;
};
static Use use() {
    rusage r;
    getrusage(RUSAGE_SELF, &r);
    return {now(), tv(r.ru_utime), tv(r.ru_stime)};
}
struct Wr {
    uint8_t* p;
    template <class T>
    void be(T v) {
        if constexpr (sizeof(T) == 2)
            v = (T)__builtin_bswap16((uint16_t)v);
        else if constexpr (sizeof(T) == 4)
            v = (T)__builtin_bswap32((uint32_t)v);
        else if constexpr (sizeof(T) == 8)
            v = (T)__builtin_bswap64((uint64_t)v);
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
        if constexpr (sizeof(T) == 2)
            return (T)__builtin_bswap16((uint16_t)v);
        else if constexpr (sizeof(T) == 4)
            return (T)__builtin_bswap32((uint32_t)v);
        else if constexpr (sizeof(T) == 8)
            return (T)__builtin_bswap64((uint64_t)v);
        else
            return v;
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
int main(int argc, char** argv) {
    if (argc < 3) return 2;
    std::string mode = argv[1], boot = argv[2], crc = "3way";
    int64_t n = 5000000;
    size_t size = 100, batch = 1000000;
    int parts = 1, infl = 5;
    int pmax = 1 << 20;
    for (int i = 3; i + 1 < argc; i += 2) {
        std::string a = argv[i], v = argv[i + 1];
        if (a == "--n")
            n = atoll(v.c_str());
        else if (a == "--size")
            size = (size_t)atoll(v.c_str());
        else if (a == "--parts")
            parts = atoi(v.c_str());
        else if (a == "--batch")
            batch = (size_t)atoll(v.c_str());
        else if (a == "--inflight")
            infl = atoi(v.c_str());
        else if (a == "--crc")
            crc = v;
        else if (a == "--max")
            pmax = atoi(v.c_str());
    }
    fd = socket(AF_INET, SOCK_STREAM, 0);
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, 4);
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    a.sin_port = htons((uint16_t)atoi(boot.substr(boot.find(':') + 1).c_str()));
    if (connect(fd, (sockaddr*)&a, sizeof a)) {
        perror("connect");
        return 1;
    }
    int32_t corr = 0;
    std::string_view topic = "bench";
    if (mode == "produce") {
        size_t pool = std::clamp<size_t>((4u << 20) / size, 64, 16384);
        std::vector<std::string> pay;
        Rng rng(7);
        for (size_t i = 0; i < pool; ++i) pay.push_back(json_record(rng, size, i));
        struct Bt {
            std::vector<uint8_t> b;
            size_t len = 0;
            int cnt = 0;
            int64_t base = 0, last = 0;
            std::vector<void*> ops;
        };
        const size_t H = 96;  // room for the request header in front of the batch
        std::vector<std::vector<Bt>> pb((size_t)parts);
        std::vector<size_t> cur((size_t)parts);
        for (auto& v : pb) {
            v.resize((size_t)infl + 2);
            for (auto& x : v) {
                x.b.resize(H + batch + size + 256);
                x.len = H + 61;
            }
        }
        std::deque<Bt*> fly;
        Use u0{};
        int64_t warm = std::min<int64_t>(n / 20, 100000), tot = n + warm;
        auto reap = [&] {
            char h[4];
            recvall(h, 4);
            int32_t l;
            memcpy(&l, h, 4);
            l = (int32_t)__builtin_bswap32((uint32_t)l);
            char r[512];
            recvall(r, (size_t)l);
            Bt* b = fly.front();
            fly.pop_front();
            for (void* o : b->ops) dr_cb(o, 0);
            b->ops.clear();
            b->len = H + 61;
            b->cnt = 0;
        };
        auto ship = [&](int p) {
            Bt& b = pb[(size_t)p][cur[(size_t)p]];
            uint8_t* s = b.b.data() + H;
            size_t len = b.len - H;
            Wr w{s};
            w.be<int64_t>(0);
            w.be((int32_t)(len - 12));
            w.be<int32_t>(-1);
            *w.p++ = 2;
            uint8_t* c = w.p;
            w.p += 4;
            w.be<int16_t>(0);
            w.be<int32_t>(b.cnt - 1);
            w.be(b.base);
            w.be(b.last);
            w.be<int64_t>(-1);
            w.be<int16_t>(-1);
            w.be<int32_t>(-1);
            w.be<int32_t>(b.cnt);
            Wr{c}.be(crc == "vpcl" ? crc32c_vpcl(0, s + 21, len - 21) : crc32c_3way(0, s + 21, len - 21));
            uint8_t hd[96];
            Wr h{hd + 4};
            h.be<int16_t>(0);
            h.be<int16_t>(9);
            h.be<int32_t>(corr++);
            h.be<int16_t>(1);
            *h.p++ = 'l';
            h.uvar(0);
            h.uvar(0);
            h.be<int16_t>(-1);
            h.be<int32_t>(30000);
            h.uvar(2);
            h.uvar(topic.size() + 1);
            memcpy(h.p, topic.data(), topic.size());
            h.p += topic.size();
            h.uvar(2);
            h.be<int32_t>(p);
            h.uvar5((uint32_t)len + 1);
            size_t hl = (size_t)(h.p - hd);
            Wr{hd}.be((int32_t)(hl + len + 3 - 4));
            memcpy(s - hl, hd, hl);
            memset(s + len, 0, 3);
            sendall(s - hl, hl + len + 3);
            fly.push_back(&b);
            cur[(size_t)p] = (cur[(size_t)p] + 1) % ((size_t)infl + 2);
            while ((int)fly.size() >= infl) reap();
        };
        for (int64_t i = 0; i < tot; ++i) {
            if (i == warm) u0 = use();
            int p = (int)(i % parts);
            Bt& b = pb[(size_t)p][cur[(size_t)p]];
            auto& v = pay[(size_t)i % pool];
            if ((i & 63) == 0) {
                timespec t;
                clock_gettime(CLOCK_REALTIME_COARSE, &t);
                static int64_t ms;
                ms = t.tv_sec * 1000 + t.tv_nsec / 1000000;
                b.last = ms;
            }
            if (!b.cnt) {
                timespec t;
                clock_gettime(CLOCK_REALTIME_COARSE, &t);
                b.base = b.last = t.tv_sec * 1000 + t.tv_nsec / 1000000;
            }
            int64_t dt = b.last - b.base;
            Wr w{b.b.data() + b.len};
            size_t rl = 1 + vlen(dt) + vlen(b.cnt) + 1 + vlen((int64_t)v.size()) + v.size() + 1;
            w.var((int64_t)rl);
            *w.p++ = 0;
            w.var(dt);
            w.var(b.cnt++);
            *w.p++ = 1;
            w.var((int64_t)v.size());
            memcpy(w.p, v.data(), v.size());
            w.p += v.size();
            *w.p++ = 0;
            b.len = (size_t)(w.p - b.b.data());
            b.ops.push_back((void*)(intptr_t)i);
            if (b.len - H >= batch) ship(p);
        }
        for (int p = 0; p < parts; ++p)
            if (pb[(size_t)p][cur[(size_t)p]].cnt) ship(p);
        while (!fly.empty()) reap();
        Use u1 = use();
        double s = (double)(u1.t - u0.t) / 1e9, m = (double)n;
        rusage r;
        getrusage(RUSAGE_SELF, &r);
        printf(
            "RESULT mode=produce n=%.0f secs=%.4f msgs_s=%.0f mb_s=%.2f cpu_s_per_M=%.4f user_s_per_M=%.4f "
            "sys_s_per_M=%.4f rss_mb=%.1f err=%ld\n",
            m, s, m / s, m * (double)size / s / 1e6, (u1.u - u0.u + u1.s - u0.s) / m * 1e6, (u1.u - u0.u) / m * 1e6,
            (u1.s - u0.s) / m * 1e6, r.ru_maxrss / 1024.0, (long)(tot - g_done));
    } else {
        std::vector<int64_t> off((size_t)parts, 0);
        std::vector<uint8_t> buf(64 << 20);
        int64_t bytes = 0;
        Use u0{};
        bool started = false;
        int64_t base = 0;
        int out = 0;
        std::vector<int64_t> ask((size_t)parts, 0);
        auto fetch = [&](int p) {
            uint8_t b[256];
            Wr w{b + 4};
            w.be<int16_t>(1);
            w.be<int16_t>(12);
            w.be<int32_t>(corr++);
            w.be<int16_t>(1);
            *w.p++ = 'l';
            w.uvar(0);
            w.be<int32_t>(-1);
            w.be<int32_t>(500);
            w.be<int32_t>(1);
            w.be<int32_t>(50 << 20);
            *w.p++ = 0;
            w.be<int32_t>(0);
            w.be<int32_t>(-1);
            w.uvar(2);
            w.uvar(topic.size() + 1);
            memcpy(w.p, topic.data(), topic.size());
            w.p += topic.size();
            w.uvar(2);
            w.be<int32_t>(p);
            w.be<int32_t>(-1);
            w.be<int64_t>(ask[(size_t)p]);
            w.be<int32_t>(-1);
            w.be<int64_t>(0);
            w.be<int32_t>(pmax);
            w.uvar(0);
            w.uvar(0);
            w.uvar(1);
            w.uvar(1);
            w.uvar(0);
            Wr{b}.be((int32_t)(w.p - b - 4));
            sendall(b, (size_t)(w.p - b));
            ++out;
        };
        // one partition per request, up to `inflight` requests (each for another partition) on the wire
        int nextp = 0;
        int window = std::min(infl, parts);
        for (int i = 0; i < window; ++i) fetch(nextp++ % parts);
        while (g_done - base < n) {
            uint8_t h[4];
            recvall(h, 4);
            int32_t l;
            memcpy(&l, h, 4);
            l = (int32_t)__builtin_bswap32((uint32_t)l);
            recvall(buf.data(), (size_t)l);
            --out;
            Rd r{buf.data(), buf.data() + l};
            r.be<int32_t>();
            r.uvar();
            r.be<int32_t>();
            r.be<int16_t>();
            r.be<int32_t>();
            r.uvar();
            r.take(r.uvar() - 1);
            r.uvar();
            int p = r.be<int32_t>();
            r.be<int16_t>();
            r.be<int64_t>();
            r.be<int64_t>();
            r.be<int64_t>();
            r.uvar();
            r.be<int32_t>();
            auto recs = r.take(r.uvar() - 1);
            if (r.bad) return 1;
            // ask for the next piece before parsing this one
            {
                Rd q{(const uint8_t*)recs.data(), (const uint8_t*)recs.data() + recs.size()};
                int64_t nx = ask[(size_t)p];
                while (q.e - q.p >= 61) {
                    Rd z = q;
                    int64_t bo = z.be<int64_t>();
                    int32_t len = z.be<int32_t>();
                    Rd y{q.p + 23, q.e};
                    nx = bo + y.be<int32_t>() + 1;
                    if (q.e - q.p < len + 12) break;
                    q.p += len + 12;
                }
                ask[(size_t)p] = nx;
                fetch(nextp++ % parts);
            }
            Rd q{(const uint8_t*)recs.data(), (const uint8_t*)recs.data() + recs.size()};
            while (q.e - q.p >= 61) {
                const uint8_t* s = q.p;
                Rd hd{s, q.e};
                int64_t bo = hd.be<int64_t>();
                int32_t len = hd.be<int32_t>();
                hd.p += 5;
                uint32_t cr = hd.be<uint32_t>();
                if (hd.e - s < len + 12) break;
                if (crc == "3way" && crc32c_3way(0, s + 21, (size_t)len - 9) != cr) return 1;
                hd.be<int16_t>();
                hd.be<int32_t>();
                int64_t ts = hd.be<int64_t>();
                hd.p += 8 + 8 + 2 + 4;
                int32_t cnt = hd.be<int32_t>();
                q.p = s + len + 12;
                Rd x{hd.p, q.p};
                auto cb = rec_cb;
                for (int32_t i = 0; i < cnt; ++i) {
                    int64_t rl = x.var();
                    if (rl < 0 || rl > x.e - x.p) [[unlikely]]
                        return 1;
                    Rd y{x.p, x.p + rl};
                    x.p += rl;
                    y.p++;
                    int64_t t = ts + y.var(), o = bo + y.var();
                    int64_t kl = y.var();
                    if (kl > 0) y.take((size_t)kl);
                    int64_t vl = y.var();
                    auto v = y.take(vl > 0 ? (size_t)vl : 0);
                    if (y.bad) return 1;
                    bytes += (int64_t)v.size();
                    cb(nullptr, o, t, v);
                }
                off[(size_t)p] = bo + cnt;
            }
            if (!started) {
                started = true;
                base = g_done;
                bytes = 0;
                u0 = use();
            }
        }
        Use u1 = use();
        double s = (double)(u1.t - u0.t) / 1e9, m = (double)(g_done - base);
        rusage r;
        getrusage(RUSAGE_SELF, &r);
        printf(
            "RESULT mode=consume n=%.0f secs=%.4f msgs_s=%.0f mb_s=%.2f cpu_s_per_M=%.4f user_s_per_M=%.4f "
            "sys_s_per_M=%.4f rss_mb=%.1f sum=%lu\n",
            m, s, m / s, (double)bytes / s / 1e6, (u1.u - u0.u + u1.s - u0.s) / m * 1e6, (u1.u - u0.u) / m * 1e6,
            (u1.s - u0.s) / m * 1e6, r.ru_maxrss / 1024.0, g_sum % 1000);
    }
    fflush(stdout);
    _exit(0);
}
