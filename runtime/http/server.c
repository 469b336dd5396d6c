/* A worker's server: its life, and the sweep that looks after time. */
#include "http/private.h"

#include "core/memory.h"
#include "fiber/sanitizers.h"

#include <stdio.h>
#include <sys/random.h>

#define SWEEP_NANOSECONDS 250000000u
#define STOPPING_SWEEP_NANOSECONDS 20000000u
#define FIRST_REQUEST_NANOSECONDS 1000000000u /* a connection that was accepted while stopping has so long to say something */
#define LAST_BYTES_NANOSECONDS 5000000000u
#define CLOSING_NANOSECONDS 1000000000u
#define CLOSING_TICK_NANOSECONDS 1000000u

/*
 * h2o's own time-outs go by the wall clock, which may jump, and are one for all phases of a request: ours are kept by the sweep.
 * (h2o subtracts them from the time since 1970: "never" must be less than that.)
 */
#define NEVER_MILLISECONDS (366ull * 86400 * 1000)

http_stats http_counts;

#if WITH_ASAN
/* What libh2o keeps for each thread, and does not give back when the thread ends. */
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:h2o_mem_alloc_recycle\nleak:h2o_multithread_create_queue\n";
}
#endif

/* ---- the sweep */

static void time_out(connection *c)
{
    atomic_fetch_add_explicit(&http_counts.timeouts, 1, memory_order_relaxed);
    if (c->state == CONNECTION_HEAD || c->state == CONNECTION_BODY)
        http_connection_refuse(c, &refusal_timeout);
    else if (c->state == CONNECTION_IDLE)
        http_connection_close_idle(c);
    else
        http_connection_kill(c);
}

/* Calls `end` for those of a list that have been in their state for longer than `limit`. */
static void sweep_list(http_server *s, connection_state state, uint64_t limit, void (*end)(connection *c))
{
    for (connection *c = s->lists[state].first, *next; c && s->loop->now - c->since > limit; c = next) {
        next = c->next;
        end(c);
    }
}

static void sweep_bodies(http_server *s)
{
    for (connection *c = s->lists[CONNECTION_BODY].first, *next; c; c = next) {
        next = c->next;
        if (s->loop->now > c->body_until)
            time_out(c);
    }
}

static bool is_past_write_timeout(const exchange *x)
{
    uint64_t limit = clock_nanoseconds(http_options.write_timeout) + transfer_time(x->sent_length);
    return x->sent_at && x->server->loop->now - x->sent_at > limit;
}

/* Streams share their connection: one whose answer is not taken (a window of 0) ends it. */
static void sweep_streams(http_server *s)
{
    for (exchange *x = http_options.http2 ? s->exchanges : NULL; x; x = x->next)
        if (x->h2o && x->h2o->version >= 0x200 && !x->connection->doomed && is_past_write_timeout(x)) {
            x->connection->doomed = true;
            time_out(x->connection);
        }
}

static void sweep_busy(http_server *s)
{
    for (connection *c = s->lists[CONNECTION_BUSY].first, *next; c; c = next) {
        next = c->next;
        exchange *x = c->exchange;
        if (!x)
            continue;
        if (is_past_write_timeout(x))
            time_out(c);
        else if (!x->sent_at && !x->cancelled && c->unread && http_connection_is_gone(c))
            exchange_cancel(x, APUS_ECANCELED);
    }
}

/* Idle ones go at once, new ones when they have had the time to say something. */
static void sweep_idle_while_stopping(http_server *s)
{
    for (connection *c = s->lists[CONNECTION_IDLE].first, *next; c; c = next) {
        next = c->next;
        if (c->served || s->loop->now - c->since > FIRST_REQUEST_NANOSECONDS)
            http_connection_close_idle(c);
    }
}

/* When the sweep is needed next; 0: not before something begins. */
static uint64_t next_sweep(const http_server *s)
{
    const connection_list *idle = &s->lists[CONNECTION_IDLE];
    uint64_t soon = s->loop->now + (s->stopping ? STOPPING_SWEEP_NANOSECONDS : SWEEP_NANOSECONDS);
    if (s->connections > idle->count || s->lingerers || (s->stopping && s->connections))
        return soon;
    if (!idle->first)
        return 0;
    uint64_t expiry = idle->first->since + clock_nanoseconds(http_options.keep_alive_timeout) + 1;
    return expiry > soon ? expiry : soon;
}

static void sweep(loop_timer *timer)
{
    http_server *s = H2O_STRUCT_FROM_MEMBER(http_server, sweep, timer);
    uint64_t head_limit = clock_nanoseconds(http_options.header_timeout);
    sweep_list(s, CONNECTION_HANDSHAKE, head_limit, time_out);
    sweep_list(s, CONNECTION_HEAD, head_limit, time_out);
    sweep_list(s, CONNECTION_CLOSING, LAST_BYTES_NANOSECONDS, http_connection_kill);
    sweep_list(s, CONNECTION_IDLE, clock_nanoseconds(http_options.keep_alive_timeout), http_connection_close_idle);
    sweep_bodies(s);
    sweep_busy(s);
    sweep_streams(s);
    if (s->stopping)
        sweep_idle_while_stopping(s);
    linger_sweep(s, false);
    uint64_t next = next_sweep(s);
    if (next)
        loop_timer_start(s->loop, &s->sweep, next, sweep);
}

void server_sweep_soon(http_server *s)
{
    uint64_t soon = s->loop->now + SWEEP_NANOSECONDS;
    if (!s->sweep.at || s->sweep.at > soon)
        loop_timer_start(s->loop, &s->sweep, soon, sweep);
}

/* ---- the end of a turn */

/* The gauge is process-wide: told once a turn, and only of what the turn has left. */
void server_count_in_flight(http_server *s, int change)
{
    s->in_flight += change;
    loop_defer(s->loop, &s->turn_end);
}

static void at_turn_end(loop_deferred *deferred)
{
    http_server *s = H2O_STRUCT_FROM_MEMBER(http_server, turn_end, deferred);
    http_connection_hook_all(s);
    if (s->in_flight != s->in_flight_told && !s->admin) {
        atomic_fetch_add_explicit(&http_counts.in_flight, (uint64_t)(s->in_flight - s->in_flight_told), memory_order_relaxed);
        s->in_flight_told = s->in_flight;
    }
}

/* ---- life */

uint32_t server_random(void)
{
    uint32_t number;
    return getrandom(&number, sizeof number, 0) == sizeof number ? number : (uint32_t)clock_monotonic();
}

static size_t largest_body(const router *r)
{
    size_t largest = r->max_body;
    for (size_t i = 0; i < r->count; i++)
        if (r->operations[i].max_body > largest)
            largest = r->operations[i].max_body;
    return largest;
}

static void configure(http_server *s)
{
    h2o_globalconf_t *config = &s->config;
    h2o_config_init(config);
    config->server_name = (h2o_iovec_t){NULL, 0};
    /* Past a route's limit a body in chunks is cut off by us; h2o's own limit is for those that it reads unseen. */
    config->max_request_entity_size = s->largest_body + 1;
    config->http1.req_timeout = NEVER_MILLISECONDS;
    config->http1.upgrade_to_http2 = http_options.http2 && !s->admin;
    config->http2.idle_timeout = NEVER_MILLISECONDS;
    config->http2.max_concurrent_requests_per_connection = HTTP2_STREAMS;
    h2o_hostconf_t *host = h2o_config_register_host(config, h2o_iovec_init(H2O_STRLIT("default")), 65535);
    h2o_pathconf_t *all = h2o_config_register_path(host, "/", 0);
    h2o_create_handler(all, sizeof(h2o_handler_t))->on_req = exchange_on_request;
    h2o_create_logger(all, sizeof(h2o_logger_t))->log_access = exchange_on_dispose;
    answer_register_filter(&host->fallback_path);
}

http_server *http_server_open(loop *l, const router *r, const http_listener *listeners, size_t count, char *error, size_t error_size)
{
    http_server *s = count <= HTTP_LISTENERS ? memory_alloc(sizeof *s) : NULL;
    if (!s) {
        snprintf(error, error_size, count > HTTP_LISTENERS ? "more than %d listening sockets" : "no memory for a server",
                 HTTP_LISTENERS);
        return NULL;
    }
    memset(s, 0, sizeof *s);
    s->loop = l;
    s->router = r;
    s->largest_body = largest_body(r);
    s->turn_end.run = at_turn_end;
    s->admin = count && listeners[0].admin;
    s->listener_count = count;
    for (size_t i = 0; i < count; i++)
        s->listeners[i].of = listeners[i];
    configure(s);
    h2o_context_init(&s->context, l->h2o, &s->config);
    s->accept = (h2o_accept_ctx_t){.ctx = &s->context, .hosts = s->config.hosts};
    if (!write_learn(s)) {
        snprintf(error, error_size, "too few descriptors for a server");
        return NULL; /* the start fails: what was made ends with the process */
    }
    accept_start(s);
    return s;
}

void http_server_accept(http_server *s)
{
    s->draining = false;
    accept_release(s);
}

void http_server_hold(http_server *s)
{
    s->draining = true;
    accept_hold(s);
    for (connection *c = s->lists[CONNECTION_IDLE].first, *next; c; c = next) {
        next = c->next;
        http_connection_close_idle(c);
    }
}

void http_server_drain(http_server *s)
{
    s->draining = true;
    accept_stop_inherited(s);
}

void http_server_stop_accepting(http_server *s)
{
    s->draining = s->stopping = true;
    accept_stop(s);
    sweep_idle_while_stopping(s);
    loop_timer_start(s->loop, &s->sweep, clock_monotonic() + STOPPING_SWEEP_NANOSECONDS, sweep);
}

/* Requests whose connection has gone or has its answer, and whose background tasks or clean-ups still run. */
static size_t running_behind(const http_server *s)
{
    size_t count = 0;
    for (const exchange *x = s->exchanges; x; x = x->next)
        count += !x->h2o;
    return count;
}

size_t http_server_busy(const http_server *s)
{
    size_t idle = s->stopping ? 0 : s->lists[CONNECTION_IDLE].count;
    return s->connections - idle + s->lingerer_count + running_behind(s) + s->closing;
}

/* Each cancelled request may end others: the list is begun anew after each. */
static void cancel_requests(http_server *s)
{
    for (exchange *x; (x = s->exchanges);) {
        while (x && x->cancelled)
            x = x->next;
        if (!x)
            return;
        exchange_cancel(x, APUS_ETIMEDOUT);
    }
}

void http_server_cancel(http_server *s)
{
    cancel_requests(s);
    for (connection_state state = CONNECTION_HEAD; state <= CONNECTION_BODY; state++)
        for (connection *c = s->lists[state].first, *next; c; c = next) {
            next = c->next;
            http_connection_refuse(c, &refusal_closing);
        }
}

/* ---- closing */

typedef struct closing {
    loop_timer timer;
    http_server *server;
    uint64_t until;
} closing;

static void closing_tick(loop_timer *timer)
{
    closing *c = H2O_STRUCT_FROM_MEMBER(closing, timer, timer);
    http_server *s = c->server;
    if ((s->connections == 0 && !s->exchanges) || s->loop->now > c->until)
        loop_stop(s->loop);
    else
        loop_timer_start(s->loop, timer, clock_monotonic() + CLOSING_TICK_NANOSECONDS, closing_tick);
}

static void kill_all(http_server *s)
{
    for (int state = 0; state < CONNECTION_STATES; state++)
        for (connection *c = s->lists[state].first, *next; c; c = next) {
            next = c->next;
            http_connection_kill(c);
        }
}

/* What is still open is shut down, and the loop turns until h2o has seen that. */
static void close_connections(http_server *s)
{
    closing c = {.server = s, .until = clock_monotonic() + CLOSING_NANOSECONDS};
    s->draining = true;
    cancel_requests(s);
    kill_all(s);
    linger_sweep(s, true);
    loop_timer_start(s->loop, &c.timer, clock_monotonic(), closing_tick);
    loop_run(s->loop);
    linger_sweep(s, true);
}

void http_server_close(http_server *s)
{
    s->stopping = true;
    accept_end(s);
    close_connections(s);
    loop_timer_stop(s->loop, &s->sweep);
    if (s->connections || s->exchanges)
        return; /* work that cannot be cancelled still uses them: they end with the process */
    h2o_context_dispose(&s->context);
    h2o_config_dispose(&s->config);
    memory_free(s);
}
