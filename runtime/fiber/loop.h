/* A worker's loop: h2o's evloop, and the libuv loop beside it in the same thread. */
#ifndef FIBER_LOOP_H
#define FIBER_LOOP_H

#include "core/arena.h"
#include "core/clock.h"

#include <stdatomic.h>

struct st_h2o_evloop_t;
struct st_h2o_socket_t;
struct uv_loop_s;
typedef struct fiber fiber;

/** What runs once at the end of a loop turn (flush a pipeline, hand out work). Registered for one turn; idempotent. */
typedef struct loop_deferred {
    struct loop_deferred *next;
    void (*run)(struct loop_deferred *self);
    bool queued;
} loop_deferred;

/** A timer of the worker. Zeroed, it is not armed. */
typedef struct loop_timer {
    uint64_t at; /* clock_monotonic nanoseconds; 0 = not armed */
    void (*run)(struct loop_timer *self);
    size_t heap_index;
} loop_timer;

/** One worker's loop. */
typedef struct loop {
    struct st_h2o_evloop_t *h2o;
    struct uv_loop_s *uv;
    uint64_t now; /* clock_monotonic at the start of this turn, or of its timers; loop_touch keeps it so */
    bool touched; /* `now` is of this turn */
    uint64_t latest; /* the last reading of the clock; 0: something has run since that may have taken long */
    arena_pool chunks;
    int index; /* of the worker */
    _Atomic uint64_t heartbeat; /* clock_monotonic of the last turn; read by other threads */
    _Atomic uint64_t lag_total, lag_max, turns; /* nanoseconds that turns took beyond their wait; a reader may set lag_max to 0 */
    struct loop_private *private;
} loop;

/** Makes the loop of the calling thread. 0, or negative with `error` set. */
int loop_open(loop *l, int index, const char **error);
/** Waits a moment for work on the thread pool; what does not end by then is left to the process's end. */
void loop_close(loop *l);
/** Whether a closed loop left work behind: returning from main would wait for it, perhaps for ever. */
bool loop_work_is_left(void);
/** The calling thread's loop, or NULL. */
loop *loop_current(void);

/** Makes `now` the time of this turn. What h2o calls back directly calls it first; timers, watches, posts and fibers come after it. */
static inline void loop_touch(loop *l)
{
    if (!l->touched) {
        l->touched = true;
        l->now = l->latest = clock_monotonic();
    }
}

/** The time within this turn. Reads the clock only if since the last reading a fiber went to wait, or worked behind its response. */
static inline uint64_t loop_time(loop *l)
{
    if (!l->latest)
        l->latest = clock_monotonic();
    return l->latest;
}

/** Turns until loop_stop; returns after it. */
void loop_run(loop *l);
/** Makes loop_run return. From the loop's own thread. */
void loop_stop(loop *l);
/** Runs `run(arg)` on the loop's thread. From any thread. 0, or APUS_ENOMEM. */
int loop_post(loop *l, void (*run)(void *arg), void *arg);
/** Runs it once, at the end of this turn, after the sockets were served, timers ran and fibers went on; asked for there: next turn. */
void loop_defer(loop *l, loop_deferred *deferred);
/** Arms (or re-arms) a timer at a time of the monotonic clock. It is not armed any more when `run` is called. */
void loop_timer_start(loop *l, loop_timer *timer, uint64_t at, void (*run)(loop_timer *self));
void loop_timer_stop(loop *l, loop_timer *timer);
/**
 * Watches a non-blocking descriptor that is not ours to read (libpq's): `readable` is called whenever it is, or when the peer
 * closed; `writable` once after want_write. NULL when memory is out.
 */
typedef struct loop_watch loop_watch;
loop_watch *loop_watch_open(loop *l, int fd, void (*readable)(void *arg), void (*writable)(void *arg), void *arg);
void loop_watch_want_write(loop_watch *watch);
/** Stops watching, also from within its callbacks. The descriptor stays open, and must still be open at this call. */
void loop_watch_close(loop_watch *watch);
/**
 * Calls `changed` when something in a folder (not in the folders below it) may have changed; for a folder that is gone, at most
 * once. NULL when it cannot be watched.
 */
typedef struct loop_folder loop_folder;
loop_folder *loop_folder_open(loop *l, const char *path, void (*changed)(void *arg), void *arg);
/** Stops watching, also from within its callback. */
void loop_folder_close(loop_folder *folder);

#endif
