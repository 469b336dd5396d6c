/* Fibers: small pooled stacks switched in user space; waits with deadline and cancellation. */
#ifndef FIBER_FIBER_H
#define FIBER_FIBER_H

#include "fiber/loop.h"
#include "apus_task.h"

/** Where a request's time went, in nanoseconds. */
typedef struct task_times {
    uint64_t start;               /* monotonic: when the turn that read the request began */
    uint64_t queue;               /* until its fiber ran: what the same turn did for others before */
    uint64_t pool_wait, database;
} task_times;

typedef struct task_clean_up {
    struct task_clean_up *next;
    void (*run)(apus_task *task, void *arg);
    void *arg;
} task_clean_up;

typedef struct fiber_wait fiber_wait;

struct apus_task {
    arena *arena;
    loop *loop;
    fiber *fiber;          /* that runs it */
    apus_task *parent;     /* of a job of apus_gather: shares arena, deadline and cancellation */
    uint64_t deadline;     /* monotonic nanoseconds; 0 = none */
    int cancel;            /* 0, APUS_ECANCELED, APUS_ETIMEDOUT: why it shall end */
    int out_of_memory;     /* set when apus_alloc abandoned the fiber */
    fiber_wait *waiting;   /* what it waits for now */
    task_clean_up *clean_ups;
    const char *error;     /* words of the last error; NULL = none */
    int failure;           /* code of the last Postgres call when it failed, else 0: a handler that overlooks it does not answer 200 */
    char sqlstate[6];
    const char *constraint;
    void *lease;           /* pg: the connection of its transaction */
    void *listener;        /* pg: its subscriptions */
    task_times times;
    const char *trace_id;  /* 32 hex digits, for log lines; or NULL */
    bool is_request;       /* an apus_request begins here */
    bool shielded;         /* cancellation and deadline do not end its waits now (clean-ups) */
};

/** A wait: lives on the waiting fiber's stack. */
struct fiber_wait {
    apus_task *task;
    int result;
    bool done;
    void (*abandon)(fiber_wait *wait); /* called when the wait ends early: unlink it from whatever would wake it */
    void *arg;
};

/** Prepares a task: arena and loop given, no deadline. */
void task_init(apus_task *task, loop *l, arena *a);
/**
 * Runs `run(task)` on a fiber, now; returns when it ends or first waits. `done(task)` is called when the fiber has ended, also
 * when it was abandoned for memory (task->out_of_memory), on the stack that resumed it: the loop's, or that of the fiber which
 * called fiber_start when the new one never waited. -1 when no stack can be had.
 */
int fiber_start(apus_task *task, void (*run)(apus_task *task), void (*done)(apus_task *task));
/**
 * Suspends the running fiber until fiber_wake; or the deadline, or cancellation: then `abandon` runs first. The wait's result.
 * A task that is cancelled already does not wait: `abandon` runs at once. APUS_EINVAL outside of a fiber.
 */
int fiber_await(fiber_wait *wait, apus_task *task, void (*abandon)(fiber_wait *wait), void *arg);
/** Ends a wait with a result. Resumes the fiber from the loop's stack: at once when called there, else at the end of the turn. */
void fiber_wake(fiber_wait *wait, int result);
/** Ends what the task waits for with `reason` (APUS_ECANCELED, APUS_ETIMEDOUT), and every later wait at once. */
void fiber_cancel(apus_task *task, int reason);
/** Runs the task's clean-ups registered since `until` (NULL: all), last first, shielded from cancellation. On its fiber. */
void task_run_clean_ups(apus_task *task, task_clean_up *until);
/** Sets or clears the deadline of a running task. */
void task_set_deadline(apus_task *task, uint64_t at);

/** Process-wide counts, for ops. */
typedef struct fiber_stats {
    _Atomic uint64_t started, active, stacks;
} fiber_stats;
extern fiber_stats fiber_counts;

/**
 * As apus_offload, for work that can be asked to end sooner: when the task is cancelled or its deadline passes, `hurry(arg)` is
 * called on the loop, and the work may still be going on. It is run in any case.
 */
int task_offload(apus_task *task, int (*work)(void *arg), void (*hurry)(void *arg), void *arg);
/** Runs work on libuv's thread pool; `done(arg, result)` on the loop. For rooms; handlers use apus_offload. */
int loop_offload(loop *l, int (*work)(void *arg), void (*done)(void *arg, int result), void *arg);
/** Resolves a name on the thread pool: a wait. Up to `size` addresses as text into `out`. The count, or negative. */
int task_resolve(apus_task *task, const char *host, apus_str *out, size_t size);

#endif
