// SPDX-License-Identifier: Apache-2.0
// nullbroker: a do-nothing Kafka broker for client benchmarks. One thread per connection, blocking
// reads, request pipelining, responses coalesced until the input runs dry.
//   nullbroker PORT PARTITIONS [--fetch-records N] [--fetch-size BYTES] [--codec none|gzip|snappy|lz4|zstd]
//              [--log-messages N] [--verify] [--read] [--delay-us N] [--brokers N]
// PORT 0 = any free port. Ready line on stdout: "READY 127.0.0.1:PORT".
// Statistics line on stderr at SIGTERM/SIGINT, and on SIGUSR1 (then reset).
// Produce: parses headers, counts records (from the batch header), discards the rest (MSG_TRUNC: not even
//   copied to user space; --read copies it; --verify copies, checks CRC-32C and batch framing).
// Fetch: pre-encoded batch of N JSON-ish records of BYTES value each, base offset patched; endless log
//   unless --log-messages is given.
// --brokers N: as many nodes, each with a port of its own (from PORT on, or any free ones), lead the partitions in
// turn.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>
#include <array>
#include <atomic>
#include <bit>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>
#include "big_endian.hpp"
#include "codecs.hpp"
#include "crc32c.hpp"
#include "gen.hpp"

static int g_port, g_parts;
static std::vector<int> g_ports;  // node i + 1
static int64_t g_log_messages = int64_t(1) << 50;
static bool g_verify = false, g_read = false;
static int g_delay_us = 0;
static std::string g_batch;  // pre-encoded record batch for Fetch
static int g_fetch_records = 1000, g_fetch_size = 100;
static std::unique_ptr<std::atomic<int64_t>[]> g_next;  // next offset per partition (any topic)
struct Stats {
    std::atomic<uint64_t> preq{0}, batches{0}, records{0}, bytes{0}, crcbad{0}, freq{0}, fbytes{0}, frecords{0},
        conns{0}, reqs{0};
} g_st;
static std::mutex g_mu;
static std::map<std::string, std::string> g_ids;  // topic id -> name
static std::atomic<int64_t> g_pid{1000};
static std::atomic<int> g_gen{0};

struct Closed {};
struct Conn {
    int fd;
    std::vector<char> buf = std::vector<char>(512 << 10);
    size_t r = 0, w = 0;  // unread bytes are [r,w)
    int64_t left = 0;     // bytes left in the current request
    std::string out;
    void flush() {
        const char* p = out.data();
        size_t n = out.size();
        while (n) {
            ssize_t k = ::send(fd, p, n, MSG_NOSIGNAL);
            if (k <= 0) {
                if (k < 0 && errno == EINTR) continue;
                throw Closed{};
            }
            p += k;
            n -= (size_t)k;
        }
        out.clear();
    }
    void fill(size_t want) {  // make [r, r+want) available
        if (w - r >= want) return;
        if (r && (r == w || buf.size() - r < want || r > buf.size() / 2)) {
            memmove(buf.data(), buf.data() + r, w - r);
            w -= r;
            r = 0;
        }
        if (buf.size() - r < want) buf.resize(r + want + 65536);
        if (!out.empty()) flush();
        while (w - r < want) {
            ssize_t k = ::recv(fd, buf.data() + w, buf.size() - w, 0);
            if (k <= 0) {
                if (k < 0 && errno == EINTR) continue;
                throw Closed{};
            }
            w += (size_t)k;
        }
    }
    template <class T>
    T raw() {
        fill(sizeof(T));
        T v;
        memcpy(&v, buf.data() + r, sizeof(T));
        r += sizeof(T);
        left -= (int64_t)sizeof(T);
        return big_endian(v);
    }
    void skip(size_t n) {
        left -= (int64_t)n;
        size_t have = w - r;
        size_t k = n < have ? n : have;
        r += k;
        n -= k;
        if (!n) return;
        if (!out.empty()) flush();
        if (g_read) {
            while (n) {
                r = w = 0;
                size_t q = n < buf.size() ? n : buf.size();
                ssize_t k2 = ::recv(fd, buf.data(), q, 0);
                if (k2 <= 0) {
                    if (k2 < 0 && errno == EINTR) continue;
                    throw Closed{};
                }
                n -= (size_t)k2;
            }
            return;
        }
        while (n) {
            ssize_t k2 = ::recv(fd, nullptr, n, MSG_TRUNC | MSG_WAITALL);
            if (k2 <= 0) {
                if (k2 < 0 && errno == EINTR) continue;
                throw Closed{};
            }
            n -= (size_t)k2;
        }
    }
    std::string bytes(size_t n) {
        fill(n);
        std::string s(buf.data() + r, n);
        r += n;
        left -= (int64_t)n;
        return s;
    }
    bool flex = false;
    uint32_t uvar() {
        uint32_t v = 0;
        for (int s = 0;; s += 7) {
            uint8_t b = raw<uint8_t>();
            v |= uint32_t(b & 127) << s;
            if (!(b & 128)) return v;
        }
    }
    bool null = false;
    std::string str() {  // string / nullable string, compact when flexible
        int n = flex ? (int)uvar() - 1 : raw<int16_t>();
        null = n < 0;
        return n > 0 ? bytes((size_t)n) : std::string();
    }
    std::string blob() {
        int n = flex ? (int)uvar() - 1 : raw<int32_t>();
        return n > 0 ? bytes((size_t)n) : std::string();
    }
    int arr() { return flex ? (int)uvar() - 1 : raw<int32_t>(); }
    void tags() {
        if (!flex) return;
        for (uint32_t n = uvar(); n; --n) {
            uvar();
            skip(uvar());
        }
    }
};

struct W {  // response writer, appends to a string
    std::string& s;
    bool flex;
    template <class T>
    void p(T v) {
        v = big_endian(v);
        s.append((const char*)&v, sizeof v);
    }
    void i8(int v) { s.push_back((char)v); }
    void i16(int v) { p<int16_t>((int16_t)v); }
    void i32(int64_t v) { p<int32_t>((int32_t)v); }
    void i64(int64_t v) { p<int64_t>(v); }
    void uv(uint32_t v) {
        while (v > 127) {
            s.push_back((char)(v | 128));
            v >>= 7;
        }
        s.push_back((char)v);
    }
    void str(std::string_view v) {
        if (flex)
            uv((uint32_t)v.size() + 1);
        else
            i16((int)v.size());
        s.append(v);
    }
    void nul() {
        if (flex)
            uv(0);
        else
            i16(-1);
    }
    void blob(std::string_view v) {
        if (flex)
            uv((uint32_t)v.size() + 1);
        else
            i32((int)v.size());
        s.append(v);
    }
    void arr(int n) {
        if (flex)
            uv((uint32_t)(n + 1));
        else
            i32(n);
    }
    void tags() {
        if (flex) uv(0);
    }
};

struct Api {
    int16_t key, min, max, flex;
};
static constexpr Api kApis[] = {{0, 3, 12, 9}, {1, 4, 17, 12}, {2, 1, 9, 6},  {3, 0, 12, 9}, {8, 2, 9, 8},
                                {9, 1, 9, 6},  {10, 0, 6, 3},  {11, 0, 9, 6}, {12, 0, 4, 4}, {13, 0, 5, 4},
                                {14, 0, 5, 4}, {18, 0, 4, 3},  {22, 0, 5, 2}};

static std::string topic_id(const std::string& name) {
    uint64_t h[2] = {1469598103934665603ull, 88172645463325252ull};
    for (unsigned char c : name) {
        h[0] = (h[0] ^ c) * 1099511628211ull;
        h[1] = (h[1] + c) * 6364136223846793005ull + 1442695040888963407ull;
    }
    std::string id((const char*)h, 16);
    std::lock_guard l(g_mu);
    g_ids[id] = name;
    return id;
}

static bool check_batch(const char* p, size_t n) {  // framing + CRC of a v2 batch
    if (n < 61) return false;
    int32_t len;
    memcpy(&len, p + 8, 4);
    len = big_endian(len);
    if ((size_t)len + 12 != n || p[16] != 2) return false;
    uint32_t crc;
    memcpy(&crc, p + 17, 4);
    return big_endian(crc) == crc32c_3way(0, p + 21, n - 21);
}

static void produce(Conn& c, int ver, int32_t corr) {
    std::string body;
    W o{body, c.flex};
    c.str();  // transactional id
    int acks = c.raw<int16_t>();
    c.raw<int32_t>();
    int nt = c.arr();
    o.arr(nt);
    for (int t = 0; t < nt; ++t) {
        std::string name = c.str();
        o.str(name);
        int np = c.arr();
        o.arr(np);
        for (int q = 0; q < np; ++q) {
            int part = c.raw<int32_t>();
            int len = c.flex ? (int)c.uvar() - 1 : c.raw<int32_t>();
            int cnt = 0;
            int err = 0;
            if (len >= 61) {
                if (g_verify) {
                    c.fill((size_t)len);
                    if (!check_batch(c.buf.data() + c.r, (size_t)len)) {
                        g_st.crcbad++;
                        err = 2;
                    }
                } else
                    c.fill(61);
                int32_t v;
                memcpy(&v, c.buf.data() + c.r + 57, 4);
                cnt = big_endian(v);
                g_st.batches.fetch_add(1, std::memory_order_relaxed);
                g_st.records.fetch_add((uint64_t)cnt, std::memory_order_relaxed);
                g_st.bytes.fetch_add((uint64_t)len, std::memory_order_relaxed);
            }
            if (len > 0) c.skip((size_t)len);
            c.tags();
            int64_t base = 0;
            if (part < 0 || part >= g_parts)
                err = 3;
            else
                base = g_next[part].fetch_add(cnt, std::memory_order_relaxed);
            o.i32(part);
            o.i16(err);
            o.i64(base);
            o.i64(-1);
            if (ver >= 5) o.i64(0);
            if (ver >= 8) {
                o.arr(0);
                o.nul();
            }
            o.tags();
        }
        c.tags();
        o.tags();
    }
    c.tags();
    o.i32(0);
    o.tags();
    g_st.preq.fetch_add(1, std::memory_order_relaxed);
    if (acks == 0) return;
    W h{c.out, false};
    h.i32((int)body.size() + 4 + (c.flex ? 1 : 0));
    h.i32(corr);
    if (c.flex) h.i8(0);
    c.out += body;
}

static void fetch(Conn& c, int ver, int32_t corr) {
    struct P {
        int part;
        int64_t off;
        int32_t max;
        int nb;
    };
    struct T {
        std::string name;
        std::vector<P> ps;
    };
    if (ver <= 14) c.raw<int32_t>();
    int wait = c.raw<int32_t>();
    c.raw<int32_t>();
    int64_t maxb = c.raw<int32_t>();
    c.raw<int8_t>();
    if (ver >= 7) {
        c.raw<int32_t>();
        c.raw<int32_t>();
    }
    std::vector<T> ts((size_t)c.arr());
    for (auto& t : ts) {
        t.name = ver >= 13 ? c.bytes(16) : c.str();
        t.ps.resize((size_t)c.arr());
        for (auto& p : t.ps) {
            p.part = c.raw<int32_t>();
            if (ver >= 9) c.raw<int32_t>();
            p.off = c.raw<int64_t>();
            if (ver >= 12) c.raw<int32_t>();
            if (ver >= 5) c.raw<int64_t>();
            p.max = c.raw<int32_t>();
            c.tags();
        }
        c.tags();
    }
    if (ver >= 7)
        for (int n = c.arr(); n > 0; --n) {
            if (ver >= 13)
                c.bytes(16);
            else
                c.str();
            for (int m = c.arr(); m > 0; --m) c.raw<int32_t>();
            c.tags();
        }
    if (ver >= 11) c.str();
    c.tags();
    int64_t budget = maxb;
    int total = 0;
    static std::atomic<unsigned> rot{0};
    unsigned rr = rot++;
    for (auto& t : ts) {
        size_t n = t.ps.size();
        for (size_t i = 0; i < n; ++i) {
            P& p = t.ps[(i + rr) % n];
            p.nb = 0;
            if (p.part < 0 || p.part >= g_parts || p.off >= g_log_messages || p.off < 0) continue;
            int64_t lim = budget < p.max ? budget : p.max;
            int64_t k = lim / (int64_t)g_batch.size();
            if (k == 0 && total == 0) k = 1;
            int64_t start = p.off / g_fetch_records, last = (g_log_messages - 1) / g_fetch_records;
            if (k > last - start + 1) k = last - start + 1;
            p.nb = (int)k;
            total += p.nb;
            budget -= k * (int64_t)g_batch.size();
            if (budget < 0) budget = 0;
        }
    }
    if (!c.out.empty()) c.flush();
    if (total == 0) {
        c.flush();
        usleep((useconds_t)(wait < 500 ? wait : 500) * 1000);
    }
    // header pieces and patched base offsets live in `hd`; iovecs are resolved at the end because hd grows
    struct Piece {
        size_t at, n;
        bool shared;
    };
    std::string hd;
    std::vector<Piece> pcs;
    W o{hd, c.flex};
    size_t mark = 0;
    size_t recbytes = 0;
    auto cut = [&] {
        if (hd.size() > mark) {
            pcs.push_back({mark, hd.size() - mark, false});
            mark = hd.size();
        }
    };
    o.i32(0);
    o.i32(corr);
    if (c.flex) o.i8(0);
    o.i32(0);
    if (ver >= 7) {
        o.i16(0);
        o.i32(0);
    }
    o.arr((int)ts.size());
    for (auto& t : ts) {
        if (ver >= 13)
            hd += t.name;
        else
            o.str(t.name);
        o.arr((int)t.ps.size());
        for (auto& p : t.ps) {
            o.i32(p.part);
            o.i16(p.part < 0 || p.part >= g_parts ? 3 : (p.off > g_log_messages || p.off < 0) ? 1 : 0);
            o.i64(g_log_messages);
            o.i64(g_log_messages);
            if (ver >= 5) o.i64(0);
            o.arr(0);  // aborted transactions
            if (ver >= 11) o.i32(-1);
            size_t n = (size_t)p.nb * g_batch.size();
            recbytes += n;
            if (c.flex)
                o.uv((uint32_t)n + 1);
            else
                o.i32((int64_t)n);
            int64_t b = p.off - p.off % g_fetch_records;
            for (int i = 0; i < p.nb; ++i, b += g_fetch_records) {
                o.i64(b);
                cut();
                pcs.push_back({8, g_batch.size() - 8, true});
            }
            o.tags();
        }
        o.tags();
    }
    o.tags();
    cut();
    int32_t sz = big_endian((int32_t)(hd.size() + recbytes - 4 - 8 * 0 - (size_t)total * 8));
    memcpy(hd.data(), &sz, 4);
    std::vector<iovec> iov;
    iov.reserve(pcs.size());
    for (auto& p : pcs) iov.push_back({p.shared ? (void*)(g_batch.data() + p.at) : (void*)(hd.data() + p.at), p.n});
    size_t i = 0;
    while (i < iov.size()) {
        msghdr m{};
        m.msg_iov = &iov[i];
        m.msg_iovlen = iov.size() - i < 1024 ? iov.size() - i : 1024;
        ssize_t k = ::sendmsg(c.fd, &m, MSG_NOSIGNAL);
        if (k < 0) {
            if (errno == EINTR) continue;
            throw Closed{};
        }
        while (k > 0) {
            if ((size_t)k >= iov[i].iov_len) {
                k -= (ssize_t)iov[i].iov_len;
                ++i;
            } else {
                iov[i].iov_base = (char*)iov[i].iov_base + k;
                iov[i].iov_len -= (size_t)k;
                k = 0;
            }
        }
    }
    g_st.freq++;
    g_st.fbytes += recbytes;
    g_st.frecords += (uint64_t)total * (uint64_t)g_fetch_records;
}

static void serve_one(Conn& c) {
    int32_t size = c.raw<int32_t>();
    if (size < 8 || size > (256 << 20)) throw Closed{};
    c.left = size;
    int key = c.raw<int16_t>(), ver = c.raw<int16_t>();
    int32_t corr = c.raw<int32_t>();
    g_st.reqs.fetch_add(1, std::memory_order_relaxed);
    const Api* api = nullptr;
    for (auto& a : kApis)
        if (a.key == key) api = &a;
    if (!api) {
        fprintf(stderr, "nullbroker: unsupported api %d v%d\n", key, ver);
        throw Closed{};
    }
    c.flex = false;
    c.str();  // client id: never compact
    bool badver = ver < api->min || ver > api->max;
    if (badver && key != 18) {
        fprintf(stderr, "nullbroker: unsupported version api %d v%d\n", key, ver);
        throw Closed{};
    }
    c.flex = ver >= api->flex;
    if (!badver) c.tags();
    if (g_delay_us) usleep((useconds_t)g_delay_us);
    if (key == 0) {
        produce(c, ver, corr);
        if (c.left) {
            fprintf(stderr, "nullbroker: produce v%d left %ld\n", ver, (long)c.left);
            throw Closed{};
        }
        return;
    }
    if (key == 1) {
        fetch(c, ver, corr);
        if (c.left) {
            fprintf(stderr, "nullbroker: fetch v%d left %ld\n", ver, (long)c.left);
            throw Closed{};
        }
        return;
    }
    std::string b;
    W o{b, c.flex};
    std::string host = "127.0.0.1";
    switch (key) {
        case 18: {
            if (badver) {
                o.flex = false;
                o.i16(35);
                o.i32(1);
                o.i16(18);
                o.i16(0);
                o.i16(4);
                c.flex = false;
                break;
            }
            o.i16(0);
            o.arr((int)std::size(kApis));
            for (auto& a : kApis) {
                o.i16(a.key);
                o.i16(a.min);
                o.i16(a.max);
                o.tags();
            }
            if (ver >= 1) o.i32(0);
            o.tags();
            break;
        }
        case 3: {
            int n = c.arr();
            std::vector<std::string> names;
            for (int i = 0; i < n; ++i) {
                std::string id;
                if (ver >= 10) id = c.bytes(16);
                std::string nm = c.str();
                bool nul = c.null;
                c.tags();
                if (nul && ver >= 10) {
                    std::lock_guard l(g_mu);
                    auto it = g_ids.find(id);
                    nm = it == g_ids.end() ? "unknown" : it->second;
                }
                names.push_back(nm);
            }
            if (n < 0 || (n == 0 && ver == 0)) names.push_back("bench");
            if (ver >= 3) o.i32(0);
            o.arr((int)g_ports.size());
            for (size_t i = 0; i < g_ports.size(); ++i) {
                o.i32((int)i + 1);
                o.str(host);
                o.i32(g_ports[i]);
                if (ver >= 1) o.nul();
                o.tags();
            }
            if (ver >= 2) o.str("nullbroker");
            if (ver >= 1) o.i32(1);
            o.arr((int)names.size());
            for (auto& nm : names) {
                o.i16(0);
                o.str(nm);
                if (ver >= 10) b += topic_id(nm);
                if (ver >= 1) o.i8(0);
                o.arr(g_parts);
                for (int p = 0; p < g_parts; ++p) {
                    const int leader = p % (int)g_ports.size() + 1;
                    o.i16(0);
                    o.i32(p);
                    o.i32(leader);
                    if (ver >= 7) o.i32(0);
                    o.arr(1);
                    o.i32(leader);
                    o.arr(1);
                    o.i32(leader);
                    if (ver >= 5) o.arr(0);
                    o.tags();
                }
                if (ver >= 8) o.i32(INT32_MIN);
                o.tags();
            }
            if (ver >= 8 && ver <= 10) o.i32(INT32_MIN);
            o.tags();
            break;
        }
        case 22:
            o.i32(0);
            o.i16(0);
            o.i64(g_pid++);
            o.i16(0);
            o.tags();
            break;
        case 2: {
            c.raw<int32_t>();
            if (ver >= 2) c.raw<int8_t>();
            int nt = c.arr();
            if (ver >= 2) o.i32(0);
            o.arr(nt);
            for (int i = 0; i < nt; ++i) {
                o.str(c.str());
                int np = c.arr();
                o.arr(np);
                for (int j = 0; j < np; ++j) {
                    int part = c.raw<int32_t>();
                    if (ver >= 4) c.raw<int32_t>();
                    int64_t ts = c.raw<int64_t>();
                    c.tags();
                    o.i32(part);
                    o.i16(0);
                    o.i64(-1);
                    o.i64(ts == -2 ? 0 : g_log_messages < (int64_t(1) << 50) ? g_log_messages : 0);
                    if (ver >= 4) o.i32(0);
                    o.tags();
                }
                c.tags();
                o.tags();
            }
            o.tags();
            break;
        }
        case 10: {
            std::vector<std::string> keys;
            if (ver <= 3) {
                keys.push_back(c.str());
                if (ver >= 1) c.raw<int8_t>();
            } else {
                c.raw<int8_t>();
                int n = c.arr();
                for (int i = 0; i < n; ++i) keys.push_back(c.str());
            }
            if (ver >= 1) o.i32(0);
            if (ver <= 3) {
                o.i16(0);
                if (ver >= 1) o.nul();
                o.i32(1);
                o.str(host);
                o.i32(g_port);
            } else {
                o.arr((int)keys.size());
                for (auto& k : keys) {
                    o.str(k);
                    o.i32(1);
                    o.str(host);
                    o.i32(g_port);
                    o.i16(0);
                    o.nul();
                    o.tags();
                }
            }
            o.tags();
            break;
        }
        case 11: {  // JoinGroup: every member is alone in its group and its leader
            std::string g = c.str();
            c.raw<int32_t>();
            if (ver >= 1) c.raw<int32_t>();
            std::string mid = c.str();
            std::string inst;
            bool hasinst = false;
            if (ver >= 5) {
                inst = c.str();
                hasinst = !c.null;
            }
            std::string ptype = c.str();
            int n = c.arr();
            std::string pn, pm;
            for (int i = 0; i < n; ++i) {
                std::string a = c.str(), m = c.blob();
                c.tags();
                if (!i) {
                    pn = a;
                    pm = m;
                }
            }
            if (mid.empty()) mid = "member-" + std::to_string(++g_gen);
            if (ver >= 2) o.i32(0);
            o.i16(0);
            o.i32(1);
            if (ver >= 7) o.str(ptype);
            o.str(pn);
            o.str(mid);
            if (ver >= 9) o.i8(0);
            o.str(mid);
            o.arr(1);
            o.str(mid);
            if (ver >= 5) {
                if (hasinst)
                    o.str(inst);
                else
                    o.nul();
            }
            o.blob(pm);
            o.tags();
            o.tags();
            break;
        }
        case 14: {
            c.str();
            c.raw<int32_t>();
            c.str();
            if (ver >= 3) c.str();
            std::string pt, pn;
            if (ver >= 5) {
                pt = c.str();
                pn = c.str();
            }
            int n = c.arr();
            std::string as;
            for (int i = 0; i < n; ++i) {
                c.str();
                as = c.blob();
                c.tags();
            }
            if (ver >= 1) o.i32(0);
            o.i16(0);
            if (ver >= 5) {
                o.str(pt);
                o.str(pn);
            }
            o.blob(as);
            o.tags();
            break;
        }
        case 12:
            if (ver >= 1) o.i32(0);
            o.i16(0);
            o.tags();
            break;
        case 13:
            if (ver >= 1) o.i32(0);
            o.i16(0);
            if (ver >= 3) o.arr(0);
            o.tags();
            break;
        case 8: {
            c.str();
            c.raw<int32_t>();
            c.str();
            if (ver >= 7) c.str();
            if (ver >= 2 && ver <= 4) c.raw<int64_t>();
            int nt = c.arr();
            if (ver >= 3) o.i32(0);
            o.arr(nt);
            for (int i = 0; i < nt; ++i) {
                o.str(c.str());
                int np = c.arr();
                o.arr(np);
                for (int j = 0; j < np; ++j) {
                    int p = c.raw<int32_t>();
                    c.raw<int64_t>();
                    if (ver >= 6) c.raw<int32_t>();
                    c.str();
                    c.tags();
                    o.i32(p);
                    o.i16(0);
                    o.tags();
                }
                c.tags();
                o.tags();
            }
            o.tags();
            break;
        }
        case 9: {
            auto topics = [&](int from5) {
                int nt = c.arr();
                o.arr(nt < 0 ? 0 : nt);
                for (int i = 0; i < nt; ++i) {
                    o.str(c.str());
                    int np = c.arr();
                    o.arr(np);
                    for (int j = 0; j < np; ++j) {
                        int p = c.raw<int32_t>();
                        o.i32(p);
                        o.i64(-1);
                        if (from5) o.i32(-1);
                        o.str("");
                        o.i16(0);
                        o.tags();
                    }
                    c.tags();
                    o.tags();
                }
            };
            if (ver >= 3) o.i32(0);
            if (ver <= 7) {
                c.str();
                topics(ver >= 5);
                if (ver >= 2) o.i16(0);
            } else {
                int ng = c.arr();
                o.arr(ng);
                for (int i = 0; i < ng; ++i) {
                    std::string g = c.str();
                    if (ver >= 9) {
                        c.str();
                        c.raw<int32_t>();
                    }
                    o.str(g);
                    topics(1);
                    o.i16(0);
                    c.tags();
                    o.tags();
                }
            }
            o.tags();
            break;
        }
    }
    if (c.left < 0) throw Closed{};
    c.skip((size_t)c.left);
    bool hflex = c.flex && key != 18;
    W h{c.out, false};
    h.i32((int)b.size() + 4 + (hflex ? 1 : 0));
    h.i32(corr);
    if (hflex) h.i8(0);
    c.out += b;
}

static void serve(int fd) {
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    auto c = std::make_unique<Conn>();
    c->fd = fd;
    g_st.conns++;
    try {
        for (;;) {
            if (c->r == c->w && !c->out.empty()) c->flush();
            serve_one(*c);
        }
    } catch (Closed&) {
    }
    close(fd);
}

static void print_stats() {
    rusage u;
    getrusage(RUSAGE_SELF, &u);
    auto s = [](timeval t) { return (double)t.tv_sec + t.tv_usec / 1e6; };
    fprintf(stderr,
            "STATS requests=%lu produce_requests=%lu batches=%lu records=%lu produce_bytes=%lu bad_batches=%lu "
            "fetch_requests=%lu fetch_records=%lu fetch_bytes=%lu conns=%lu user_s=%.3f sys_s=%.3f\n",
            g_st.reqs.load(), g_st.preq.load(), g_st.batches.load(), g_st.records.load(), g_st.bytes.load(),
            g_st.crcbad.load(), g_st.freq.load(), g_st.frecords.load(), g_st.fbytes.load(), g_st.conns.load(),
            s(u.ru_utime), s(u.ru_stime));
    fflush(stderr);
}

// Serves whoever connects; the port, which is any free one for 0.
static int listen_on(int port) {
    int ls = socket(AF_INET, SOCK_STREAM, 0);
    int one = 1;
    setsockopt(ls, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_port = htons((uint16_t)port);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(ls, (sockaddr*)&a, sizeof a) || listen(ls, 128)) {
        perror("bind");
        exit(1);
    }
    socklen_t al = sizeof a;
    getsockname(ls, (sockaddr*)&a, &al);
    std::thread([ls] {
        for (;;) {
            int fd = accept(ls, nullptr, nullptr);
            if (fd >= 0) std::thread(serve, fd).detach();
        }
    }).detach();
    return ntohs(a.sin_port);
}

int main(int argc, char** argv) {
    if (argc < 3) {
        fprintf(stderr,
                "usage: nullbroker PORT PARTITIONS [--fetch-records N] [--fetch-size BYTES] [--codec C] "
                "[--log-messages N] [--verify] [--read] [--delay-us N] [--brokers N]\n");
        return 2;
    }
    g_port = atoi(argv[1]);
    g_parts = atoi(argv[2]);
    int brokers = 1;
    std::string codec = "none";
    for (int i = 3; i < argc; ++i) {
        std::string a = argv[i];
        if (a == "--verify")
            g_verify = true;
        else if (a == "--read")
            g_read = true;
        else if (i + 1 < argc && a == "--fetch-records")
            g_fetch_records = atoi(argv[++i]);
        else if (i + 1 < argc && a == "--fetch-size")
            g_fetch_size = atoi(argv[++i]);
        else if (i + 1 < argc && a == "--codec")
            codec = argv[++i];
        else if (i + 1 < argc && a == "--log-messages")
            g_log_messages = atoll(argv[++i]);
        else if (i + 1 < argc && a == "--delay-us")
            g_delay_us = atoi(argv[++i]);
        else if (i + 1 < argc && a == "--brokers")
            brokers = atoi(argv[++i]);
        else {
            fprintf(stderr, "bad option %s\n", a.c_str());
            return 2;
        }
    }
    if (g_parts < 1 || g_fetch_records < 1 || brokers < 1) return 2;
    g_next.reset(new std::atomic<int64_t>[(size_t)g_parts]());
    g_batch = make_batch(g_fetch_records, (size_t)g_fetch_size, codec);
    sigset_t ss;
    sigemptyset(&ss);
    sigaddset(&ss, SIGTERM);
    sigaddset(&ss, SIGINT);
    sigaddset(&ss, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &ss, nullptr);
    for (int i = 0; i < brokers; ++i) g_ports.push_back(listen_on(g_port == 0 ? 0 : g_port + i));
    g_port = g_ports[0];
    printf("READY 127.0.0.1:%d partitions=%d fetch_batch_bytes=%zu fetch_batch_records=%d codec=%s\n", g_port, g_parts,
           g_batch.size(), g_fetch_records, codec.c_str());
    fflush(stdout);
    for (;;) {
        int sig = 0;
        sigwait(&ss, &sig);
        print_stats();
        if (sig != SIGUSR1) _exit(0);
        for (auto* p : {&g_st.preq, &g_st.batches, &g_st.records, &g_st.bytes, &g_st.crcbad, &g_st.freq, &g_st.fbytes,
                        &g_st.frecords, &g_st.reqs})
            *p = 0;
    }
}
