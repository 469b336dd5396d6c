#include "pg/listen.h"

#include "pg/circuit.h"

#include "core/log.h"
#include "core/memory.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#define WORKERS 1024
#define RETRY_FIRST (100 * (uint64_t)PG_MILLISECOND)
#define RETRY_MOST ((uint64_t)PG_SECOND)

/** A channel that a worker wants. */
typedef struct channel {
    struct channel *next;
    unsigned workers;
    bool listened; /* on the connection as it is now */
    char name[64];
} channel;

/* What the lock guards; posts are made under it too, so that no worker leaves meanwhile. */
static struct {
    pthread_mutex_t lock;
    channel *channels;
    pg_pool *workers[WORKERS];
    size_t worker_count;
    pg_pool *owner;
} hub = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* The owner's, touched on its loop alone. */
static struct {
    pg_pool *pool;
    dial *dial;
    PGconn *pg;
    int socket; /* a copy of libpq's, which libpq cannot close */
    loop_watch *watch;
    loop_timer retry;
    permit permit;
    unsigned failures;
    bool commanding;
} line = {.socket = -1};

static void dial_line(void);

static void close_line(void)
{
    loop_timer_stop(line.pool->loop, &line.retry);
    if (line.dial)
        dial_cancel(line.dial);
    if (line.watch)
        loop_watch_close(line.watch);
    if (line.socket >= 0)
        close(line.socket);
    PQfinish(line.pg);
    permit_return(line.permit, NULL);
    line.dial = NULL;
    line.watch = NULL;
    line.socket = -1;
    line.pg = NULL;
    line.permit = PERMIT_NONE;
    line.commanding = false;
}

static void retry(loop_timer *timer)
{
    (void)timer;
    dial_line();
}

static void retry_later(const char *why)
{
    uint64_t delay = RETRY_FIRST << (line.failures < 8 ? line.failures : 8);
    delay = delay < RETRY_MOST ? delay : RETRY_MOST;
    if (!line.failures++)
        log_printf(LOG_WARNING, "Postgres: LISTEN waits for a connection: %s", why);
    close_line();
    loop_timer_start(line.pool->loop, &line.retry, clock_monotonic() + delay - random_below((uint32_t)(delay / 5)), retry);
}

static void append_quoted(buffer *sql, const char *verb, const char *name)
{
    buffer_printf(sql, "%s \"", verb);
    for (; *name; name++) {
        if (*name == '"')
            buffer_append_char(sql, '"');
        buffer_append_char(sql, *name);
    }
    buffer_append(sql, "\";", 2);
}

/* LISTEN and UNLISTEN for what changed, as one query; channels that nobody wants any more go. Under the lock. */
static void write_changes(buffer *sql)
{
    for (channel **link = &hub.channels; *link;) {
        channel *c = *link;
        if (!c->workers && c->listened)
            append_quoted(sql, "unlisten", c->name);
        else if (c->workers && !c->listened)
            append_quoted(sql, "listen", c->name);
        c->listened = c->workers > 0;
        if (c->workers) {
            link = &c->next;
        } else {
            *link = c->next;
            memory_free(c);
        }
    }
}

static void command(void)
{
    buffer sql;
    if (!line.pg || line.commanding)
        return;
    buffer_init(&sql, NULL, 0, LIMIT_PG_RESULT);
    pthread_mutex_lock(&hub.lock);
    write_changes(&sql);
    pthread_mutex_unlock(&hub.lock);
    buffer_append_char(&sql, '\0');
    line.commanding = !sql.failed && sql.len > 1;
    if (sql.failed || (line.commanding && (!PQsendQuery(line.pg, sql.ptr) || PQflush(line.pg) < 0)))
        retry_later(sql.failed ? "no memory" : PQerrorMessage(line.pg));
    buffer_free(&sql);
}

static void fan_out(const PGnotify *n)
{
    size_t channel_length = strlen(n->relname), payload_length = strlen(n->extra);
    pthread_mutex_lock(&hub.lock);
    for (size_t i = 0; i < hub.worker_count; i++) {
        notification *copy = memory_alloc(sizeof *copy + channel_length + payload_length + 1);
        if (!copy)
            continue;
        *copy = (notification){.channel_length = channel_length, .payload_length = payload_length};
        memcpy(copy->text, n->relname, channel_length);
        memcpy(copy->text + channel_length, n->extra, payload_length + 1);
        if (loop_post(hub.workers[i]->loop, events_deliver, copy) < 0)
            memory_free(copy);
    }
    pthread_mutex_unlock(&hub.lock);
}

/* false when the line must be made anew. */
static bool take_results(void)
{
    while (line.commanding && !PQisBusy(line.pg)) {
        PGresult *r = PQgetResult(line.pg);
        bool failed = r && PQresultStatus(r) != PGRES_COMMAND_OK;
        line.commanding = r;
        PQclear(r);
        if (failed)
            return false;
    }
    for (PGnotify *n; (n = PQnotifies(line.pg)); PQfreemem(n))
        fan_out(n);
    return true;
}

static void readable(void *arg)
{
    (void)arg;
    bool alive = PQconsumeInput(line.pg);
    if (!take_results() || !alive) {
        char why[256];
        failure_first_line(PQerrorMessage(line.pg), why, sizeof why);
        retry_later(why);
        return;
    }
    if (!line.commanding)
        line.failures = 0;
    command();
}

static void writable(void *arg)
{
    (void)arg;
    if (PQflush(line.pg) > 0)
        loop_watch_want_write(line.watch);
}

/* A new connection listens to nothing yet. */
static void dialed(void *arg, PGconn *pg, const char *error)
{
    (void)arg;
    line.dial = NULL;
    if (!pg) {
        retry_later(error);
        return;
    }
    line.pg = pg;
    line.socket = fcntl(PQsocket(pg), F_DUPFD_CLOEXEC, 0);
    if (line.socket >= 0)
        line.watch = loop_watch_open(line.pool->loop, line.socket, readable, writable, NULL);
    if (!line.watch || PQsetnonblocking(pg, 1) != 0) {
        retry_later("no memory");
        return;
    }
    pthread_mutex_lock(&hub.lock);
    for (channel *c = hub.channels; c; c = c->next)
        c->listened = false;
    pthread_mutex_unlock(&hub.lock);
    command();
}

/* While the database is out of reach, the pools' probe is the one that tries. */
static void dial_line(void)
{
    if (circuit_open()) {
        loop_timer_start(line.pool->loop, &line.retry, clock_monotonic() + RETRY_FIRST, retry);
        return;
    }
    line.permit = permit_take_side();
    line.dial = line.permit == PERMIT_NONE ? NULL : dial_start(line.pool->loop, &pg_direct_target, dialed, NULL);
    if (!line.dial)
        retry_later(line.permit == PERMIT_NONE ? "every connection of DB_POOL_MAX is in use" : "no memory");
}

/* On the owner's loop: something changed, or it became the owner. */
static void attend(void *unused)
{
    (void)unused;
    pg_pool *p = pool_current();
    pthread_mutex_lock(&hub.lock);
    bool mine = p && hub.owner == p;
    pthread_mutex_unlock(&hub.lock);
    if (!mine)
        return;
    if (line.pool == p) {
        command();
        return;
    }
    line.pool = p;
    line.failures = 0;
    dial_line();
}

static channel *find_channel(apus_str name)
{
    channel *c = hub.channels;
    while (c && !apus_str_is(name, c->name))
        c = c->next;
    return c;
}

static channel *make_channel(apus_str name)
{
    channel *c = memory_alloc(sizeof *c);
    if (!c)
        return NULL;
    *c = (channel){.next = hub.channels};
    memcpy(c->name, name.ptr, name.len);
    hub.channels = c;
    return c;
}

static bool know_worker(pg_pool *p)
{
    for (size_t i = 0; i < hub.worker_count; i++)
        if (hub.workers[i] == p)
            return true;
    if (hub.worker_count == WORKERS)
        return false;
    hub.workers[hub.worker_count++] = p;
    return true;
}

bool listen_join(pg_pool *p, apus_str name)
{
    pthread_mutex_lock(&hub.lock);
    channel *c = find_channel(name);
    c = c || !know_worker(p) ? c : make_channel(name);
    bool joined = c && know_worker(p);
    if (joined) {
        c->workers++;
        hub.owner = hub.owner ? hub.owner : p;
        loop_post(hub.owner->loop, attend, NULL);
    }
    pthread_mutex_unlock(&hub.lock);
    return joined;
}

void listen_leave(pg_pool *p, apus_str name)
{
    (void)p;
    pthread_mutex_lock(&hub.lock);
    channel *c = find_channel(name);
    if (c && c->workers && --c->workers == 0 && hub.owner)
        loop_post(hub.owner->loop, attend, NULL);
    pthread_mutex_unlock(&hub.lock);
}

static void remove_worker(const pg_pool *p)
{
    for (size_t i = 0; i < hub.worker_count; i++)
        if (hub.workers[i] == p)
            hub.workers[i] = hub.workers[--hub.worker_count];
}

void listen_pool_closes(pg_pool *p)
{
    pthread_mutex_lock(&hub.lock);
    bool mine = hub.owner == p;
    remove_worker(p);
    pthread_mutex_unlock(&hub.lock);
    if (!mine)
        return;
    if (line.pool == p)
        close_line();
    line.pool = NULL;
    pthread_mutex_lock(&hub.lock);
    hub.owner = hub.worker_count ? hub.workers[0] : NULL;
    if (hub.owner)
        loop_post(hub.owner->loop, attend, NULL);
    pthread_mutex_unlock(&hub.lock);
}
