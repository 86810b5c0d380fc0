// SPDX-License-Identifier: Apache-2.0
// What the time and this process's CPU are, for the clients that are measured.
#pragma once
#include <sys/resource.h>
#include <time.h>
#include <cstdint>
static int64_t now() {
    timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000ll + t.tv_nsec;
}
static double tv(timeval t) { return (double)t.tv_sec + t.tv_usec / 1e6; }
struct Use {
    int64_t t;
    double u, s;
    long cs;  // changes of context
};
static Use use() {
    rusage r;
    getrusage(RUSAGE_SELF, &r);
    return {now(), tv(r.ru_utime), tv(r.ru_stime), r.ru_nvcsw + r.ru_nivcsw};
}
