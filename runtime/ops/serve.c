/* The life of a serving process: settings are read, tables built; listen, migrate, warm up, ready; drain, stop. */
#include "core/clock.h"
#include "core/limits.h"
#include "core/inherit.h"
#include "core/log.h"
#include "openapi/openapi.h"
#include "ops/dev_routes.h"
#include "ops/dev_share.h"
#include "ops/notify.h"
#include "ops/options.h"
#include "ops/process.h"
#include "route/cors.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define OWN_MIDDLEWARE 2
#define OWN_ROUTES 32
#define DATABASE_RETRY_SECONDS 0.05
#define LOG_FLUSH_SECONDS 2.0
#define STOP_SECONDS 1.0 /* that the lifespan's stop has at least, and once more when it is cancelled */
#define OWN_DESCRIPTORS 24    /* log, signals, listeners, the admin port's clients, files */
#define WORKER_DESCRIPTORS 12 /* a loop's, libuv's, one to spare */

process *current_process;

void process_enter(process *p, phase next)
{
    static const char *const names[] = {"starting", "migrating", "ready", "draining", "stopping"};
    atomic_store(&p->phase, next);
    log_printf(LOG_DEBUG, "phase: %s", names[next]);
}

void process_wake(process *p)
{
    uint64_t one = 1;
    (void)!write(p->wakeups, &one, sizeof one);
}

/* Waits for a worker's word or a signal, at most until `deadline` (0: for ever). The signal's number, or 0. */
static int process_wait(process *p, uint64_t deadline)
{
    struct pollfd watched[] = {{p->wakeups, POLLIN, 0}, {p->signals, POLLIN, 0}};
    int timeout = -1;
    if (deadline) {
        uint64_t now = clock_monotonic();
        timeout = deadline > now ? (int)((deadline - now) / 1000000 + 1) : 0;
    }
    if (poll(watched, 2, timeout) <= 0)
        return 0;
    uint64_t count;
    if (watched[0].revents & POLLIN)
        (void)!read(p->wakeups, &count, sizeof count);
    struct signalfd_siginfo info;
    if ((watched[1].revents & POLLIN) && read(p->signals, &info, sizeof info) == (ssize_t)sizeof info)
        return (int)info.ssi_signo;
    return 0;
}

static bool process_open_events(process *p, char *error, size_t error_size)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN); /* no terminal to lose; nothing to reread */
    if (getpid() == 1)
        signal(SIGCHLD, SIG_IGN); /* the first in a container inherits what others leave behind; the kernel buries it */
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    p->wakeups = eventfd(0, EFD_CLOEXEC);
    p->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (p->wakeups < 0 || p->signals < 0) {
        snprintf(error, error_size, "cannot make event descriptors: %s", strerror(errno));
        return false;
    }
    return true;
}

/* The application's middleware behind the runtime's own. */
static const apus_middleware *with_own(const apus_app *app)
{
    static apus_middleware all[OWN_MIDDLEWARE + LIMIT_MIDDLEWARE + 1];
    size_t count = 0;
    if (app->cors.origins)
        all[count++] = cors_middleware;
    if (app->lifespan.start)
        all[count++] = probes_start_middleware;
    for (const apus_middleware *own = app->middleware; own && *own && count < sizeof all / sizeof *all - 1; own++)
        all[count++] = *own;
    all[count] = NULL;
    return all;
}

const apus_app *application_served(const apus_app *app, apus_app *copy)
{
    *copy = *app;
    if (*ops_options.app_version)
        copy->version = ops_options.app_version;
    if (!copy->version)
        copy->version = "0.1.0";
    if (*ops_options.cors_origins)
        copy->cors.origins = ops_options.cors_origins;
    if (copy->cors.origins || copy->lifespan.start)
        copy->middleware = with_own(copy);
    if (!options_docs_enabled())
        copy->docs_url = copy->redoc_url = copy->openapi_url = "";
    if (*http_options.root_path)
        copy->root_path = http_options.root_path;
    return copy;
}

/* The runtime's routes that go before the application's: the docs and, under `app dev`, what it shows in the browser. */
static const apus_routes *routes_before(const apus_app *app)
{
    static apus_route rows[OWN_ROUTES];
    static apus_routes all = {rows, 0};
    const apus_routes *docs = openapi_routes(app, dev_script(app->root_path));
    if (!dev_share_is_open())
        return docs;
    for (const apus_routes *const *from = (const apus_routes *const[]){dev_routes(), docs, NULL}; *from; from++)
        for (size_t i = 0; i < (*from)->count && all.count < OWN_ROUTES; i++)
            rows[all.count++] = (*from)->rows[i];
    return &all;
}

static bool process_build(process *p, char *error, size_t error_size)
{
    static const apus_app admin = {.title = "admin", .docs_url = "", .redoc_url = "", .openapi_url = ""};
    p->router = router_build(p->app, routes_before(p->app), p->app->health_routes ? probes_routes() : NULL, error,
                             error_size);
    if (!p->router || !openapi_build(p->router, error, error_size))
        return false;
    p->router->hooks = access_hooks();
    p->router->timeout = http_options.request_timeout;
    p->router->max_body = (size_t)http_options.max_body;
    p->router->max_depth = (size_t)http_options.max_depth;
    if (http_options.admin_port == 0)
        return true;
    p->admin_router = router_build(&admin, NULL, admin_routes(), error, error_size);
    return p->admin_router != NULL;
}

/* What clients must leave. Postgres twice: a connection that takes another's place, or cancels its work, comes before that has gone. */
static size_t reserved_descriptors(const process *p)
{
    size_t database = p->app->database ? 2 * (size_t)pg_options.pool_max : 0;
    return OWN_DESCRIPTORS + WORKER_DESCRIPTORS * (size_t)p->worker_count + database;
}

/*
 * 0, or http_listen's code: APUS_EINVAL for a wrong setting. Who hands over a socket and waits for READY=1 may still have
 * another process accept from it: this one begins when it is ready.
 */
static int process_listen(process *p, char *error, size_t error_size)
{
    for (int admin = 0; admin <= (http_options.admin_port != 0); admin++) {
        http_listener *l = &p->listeners[p->listener_count++];
        const char *host = admin ? http_options.admin_host : http_options.host;
        int64_t port = admin ? http_options.admin_port : http_options.port;
        int result = http_listen(l, host, port, admin, error, error_size);
        if (result < 0)
            return result;
        l->held = l->inherited && notify_wanted();
    }
    return 0;
}

/* A task on the first worker's loop. */
typedef struct started_task {
    apus_task task; /* first */
    arena memory;
    process *process;
    int (*run)(apus_task *task, process *p);
} started_task;

static void started_task_run(apus_task *task)
{
    started_task *s = (started_task *)(void *)task;
    s->process->task_result = s->run(task, s->process);
    snprintf(s->process->task_error, sizeof s->process->task_error, "%s", apus_error(task));
    task_run_clean_ups(task, NULL);
}

static void started_task_done(apus_task *task)
{
    started_task *s = (started_task *)(void *)task;
    process *p = s->process;
    if (task->out_of_memory) {
        p->task_result = APUS_ENOMEM;
        snprintf(p->task_error, sizeof p->task_error, "needs too much memory");
    }
    p->task = NULL;
    arena_reset(&s->memory);
    free(s);
    atomic_store(&p->task_done, 1);
    process_wake(p);
}

static void started_task_begin(void *arg)
{
    started_task *s = arg;
    loop *l = &s->process->workers[0].loop;
    arena_init(&s->memory, &l->chunks, LIMIT_REQUEST_MEMORY);
    task_init(&s->task, l, &s->memory);
    s->process->task = &s->task;
    if (fiber_start(&s->task, started_task_run, started_task_done) < 0) {
        s->task.out_of_memory = 1;
        started_task_done(&s->task);
    }
}

static void started_task_cancel(void *arg)
{
    process *p = arg;
    if (p->task)
        fiber_cancel(p->task, APUS_ECANCELED);
}

/* Gives the task this long to end, or until another signal comes. */
static void process_cancel_task(process *p, double seconds)
{
    uint64_t deadline = clock_monotonic() + clock_nanoseconds(seconds);
    loop_post(&p->workers[0].loop, started_task_cancel, p);
    while (!atomic_load(&p->task_done) && clock_monotonic() < deadline)
        if (process_wait(p, deadline))
            return;
}

/* What process_run_task returns when the deadline has passed. */
#define TASK_LATE (-1)

/* Waits for the task; a signal or the deadline (0: none) cancels it. The signal's number, TASK_LATE, or 0. */
static int process_run_task(process *p, int (*run)(apus_task *task, process *p), uint64_t deadline, double last_seconds)
{
    started_task *s = calloc(1, sizeof *s);
    atomic_store(&p->task_done, 0);
    p->task_result = APUS_ENOMEM;
    if (!s)
        return 0;
    s->process = p;
    s->run = run;
    loop_post(&p->workers[0].loop, started_task_begin, s);
    while (!atomic_load(&p->task_done)) {
        int number = process_wait(p, deadline);
        if (!number && deadline && clock_monotonic() >= deadline && !atomic_load(&p->task_done))
            number = TASK_LATE;
        if (number) {
            process_cancel_task(p, last_seconds);
            return number;
        }
    }
    return 0;
}

/* Migrations wait for the database; while it is away the process listens and says why it is not ready. */
static int start_migrations(apus_task *task, process *p)
{
    int applied = 0, result;
    const char *reason = NULL;
    do {
        while (pg_health(&reason) != PG_UP)
            if (apus_sleep(task, DATABASE_RETRY_SECONDS) < 0)
                return APUS_ECANCELED;
        process_enter(p, PHASE_MIGRATING);
        result = pg_migrate_up(task, migrations_folder(p->app), &applied);
        if (result == APUS_EUNAVAILABLE)
            process_enter(p, PHASE_STARTING);
    } while (result == APUS_EUNAVAILABLE);
    if (result == 0)
        log_printf(LOG_INFO, "migrations: %d applied", applied);
    return result;
}

static int start_lifespan(apus_task *task, process *p)
{
    return p->app->lifespan.start ? p->app->lifespan.start(task) : 0;
}

static int stop_lifespan(apus_task *task, process *p)
{
    if (p->app->lifespan.stop)
        p->app->lifespan.stop(task);
    return 0;
}

/* From listening to ready. 0, the number of a signal that cut it short, or -1 with words logged. */
static int process_become_ready(process *p)
{
    static const struct {
        const char *what;
        int (*run)(apus_task *task, process *p);
    } steps[] = {{"migrations", start_migrations}, {"lifespan", start_lifespan}};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        bool wanted = steps[i].run == start_migrations ? p->app->database && ops_options.migrate_on_start
                                                       : p->app->lifespan.start != NULL;
        int number = wanted ? process_run_task(p, steps[i].run, 0, ops_options.drain_timeout) : 0;
        if (number)
            return number;
        if (wanted && p->task_result < 0) {
            log_printf(LOG_ERROR, "%s: %s", steps[i].what, p->task_error);
            notify_send("STATUS=%s: %s", steps[i].what, p->task_error);
            return -1;
        }
        process_enter(p, PHASE_STARTING);
    }
    atomic_store(&p->started, true);
    process_enter(p, PHASE_READY);
    return 0;
}

/* Whether its loop has turned since the phase of stopping began: the backlog is accepted within the first turn. */
static bool worker_settled(const worker *w)
{
    return atomic_load(&w->settled) >= 2;
}

static size_t process_busy(const process *p, bool *settled)
{
    size_t busy = 0;
    *settled = true;
    for (int i = 0; i < p->worker_count; i++) {
        busy += atomic_load(&p->workers[i].busy);
        *settled = *settled && worker_settled(&p->workers[i]);
    }
    return busy;
}

/* Waits until no request is left, `seconds` at most. false when time ran out or another signal came. */
static bool process_finish(process *p, double seconds)
{
    uint64_t deadline = clock_monotonic() + clock_nanoseconds(seconds);
    bool settled = false;
    while (process_busy(p, &settled) > 0 || !settled)
        if (process_wait(p, deadline) || clock_monotonic() >= deadline)
            return process_busy(p, &settled) == 0 && settled;
    return true;
}

/* SIGTERM to the last answer; a second signal cuts each wait short. Nobody has to hear of the end of one that was never ready. */
static void process_drain(process *p, int number)
{
    double delay = number == SIGINT || !atomic_load(&p->started) ? 0 : ops_options.drain_delay;
    process_enter(p, PHASE_DRAINING);
    if (p->listeners[0].inherited)
        log_printf(LOG_INFO, "draining: open connections are served for %g s more", delay);
    else
        log_printf(LOG_INFO, "draining: connections are accepted for %g s more", delay);
    notify_send("STOPPING=1");
    workers_post(p, worker_drain);
    uint64_t until = clock_monotonic() + clock_nanoseconds(delay);
    bool hurried = false;
    while (!hurried && clock_monotonic() < until)
        hurried = process_wait(p, until) != 0;
    process_enter(p, PHASE_STOPPING);
    p->stop_by = clock_monotonic() + clock_nanoseconds(ops_options.drain_timeout);
    workers_post(p, worker_stop_accepting);
    if (!process_finish(p, hurried ? 0 : ops_options.drain_timeout)) {
        bool settled;
        if (process_busy(p, &settled))
            log_printf(LOG_WARNING, "draining: what is still under way is cancelled");
        workers_post(p, worker_cancel);
        process_finish(p, 1.0);
    }
}

/* It has what the requests left of DRAIN_TIMEOUT, and once cancelled a last moment. */
static void process_stop_lifespan(process *p)
{
    uint64_t soonest = clock_monotonic() + clock_nanoseconds(STOP_SECONDS);
    uint64_t deadline = p->stop_by > soonest ? p->stop_by : soonest;
    if (process_run_task(p, stop_lifespan, deadline, STOP_SECONDS) == TASK_LATE)
        log_printf(LOG_WARNING, "lifespan: its stop did not end within DRAIN_TIMEOUT and %s",
                   atomic_load(&p->task_done) ? "was cancelled" : "does not heed that it was cancelled: it is left behind");
}

static void announce(const process *p, uint64_t began)
{
    const char *host = strcmp(http_options.host, "0.0.0.0") == 0 || strcmp(http_options.host, "::") == 0
                           ? "127.0.0.1"
                           : http_options.host;
    char address[280];
    snprintf(address, sizeof address, "%s://%s:%d", *http_options.tls_cert ? "https" : "http", host, p->listeners[0].port);
    log_pair pairs[] = {LOG_TEXT_PAIR("address", apus_cstr(address)), LOG_INT_PAIR("port", p->listeners[0].port),
                        LOG_INT_PAIR("workers", p->worker_count), LOG_INT_PAIR("pid", getpid()),
                        LOG_DOUBLE_PAIR("seconds", (double)(clock_monotonic() - began) * 1e-9)};
    log_pairs(LOG_INFO, "listening", pairs, sizeof pairs / sizeof *pairs);
}

static int fail(const char *error)
{
    log_printf(LOG_ERROR, "%s", error);
    notify_send("STATUS=%s", error);
    log_close(LOG_FLUSH_SECONDS);
    return 1;
}

/* A wrong setting is told as settings_load tells it: to people, on the standard error. */
static int refuse_setting(const char *error)
{
    fprintf(stderr, "%s\n", error);
    notify_send("STATUS=%s", error);
    log_close(LOG_FLUSH_SECONDS);
    return EXIT_SETTING;
}

static int process_serve(process *p, uint64_t began)
{
    announce(p, began);
    int number = process_become_ready(p);
    if (number == 0) {
        log_printf(LOG_INFO, "started");
        workers_post(p, worker_accept);
        notify_send("READY=1");
        while (number == 0)
            number = process_wait(p, 0);
    }
    if (number > 0)
        process_drain(p, number);
    if (atomic_load(&p->started) && p->app->lifespan.stop && worker_settled(&p->workers[0]))
        process_stop_lifespan(p);
    p->stuck = !workers_stop(p);
    log_printf(LOG_INFO, "stopped");
    return number > 0 && !p->stuck ? 0 : 1;
}

int command_serve(const apus_app *given)
{
    static process p;
    apus_app served;
    char error[512] = "";
    uint64_t began = clock_monotonic();
    p = (process){.app = application_served(given, &served), .wakeups = -1, .signals = -1};
    current_process = &p;
    if (log_open(STDOUT_FILENO, (log_level)ops_options.log_level, (log_format)ops_options.log_format) < 0)
        return 1;
    p.worker_count = options_workers(given);
    if (!options_check(given, error, sizeof error) || !http_configure(error, sizeof error) ||
        (given->database && !pg_configure(p.worker_count, error, sizeof error)))
        return refuse_setting(error);
    dev_share_open(inherited_descriptor(INHERITED_DEV, -1));
    if (!process_build(&p, error, sizeof error) || !process_open_events(&p, error, sizeof error))
        return fail(error);
    http_fit_descriptors(reserved_descriptors(&p));
    int listens = process_listen(&p, error, sizeof error);
    if (listens < 0)
        return listens == APUS_EINVAL ? refuse_setting(error) : fail(error);
    p.workers = calloc((size_t)p.worker_count, sizeof *p.workers);
    if (!p.workers || !workers_start(&p, error, sizeof error))
        return fail(error);
    int status = process_serve(&p, began);
    log_close(LOG_FLUSH_SECONDS);
    if (p.stuck)
        _exit(status);
    for (int i = 0; i < p.worker_count; i++)
        free(p.workers[i].metrics);
    free(p.workers);
    router_free(p.router);
    router_free(p.admin_router);
    if (loop_work_is_left())
        _exit(status);
    return status;
}
