// SPDX-License-Identifier: Apache-2.0
// limitclient's mode that reads.
#pragma once
#include "crc32c.hpp"
#include "limit_wire.hpp"
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
