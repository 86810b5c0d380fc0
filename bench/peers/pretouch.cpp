// SPDX-License-Identifier: Apache-2.0
// pretouch GIB: touches that much memory twice; prints seconds per pass. On a fresh microVM the first touch of a
// guest page makes the host back it, which slows any benchmark that allocates. Run once before measuring.
#include <sys/mman.h>
#include <chrono>
#include <cstdio>
#include <cstdlib>
int main(int c, char** v) {
    size_t n = (size_t)(c > 1 ? atoi(v[1]) : 12) << 30;
    for (int k = 0; k < 2; ++k) {
        auto t = std::chrono::steady_clock::now();
        char* p = (char*)mmap(0, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED) return 1;
        madvise(p, n, MADV_NOHUGEPAGE);
        for (size_t i = 0; i < n; i += 4096) p[i] = 1;
        double s = std::chrono::duration<double>(std::chrono::steady_clock::now() - t).count();
        printf("pass %d: %.2f s, %.0f ns/page\n", k, s, s / (n / 4096) * 1e9);
        munmap(p, n);
    }
}
