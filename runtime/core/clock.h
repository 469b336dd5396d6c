/* Time. */
#ifndef CORE_CLOCK_H
#define CORE_CLOCK_H

#include "apus_core.h"

#include <time.h>

/** Nanoseconds of the monotonic clock: for durations and deadlines. */
static inline uint64_t clock_monotonic(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/** Seconds as such nanoseconds. */
static inline uint64_t clock_nanoseconds(double seconds)
{
    return (uint64_t)(seconds * 1e9);
}

/** Microseconds since 1970 of the wall clock. */
static inline int64_t clock_wall(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

#endif
