/* Counters of the requests, one set per worker, and the Prometheus text of everything that the process counts. */
#ifndef OPS_METRICS_H
#define OPS_METRICS_H

#include "route/router.h"

#include <stdatomic.h>

#define METRICS_BUCKETS 14
#define METRICS_CLASSES 5 /* 1xx to 5xx */

/** Durations of one operation and status class. Written by its worker alone, read by the scraper. */
typedef struct duration_histogram {
    _Atomic uint64_t buckets[METRICS_BUCKETS + 1]; /* not cumulative; the last is past all bounds */
    _Atomic uint64_t sum;                          /* nanoseconds */
} duration_histogram;

typedef struct worker_metrics {
    size_t operations; /* of the router; behind them a set per method stands for requests that matched none */
    duration_histogram durations[];
} worker_metrics;

worker_metrics *metrics_new(size_t operations);
/** Counts one answered request. On the worker's thread. */
void metrics_observe(worker_metrics *m, const operation *op, apus_str method, int status, uint64_t nanoseconds);
/** The Prometheus text exposition format, version 0.0.4. */
void metrics_write(buffer *out);

#endif
