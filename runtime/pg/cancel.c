/* Asking Postgres to end what runs on a connection: off the loop, or (libpq 17) without blocking. */
#include "pg/private.h"

#include "core/memory.h"

static void ended(cancel_job *job);

#ifdef LIBPQ_HAS_ASYNC_CANCEL

struct cancel_job {
    connection *connection; /* NULL: it went */
    loop *loop;
    PGcancelConn *cancel;
    loop_watch *watch;
    loop_timer timer;
    bool wants_write;
};

static void step(cancel_job *job);

static void readable(void *arg)
{
    cancel_job *job = arg;
    if (!job->wants_write)
        step(job);
}

static void writable(void *arg)
{
    cancel_job *job = arg;
    if (job->wants_write)
        step(job);
}

static void step(cancel_job *job)
{
    if (job->watch)
        loop_watch_close(job->watch);
    job->watch = NULL;
    PostgresPollingStatusType wants = PQcancelPoll(job->cancel);
    if ((wants == PGRES_POLLING_READING || wants == PGRES_POLLING_WRITING) && PQcancelSocket(job->cancel) >= 0)
        job->watch = loop_watch_open(job->loop, PQcancelSocket(job->cancel), readable, writable, job);
    job->wants_write = wants == PGRES_POLLING_WRITING;
    if (!job->watch)
        ended(job);
    else if (job->wants_write)
        loop_watch_want_write(job->watch);
}

static void timed_out(loop_timer *timer)
{
    ended(containing(cancel_job, timer, timer));
}

static void begin(loop_timer *timer)
{
    cancel_job *job = containing(cancel_job, timer, timer);
    loop_timer_start(job->loop, &job->timer, clock_monotonic() + PG_SETTLE_TIME, timed_out);
    step(job);
}

static bool launch(cancel_job *job)
{
    job->cancel = PQcancelCreate(job->connection->pg);
    if (!job->cancel || !PQcancelStart(job->cancel)) {
        PQcancelFinish(job->cancel);
        return false;
    }
    loop_timer_start(job->loop, &job->timer, clock_monotonic(), begin);
    return true;
}

static void release(cancel_job *job)
{
    loop_timer_stop(job->loop, &job->timer);
    if (job->watch)
        loop_watch_close(job->watch);
    PQcancelFinish(job->cancel);
}

void cancel_forget(connection *c)
{
    if (!c->cancel)
        return;
    cancel_job *job = c->cancel;
    c->cancel = NULL;
    job->connection = NULL;
    ended(job);
}

#else

struct cancel_job {
    connection *connection; /* NULL: it went */
    loop *loop;
    PGcancel *cancel;
};

static _Atomic int under_way;

static int ask(void *arg)
{
    cancel_job *job = arg;
    char error[256];
    return PQcancel(job->cancel, error, sizeof error) ? 0 : APUS_EIO;
}

static void asked(void *arg, int result)
{
    (void)result;
    ended(arg);
}

/* An address that does not answer keeps a thread of the pool for seconds: never all of them. */
static bool launch(cancel_job *job)
{
    if (atomic_fetch_add(&under_way, 1) >= PG_CANCELS_MAX) {
        atomic_fetch_sub(&under_way, 1);
        return false;
    }
    job->cancel = PQgetCancel(job->connection->pg);
    if (job->cancel && loop_offload(job->loop, ask, asked, job) == 0)
        return true;
    PQfreeCancel(job->cancel);
    atomic_fetch_sub(&under_way, 1);
    return false;
}

static void release(cancel_job *job)
{
    PQfreeCancel(job->cancel);
    atomic_fetch_sub(&under_way, 1);
}

void cancel_forget(connection *c)
{
    if (c->cancel)
        c->cancel->connection = NULL;
    c->cancel = NULL;
}

#endif

static void ended(cancel_job *job)
{
    connection *c = job->connection;
    release(job);
    memory_free(job);
    if (!c)
        return;
    pg_pool *p = c->pool;
    c->cancel = NULL;
    connection_judge(c);
    pool_wake(p);
}

void cancel_start(connection *c)
{
    if (c->unflushed)
        connection_flush(c);
    c->cancel_at = clock_monotonic() + PG_CANCEL_AGAIN;
    cancel_job *job = memory_alloc(sizeof *job);
    if (!job)
        return;
    *job = (cancel_job){.connection = c, .loop = c->pool->loop};
    if (launch(job))
        c->cancel = job;
    else
        memory_free(job);
}
