#define _GNU_SOURCE /* pthread_setname_np */
#include "core/clock.h"
#include "core/log.h"
#include "ops/process.h"

#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#define TICK_NANOSECONDS 1000000000u     /* serving: shows that the loop turns */
#define DRAIN_TICK_NANOSECONDS 5000000u  /* draining: how soon the end of the last request is seen */
#define LAST_NANOSECONDS 5000000000u     /* that a loop is given to end */

/* Shows a heartbeat and, while draining, tells the coordinator how much is left. */
static void worker_tick(loop_timer *timer)
{
    worker *w = (worker *)(void *)((char *)timer - offsetof(worker, tick));
    uint64_t every = TICK_NANOSECONDS;
    if (atomic_load(&w->process->phase) == PHASE_STOPPING) {
        every = DRAIN_TICK_NANOSECONDS;
        atomic_store(&w->busy, http_server_busy(w->server));
        atomic_fetch_add(&w->settled, 1);
        process_wake(w->process);
    }
    loop_timer_start(&w->loop, timer, clock_monotonic() + every, worker_tick);
}

static bool worker_fail(worker *w, const char *words)
{
    snprintf(w->words, sizeof w->words, "%s", words);
    w->failure = w->words;
    return false;
}

/* The sockets of one kind, handed to a server of their own. */
static http_server *worker_serve(worker *w, const router *r, bool admin)
{
    http_listener chosen[PROCESS_LISTENERS];
    size_t count = 0;
    for (size_t i = 0; i < w->process->listener_count; i++)
        if (w->process->listeners[i].admin == admin)
            chosen[count++] = w->process->listeners[i];
    char error[200];
    http_server *server = http_server_open(&w->loop, r, chosen, count, error, sizeof error);
    if (!server)
        worker_fail(w, error);
    return server;
}

static bool worker_open(worker *w)
{
    const char *error = NULL;
    if (loop_open(&w->loop, w->index, &error) < 0)
        return worker_fail(w, error ? error : "cannot make an event loop");
    if (!(w->server = worker_serve(w, w->process->router, false)))
        return false;
    /* One worker answers the admin port: a scrape is rare, and a slow one must not reach the others. */
    bool last = w->index == w->process->worker_count - 1;
    if (last && w->process->admin_router && !(w->admin = worker_serve(w, w->process->admin_router, true)))
        return false;
    if (w->process->app->database && !(w->pool = pg_pool_open(&w->loop)))
        return worker_fail(w, "cannot open the Postgres pool");
    loop_timer_start(&w->loop, &w->tick, clock_monotonic() + TICK_NANOSECONDS, worker_tick);
    return true;
}

static void worker_close(worker *w)
{
    loop_timer_stop(&w->loop, &w->tick);
    if (w->pool)
        pg_pool_close(w->pool);
    if (w->admin)
        http_server_close(w->admin);
    if (w->server)
        http_server_close(w->server);
    loop_close(&w->loop);
}

static void *worker_main(void *arg)
{
    worker *w = arg;
    char name[16];
    snprintf(name, sizeof name, "worker %d", w->index);
    pthread_setname_np(pthread_self(), name);
    bool open = worker_open(w);
    atomic_store(&w->started, true);
    process_wake(w->process);
    if (open) {
        loop_run(&w->loop);
        worker_close(w);
    }
    atomic_store(&w->ended, true);
    process_wake(w->process);
    return NULL;
}

void worker_accept(void *arg)
{
    worker *w = arg;
    http_server_accept(w->server);
    if (w->admin)
        http_server_accept(w->admin);
}

void worker_drain(void *arg)
{
    worker *w = arg;
    http_server_drain(w->server);
    if (w->admin)
        http_server_drain(w->admin);
    if (w->pool)
        pg_pool_drain(w->pool, false);
}

void worker_stop_accepting(void *arg)
{
    worker *w = arg;
    http_server_stop_accepting(w->server);
    if (w->admin)
        http_server_stop_accepting(w->admin);
    loop_timer_start(&w->loop, &w->tick, clock_monotonic(), worker_tick);
}

void worker_cancel(void *arg)
{
    worker *w = arg;
    http_server_cancel(w->server);
}

static void worker_end(void *arg)
{
    worker *w = arg;
    if (w->pool)
        pg_pool_drain(w->pool, true);
    loop_stop(&w->loop);
}

bool workers_start(process *p, char *error, size_t error_size)
{
    for (int i = 0; i < p->worker_count; i++) {
        worker *w = &p->workers[i];
        w->process = p;
        w->index = i;
        if (!(w->metrics = metrics_new(p->router->count)) ||
            pthread_create(&w->thread, NULL, worker_main, w) != 0) {
            snprintf(error, error_size, "cannot start worker %d: out of threads or memory", i);
            return false;
        }
        /* One after the other: the first failure is the one to tell. */
        while (!atomic_load(&w->started)) {
            uint64_t count;
            (void)!read(p->wakeups, &count, sizeof count);
        }
        if (w->failure) {
            snprintf(error, error_size, "%s", w->failure);
            return false;
        }
    }
    return true;
}

void workers_post(process *p, void (*run)(void *worker))
{
    for (int i = 0; i < p->worker_count; i++)
        loop_post(&p->workers[i].loop, run, &p->workers[i]);
}

/* false: it has not ended by then. */
static bool worker_await(const worker *w, uint64_t deadline)
{
    while (!atomic_load(&w->ended)) {
        uint64_t now = clock_monotonic(), count;
        if (now >= deadline)
            return false;
        struct pollfd told = {w->process->wakeups, POLLIN, 0};
        if (poll(&told, 1, (int)((deadline - now) / 1000000 + 1)) > 0)
            (void)!read(told.fd, &count, sizeof count);
    }
    return true;
}

bool workers_stop(process *p)
{
    uint64_t deadline = clock_monotonic() + LAST_NANOSECONDS;
    bool all = true;
    workers_post(p, worker_end);
    for (int i = 0; i < p->worker_count; i++)
        if (worker_await(&p->workers[i], deadline)) {
            pthread_join(p->workers[i].thread, NULL);
        } else {
            log_printf(LOG_ERROR, "worker %d is left behind: its loop is stuck in a handler that does not wait", i);
            all = false;
        }
    return all;
}
