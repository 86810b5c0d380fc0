// SPDX-License-Identifier: Apache-2.0
// calib: ~60 ms machine-speed probe: cache-line hand-over between the cores (near ~45 ns, far ~145 ns), CPU chain
// (ns/iter), memcpy GB/s (8 MiB), page fault ns/page (16 MiB)
#include <immintrin.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <thread>
#include <vector>
static void pin(int c) {
    cpu_set_t s;
    CPU_ZERO(&s);
    CPU_SET(c, &s);
    pthread_setaffinity_np(pthread_self(), sizeof s, &s);
}
alignas(64) static std::atomic<int> f{0};
static double now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}
int main() {
    uint64_t x = 88172645463325252ull;
    double t = now();
    for (int i = 0; i < 10000000; ++i) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
    }
    double cpu = (now() - t) / 1e7 * 1e9;
    std::vector<char> a(8 << 20, 1), b(8 << 20, 2);
    t = now();
    for (int i = 0; i < 20; ++i) {
        memcpy(b.data(), a.data(), a.size());
        asm volatile("" ::"r"(b.data()) : "memory");
    }
    double mc = 20.0 * (8 << 20) / (now() - t) / 1e9;
    size_t n = 16 << 20;
    char* p = (char*)mmap(0, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    madvise(p, n, MADV_NOHUGEPAGE);
    t = now();
    for (size_t i = 0; i < n; i += 4096) p[i] = 1;
    double pf = (now() - t) / (n / 4096) * 1e9;
    const int K = 20000;
    std::thread th([&] {
        pin(1);
        for (int i = 0; i < K; ++i) {
            while (f.load(std::memory_order_acquire) != 1) _mm_pause();
            f.store(0, std::memory_order_release);
        }
    });
    pin(0);
    usleep(300);
    t = now();
    for (int i = 0; i < K; ++i) {
        f.store(1, std::memory_order_release);
        while (f.load(std::memory_order_acquire) != 0) _mm_pause();
    }
    double xc = (now() - t) / K / 2 * 1e9;
    th.join();
    printf("xcore_ns=%.0f cpu_ns=%.3f memcpy_gbs=%.2f fault_ns=%.0f x=%d\n", xc, cpu, mc, pf, (int)(x & 1));
}
