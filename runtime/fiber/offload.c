/* Work on libuv's thread pool, and names resolved there. */
#include "fiber/private.h"

#include "core/memory.h"

#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>

/* A fiber's work, on its stack: the fiber stays until the work has ended. */
typedef struct offloaded {
    uv_work_t work;
    fiber_wait wait;
    int (*run)(void *arg);
    void (*hurry)(void *arg);
    void *arg;
    int result;
    bool finished;
} offloaded;

static void offloaded_run(uv_work_t *work)
{
    offloaded *o = H2O_STRUCT_FROM_MEMBER(offloaded, work, work);
    o->result = o->run(o->arg);
}

static void offloaded_finished(uv_work_t *work, int status)
{
    (void)status;
    offloaded *o = H2O_STRUCT_FROM_MEMBER(offloaded, work, work);
    o->finished = true;
    fiber_wake(&o->wait, 0);
}

/* Work that has not begun is taken from the queue; it finishes all the same, as cancelled. */
static void offloaded_abandon(fiber_wait *wait)
{
    offloaded *o = wait->arg;
    if (o->hurry)
        o->hurry(o->arg);
    else
        uv_cancel((uv_req_t *)&o->work);
}

int apus_task_offload(apus_task *task, int (*work)(void *arg), void *arg)
{
    return task_offload(task, work, NULL, arg);
}

int task_offload(apus_task *task, int (*work)(void *arg), void (*hurry)(void *arg), void *arg)
{
    offloaded o = {.run = work, .hurry = hurry, .arg = arg};
    if (!task->loop->private->running)
        return apus_task_fail(task, APUS_EINVAL, "apus_offload waits: it is called on a fiber");
    if (uv_queue_work(task->loop->uv, &o.work, offloaded_run, offloaded_finished) < 0)
        return apus_task_fail(task, APUS_ENOMEM, "no thread pool");
    int result = fiber_await(&o.wait, task, offloaded_abandon, &o);
    if (!o.finished)
        fiber_await_shielded(&o.wait, task, &o);
    return result < 0 ? result : o.result;
}

/* A room's work, with nobody waiting. */
typedef struct room_work {
    uv_work_t work;
    int (*run)(void *arg);
    void (*done)(void *arg, int result);
    void *arg;
    int result;
} room_work;

static void room_work_run(uv_work_t *work)
{
    room_work *w = H2O_STRUCT_FROM_MEMBER(room_work, work, work);
    w->result = w->run(w->arg);
}

static void room_work_finished(uv_work_t *work, int status)
{
    room_work *w = H2O_STRUCT_FROM_MEMBER(room_work, work, work);
    if (w->done)
        w->done(w->arg, status < 0 ? APUS_ECANCELED : w->result);
    memory_free(w);
}

int loop_offload(loop *l, int (*work)(void *arg), void (*done)(void *arg, int result), void *arg)
{
    room_work *w = memory_alloc(sizeof *w);
    if (!w)
        return APUS_ENOMEM;
    *w = (room_work){.run = work, .done = done, .arg = arg};
    if (uv_queue_work(l->uv, &w->work, room_work_run, room_work_finished) < 0) {
        memory_free(w);
        return APUS_ENOMEM;
    }
    return 0;
}

/* A name being resolved; outlives the wait when that is abandoned. */
typedef struct lookup {
    uv_getaddrinfo_t request;
    fiber_wait *wait; /* NULL: nobody waits any more */
    struct addrinfo *found;
    int status;
} lookup;

static void lookup_finished(uv_getaddrinfo_t *request, int status, struct addrinfo *found)
{
    lookup *k = H2O_STRUCT_FROM_MEMBER(lookup, request, request);
    k->status = status;
    k->found = found;
    if (k->wait) {
        fiber_wake(k->wait, 0);
        return;
    }
    uv_freeaddrinfo(found);
    memory_free(k);
}

static void lookup_abandon(fiber_wait *wait)
{
    lookup *k = wait->arg;
    k->wait = NULL;
    uv_cancel((uv_req_t *)&k->request);
}

static size_t addresses_as_text(apus_task *task, const struct addrinfo *found, apus_str *out, size_t size)
{
    size_t count = 0;
    for (; found && count < size; found = found->ai_next) {
        char text[INET6_ADDRSTRLEN + IF_NAMESIZE + 2];
        if (getnameinfo(found->ai_addr, found->ai_addrlen, text, sizeof text, NULL, 0, NI_NUMERICHOST) == 0)
            out[count++] = apus_task_copy(task, apus_cstr(text));
    }
    return count;
}

int task_resolve(apus_task *task, const char *host, apus_str *out, size_t size)
{
    static const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    fiber_wait wait;
    lookup *k = memory_alloc(sizeof *k);
    if (!k)
        return apus_task_fail(task, APUS_ENOMEM, "out of memory");
    *k = (lookup){.wait = &wait};
    int failed = uv_getaddrinfo(task->loop->uv, &k->request, lookup_finished, host, NULL, &hints);
    if (failed < 0) {
        memory_free(k);
        return apus_task_fail(task, APUS_EINVAL, "cannot resolve \"%s\": %s", host, uv_strerror(failed));
    }
    int result = fiber_await(&wait, task, lookup_abandon, k);
    if (result < 0)
        return result;
    int status = k->status;
    int count = status < 0 ? 0 : (int)addresses_as_text(task, k->found, out, size);
    uv_freeaddrinfo(k->found);
    memory_free(k);
    if (status < 0)
        return apus_task_fail(task, APUS_EUNAVAILABLE, "cannot resolve \"%s\": %s", host, uv_strerror(status));
    return count;
}
