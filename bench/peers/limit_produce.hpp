// SPDX-License-Identifier: Apache-2.0
// limitclient's modes that write: as fast as it goes, and at an even pace.
#pragma once
#include <poll.h>
#include <sys/prctl.h>
#include <deque>
#include <utility>
#include "crc32c.hpp"
#include "gen.hpp"
#include "limit_wire.hpp"
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
