/* What is logged and counted of each request; trace and request ids in and out. */
#include "core/clock.h"
#include "core/log.h"
#include "ops/dev_routes.h"
#include "ops/options.h"
#include "ops/process.h"

#define TRACEPARENT_LENGTH 55 /* version 00 of W3C Trace Context: 00-32 hex-16 hex-2 hex */

static bool is_lower_hex(apus_str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!(text.ptr[i] >= '0' && text.ptr[i] <= '9') && !(text.ptr[i] >= 'a' && text.ptr[i] <= 'f'))
            return false;
    return true;
}

static bool is_zero(apus_str hex)
{
    for (size_t i = 0; i < hex.len; i++)
        if (hex.ptr[i] != '0')
            return false;
    return true;
}

/* The trace-id of a traceparent header, W3C Trace Context section 3.2; empty when any part of it is malformed. */
static apus_str trace_id_of(apus_str header)
{
    static const apus_str none = {NULL, 0};
    if (header.len < TRACEPARENT_LENGTH || header.ptr[2] != '-' || header.ptr[35] != '-' || header.ptr[52] != '-')
        return none;
    apus_str version = {header.ptr, 2}, id = {header.ptr + 3, 32}, parent = {header.ptr + 36, 16}, flags = {header.ptr + 53, 2};
    bool first = is_zero(version); /* a later version may say more behind another dash */
    if (apus_str_is(version, "ff") || (header.len > TRACEPARENT_LENGTH && (first || header.ptr[TRACEPARENT_LENGTH] != '-')))
        return none;
    bool sound = is_lower_hex(version) && is_lower_hex(id) && is_lower_hex(parent) && is_lower_hex(flags);
    return sound && !is_zero(id) && !is_zero(parent) ? id : none;
}

/* Ids go out with the answer, so that a client's report can be found in the log. */
static void request_started(apus_request *req)
{
    apus_str traceparent = http_request_header(req, "traceparent");
    apus_str id = trace_id_of(traceparent);
    if (id.ptr) {
        req->task.trace_id = id.ptr;
        http_header(req, "traceparent", (apus_str){traceparent.ptr, TRACEPARENT_LENGTH});
    }
    if (req->request_id.len)
        http_header(req, "x-request-id", req->request_id);
}

static apus_str template_of(const apus_request *req)
{
    return req->operation ? apus_cstr(req->operation->path) : req->path;
}

#define COMMON_PAIRS 11

static size_t common_pairs(const apus_request *req, double seconds, log_pair pairs[COMMON_PAIRS])
{
    size_t n = 0;
    pairs[n++] = LOG_TEXT_PAIR("method", req->method);
    pairs[n++] = LOG_TEXT_PAIR("path", template_of(req));
    pairs[n++] = LOG_INT_PAIR("status", req->out.status);
    pairs[n++] = LOG_DOUBLE_PAIR("seconds", seconds);
    pairs[n++] = LOG_INT_PAIR("bytes", req->out.body.len);
    pairs[n++] = LOG_TEXT_PAIR("client", req->client);
    pairs[n++] = LOG_TEXT_PAIR("request_id", req->request_id);
    if (req->task.trace_id)
        pairs[n++] = LOG_TEXT_PAIR("trace_id", ((apus_str){req->task.trace_id, 32}));
    apus_str agent = http_request_header(req, "user-agent");
    if (agent.len)
        pairs[n++] = LOG_TEXT_PAIR("user_agent", agent);
    return n;
}

/* The client is told the kind of failure only; the log has its words. */
static size_t finished_pairs(const apus_request *req, double seconds, log_pair pairs[COMMON_PAIRS + 1])
{
    size_t n = common_pairs(req, seconds, pairs);
    if (req->out.status >= 500 && (req->task.error || req->task.cancel))
        pairs[n++] = LOG_TEXT_PAIR("error", apus_cstr(apus_task_error(&req->task)));
    return n;
}

/* Where the time of a slow request went; what no wait accounts for is the handler's own. */
static void log_slow(const apus_request *req, double seconds)
{
    const task_times *t = &req->task.times;
    double queue = (double)t->queue * 1e-9, pool = (double)t->pool_wait * 1e-9, database = (double)t->database * 1e-9;
    double handler = seconds - queue - pool - database;
    log_pair pairs[COMMON_PAIRS + 5];
    size_t n = finished_pairs(req, seconds, pairs);
    pairs[n++] = LOG_DOUBLE_PAIR("queue_seconds", queue);
    pairs[n++] = LOG_DOUBLE_PAIR("pool_wait_seconds", pool);
    pairs[n++] = LOG_DOUBLE_PAIR("database_seconds", database);
    pairs[n++] = LOG_DOUBLE_PAIR("handler_seconds", handler > 0 ? handler : 0);
    log_pairs(LOG_WARNING, "SLOW REQUEST", pairs, n);
}

static void request_finished(apus_request *req)
{
    uint64_t taken = req->sent > req->task.times.start ? req->sent - req->task.times.start : 0;
    double seconds = (double)taken * 1e-9;
    if (dev_routes_own(req->path))
        return;
    metrics_observe(current_process->workers[req->task.loop->index].metrics, req->operation, req->method, req->out.status,
                    taken);
    if (seconds > ops_options.slow_request_seconds)
        log_slow(req, seconds);
    if (ops_options.access_log && log_enabled(LOG_INFO)) {
        log_pair pairs[COMMON_PAIRS + 1];
        log_pairs(LOG_INFO, "request", pairs, finished_pairs(req, seconds, pairs));
    }
}

static void request_failed(apus_request *req, const char *what)
{
    log_pair pairs[COMMON_PAIRS + 1];
    size_t n = common_pairs(req, (double)(clock_monotonic() - req->task.times.start) * 1e-9, pairs);
    pairs[n++] = LOG_TEXT_PAIR("error", apus_cstr(what));
    log_pairs(LOG_ERROR, "unhandled error", pairs, n);
}

/* Of a request that never had a route: what is known of it. */
static void request_refused(const route_refusal *refusal)
{
    log_pair pairs[6];
    size_t n = 0;
    if (!ops_options.access_log || !log_enabled(LOG_INFO))
        return;
    if (refusal->method.len)
        pairs[n++] = LOG_TEXT_PAIR("method", refusal->method);
    if (refusal->path.len)
        pairs[n++] = LOG_TEXT_PAIR("path", refusal->path);
    pairs[n++] = LOG_INT_PAIR("status", refusal->status);
    pairs[n++] = LOG_TEXT_PAIR("client", refusal->client);
    if (refusal->request_id.len)
        pairs[n++] = LOG_TEXT_PAIR("request_id", refusal->request_id);
    pairs[n++] = LOG_TEXT_PAIR("reason", apus_cstr(refusal->reason));
    log_pairs(LOG_INFO, "request", pairs, n);
}

route_hooks access_hooks(void)
{
    return (route_hooks){request_started, request_finished, request_failed, request_refused};
}
