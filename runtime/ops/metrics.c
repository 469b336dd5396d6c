#include "ops/metrics.h"

#include "core/log.h"
#include "ops/options.h"
#include "ops/process.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* jemalloc's, where it is linked; absent under the sanitizers. */
extern int mallctl(const char *name, void *old, size_t *old_size, void *new_value, size_t new_size)
    __attribute__((weak));

static const double bounds[METRICS_BUCKETS] = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                               0.1,    0.25,  0.5,    1.0,   2.5,  5.0,   10.0};

/* Of requests that matched no operation, as OpenTelemetry names them: what is not known is one, whatever clients make up. */
static const char *const methods[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "_OTHER"};
#define METHODS (sizeof methods / sizeof *methods)

static size_t index_of_method(apus_str method)
{
    size_t i = 0;
    while (i < METHODS - 1 && !apus_str_is(method, methods[i]))
        i++;
    return i;
}

worker_metrics *metrics_new(size_t operations)
{
    size_t sets = (operations + METHODS) * METRICS_CLASSES;
    worker_metrics *m = calloc(1, sizeof *m + sets * sizeof(duration_histogram));
    if (m)
        m->operations = operations;
    return m;
}

/* One writer: a load and a store, no locked instruction. */
static void add(_Atomic uint64_t *counter, uint64_t n)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n, memory_order_relaxed);
}

static uint64_t get(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

void metrics_observe(worker_metrics *m, const operation *op, apus_str method, int status, uint64_t nanoseconds)
{
    size_t class = status >= 100 && status < 600 ? (size_t)(status / 100 - 1) : 4;
    size_t set = op && op->index < m->operations ? op->index : m->operations + index_of_method(method);
    duration_histogram *h = &m->durations[set * METRICS_CLASSES + class];
    double seconds = (double)nanoseconds * 1e-9;
    size_t bucket = 0;
    while (bucket < METRICS_BUCKETS && seconds > bounds[bucket])
        bucket++;
    add(&h->buckets[bucket], 1);
    add(&h->sum, nanoseconds);
}

/* Sums one set over the workers. */
static uint64_t histogram_sum(const process *p, size_t set, uint64_t buckets[METRICS_BUCKETS + 1], uint64_t *sum)
{
    uint64_t total = 0;
    *sum = 0;
    memset(buckets, 0, (METRICS_BUCKETS + 1) * sizeof *buckets);
    for (int w = 0; w < p->worker_count; w++) {
        const duration_histogram *h = &p->workers[w].metrics->durations[set];
        for (size_t b = 0; b <= METRICS_BUCKETS; b++) {
            uint64_t n = get(&h->buckets[b]);
            buckets[b] += n;
            total += n;
        }
        *sum += get(&h->sum);
    }
    return total;
}

static void write_histogram(buffer *out, const char *method, const char *path, size_t class, const uint64_t *buckets,
                            uint64_t total, uint64_t sum)
{
    char labels[1024];
    snprintf(labels, sizeof labels,
             "http_request_method=\"%s\",http_route=\"%s\",http_response_status_class=\"%zuxx\"", method, path,
             class + 1);
    uint64_t cumulative = 0;
    for (size_t b = 0; b < METRICS_BUCKETS; b++) {
        cumulative += buckets[b];
        buffer_printf(out, "http_server_request_duration_seconds_bucket{%s,le=\"%g\"} %" PRIu64 "\n", labels, bounds[b],
                      cumulative);
    }
    buffer_printf(out, "http_server_request_duration_seconds_bucket{%s,le=\"+Inf\"} %" PRIu64 "\n", labels, total);
    buffer_printf(out, "http_server_request_duration_seconds_sum{%s} %.9f\n", labels, (double)sum * 1e-9);
    buffer_printf(out, "http_server_request_duration_seconds_count{%s} %" PRIu64 "\n", labels, total);
}

static void write_durations(buffer *out, const process *p)
{
    buffer_printf(out, "# HELP http_server_request_duration_seconds Time from the request's arrival to its answer.\n"
                       "# TYPE http_server_request_duration_seconds histogram\n");
    for (size_t i = 0; i < p->router->count + METHODS; i++) {
        const operation *op = i < p->router->count ? &p->router->operations[i] : NULL;
        const char *method = op ? op->route->method : methods[i - p->router->count];
        for (size_t class = 0; class < METRICS_CLASSES; class++) {
            uint64_t buckets[METRICS_BUCKETS + 1], sum;
            uint64_t total = histogram_sum(p, i * METRICS_CLASSES + class, buckets, &sum);
            if (total)
                write_histogram(out, method, op ? op->path : "", class, buckets, total, sum);
        }
    }
}

typedef struct metric {
    const char *name, *type, *help;
    const _Atomic uint64_t *value;
    double scale;
} metric;

static const metric http_metrics[] = {
    {"http_server_active_requests", "gauge", "Requests under way.", &http_counts.in_flight, 1},
    {"http_server_open_connections", "gauge", "Open connections.", &http_counts.connections, 1},
    {"http_server_accepted_connections_total", "counter", "Connections accepted.", &http_counts.accepted, 1},
    {"http_server_refused_connections_total", "counter", "Connections refused over MAX_CONNECTIONS.",
     &http_counts.refused_cap, 1},
    {"http_server_descriptor_shortages_total", "counter", "Connections refused for want of descriptors.",
     &http_counts.refused_descriptors, 1},
    {"http_server_bad_requests_total", "counter", "Requests refused before routing.", &http_counts.bad_requests, 1},
    {"http_server_timeouts_total", "counter", "Connections closed by a time-out.", &http_counts.timeouts, 1},
};

static const metric pool_metrics[] = {
    {"db_client_connection_count", "gauge", "Open Postgres connections.", &pg_counts.size, 1},
    {"db_client_connection_in_use", "gauge", "Postgres connections with work.", &pg_counts.in_use, 1},
    {"db_client_connection_pending_requests", "gauge", "Statements waiting for a connection.", &pg_counts.waiting, 1},
    {"db_client_connection_timeouts_total", "counter", "Waits for a connection that ran out of time.",
     &pg_counts.timeouts, 1},
    {"db_client_connection_wait_time_seconds_total", "counter", "Time spent waiting for a connection.",
     &pg_counts.wait_nanoseconds, 1e-9},
    {"db_client_connection_acquires_total", "counter", "Connections handed to statements.", &pg_counts.acquires, 1},
    {"db_client_connection_dials_total", "counter", "Connections dialled.", &pg_counts.dials, 1},
    {"db_client_connection_dial_failures_total", "counter", "Dials that failed.", &pg_counts.dial_failures, 1},
    {"db_client_connection_closed_total", "counter", "Connections closed.", &pg_counts.closed, 1},
    {"db_client_statements_total", "counter", "Statements sent.", &pg_counts.statements, 1},
    {"db_client_errors_total", "counter", "Statements that failed.", &pg_counts.errors, 1},
    {"db_client_notifications_dropped_total", "counter", "Notifications dropped for slow listeners.",
     &pg_counts.events_dropped, 1},
};

static void write_value(buffer *out, const char *name, const char *type, const char *help, double value)
{
    buffer_printf(out, "# HELP %s %s\n# TYPE %s %s\n%s %.17g\n", name, help, name, type, name, value);
}

static void write_table(buffer *out, const metric *table, size_t count)
{
    for (size_t i = 0; i < count; i++)
        write_value(out, table[i].name, table[i].type, table[i].help, (double)get(table[i].value) * table[i].scale);
}

static void write_loops(buffer *out, const process *p)
{
    buffer_printf(out, "# HELP apus_event_loop_lag_seconds_total Time that loop turns took, by worker.\n"
                       "# TYPE apus_event_loop_lag_seconds_total counter\n");
    for (int i = 0; i < p->worker_count; i++)
        buffer_printf(out, "apus_event_loop_lag_seconds_total{worker=\"%d\"} %.9f\n", i,
                      (double)get(&p->workers[i].loop.lag_total) * 1e-9);
    buffer_printf(out, "# HELP apus_event_loop_lag_max_seconds Longest loop turn since the start, by worker.\n"
                       "# TYPE apus_event_loop_lag_max_seconds gauge\n");
    for (int i = 0; i < p->worker_count; i++)
        buffer_printf(out, "apus_event_loop_lag_max_seconds{worker=\"%d\"} %.9f\n", i,
                      (double)get(&p->workers[i].loop.lag_max) * 1e-9);
}

static void write_jemalloc(buffer *out)
{
    static const char *const names[][2] = {{"stats.allocated", "jemalloc_allocated_bytes"},
                                           {"stats.active", "jemalloc_active_bytes"},
                                           {"stats.resident", "jemalloc_resident_bytes"},
                                           {"stats.mapped", "jemalloc_mapped_bytes"}};
    if (!mallctl)
        return;
    uint64_t epoch = 1;
    size_t size = sizeof epoch;
    mallctl("epoch", &epoch, &size, &epoch, size);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t value = 0;
        size = sizeof value;
        if (mallctl(names[i][0], &value, &size, NULL, 0) == 0)
            write_value(out, names[i][1], "gauge", "Memory, as jemalloc counts it.", (double)value);
    }
}

static size_t open_descriptors(void)
{
    size_t count = 0;
    DIR *folder = opendir("/proc/self/fd");
    if (!folder)
        return 0;
    while (readdir(folder))
        count++;
    closedir(folder);
    return count > 3 ? count - 3 : 0; /* `.`, `..` and the folder's own */
}

static void write_process(buffer *out)
{
    static const char path[] = "/proc/self/stat";
    char line[1024];
    FILE *f = fopen(path, "re");
    size_t n = f ? fread(line, 1, sizeof line - 1, f) : 0;
    if (f)
        fclose(f);
    line[n] = '\0';
    const char *fields = strrchr(line, ')');
    unsigned long user = 0, system = 0;
    unsigned long long start = 0;
    long pages = 0;
    if (fields && sscanf(fields + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %*d %*d %*d %*d %*d %*d %llu %*u %ld",
                         &user, &system, &start, &pages) == 4) {
        double hertz = (double)sysconf(_SC_CLK_TCK);
        write_value(out, "process_cpu_seconds_total", "counter", "CPU time.", (double)(user + system) / hertz);
        struct timespec up, now;
        clock_gettime(CLOCK_BOOTTIME, &up);
        clock_gettime(CLOCK_REALTIME, &now);
        write_value(out, "process_start_time_seconds", "gauge", "When it was started, in seconds since 1970.",
                    (double)now.tv_sec - (double)up.tv_sec + (double)start / hertz);
        write_value(out, "process_resident_memory_bytes", "gauge", "Resident memory.",
                    (double)pages * (double)sysconf(_SC_PAGESIZE));
    }
    write_value(out, "process_open_fds", "gauge", "Open descriptors.", (double)open_descriptors());
}

/* A label's value: backslash, quote and line feed are escaped. */
static void write_label(buffer *out, const char *value)
{
    for (; *value; value++) {
        if (*value == '\\' || *value == '"' || *value == '\n')
            buffer_append_char(out, '\\');
        buffer_append_char(out, *value == '\n' ? 'n' : *value);
    }
}

static void write_build_info(buffer *out, const apus_app *app)
{
    buffer_printf(out, "# HELP apus_build_info The program.\n# TYPE apus_build_info gauge\napus_build_info{version=\"");
    write_label(out, app->version);
    buffer_printf(out, "\",environment=\"");
    write_label(out, ops_options.app_env);
    buffer_printf(out, "\"} 1\n");
}

void metrics_write(buffer *out)
{
    process *p = current_process;
    write_durations(out, p);
    write_table(out, http_metrics, sizeof http_metrics / sizeof *http_metrics);
    if (p->app->database) {
        write_table(out, pool_metrics, sizeof pool_metrics / sizeof *pool_metrics);
        write_value(out, "db_client_connection_max", "gauge", "Most Postgres connections of this process.",
                    (double)pg_options.pool_max);
    }
    write_loops(out, p);
    write_value(out, "apus_fibers_active", "gauge", "Fibers running or waiting.", (double)get(&fiber_counts.active));
    write_value(out, "apus_log_lines_dropped_total", "counter", "Log lines dropped because the sink was full.",
                (double)log_dropped());
    write_process(out);
    write_jemalloc(out);
    write_build_info(out, p->app);
}
