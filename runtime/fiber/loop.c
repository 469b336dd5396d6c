#include "fiber/private.h"

#include "core/memory.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

static _Thread_local loop *current;

loop *loop_current(void)
{
    return current;
}

static void uv_ready(h2o_socket_t *socket, const char *error)
{
    (void)error;
    loop *l = socket->data;
    loop_touch(l);
    uv_run(l->uv, UV_RUN_NOWAIT);
}

static void run_posted(loop *l)
{
    struct loop_private *p = l->private;
    pthread_mutex_lock(&p->post_lock);
    loop_posted *first = p->posted;
    p->posted = NULL;
    p->posted_last = &p->posted;
    pthread_mutex_unlock(&p->post_lock);
    for (loop_posted *next; first; first = next) {
        next = first->next;
        first->run(first->arg);
        memory_free(first);
    }
}

static void posts_ready(h2o_socket_t *socket, const char *error)
{
    (void)error;
    loop *l = socket->data;
    eventfd_t count;
    loop_touch(l);
    eventfd_read(h2o_socket_get_fd(socket), &count);
    run_posted(l);
}

int loop_post(loop *l, void (*run)(void *arg), void *arg)
{
    struct loop_private *p = l->private;
    loop_posted *posted = memory_alloc(sizeof *posted);
    if (!posted)
        return APUS_ENOMEM;
    *posted = (loop_posted){NULL, run, arg};
    pthread_mutex_lock(&p->post_lock);
    *p->posted_last = posted;
    p->posted_last = &posted->next;
    eventfd_write(h2o_socket_get_fd(p->post_socket), 1);
    pthread_mutex_unlock(&p->post_lock);
    return 0;
}

static h2o_socket_t *watch_own(loop *l, int fd, h2o_socket_cb ready)
{
    h2o_socket_t *socket = h2o_evloop_socket_create(l->h2o, fd, H2O_SOCKET_FLAG_DONT_READ);
    socket->data = l;
    h2o_socket_read_start(socket, ready);
    return socket;
}

/* 0, or words. libuv keeps its own epoll descriptor: the evloop watches, and closes, a copy. */
static const char *open_parts(loop *l, struct loop_private *p)
{
    if (!timers_open(p))
        return "no memory for timers";
    if (uv_loop_init(&p->uv) < 0)
        return "cannot make a libuv loop: too few descriptors or too little memory";
    int uv_copy = fcntl(uv_backend_fd(&p->uv), F_DUPFD_CLOEXEC, 0);
    int posts = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (uv_copy < 0 || posts < 0) {
        close(uv_copy);
        close(posts);
        uv_loop_close(&p->uv);
        return "too few descriptors for an event loop";
    }
    l->h2o = h2o_evloop_create();
    l->uv = &p->uv;
    p->uv_socket = watch_own(l, uv_copy, uv_ready);
    p->post_socket = watch_own(l, posts, posts_ready);
    return NULL;
}

int loop_open(loop *l, int index, const char **error)
{
    *l = (loop){.index = index, .now = clock_monotonic()};
    struct loop_private *p = memory_alloc(sizeof *p);
    if (!p) {
        *error = "no memory for an event loop";
        return APUS_ENOMEM;
    }
    memset(p, 0, sizeof *p);
    l->private = p;
    const char *failed = open_parts(l, p);
    if (failed) {
        timers_close(p);
        memory_free(p);
        l->private = NULL;
        *error = failed;
        return APUS_EIO;
    }
    pthread_mutex_init(&p->post_lock, NULL);
    p->posted_last = &p->posted;
    p->deferred_last = &p->deferred;
    p->woken_last = &p->woken;
    atomic_store(&l->heartbeat, l->now);
    current = l;
    return 0;
}

static void uv_close_handle(uv_handle_t *handle, void *arg)
{
    (void)arg;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

static _Atomic int left_running;

bool loop_work_is_left(void)
{
    return atomic_load(&left_running) > 0;
}

/* A name that no server answers for, a cancel that Postgres does not take: a thread cannot be called back from there. */
static bool uv_finish(uv_loop_t *uv)
{
    uint64_t until = clock_monotonic() + LOOP_LAST_WORK;
    uv_walk(uv, uv_close_handle, NULL);
    while (uv_run(uv, UV_RUN_NOWAIT)) {
        if (clock_monotonic() >= until)
            return false;
        struct pollfd ready = {.fd = uv_backend_fd(uv), .events = POLLIN};
        poll(&ready, 1, LOOP_LAST_WORK_POLL);
    }
    return uv_loop_close(uv) == 0;
}

void loop_close(loop *l)
{
    struct loop_private *p = l->private;
    fiber_publish(p);
    run_posted(l);
    bool finished = uv_finish(&p->uv);
    h2o_socket_close(p->uv_socket);
    h2o_socket_close(p->post_socket);
    h2o_evloop_destroy(l->h2o);
    timers_close(p);
    stack_pool_clear(&p->stacks);
    arena_pool_clear(&l->chunks);
    pthread_mutex_destroy(&p->post_lock);
    if (finished)
        memory_free(p);
    else
        atomic_fetch_add(&left_running, 1); /* the thread will write there when it comes back */
    l->private = NULL;
    current = NULL;
}

void loop_stop(loop *l)
{
    l->private->stop = true;
}

void loop_defer(loop *l, loop_deferred *deferred)
{
    if (deferred->queued)
        return;
    struct loop_private *p = l->private;
    deferred->queued = true;
    deferred->next = NULL;
    *p->deferred_last = deferred;
    p->deferred_last = &deferred->next;
}

static void run_deferred(struct loop_private *p)
{
    loop_deferred *first = p->deferred;
    p->deferred = NULL;
    p->deferred_last = &p->deferred;
    for (loop_deferred *next; first; first = next) {
        next = first->next;
        first->queued = false;
        first->run(first);
    }
}

/* libuv's share of a turn that began for another reason: its timers, and what it has not told its epoll yet. */
static void uv_turn(uv_loop_t *uv)
{
    if (!uv_loop_alive(uv))
        return;
    uv_update_time(uv);
    if (uv_backend_timeout(uv) == 0)
        uv_run(uv, UV_RUN_NOWAIT);
}

/* Whether something is left that no descriptor and no timer will announce. */
static bool work_left(const loop *l)
{
    const struct loop_private *p = l->private;
    return p->stop || p->deferred || p->woken || l->h2o->_pending_as_server || l->h2o->_pending_as_client;
}

/* Milliseconds, rounded up: a timer is never early. */
static int32_t longest_wait(loop *l, uint64_t now)
{
    if (work_left(l))
        return 0;
    uint64_t until = timers_next(l->private), wait = until <= now ? 0 : until - now;
    if (wait > LOOP_LONGEST_WAIT)
        wait = LOOP_LONGEST_WAIT;
    int32_t milliseconds = (int32_t)((wait + 999999) / 1000000);
    if (uv_loop_alive(l->uv)) {
        int uv = uv_backend_timeout(l->uv);
        if (uv >= 0 && uv < milliseconds)
            milliseconds = uv;
    }
    return milliseconds;
}

/* One thread writes these: a plain addition, which readers see whole. */
static void add(_Atomic uint64_t *sum, uint64_t more)
{
    atomic_store_explicit(sum, atomic_load_explicit(sum, memory_order_relaxed) + more, memory_order_relaxed);
}

static uint64_t turn_end(loop *l, uint64_t began)
{
    struct loop_private *p = l->private;
    uint64_t end = clock_monotonic(), lag = end - began;
    add(&l->lag_total, lag);
    add(&l->turns, 1);
    if (lag > atomic_load_explicit(&l->lag_max, memory_order_relaxed))
        atomic_store_explicit(&l->lag_max, lag, memory_order_relaxed);
    atomic_store_explicit(&l->heartbeat, end, memory_order_relaxed);
    fiber_publish(p);
    if (end >= p->trim_at) {
        p->trim_at = end + LOOP_LONGEST_WAIT;
        stack_trim(&p->stacks);
    }
    return end;
}

/* When epoll_ctl fails, h2o's list of changed sockets is left with the address of its last element's link. */
static void mend_changes(h2o_evloop_t *h2o)
{
    if (!h2o->_statechanged.head)
        h2o->_statechanged.tail_ref = &h2o->_statechanged.head;
}

void loop_run(loop *l)
{
    struct loop_private *p = l->private;
    uint64_t now = clock_monotonic();
    p->stop = false;
    while (!p->stop) {
        int32_t wait = longest_wait(l, now);
        l->touched = false;
        if (h2o_evloop_run(l->h2o, wait) < 0)
            mend_changes(l->h2o);
        loop_touch(l);
        uint64_t began = l->now;
        fiber_run_woken(l);
        timers_run(l);
        uv_turn(l->uv);
        fiber_run_woken(l);
        run_deferred(p);
        now = turn_end(l, began);
    }
}
