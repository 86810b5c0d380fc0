// SPDX-License-Identifier: Apache-2.0
// Deterministic realistic JSON event records of an exact size.
#pragma once
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>
struct Rng {
    uint64_t s;
    explicit Rng(uint64_t v) : s(v * 0x9e3779b97f4a7c15ull + 1) {}
    uint64_t operator()() {
        s ^= s << 13;
        s ^= s >> 7;
        s ^= s << 17;
        return s * 0x2545f4914f6cdd1dull;
    }
    uint64_t lt(uint64_t n) { return ((*this)() >> 16) % n; }
};
inline std::string json_record(Rng& r, size_t size, uint64_t seq) {
    static const char* ev[] = {"page_view", "click", "add_to_cart", "purchase",
                               "search",    "login", "logout",      "impression"};
    static const char* cc[] = {"DE", "US", "FR", "GB", "CN", "IN", "BR", "JP", "PL", "SE"};
    static const char* ua[] = {"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/126.0 Safari/537.36",
                               "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) Mobile/15E148 Safari/604.1",
                               "okhttp/4.12.0",
                               "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0"};
    static const char* w[] = {"order",   "shipped", "blue",     "running",  "shoes",   "payment",   "accepted",
                              "retry",   "timeout", "gateway",  "customer", "premium", "warehouse", "berlin",
                              "delayed", "invoice", "quantity", "discount", "summer",  "refund"};
    char b[512];
    std::string s;
    s.reserve(size + 256);
    int n = snprintf(b, sizeof b, "{\"ts\":%llu,\"id\":\"%08x\",\"ev\":\"%s\",\"cc\":\"%s\",\"v\":%llu.%02llu",
                     (unsigned long long)(1763690000000ull + seq * 3 + r.lt(3)), (unsigned)r(), ev[r.lt(8)],
                     cc[r.lt(10)], (unsigned long long)r.lt(500), (unsigned long long)r.lt(100));
    s.append(b, (size_t)n);
    int item = 0;
    while (s.size() + 2 < size) {
        switch (item++ % 4) {
            case 0:
                n = snprintf(b, sizeof b, ",\"path\":\"/p/%llu?ref=%08x\"", (unsigned long long)r.lt(20000),
                             (unsigned)r());
                break;
            case 1:
                n = snprintf(b, sizeof b, ",\"ua\":\"%s\",\"ip\":\"10.%llu.%llu.%llu\"", ua[r.lt(4)],
                             (unsigned long long)r.lt(256), (unsigned long long)r.lt(256),
                             (unsigned long long)r.lt(256));
                break;
            case 2:
                n = snprintf(b, sizeof b, ",\"session\":\"%016llx%016llx\",\"items\":[%llu,%llu,%llu]",
                             (unsigned long long)r(), (unsigned long long)r(), (unsigned long long)r.lt(99999),
                             (unsigned long long)r.lt(99999), (unsigned long long)r.lt(99999));
                break;
            default:
                n = snprintf(b, sizeof b, ",\"note\":\"%s %s %s %s %s %s\",\"lat\":%llu.%06llu,\"lon\":%llu.%06llu",
                             w[r.lt(20)], w[r.lt(20)], w[r.lt(20)], w[r.lt(20)], w[r.lt(20)], w[r.lt(20)],
                             (unsigned long long)r.lt(90), (unsigned long long)r.lt(1000000),
                             (unsigned long long)r.lt(180), (unsigned long long)r.lt(1000000));
        }
        s.append(b, (size_t)n);
    }
    if (size >= 2) {
        s.resize(size - 2);
        s += "\"}";
    } else
        s.resize(size);
    return s;
}
