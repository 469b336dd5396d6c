/* The process: its workers, its phase, and what the coordinating thread waits for. */
#ifndef OPS_PROCESS_H
#define OPS_PROCESS_H

#include "apus.h"
#include "fiber/fiber.h"
#include "http/server.h"
#include "ops/metrics.h"
#include "pg/pool.h"

#include <pthread.h>
#include <stdatomic.h>

/** Where the process is in its life; only the coordinating thread moves it, by process_enter. */
typedef enum phase {
    PHASE_STARTING,  /* before or while the sockets, the pool and the lifespan come up */
    PHASE_MIGRATING, /* migrations are running */
    PHASE_READY,
    PHASE_DRAINING,  /* SIGTERM came: not ready, still answering */
    PHASE_STOPPING,  /* no longer accepting */
} phase;

typedef struct worker {
    pthread_t thread;
    struct process *process;
    int index;
    loop loop;
    http_server *server, *admin;
    pg_pool *pool;
    loop_timer tick;
    worker_metrics *metrics;
    const char *failure;      /* why it could not start */
    char words[256];          /* that failure's text */
    _Atomic bool started;     /* with or without failure */
    _Atomic bool ended;
    _Atomic size_t busy;      /* requests under way, as of its last tick */
    _Atomic uint64_t settled; /* ticks since it stopped accepting */
} worker;

#define PROCESS_LISTENERS 2
#define EXIT_SETTING 2 /* a setting or a command is wrong */

typedef struct process {
    const apus_app *app;
    router *router, *admin_router;
    http_listener listeners[PROCESS_LISTENERS];
    size_t listener_count;
    worker *workers;
    int worker_count;
    _Atomic int phase;
    _Atomic bool started;     /* it has been ready: the lifespan's start has ended, and well */
    int wakeups;              /* eventfd: workers tell the coordinator that something changed */
    int signals;              /* signalfd */
    apus_task *task;          /* that process_run_task waits for; the first worker's alone */
    _Atomic int task_done;
    int task_result;
    char task_error[512];
    uint64_t stop_by;         /* monotonic: when DRAIN_TIMEOUT is over; 0: it has not begun */
    bool stuck;               /* a worker did not end */
} process;

/** The one process; NULL before apus_main serves. */
extern process *current_process;

void process_enter(process *p, phase next);
/** Tells the coordinator to look again. From any thread. */
void process_wake(process *p);
/** Starts the workers' threads and waits until each serves. false with the failure's words. */
bool workers_start(process *p, char *error, size_t error_size);
/** Runs `run` on each worker's loop; returns at once. */
void workers_post(process *p, void (*run)(void *worker));
/** Ends the workers' loops and joins the threads. false: one that is stuck still runs, and uses what it has. */
bool workers_stop(process *p);

void worker_accept(void *worker);
void worker_drain(void *worker);
void worker_stop_accepting(void *worker);
void worker_cancel(void *worker);

/** The routes of the probes on the application's port (health_routes), and those of the admin port. */
const apus_routes *probes_routes(void);
const apus_routes *admin_routes(void);

/** Answers 503 to all but the probes until the lifespan's start has ended: handlers rely on what it sets. */
int probes_start_middleware(apus_request *req, apus_next *next);

/** The hooks that log and count each request. */
route_hooks access_hooks(void);

/** Subcommands. Each returns the exit status. */
int command_serve(const apus_app *app);
/** Serves while it is worked on: builds, starts and replaces servers as files change. */
int command_dev(const apus_app *app);
int command_migrate(const apus_app *app, int argc, char **argv);
int command_healthcheck(const apus_app *app, int argc, char **argv);
int command_routes(const apus_app *app);
/** Becomes the program behind `--`; ENTRYPOINT_SERVE when there is none: then this one serves. */
int command_entrypoint(int argc, char **argv);
#define ENTRYPOINT_SERVE (-1)

/** The application as it is served: docs hidden in production, defaults filled in. The result points into `copy`. */
const apus_app *application_served(const apus_app *app, apus_app *copy);
/** The folder of the migrations: the application's, else `migrations` beside the program, else in the working folder. */
const char *migrations_folder(const apus_app *app);
/** Runs `run(task, arg)` on a loop of its own in this thread and waits for it. Its result; words in `error`. */
int run_alone(int (*run)(apus_task *task, void *arg), void *arg, bool with_pool, char *error, size_t error_size);

#endif
