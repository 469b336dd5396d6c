/* What the files of this room share. */
#ifndef FIBER_PRIVATE_H
#define FIBER_PRIVATE_H

#include "fiber/fiber.h"

#include <h2o.h>
#include <pthread.h>
#include <uv.h>

#define LOOP_LAST_WORK 1000000000u /* nanoseconds that a closing loop waits for the thread pool */
#define LOOP_LAST_WORK_POLL 10     /* milliseconds */
#define LOOP_LONGEST_WAIT 1000000000u /* nanoseconds: an idle loop turns this often, for its heartbeat */

/** What waits for its turn: functions of other threads. */
typedef struct loop_posted {
    struct loop_posted *next;
    void (*run)(void *arg);
    void *arg;
} loop_posted;

/** Armed timers: a heap with four children per node, so that the time of a timer lies beside its neighbours'. */
typedef struct timer_slot {
    uint64_t at;
    loop_timer *timer;
} timer_slot;

/** Stacks without a fiber. */
typedef struct stack_pool {
    fiber *idle;
    size_t count, least; /* idle now; the least since the last trim */
} stack_pool;

struct loop_private {
    uv_loop_t uv;
    h2o_socket_t *uv_socket;   /* readable when libuv's loop has something to do */
    h2o_socket_t *post_socket; /* an eventfd */
    pthread_mutex_t post_lock;
    loop_posted *posted, **posted_last;
    loop_deferred *deferred, **deferred_last;
    timer_slot *timers;
    size_t timer_count;
    uint64_t timers_due;       /* those up to here have run */
    uint64_t trim_at;
    stack_pool stacks;
    fiber *running;            /* NULL: the loop's own stack */
    int holding;               /* woken fibers stay in the list even when the loop's stack runs */
    fiber *woken, **woken_last;
    uint64_t started, ended;   /* not yet in fiber_counts */
    bool stop;
};

/** A fiber's record lies at the top of its own stack. */
struct fiber {
    fiber *next;       /* in the list of idle stacks or of woken fibers */
    void (*entry)(fiber *f);
    void *context;     /* where it goes on */
    void *caller;      /* where it was resumed from */
    char *memory;      /* the guard page, then the stack */
    apus_task *task;
    void (*run)(apus_task *task);
    void (*done)(apus_task *task);
    loop_timer deadline;
    fiber *children, *sibling; /* jobs of apus_gather that have not ended */
    bool ended, abandoned;
    unsigned valgrind_id;
    void *asan_stack;  /* what the sanitizers remember of this fiber and of its caller */
    const void *asan_caller;
    size_t asan_caller_size;
    void *tsan, *tsan_caller;
};

/* timers.c */
bool timers_open(struct loop_private *p);
void timers_close(struct loop_private *p);
void timers_run(loop *l);
/** When the first timer is due; UINT64_MAX without one. */
uint64_t timers_next(const struct loop_private *p);

/* stack.c */
fiber *stack_take(stack_pool *pool);
void stack_give(stack_pool *pool, fiber *f);
/** Gives back what was not needed since the last call, beyond LIMIT_FIBERS_POOLED. */
void stack_trim(stack_pool *pool);
void stack_pool_clear(stack_pool *pool);
/** Makes the stack ready to run `entry(f)`. */
void stack_prepare(fiber *f, void (*entry)(fiber *f));
/** From the caller's stack to the fiber's; returns when the fiber leaves. */
void stack_enter(fiber *f);
/** From the fiber's stack to its caller's; returns when it is entered again: never when `f->ended`. */
void stack_leave(fiber *f);

/* fiber.c */
/** Resumes the fibers that fibers woke. */
void fiber_run_woken(loop *l);
/** Adds this loop's counts to fiber_counts. */
void fiber_publish(struct loop_private *p);
/** Ends the running fiber inside a call, for want of memory. Does not return. */
_Noreturn void fiber_abandon(loop *l);
/** A wait that neither cancellation nor deadline ends. */
int fiber_await_shielded(fiber_wait *wait, apus_task *task, void *arg);

#endif
