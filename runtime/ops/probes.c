/* Three different questions: started? ready? alive? */
#include "core/clock.h"
#include "core/limits.h"
#include "json/json.h"
#include "ops/options.h"
#include "ops/process.h"

#include <stdio.h>

#define STUCK_NANOSECONDS 10000000000u /* a loop that has not turned for so long is stuck */

static int answer_ok(apus_request *req)
{
    return http_json_text(req, 200, APUS_STR("{\"status\":\"ok\"}"));
}

static int answer_unavailable(apus_request *req, const char *reason)
{
    buffer body;
    buffer_init(&body, req->task.arena, 256, LIMIT_LOG_LINE);
    buffer_append_str(&body, APUS_STR("{\"status\":\"unavailable\",\"reason\":"));
    json_write_str(&body, apus_cstr(reason));
    buffer_append_char(&body, '}');
    return body.failed ? http_error(req, 503, NULL) : http_json_text(req, 503, buffer_str(&body));
}

/* A process that only answers: no dependency is looked at. */
static int health(apus_request *req, const apus_none *, apus_none *)
{
    return answer_ok(req);
}

/* Liveness: is every worker's loop still turning? Never the database: its outage must not restart healthy pods. */
static int alive(apus_request *req, const apus_none *, apus_none *)
{
    const process *p = current_process;
    uint64_t now = clock_monotonic();
    for (int i = 0; i < p->worker_count; i++) {
        uint64_t beat = atomic_load(&p->workers[i].loop.heartbeat);
        if (beat && now > beat && now - beat > STUCK_NANOSECONDS) {
            char reason[64];
            snprintf(reason, sizeof reason, "worker %d: its loop is stuck", i);
            return answer_unavailable(req, reason);
        }
    }
    return answer_ok(req);
}

static int ready(apus_request *req, const apus_none *, apus_none *)
{
    static const char *const reasons[] = {"starting", "migrations are running", NULL, "draining", "draining"};
    const char *reason = reasons[atomic_load(&current_process->phase)];
    const char *database = NULL;
    if (current_process->app->database && ops_options.ready_needs_database && pg_health(&database) != PG_UP)
        return answer_unavailable(req, database ? database : "database: not reached yet");
    return reason ? answer_unavailable(req, reason) : answer_ok(req);
}

static int started(apus_request *req, const apus_none *, apus_none *)
{
    if (atomic_load(&current_process->phase) == PHASE_MIGRATING)
        return answer_unavailable(req, "migrations are running");
    return answer_ok(req);
}

static int metrics(apus_request *req, const apus_none *, apus_none *)
{
    buffer text;
    buffer_init(&text, req->task.arena, 16 * 1024, LIMIT_RESPONSE_BODY);
    metrics_write(&text);
    if (text.failed)
        return http_error(req, 503, "Metrics do not fit into memory");
    return http_bytes(req, 200, "text/plain; version=0.0.4; charset=utf-8", buffer_str(&text));
}

ROUTES(probe_rows,
    GET("/healthz", alive, apus_none, apus_none, .hidden = true),
    GET("/health", health, apus_none, apus_none, .hidden = true),
    GET("/readyz", ready, apus_none, apus_none, .hidden = true),
    GET("/startupz", started, apus_none, apus_none, .hidden = true),
);

ROUTES(admin_rows,
    GET("/metrics", metrics, apus_none, apus_none, .hidden = true),
    GET("/healthz", alive, apus_none, apus_none, .hidden = true),
    GET("/readyz", ready, apus_none, apus_none, .hidden = true),
    GET("/startupz", started, apus_none, apus_none, .hidden = true),
);

static bool is_probe(const apus_route *route)
{
    const apus_routes *probes = probes_routes();
    for (size_t i = 0; i < probes->count; i++)
        if (route == &probes->rows[i])
            return true;
    return false;
}

int probes_start_middleware(apus_request *req, apus_next *next)
{
    if (atomic_load_explicit(&current_process->started, memory_order_acquire) || (req->operation && is_probe(req->operation->route)))
        return apus_call_next(req, next);
    http_set_header(req, "retry-after", APUS_STR("1"));
    return http_error(req, 503, "Starting");
}

const apus_routes *probes_routes(void)
{
    return probe_rows;
}

const apus_routes *admin_routes(void)
{
    return admin_rows;
}
