/* Tasks and what waits: every call that may take time suspends the fiber that makes it and nothing else. */
#ifndef APUS_TASK_H
#define APUS_TASK_H

#include "apus_core.h"

/* A compiler then says where in the application a mistake stands, not which macro met it. */
#pragma GCC system_header

#pragma GCC visibility push(default)

/** What waits: an arena, a deadline, a cancel state, the last error in words. A request begins with one. */
typedef struct apus_task apus_task;
typedef struct apus_request apus_request;

/** The task of a request, or the task itself: every waiting call takes either. */
#define APUS_TASK(ctx)                                              \
    _Generic((ctx), apus_task *: (apus_task *)(void *)(ctx),        \
             apus_request *: (apus_task *)(void *)(ctx))

void *apus_task_alloc(apus_task *task, size_t size);
apus_str apus_task_printf(apus_task *task, const char *format, ...) __attribute__((format(printf, 2, 3)));
apus_str apus_task_copy(apus_task *task, apus_str text);
const char *apus_task_error(const apus_task *task);
int apus_task_fail(apus_task *task, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));
int apus_task_sleep(apus_task *task, double seconds);
double apus_task_remaining(const apus_task *task);
bool apus_task_canceled(const apus_task *task);
int apus_task_offload(apus_task *task, int (*work)(void *arg), void *arg);

/** One of the calls that apus_gather runs at once. */
typedef struct apus_job {
    int (*run)(apus_task *task, void *arg);
    void *arg;
    int result; /* set by apus_gather */
} apus_job;
int apus_task_gather(apus_task *task, apus_job *jobs, size_t count);
void apus_task_defer(apus_task *task, void (*clean_up)(apus_task *task, void *arg), void *arg);

/** `size` zeroed bytes of the request's arena, aligned for any type. Never NULL: past the memory limit it does not return. */
#define apus_alloc(ctx, size) apus_task_alloc(APUS_TASK(ctx), (size))
/** Formats into the arena. */
#define apus_printf(ctx, ...) apus_task_printf(APUS_TASK(ctx), __VA_ARGS__)
/** A copy of the text in the arena; NUL-terminated behind its length. */
#define apus_copy(ctx, text) apus_task_copy(APUS_TASK(ctx), (text))
/** What went wrong last, in words; never NULL. */
#define apus_error(ctx) apus_task_error(APUS_TASK(ctx))
/** Sets the error's words and returns `code`: `return apus_fail(req, APUS_EINVAL, "…")`. */
#define apus_fail(ctx, ...) apus_task_fail(APUS_TASK(ctx), __VA_ARGS__)
/** Waits. 0, or APUS_ECANCELED, APUS_ETIMEDOUT. */
#define apus_sleep(ctx, seconds) apus_task_sleep(APUS_TASK(ctx), (seconds))
/** Seconds until the deadline; infinity without one. */
#define apus_remaining(ctx) apus_task_remaining(APUS_TASK(ctx))
/** Whether the client went away or the deadline passed. */
#define apus_canceled(ctx) apus_task_canceled(APUS_TASK(ctx))
/**
 * Runs `work(arg)` on the thread pool and returns its result. On cancellation it still waits for the work's end, since the
 * work may use the caller's memory; then it returns APUS_ECANCELED or APUS_ETIMEDOUT.
 */
#define apus_offload(ctx, work, arg) apus_task_offload(APUS_TASK(ctx), (work), (arg))
/** Runs all jobs at once, each on a fiber of its own, and waits for all. 0, or the first negative result; each job keeps its own. */
#define apus_gather(ctx, jobs, count) apus_task_gather(APUS_TASK(ctx), (jobs), (count))
/** Registers a clean-up: run after the response was sent, in reverse order; inside a dependency, what follows Python's `yield`. */
#define apus_defer(ctx, clean_up, arg) apus_task_defer(APUS_TASK(ctx), (clean_up), (arg))

#pragma GCC visibility pop

#endif
