#include "core/clock.h"
#include "route/errors.h"
#include "route/index.h"
#include "route/response.h"
#include "route/solve.h"
#include "route/template.h"
#include "route/text.h"

struct apus_next {
    const apus_middleware *rest; /* those still to run; NULL or an end: the operation */
};

static void *process_state; /* apus_set_state's */

void apus_set_state(apus_task *task, void *state)
{
    (void)task;
    __atomic_store_n(&process_state, state, __ATOMIC_RELEASE);
}

/* ROOT_PATH is the proxy's; a path that lacks it was sent past the proxy, or stripped by it, and is taken as it is. */
static apus_str route_path(const router *r, apus_str path)
{
    apus_str root = r->root_path;
    if (root.len == 0 || path.len < root.len || memcmp(path.ptr, root.ptr, root.len) != 0)
        return path;
    apus_str rest = {path.ptr + root.len, path.len - root.len};
    return rest.len == 0 || rest.ptr[0] == '/' ? rest : path;
}

size_t router_body_limit(const router *r, apus_str method, apus_str path)
{
    char decoded[1024];
    if (path.len <= sizeof decoded)
        path = (apus_str){decoded, text_unescape(path, false, decoded)};
    const operation *op = index_find(r->index, method, route_path(r, path));
    return op && op->max_body ? op->max_body : r->max_body;
}

/* A host that cannot change the address around it: names, addresses, a port. */
static bool is_host(apus_str host)
{
    for (size_t i = 0; i < host.len; i++) {
        char c = host.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && (c == '\0' || !strchr("._~%!$&'()*+,;=:[]-", c)))
            return false;
    }
    return host.len > 0;
}

static char *put(char *at, const char *bytes, size_t len)
{
    memcpy(at, bytes, len);
    return at + len;
}

/* The same request with its path's trailing slash added or taken, as an address. */
static apus_str redirect_location(apus_request *req, apus_str path)
{
    size_t size = req->scheme.len + req->host.len + 3 * path.len + req->query.len + 8;
    char *out = apus_alloc(req, size), *at = out;
    if (is_host(req->host)) {
        at = put(put(put(at, req->scheme.ptr, req->scheme.len), "://", 3), req->host.ptr, req->host.len);
    } else if (path.len > 1 && path.ptr[0] == '/' && path.ptr[1] == '/') {
        at = put(at, "/%2F", 4);
        path = (apus_str){path.ptr + 2, path.len - 2};
    }
    for (size_t i = 0; i < path.len; i++) {
        char c = path.ptr[i];
        if (c == '?' || c == '#' || c == '\\')
            at = put(at, c == '?' ? "%3F" : c == '#' ? "%23" : "%5C", 3);
        else
            *at++ = c;
    }
    if (req->query.len) {
        *at++ = '?';
        at = put(at, req->query.ptr, req->query.len);
    }
    return text_encode_url(req, (apus_str){out, (size_t)(at - out)});
}

static apus_str other_slash(apus_request *req, apus_str path)
{
    if (path.ptr[path.len - 1] != '/') {
        char *out = apus_alloc(req, path.len + 1);
        memcpy(out, path.ptr, path.len);
        out[path.len] = '/';
        return (apus_str){out, path.len + 1};
    }
    while (path.len && path.ptr[path.len - 1] == '/')
        path.len--;
    return path;
}

static bool redirect_slash(apus_request *req)
{
    const router *r = req->router;
    apus_str path = route_path(r, req->path);
    if (r->app->redirect_slashes == APUS_OFF || path.len == 0 || (path.len == 1 && path.ptr[0] == '/'))
        return false;
    apus_str other = other_slash(req, req->path);
    index_methods methods;
    index_allowed(r->index, route_path(r, other), &methods);
    if (methods.count == 0)
        return false;
    response_make(req, 307, (apus_str){NULL, 0}, (apus_str){NULL, 0});
    http_set_header(req, "location", redirect_location(req, other));
    return true;
}

static int refuse_method(apus_request *req, const index_methods *methods)
{
    buffer allow;
    buffer_init(&allow, req->task.arena, 64, 1024);
    for (size_t i = 0; i < methods->count; i++) {
        if (i)
            buffer_append(&allow, ", ", 2);
        buffer_append_str(&allow, methods->methods[i]);
    }
    http_set_header(req, "allow", buffer_str(&allow));
    return http_error(req, 405, NULL);
}

static int answer_unmatched(apus_request *req)
{
    index_methods methods;
    index_allowed(req->router->index, route_path(req->router, req->path), &methods);
    if (methods.count)
        return refuse_method(req, &methods);
    if (redirect_slash(req))
        return APUS_ERESPONDED;
    return http_error(req, 404, NULL);
}

static void run_early_clean_ups(apus_request *req)
{
    task_clean_up *later = req->task.clean_ups, **last = &req->before_response;
    if (!*last)
        return;
    while (*last)
        last = &(*last)->next;
    *last = later;
    req->task.clean_ups = req->before_response;
    req->before_response = NULL;
    task_run_clean_ups(&req->task, later);
}

static int serve(apus_request *req)
{
    if (!req->operation)
        return errors_settle(req, answer_unmatched(req));
    int result = operation_run(req);
    run_early_clean_ups(req);
    return errors_settle(req, result);
}

int apus_call_next(apus_request *req, apus_next *next)
{
    if (!next->rest || !*next->rest)
        return serve(req);
    apus_next inner = {next->rest + 1};
    int result = (*next->rest)(req, &inner);
    if (result >= 0 && req->out.status == 0 && !req->raised)
        result = apus_fail(req, APUS_EINVAL, "a middleware ended without a response: it neither made one nor called apus_call_next");
    return result;
}

static void set_deadline(apus_request *req)
{
    double seconds = req->operation ? req->operation->timeout : 0;
    if (seconds == 0)
        seconds = req->router->timeout;
    if (seconds <= 0)
        return;
    uint64_t start = req->task.times.start ? req->task.times.start : clock_monotonic();
    task_set_deadline(&req->task, start + clock_nanoseconds(seconds));
}

static void begin(apus_request *req)
{
    task_times *times = &req->task.times;
    uint64_t now = loop_time(req->task.loop);
    times->queue = times->start && now > times->start ? now - times->start : 0;
    memset(&req->operation, 0, sizeof *req - offsetof(apus_request, operation));
    model_reader_init(&req->reader, req->task.arena, req->router->max_depth);
    req->state = req->router->state ? req->router->state : __atomic_load_n(&process_state, __ATOMIC_ACQUIRE);
    req->operation = index_find(req->router->index, req->method, route_path(req->router, req->path));
    if (req->operation && req->operation->segments->captures)
        template_match(req->operation->segments, route_path(req->router, req->path), req->captures);
}

/* Hands the response over; a client that is gone gets none, and the log a 499 (nginx's number for it). */
static void finish(apus_request *req, bool gone)
{
    if (gone)
        req->out.status = 499;
    req->sent = req->task.loop->latest = clock_monotonic();
    if (!gone)
        req->transport->send(req);
    if (req->router->hooks.finished)
        req->router->hooks.finished(req);
}

/* What runs after the response is bound neither by the request's deadline nor by what cancelled it. */
static void after_response(apus_request *req)
{
    if (req->background || req->task.clean_ups) {
        task_set_deadline(&req->task, 0);
        req->task.loop->latest = 0;
    }
    if (req->background)
        req->task.cancel = 0;
    while (req->background) {
        background_task *next = req->background;
        req->background = next->next;
        next->run(&req->task, next->arg);
    }
    task_run_clean_ups(&req->task, NULL);
}

void route_run(apus_task *task)
{
    apus_request *req = (apus_request *)(void *)task;
    begin(req);
    if (req->router->hooks.started)
        req->router->hooks.started(req);
    set_deadline(req);
    apus_next first = {req->router->app->middleware};
    int result = apus_call_next(req, &first);
    if (result != APUS_ECANCELED && (req->out.status == 0 || req->raised))
        result = errors_settle(req, result);
    finish(req, result == APUS_ECANCELED || task->cancel == APUS_ECANCELED);
    after_response(req);
}

void route_run_abandoned(apus_task *task)
{
    apus_request *req = (apus_request *)(void *)task;
    if (!req->sent) {
        req->out = (response){0};
        if (req->reading)
            response_error_body(req, 413, APUS_STR("{\"detail\":\"Content Too Large\"}"));
        else
            response_error_body(req, 503, APUS_STR("{\"detail\":\"Request needs too much memory\"}"));
        if (req->router->hooks.failed)
            req->router->hooks.failed(req, "the request needs more memory than its limit");
        run_early_clean_ups(req);
        finish(req, task->cancel == APUS_ECANCELED);
    }
    task_run_clean_ups(task, NULL);
}
