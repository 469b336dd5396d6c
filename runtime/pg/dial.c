#include "pg/dial.h"

#include "core/memory.h"
#include "pg/failure.h"
#include "pg/private.h"

#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>

#define ADDRESSES 32
#define LOOKUPS 2 /* at once: while a name server is silent, each keeps a thread of the pool, which offloaded work needs too */
#define LOOKUP_WAIT_FIRST (1 * (uint64_t)PG_MILLISECOND)
#define LOOKUP_WAIT_MOST (100 * (uint64_t)PG_MILLISECOND)
#define TCP_NANOSECONDS 1000000000u /* for an address to answer at all; the rest of the time-out is for the handshake */

/** An address to try: members NULL are libpq's default. */
typedef struct endpoint {
    const char *host, *address, *port;
} endpoint;

/** Name resolution on the thread pool; outlives a dial that gave up. */
typedef struct lookup {
    dial *dial; /* NULL: it gave up */
    const pg_host *hosts;
    size_t host_count, count;
    endpoint found[ADDRESSES];
    char texts[ADDRESSES][NI_MAXHOST];
    char error[256];
} lookup;

struct dial {
    loop *loop;
    const pg_target *target;
    dial_done done;
    void *arg;
    lookup *lookup;
    bool looking_up; /* the thread pool has it */
    uint64_t lookup_wait; /* for a turn at the thread pool */
    size_t next;     /* address to try */
    PGconn *pg;
    loop_watch *watch;
    bool wants_write;
    uint64_t answer_by, end_by;
    loop_timer timer;
    char error[256];
};

static void try_next(dial *d);

static bool needs_lookup(const pg_host *host)
{
    return host->name && !host->address && *host->name != '/' && *host->name != '@';
}

static void add_endpoint(lookup *k, const char *host, const char *address, const char *port)
{
    if (k->count < ADDRESSES)
        k->found[k->count++] = (endpoint){host, address, port};
}

static void look_up_host(lookup *k, const pg_host *host)
{
    static const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int failed = getaddrinfo(host->name, NULL, &hints, &found);
    if (failed) {
        snprintf(k->error, sizeof k->error, "cannot resolve \"%s\": %s", host->name, gai_strerror(failed));
        return;
    }
    for (const struct addrinfo *a = found; a && k->count < ADDRESSES; a = a->ai_next)
        if (getnameinfo(a->ai_addr, a->ai_addrlen, k->texts[k->count], NI_MAXHOST, NULL, 0, NI_NUMERICHOST) == 0)
            add_endpoint(k, host->name, k->texts[k->count], host->port);
    freeaddrinfo(found);
}

static int look_up(void *arg)
{
    lookup *k = arg;
    for (size_t i = 0; i < k->host_count; i++)
        if (needs_lookup(&k->hosts[i]))
            look_up_host(k, &k->hosts[i]);
        else
            add_endpoint(k, k->hosts[i].name, k->hosts[i].address, k->hosts[i].port);
    return 0;
}

static void dial_free(dial *d)
{
    loop_timer_stop(d->loop, &d->timer);
    if (d->watch)
        loop_watch_close(d->watch);
    if (d->pg)
        PQfinish(d->pg);
    if (d->looking_up)
        d->lookup->dial = NULL;
    else
        memory_free(d->lookup);
    memory_free(d);
}

static _Atomic int lookups; /* under way */

static void looked_up(void *arg, int result)
{
    (void)result;
    lookup *k = arg;
    dial *d = k->dial;
    atomic_fetch_sub(&lookups, 1);
    if (!d) {
        memory_free(k);
        return;
    }
    d->looking_up = false;
    snprintf(d->error, sizeof d->error, "%s", k->error);
    try_next(d);
}

static void stop_attempt(dial *d)
{
    if (d->watch)
        loop_watch_close(d->watch);
    d->watch = NULL;
    if (d->pg)
        PQfinish(d->pg);
    d->pg = NULL;
}

/* What PgBouncer says of the session settings that a connection brings. */
#define BOUNCERS_REFUSAL "unsupported startup parameter"

/* The first line has the address and the reason; what follows are hints. */
static void keep_error(dial *d, bool no_memory)
{
    failure_first_line(no_memory ? "no memory for a connection" : PQerrorMessage(d->pg), d->error, sizeof d->error);
    size_t length = strlen(d->error);
    if (!length)
        snprintf(d->error, sizeof d->error, "the connection failed");
    else if (strstr(d->error, BOUNCERS_REFUSAL))
        snprintf(d->error + length, sizeof d->error - length, " (behind PgBouncer: set DB_PREPARE=off)");
}

static void succeed(dial *d)
{
    PGconn *pg = d->pg;
    dial_done done = d->done;
    void *arg = d->arg;
    d->pg = NULL;
    dial_free(d);
    done(arg, pg, NULL);
}

static void fail(dial *d)
{
    char error[sizeof d->error];
    dial_done done = d->done;
    void *arg = d->arg;
    snprintf(error, sizeof error, "%s", *d->error ? d->error : "no address to connect to");
    dial_free(d);
    done(arg, NULL, error);
}

static void watch_again(dial *d, PostgresPollingStatusType wants);

static void poll_on(dial *d)
{
    loop_watch_close(d->watch);
    d->watch = NULL;
    watch_again(d, PQconnectPoll(d->pg));
}

static void readable(void *arg)
{
    dial *d = arg;
    if (!d->wants_write)
        poll_on(d);
}

static void writable(void *arg)
{
    dial *d = arg;
    if (d->wants_write)
        poll_on(d);
}

/* The socket may be another one after each step: it is watched anew. */
static void watch_again(dial *d, PostgresPollingStatusType wants)
{
    if (wants == PGRES_POLLING_OK) {
        succeed(d);
        return;
    }
    if (wants != PGRES_POLLING_FAILED && PQsocket(d->pg) >= 0)
        d->watch = loop_watch_open(d->loop, PQsocket(d->pg), readable, writable, d);
    if (!d->watch) {
        keep_error(d, wants != PGRES_POLLING_FAILED);
        stop_attempt(d);
        try_next(d);
        return;
    }
    d->wants_write = wants == PGRES_POLLING_WRITING;
    if (d->wants_write)
        loop_watch_want_write(d->watch);
}

static PGconn *start(const pg_target *t, const endpoint *e)
{
    const char *keywords[PG_PARAMETERS + 4], *values[PG_PARAMETERS + 4];
    const struct {
        const char *keyword, *value;
    } place[] = {{"host", e->host}, {"hostaddr", e->address}, {"port", e->port}};
    size_t n = t->count;
    memcpy(keywords, t->keywords, n * sizeof *keywords);
    memcpy(values, t->values, n * sizeof *values);
    for (size_t i = 0; i < sizeof place / sizeof *place; i++)
        if (place[i].value) {
            keywords[n] = place[i].keyword;
            values[n++] = place[i].value;
        }
    keywords[n] = values[n] = NULL;
    return PQconnectStartParams(keywords, values, 0);
}

static void timed_out(loop_timer *timer);

static void arm(dial *d)
{
    bool answered = PQstatus(d->pg) != CONNECTION_STARTED;
    loop_timer_start(d->loop, &d->timer, answered ? d->end_by : d->answer_by, timed_out);
}

static void timed_out(loop_timer *timer)
{
    dial *d = containing(dial, timer, timer);
    uint64_t now = clock_monotonic();
    if (now < d->end_by && PQstatus(d->pg) != CONNECTION_STARTED) {
        arm(d);
        return;
    }
    const endpoint *e = &d->lookup->found[d->next - 1];
    const char *place = e->host ? e->host : e->address ? e->address : "the default host";
    snprintf(d->error, sizeof d->error, "connection to \"%s\", port %s timed out", place, e->port ? e->port : "5432");
    stop_attempt(d);
    try_next(d);
}

static void try_next(dial *d)
{
    if (d->next == d->lookup->count) {
        fail(d);
        return;
    }
    const endpoint *e = &d->lookup->found[d->next++];
    uint64_t now = clock_monotonic();
    d->end_by = now + clock_nanoseconds(d->target->connect_timeout);
    d->answer_by = now + TCP_NANOSECONDS < d->end_by ? now + TCP_NANOSECONDS : d->end_by;
    d->pg = start(d->target, e);
    if (!d->pg) {
        fail(d);
        return;
    }
    if (PQstatus(d->pg) == CONNECTION_BAD) {
        keep_error(d, false);
        stop_attempt(d);
        try_next(d);
        return;
    }
    arm(d);
    watch_again(d, PGRES_POLLING_WRITING);
}

/* Without names to look up, the first attempt starts from a timer of now: `done` is never called inside of dial_start. */
static void begin(loop_timer *timer)
{
    dial *d = containing(dial, timer, timer);
    try_next(d);
}

static bool has_names(const pg_target *target)
{
    for (size_t i = 0; i < target->host_count; i++)
        if (needs_lookup(&target->hosts[i]))
            return true;
    return false;
}

static bool start_lookup(dial *d)
{
    d->looking_up = true;
    if (loop_offload(d->loop, look_up, looked_up, d->lookup) == 0)
        return true;
    d->looking_up = false;
    atomic_fetch_sub(&lookups, 1);
    return false;
}

static void take_turn(loop_timer *timer)
{
    dial *d = containing(dial, timer, timer);
    if (atomic_fetch_add(&lookups, 1) >= LOOKUPS) {
        atomic_fetch_sub(&lookups, 1);
        d->lookup_wait = d->lookup_wait * 2 < LOOKUP_WAIT_MOST ? d->lookup_wait * 2 : LOOKUP_WAIT_MOST;
        loop_timer_start(d->loop, timer, clock_monotonic() + d->lookup_wait, take_turn);
    } else if (!start_lookup(d)) {
        snprintf(d->error, sizeof d->error, "no memory for a connection");
        fail(d);
    }
}

dial *dial_start(loop *l, const pg_target *target, dial_done done, void *arg)
{
    dial *d = memory_alloc(sizeof *d);
    lookup *k = memory_alloc(sizeof *k);
    if (!d || !k) {
        memory_free(d);
        memory_free(k);
        return NULL;
    }
    *d = (dial){.loop = l, .target = target, .done = done, .arg = arg, .lookup = k};
    k->dial = d;
    k->hosts = target->hosts;
    k->host_count = target->host_count;
    k->count = 0;
    k->error[0] = '\0';
    d->lookup_wait = LOOKUP_WAIT_FIRST / 2;
    bool named = has_names(target);
    if (!named)
        look_up(k);
    loop_timer_start(l, &d->timer, clock_monotonic(), named ? take_turn : begin);
    atomic_fetch_add_explicit(&pg_counts.dials, 1, memory_order_relaxed);
    return d;
}

void dial_cancel(dial *d)
{
    dial_free(d);
}
