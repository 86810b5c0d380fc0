// SPDX-License-Identifier: Apache-2.0
// limitclient: the least a Kafka client can do against the null broker, one thread, blocking socket: the practical
// ceiling.
//   limitclient produce HOST:PORT --n N --size B --parts P [--batch BYTES] [--inflight K] [--per-request M]
//   limitclient latency HOST:PORT --n N --size B --parts P --rate RECORDS_PER_S [--inflight K]
//   limitclient consume HOST:PORT --n N --parts P [--crc none|3way] [--inflight K] [--max BYTES_PER_PARTITION]
//       [--per-request M]
// All take [--topic T] and [--crc 3way|vpcl].
// produce: copies every payload into its batch record by record (varints, time stamps per message), CRC-32C, Produce v9
//   acks=-1, M partitions in a request, K requests in flight, one indirect call per message when its acknowledgement
//   arrives.
// latency: records fall due at an even pace; what is due goes out at once, together when K requests are in flight.
//   Measured from the time a record was due to its acknowledgement.
// consume: Fetch v12 for M partitions at a time, walks every record, one indirect call per record with a view of its
//   value.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <deque>
#include <string_view>
#include <utility>
#include <vector>
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
// A batch that grows record by record, with room for what stands in front of it in a request.
constexpr size_t room_in_front = 16;
constexpr size_t batch_header = 61;
struct Batch {
    std::vector<uint8_t> b;
    size_t len = room_in_front + batch_header;
    int cnt = 0, part = 0;
    int64_t base = 0, last = 0;
    std::vector<void*> ops;
    void clear() {
        len = room_in_front + batch_header;
        cnt = 0;
        ops.clear();
    }
    void add(std::string_view v, int64_t ms, void* op) {
        if (!cnt) base = ms;
        last = ms;
        const int64_t dt = last - base;
        Wr w{b.data() + len};
        const size_t rl = 1 + vlen(dt) + vlen(cnt) + 1 + vlen((int64_t)v.size()) + v.size() + 1;
        w.var((int64_t)rl);
        *w.p++ = 0;
        w.var(dt);
        w.var(cnt++);
        *w.p++ = 1;
        w.var((int64_t)v.size());
        memcpy(w.p, v.data(), v.size());
        w.p += v.size();
        *w.p++ = 0;
        len = (size_t)(w.p - b.data());
        ops.push_back(op);
    }
    // With its place in the request in front: the tags of the partition before, index, length.
    iovec seal(bool vpcl, bool first) {
        uint8_t* s = b.data() + room_in_front;
        const size_t n = len - room_in_front;
        Wr w{s};
        w.be<int64_t>(0);
        w.be((int32_t)(n - 12));
        w.be<int32_t>(-1);
        *w.p++ = 2;
        uint8_t* c = w.p;
        w.p += 4;
        w.be<int16_t>(0);
        w.be<int32_t>(cnt - 1);
        w.be(base);
        w.be(last);
        w.be<int64_t>(-1);
        w.be<int16_t>(-1);
        w.be<int32_t>(-1);
        w.be<int32_t>(cnt);
        Wr{c}.be(vpcl ? crc32c_vpcl(0, s + 21, n - 21) : crc32c_3way(0, s + 21, n - 21));
        Wr h{s - 10};
        *h.p++ = 0;
        h.be<int32_t>(part);
        h.uvar5((uint32_t)n + 1);
        return first ? iovec{s - 9, n + 9} : iovec{s - 10, n + 10};
    }
};
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
// The producing half of both modes: requests of several batches, answered in order.
struct Producer {
    const Options& o;
    std::vector<Batch> all;
    std::vector<Batch*> free;
    std::deque<std::vector<Batch*>> fly;
    std::vector<uint8_t> answer;
    Producer(const Options& o, size_t count, size_t bytes) : o(o), all(count) {
        for (auto& b : all) {
            b.b.resize(room_in_front + batch_header + bytes + o.size + 64);
            free.push_back(&b);
        }
    }
    Batch* take(int part) {
        if (free.empty()) abort();
        Batch* b = free.back();
        free.pop_back();
        b->part = part;
        return b;
    }
    void ship(std::vector<Batch*> what) {
        uint8_t hd[400];
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
        h.uvar(o.topic.size() + 1);
        memcpy(h.p, o.topic.data(), o.topic.size());
        h.p += o.topic.size();
        h.uvar(what.size() + 1);
        std::vector<iovec> v{{hd, (size_t)(h.p - hd)}};
        size_t total = v[0].iov_len + 3;
        for (Batch* b : what) {
            v.push_back(b->seal(o.crc == "vpcl", v.size() == 1));
            total += v.back().iov_len;
        }
        static uint8_t tail[3] = {0, 0, 0};
        v.push_back({tail, 3});
        Wr{hd}.be((int32_t)(total - 4));
        send_pieces(v);
        fly.push_back(std::move(what));
    }
    // One answer; `each` hears of every batch of it before its records are called back.
    template <class Each>
    void reap(Each each) {
        uint32_t l;
        recvall(&l, 4);
        answer.resize(__builtin_bswap32(l));
        recvall(answer.data(), answer.size());
        Rd r{answer.data(), answer.data() + answer.size()};
        r.be<int32_t>();
        r.uvar();
        r.uvar();
        r.take(r.uvar() - 1);
        const auto count = r.uvar() - 1;
        auto batches = std::move(fly.front());
        fly.pop_front();
        if (count != batches.size()) {
            fprintf(stderr, "an answer for %lu of %zu partitions\n", (unsigned long)count, batches.size());
            exit(1);
        }
        for (Batch* b : batches) {
            r.be<int32_t>();
            const int err = r.be<int16_t>();
            r.take(24);
            if (err || r.uvar() > 1) {
                fprintf(stderr, "error %d for partition %d\n", err, b->part);
                exit(1);
            }
            const auto text = r.uvar();
            if (text) r.take(text - 1);
            r.uvar();
            each(*b);
            for (void* op : b->ops) dr_cb(op, err);
            b->clear();
            free.push_back(b);
        }
        if (r.bad) {
            fprintf(stderr, "an answer that cannot be read\n");
            exit(1);
        }
    }
};
static std::vector<std::string> payloads(size_t size) {
    std::vector<std::string> pay;
    Rng rng(7);
    const size_t pool = std::clamp<size_t>((4u << 20) / size, 64, 16384);
    for (size_t i = 0; i < pool; ++i) pay.push_back(json_record(rng, size, i));
    return pay;
}
static void produce(const Options& o) {
    const auto pay = payloads(o.size);
    const size_t pool = pay.size();
    Producer out(o, (size_t)(o.parts + (o.infl + 1) * o.per_request + 1), o.batch);
    std::vector<Batch*> open;
    for (int p = 0; p < o.parts; ++p) open.push_back(out.take(p));
    std::vector<Batch*> ready;
    auto ship = [&] {
        out.ship(std::exchange(ready, {}));
        while ((int)out.fly.size() >= o.infl) out.reap([](Batch&) {});
    };
    Use u0{};
    const int64_t warm = std::min<int64_t>(o.n / 20, 100000), tot = o.n + warm;
    int64_t ms = wall_ms();
    for (int64_t i = 0, p = 0; i < tot; ++i) {
        if (i == warm) u0 = use();
        if ((i & 63) == 0) ms = wall_ms();
        Batch*& b = open[(size_t)p];
        b->add(pay[(size_t)i % pool], ms, (void*)(intptr_t)i);
        if (b->len - room_in_front >= o.batch) {
            ready.push_back(b);
            if ((int)ready.size() >= o.per_request) ship();
            b = out.take((int)p);
        }
        if (++p == o.parts) p = 0;
    }
    for (Batch* b : open) {
        if (b->cnt) ready.push_back(b);
        if ((int)ready.size() >= o.per_request) ship();
    }
    if (!ready.empty()) ship();
    while (!out.fly.empty()) out.reap([](Batch&) {});
    Use u1 = use();
    double s = (double)(u1.t - u0.t) / 1e9, m = (double)o.n;
    rusage r;
    getrusage(RUSAGE_SELF, &r);
    printf(
        "RESULT mode=produce n=%.0f secs=%.4f msgs_s=%.0f mb_s=%.2f cpu_s_per_M=%.4f user_s_per_M=%.4f "
        "sys_s_per_M=%.4f rss_mb=%.1f err=%ld\n",
        m, s, m / s, m * (double)o.size / s / 1e6, (u1.u - u0.u + u1.s - u0.s) / m * 1e6, (u1.u - u0.u) / m * 1e6,
        (u1.s - u0.s) / m * 1e6, r.ru_maxrss / 1024.0, (long)(tot - g_done));
}
static void latency(const Options& o) {
    prctl(PR_SET_TIMERSLACK, 1);
    const auto pay = payloads(o.size);
    constexpr int64_t most = 1000;  // records in one batch, when answers are late
    Producer out(o, (size_t)o.infl + 2, most * (o.size + 16));
    std::vector<int64_t> took;
    took.reserve((size_t)o.n);
    const auto gap = 1e9 / o.rate;
    const int64_t warm = std::min<int64_t>(o.n / 10, 1000), tot = o.n + warm;
    const int64_t t0 = now();
    Use u0 = use();
    auto due = [&](int64_t i) { return t0 + (int64_t)((double)i * gap); };
    auto note = [&](Batch& b) {
        const int64_t t = now();
        for (void* op : b.ops)
            if ((intptr_t)op >= warm) took.push_back(t - due((intptr_t)op));
    };
    for (int64_t next = 0, part = 0; next < tot || !out.fly.empty();) {
        const int64_t t = now();
        if (next < tot && (int)out.fly.size() < o.infl && due(next) <= t) {
            Batch* b = out.take((int)(part++ % o.parts));
            while (next < tot && b->cnt < most && due(next) <= t) {
                b->add(pay[(size_t)next % pay.size()], wall_ms(), (void*)(intptr_t)next);
                ++next;
            }
            out.ship({b});
            continue;
        }
        timespec wait{60, 0};
        if (next < tot && (int)out.fly.size() < o.infl) {
            const int64_t left = std::max<int64_t>(0, due(next) - t);
            wait = {left / 1000000000, left % 1000000000};
        }
        pollfd f{fd, POLLIN, 0};
        if (ppoll(&f, 1, &wait, nullptr) > 0) out.reap(note);
    }
    Use u1 = use();
    std::sort(took.begin(), took.end());
    auto at = [&](double q) {
        return (double)took[std::min(took.size() - 1, (size_t)(q * (double)took.size()))] / 1e3;
    };
    const double s = (double)(u1.t - u0.t) / 1e9, m = (double)tot;
    printf(
        "RESULT mode=latency n=%zu secs=%.4f msgs_s=%.0f p50_us=%.1f p90_us=%.1f p99_us=%.1f p999_us=%.1f max_us=%.1f "
        "cpu_s_per_M=%.4f err=%ld\n",
        took.size(), s, m / s, at(0.5), at(0.9), at(0.99), at(0.999), (double)took.back() / 1e3,
        (u1.u - u0.u + u1.s - u0.s) / m * 1e6, (long)(tot - g_done));
}
static int consume(const Options& o) {
    std::vector<uint8_t> buf(64 << 20);
    int64_t bytes = 0;
    Use u0{};
    bool started = false;
    int64_t base = 0;
    std::vector<int64_t> ask((size_t)o.parts, 0);
    std::vector<uint8_t> req(400 + 40 * (size_t)o.per_request);
    int nextp = 0;
    auto fetch = [&] {
        Wr w{req.data() + 4};
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
        w.uvar(o.topic.size() + 1);
        memcpy(w.p, o.topic.data(), o.topic.size());
        w.p += o.topic.size();
        w.uvar((uint64_t)o.per_request + 1);
        for (int i = 0; i < o.per_request; ++i) {
            const int p = nextp++ % o.parts;
            w.be<int32_t>(p);
            w.be<int32_t>(-1);
            w.be<int64_t>(ask[(size_t)p]);
            w.be<int32_t>(-1);
            w.be<int64_t>(0);
            w.be<int32_t>(o.pmax);
            w.uvar(0);
        }
        w.uvar(0);
        w.uvar(1);
        w.uvar(1);
        w.uvar(0);
        Wr{req.data()}.be((int32_t)(w.p - req.data() - 4));
        sendall(req.data(), (size_t)(w.p - req.data()));
    };
    // each request asks for other partitions: at most parts/per_request of them are on the wire
    const int window = std::max(1, std::min(o.infl, o.parts / o.per_request));
    for (int i = 0; i < window; ++i) fetch();
    std::vector<std::string_view> got;
    while (g_done - base < o.n) {
        uint32_t l;
        recvall(&l, 4);
        l = __builtin_bswap32(l);
        if (l > buf.size()) return 1;
        recvall(buf.data(), (size_t)l);
        Rd r{buf.data(), buf.data() + l};
        r.be<int32_t>();
        r.uvar();
        r.be<int32_t>();
        if (const int err = r.be<int16_t>()) {
            fprintf(stderr, "error %d\n", err);
            return 1;
        }
        r.be<int32_t>();
        r.uvar();
        r.take(r.uvar() - 1);
        got.clear();
        for (auto left = r.uvar() - 1; left && !r.bad; --left) {
            const int p = r.be<int32_t>();
            if (const int err = r.be<int16_t>()) {
                fprintf(stderr, "error %d for partition %d\n", err, p);
                return 1;
            }
            r.take(24);
            r.uvar();
            r.be<int32_t>();
            const auto size = r.uvar();
            auto recs = r.take(size ? size - 1 : 0);
            r.uvar();
            if (r.bad) return 1;
            got.push_back(recs);
            Rd q{(const uint8_t*)recs.data(), (const uint8_t*)recs.data() + recs.size()};
            while (q.e - q.p >= 61) {
                Rd z = q;
                const int64_t bo = z.be<int64_t>();
                const int32_t len = z.be<int32_t>();
                if (q.e - q.p < len + 12) break;
                Rd y{q.p + 23, q.e};
                ask[(size_t)p] = bo + y.be<int32_t>() + 1;
                q.p += len + 12;
            }
        }
        // ask for the next piece before parsing this one
        fetch();
        for (auto recs : got) {
            Rd q{(const uint8_t*)recs.data(), (const uint8_t*)recs.data() + recs.size()};
            while (q.e - q.p >= 61) {
                const uint8_t* s = q.p;
                Rd hd{s, q.e};
                int64_t bo = hd.be<int64_t>();
                int32_t len = hd.be<int32_t>();
                hd.p += 5;
                uint32_t cr = hd.be<uint32_t>();
                if (hd.e - s < len + 12) break;
                if (o.crc == "3way" && crc32c_3way(0, s + 21, (size_t)len - 9) != cr) return 1;
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
                    int64_t t = ts + y.var(), at = bo + y.var();
                    int64_t kl = y.var();
                    if (kl > 0) y.take((size_t)kl);
                    int64_t vl = y.var();
                    auto v = y.take(vl > 0 ? (size_t)vl : 0);
                    if (y.bad) return 1;
                    bytes += (int64_t)v.size();
                    cb(nullptr, at, t, v);
                }
            }
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
    return 0;
}
int main(int argc, char** argv) {
    if (argc < 3) return 2;
    std::string mode = argv[1], boot = argv[2];
    Options o;
    for (int i = 3; i + 1 < argc; i += 2) {
        std::string a = argv[i], v = argv[i + 1];
        if (a == "--n")
            o.n = atoll(v.c_str());
        else if (a == "--size")
            o.size = (size_t)atoll(v.c_str());
        else if (a == "--parts")
            o.parts = atoi(v.c_str());
        else if (a == "--batch")
            o.batch = (size_t)atoll(v.c_str());
        else if (a == "--inflight")
            o.infl = atoi(v.c_str());
        else if (a == "--per-request")
            o.per_request = atoi(v.c_str());
        else if (a == "--topic")
            o.topic = v.substr(0, 249);
        else if (a == "--rate")
            o.rate = atof(v.c_str());
        else if (a == "--crc")
            o.crc = v;
        else if (a == "--max")
            o.pmax = atoi(v.c_str());
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
    int failed = 0;
    if (mode == "produce")
        produce(o);
    else if (mode == "latency")
        latency(o);
    else
        failed = consume(o);
    fflush(stdout);
    _exit(failed);
}
