/* A request and its response: from h2o's request to a fiber in route_run, and from the route's response back to h2o. */
#include "http/private.h"

#include "route/text.h"

#define RUNS 16 /* on a fresh fiber after the memory was out: one for each clean-up that takes too much again */

static void exchange_send(apus_request *req);
static const transport exchange_transport = {exchange_send};

static exchange *exchange_of(apus_task *task)
{
    return (exchange *)(void *)task;
}

/* ---- beginning */

/* Eight hex digits: each nibble of the number into a byte of its own, then all eight bytes to digits at once. */
static void write_hex(char out[8], uint32_t number)
{
    uint64_t x = __builtin_bswap32(number);
    x = ((x & 0xffff0000u) << 16) | (x & 0xffffu);
    x = ((x & 0x0000ff000000ff00u) << 8) | (x & 0x000000ff000000ffu);
    x = ((x & 0x000f000f000f000fu) << 8) | ((x >> 4) & 0x000f000f000f000fu);
    uint64_t letters = ((x + 0x0606060606060606u) >> 4) & 0x0101010101010101u;
    x += 0x3030303030303030u + letters * ('a' - '0' - 10);
    memcpy(out, &x, 8);
}

static bool is_sane_id(apus_str id)
{
    if (id.len == 0 || id.len > 128)
        return false;
    for (size_t i = 0; i < id.len; i++) {
        char c = id.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && (c == '\0' || !strchr("-_.:+/=@", c)))
            return false;
    }
    return true;
}

/* Ids must differ, not be secret: the server's random beginning, then a count. */
static void set_request_id(exchange *x, const http_field *given)
{
    http_server *s = x->server;
    if (given && is_sane_id(given->value)) {
        x->request.request_id = given->value;
        return;
    }
    if (s->requests++ % UINT32_MAX == 0)
        for (size_t i = 0; i < sizeof s->id_begin; i += 8)
            write_hex(s->id_begin + i, server_random());
    memcpy(x->id, s->id_begin, sizeof s->id_begin);
    write_hex(x->id + sizeof s->id_begin, (uint32_t)s->requests);
    x->request.request_id = (apus_str){x->id, sizeof x->id};
}

static void set_client(exchange *x, const http_head *head)
{
    apus_request *req = &x->request;
    const connection *c = x->connection;
    memcpy(x->peer, c->peer, sizeof x->peer);
    req->peer = req->client = (apus_str){x->peer, c->peer_length};
    req->scheme = c->socket->ssl ? APUS_STR("https") : APUS_STR("http");
    if (!c->trusted)
        return;
    if (head->forwarded_for)
        req->client = trust_client(head->forwarded_for->value, req->peer);
    if (head->forwarded_proto && apus_str_is(head->forwarded_proto->value, "https"))
        req->scheme = APUS_STR("https");
    else if (head->forwarded_proto && apus_str_is(head->forwarded_proto->value, "http"))
        req->scheme = APUS_STR("http");
}

/* Memory that is written at once and wholly. */
static char *take(exchange *x, const void *bytes, size_t size)
{
    char *memory = arena_alloc(&x->memory, size);
    return memory ? memcpy(memory, bytes, size) : memcpy(apus_task_alloc(&x->request.task, size), bytes, size);
}

/* The head's bytes, and the body's, in the request's own memory: h2o's buffer is gone before background tasks have run. */
static void keep_head(exchange *x, http_head *head)
{
    if (x->h2o->version < 0x200) {
        const char *bytes = x->connection->socket->input->bytes;
        head_rebase(head, take(x, bytes, head->length) - bytes);
    } else {
        http2_keep_head(head, &x->request.task);
    }
    x->request.headers = (http_field *)(void *)take(x, head->fields, head->count * sizeof *head->fields);
    x->request.header_count = head->count;
}

/* Most paths say what they mean. */
static bool is_plain(apus_str path)
{
    for (size_t i = 0; i < path.len; i++)
        if (path.ptr[i] == '%' || path.ptr[i] & 0x80)
            return false;
    return true;
}

static void set_path(apus_request *req, apus_str path)
{
    if (path.len == 0)
        req->path = APUS_STR("/");
    else
        req->path = is_plain(path) ? path : text_decode(req, path, false);
}

static void fill(exchange *x, http_head *head)
{
    apus_request *req = &x->request;
    keep_head(x, head);
    req->method = head->method;
    req->target = head->target;
    req->query = head->query;
    req->host = head->authority.len ? head->authority : head->host ? head->host->value : (apus_str){"", 0};
    if (x->h2o->entity.len && !req->body_too_large)
        req->body = (apus_str){take(x, x->h2o->entity.base, x->h2o->entity.len), x->h2o->entity.len};
    set_client(x, head);
    set_request_id(x, head->request_id);
    set_path(req, head->path);
}

static void exchange_refuse(exchange *x, const http_refusal *refusal);

static void exchange_run(apus_task *task)
{
    exchange *x = exchange_of(task);
    fill(x, &x->server->head);
    if (memchr(x->request.path.ptr, '\0', x->request.path.len)) {
        atomic_fetch_add_explicit(&http_counts.bad_requests, 1, memory_order_relaxed);
        report_refusal(x->connection, &x->server->head, &refusal_path);
        exchange_refuse(x, &refusal_path);
        return;
    }
    route_run(task);
}

static exchange *exchange_new(http_server *s, connection *c, h2o_req_t *h2o)
{
    arena memory;
    arena_init(&memory, &s->loop->chunks, LIMIT_REQUEST_MEMORY);
    exchange *x = arena_alloc(&memory, sizeof *x);
    if (!x)
        return NULL;
    memset(x, 0, sizeof *x);
    x->memory = memory;
    x->server = s;
    x->connection = c;
    x->h2o = h2o;
    x->next = s->exchanges;
    if (x->next)
        x->next->previous = x;
    s->exchanges = x;
    apus_request *req = &x->request;
    task_init(&req->task, s->loop, &x->memory);
    req->task.is_request = true;
    req->task.times.start = s->loop->now;
    req->router = s->router;
    req->transport = &exchange_transport;
    req->exchange = x;
    req->draining = s->draining;
    return x;
}

/* ---- end */

static void exchange_unlink(exchange *x)
{
    if (x->next)
        x->next->previous = x->previous;
    if (x->previous)
        x->previous->next = x->next;
    else
        x->server->exchanges = x->next;
}

/* When the fiber has ended and h2o has let go, in whichever order. */
static void exchange_release(exchange *x)
{
    if (x->running || x->h2o)
        return;
    exchange_unlink(x);
    arena memory = x->memory; /* the exchange lies in it */
    arena_reset(&memory);
}

static void exchange_done(apus_task *task)
{
    exchange *x = exchange_of(task);
    x->running = false;
    if (task->out_of_memory && ++x->runs < RUNS && (!x->sent_at || task->clean_ups)) {
        task->out_of_memory = 0;
        x->running = true;
        if (fiber_start(task, route_run_abandoned, exchange_done) == 0)
            return;
        x->running = false;
    }
    if (x->h2o && !x->sent_at)
        exchange_refuse(x, task->out_of_memory ? &refusal_memory : &refusal_internal);
    exchange_release(x);
}

void exchange_cancel(exchange *x, int reason)
{
    x->cancelled = true;
    fiber_cancel(&x->request.task, reason);
}

/* ---- sending */

static bool exchange_begin_answer(exchange *x)
{
    if (!x->h2o || x->sent_at)
        return false;
    x->sent_at = x->server->loop->now;
    server_count_in_flight(x->server, -1);
    if (x->server->draining || x->request.out.close)
        x->h2o->http1_is_persistent = 0;
    return true;
}

static void exchange_refuse(exchange *x, const http_refusal *refusal)
{
    if (exchange_begin_answer(x))
        answer_send(x->h2o, refusal);
}

static void exchange_send(apus_request *req)
{
    exchange *x = req->exchange;
    if (exchange_begin_answer(x))
        exchange_write(x);
}

/* ---- between h2o and exchanges */

void exchange_let_go(exchange *x)
{
    x->h2o = NULL;
    if (!x->sent_at)
        server_count_in_flight(x->server, -1);
    if (!x->running)
        exchange_release(x);
    else if (!x->sent_at)
        exchange_cancel(x, APUS_ECANCELED);
}

void exchange_on_dispose(h2o_logger_t *self, h2o_req_t *h2o)
{
    (void)self;
    if (h2o->version >= 0x200)
        return; /* http2_disposed */
    connection *c = connection_of(h2o->conn->callbacks->get_socket(h2o->conn));
    if (!c)
        return; /* write_learn's */
    exchange *x = c->exchange;
    c->exchange = NULL;
    http_connection_next(c, h2o->http1_is_persistent, h2o->entity.len);
    if (x)
        exchange_let_go(x);
}

/* The head, when it was not judged on its way in: of a stream, of a pipelined request, of one whose body came later. */
static const http_refusal *judge(http_server *s, connection *c, h2o_req_t *h2o)
{
    if (h2o->version >= 0x200)
        return http2_head(&s->head, h2o);
    if (s->fresh == c)
        return NULL;
    const http_refusal *refusal = NULL;
    const h2o_buffer_t *input = c->socket->input;
    head_status status = head_read(&s->head, input->bytes, input->size, (size_t)http_options.max_header, &refusal);
    return status == HEAD_INCOMPLETE ? &refusal_internal : refusal;
}

/* A body past its limit that was not seen coming. In chunks, it is the route that answers, if it wants the body at all. */
static const http_refusal *judge_body(exchange *x, const http_head *head)
{
    size_t length = x->h2o->entity.len;
    if (length == 0 || length <= router_body_limit(x->server->router, head->method, head->path))
        return NULL;
    x->request.body_too_large = !head->has_length;
    return head->has_length ? &refusal_too_large : NULL;
}

static void refuse_unstarted(connection *c, h2o_req_t *h2o, const http_refusal *refusal)
{
    atomic_fetch_add_explicit(&http_counts.bad_requests, 1, memory_order_relaxed);
    c->linger = true;
    report_refusal(c, &c->server->head, refusal);
    answer_send(h2o, refusal);
}

static void exchange_start(exchange *x, const http_refusal *refusal)
{
    http_server *s = x->server;
    server_count_in_flight(s, 1);
    if (!refusal) {
        x->running = true;
        if (fiber_start(&x->request.task, exchange_run, exchange_done) == 0)
            return;
        x->running = false;
        refusal = &refusal_memory;
    }
    report_refusal(x->connection, &s->head, refusal);
    exchange_refuse(x, refusal);
}

int exchange_on_request(h2o_handler_t *self, h2o_req_t *h2o)
{
    (void)self;
    http_server *s = server_of(h2o);
    connection *c = connection_of(h2o->conn->callbacks->get_socket(h2o->conn));
    bool stream = h2o->version >= 0x200;
    if (!c) {
        answer_send(h2o, &refusal_internal); /* write_learn's */
        return 0;
    }
    if (c->doomed)
        return 0; /* never answered: it ends with its connection */
    loop_touch(s->loop);
    if (!stream)
        http_connection_enter(c, CONNECTION_BUSY);
    const http_refusal *refusal = judge(s, c, h2o);
    c->head_length = s->head.length;
    exchange *x = refusal ? NULL : exchange_new(s, c, h2o);
    if (!x) {
        refuse_unstarted(c, h2o, refusal ? refusal : &refusal_memory);
        return 0;
    }
    if (stream)
        http2_begin(x);
    else
        c->exchange = x;
    exchange_start(x, judge_body(x, &s->head));
    if (!stream && !x->sent_at)
        http_connection_park(c);
    return 0;
}
