/* Notifications at their worker: each task has a queue for each channel that it waits on. */
#include "pg/circuit.h"
#include "pg/listen.h"

#include "core/memory.h"

#define NAME_MOST 63 /* bytes of an identifier in Postgres */
#define QUEUE_FIRST 8 /* doubles, up to LIMIT_PG_EVENTS */
_Static_assert((LIMIT_PG_EVENTS & (LIMIT_PG_EVENTS - 1)) == 0, "a queue's capacity is a power of two");

/** A channel of this worker. */
typedef struct channel {
    struct channel *next;
    struct subscription *subscriptions;
    size_t length;
    char name[NAME_MOST];
} channel;

/** A task's place at a channel. In the task's arena; its queue is not. */
typedef struct subscription {
    struct subscription *next, *previous; /* of the channel */
    struct subscription *mine;            /* the task's next one */
    channel *channel;                     /* NULL: the pool went before the task */
    notification **queue, *current;
    size_t first, count, capacity;
    fiber_wait wait;
    bool waiting;
} subscription;

static _Thread_local channel *channels;

static void notification_release(notification *n)
{
    if (n && --n->uses == 0)
        memory_free(n);
}

static apus_str channel_of(const notification *n)
{
    return (apus_str){n->text, n->channel_length};
}

/* Room for one more: the queue grows to its ceiling, then the oldest goes. */
static bool make_room(subscription *s)
{
    if (s->count < s->capacity)
        return true;
    size_t capacity = s->capacity ? s->capacity * 2 : QUEUE_FIRST;
    notification **queue = s->capacity < LIMIT_PG_EVENTS ? memory_alloc(capacity * sizeof(notification *)) : NULL;
    if (!queue) {
        count_up(&pg_counts.events_dropped, 1);
        if (!s->capacity)
            return false;
        notification_release(s->queue[s->first]);
        s->first = (s->first + 1) & (s->capacity - 1);
        s->count--;
        return true;
    }
    for (size_t i = 0; i < s->count; i++)
        queue[i] = s->queue[(s->first + i) & (s->capacity - 1)];
    memory_free(s->queue);
    s->queue = queue;
    s->first = 0;
    s->capacity = capacity;
    return true;
}

static void push(subscription *s, notification *n)
{
    if (!make_room(s))
        return;
    n->uses++;
    s->queue[(s->first + s->count++) & (s->capacity - 1)] = n;
}

static notification *pop(subscription *s)
{
    notification *n = s->queue[s->first];
    s->first = (s->first + 1) & (s->capacity - 1);
    s->count--;
    return n;
}

static channel *find_channel(apus_str name)
{
    channel *c = channels;
    while (c && !apus_str_eq(name, (apus_str){c->name, c->length}))
        c = c->next;
    return c;
}

/* A fiber that goes on may end subscriptions: who is to be woken is looked for afresh each time. */
static void wake_all(apus_str name)
{
    for (;;) {
        channel *c = find_channel(name);
        subscription *s = c ? c->subscriptions : NULL;
        while (s && !(s->waiting && s->count))
            s = s->next;
        if (!s)
            return;
        s->waiting = false;
        fiber_wake(&s->wait, 0);
    }
}

void events_deliver(void *arg)
{
    notification *n = arg;
    n->uses = 1;
    channel *c = find_channel(channel_of(n));
    for (subscription *s = c ? c->subscriptions : NULL; s; s = s->next)
        push(s, n);
    wake_all(channel_of(n));
    notification_release(n);
}

static channel *join_channel(pg_pool *p, apus_str name)
{
    channel *c = find_channel(name);
    if (c)
        return c;
    c = memory_alloc(sizeof *c);
    if (!c || !listen_join(p, name)) {
        memory_free(c);
        return NULL;
    }
    *c = (channel){.next = channels, .length = name.len};
    memcpy(c->name, name.ptr, name.len);
    channels = c;
    return c;
}

static void leave_channel(pg_pool *p, channel *c)
{
    channel **link = &channels;
    while (*link != c)
        link = &(*link)->next;
    *link = c->next;
    listen_leave(p, (apus_str){c->name, c->length});
    memory_free(c);
}

static void leave(subscription *s)
{
    channel *c = s->channel;
    while (s->count)
        notification_release(pop(s));
    notification_release(s->current);
    memory_free(s->queue);
    s->current = NULL;
    s->queue = NULL;
    s->capacity = 0;
    s->channel = NULL;
    if (!c)
        return;
    *(s->previous ? &s->previous->next : &c->subscriptions) = s->next;
    if (s->next)
        s->next->previous = s->previous;
    if (!c->subscriptions)
        leave_channel(pool_current(), c);
}

static void clean_up(apus_task *task, void *arg)
{
    (void)task;
    leave(arg);
}

void events_pool_closes(void)
{
    while (channels) {
        subscription *s = channels->subscriptions;
        leave(s);
        if (s->waiting)
            fiber_wake(&s->wait, APUS_EUNAVAILABLE);
    }
}

static subscription *subscribe(apus_task *task, apus_str name)
{
    subscription *s = apus_task_alloc(task, sizeof *s);
    channel *c = join_channel(pool_current(), name);
    if (!c)
        return NULL;
    s->channel = c;
    s->next = c->subscriptions;
    if (s->next)
        s->next->previous = s;
    c->subscriptions = s;
    s->mine = task->listener;
    task->listener = s;
    apus_task_defer(task, clean_up, s);
    return s;
}

static subscription *subscription_of(const apus_task *task, apus_str name)
{
    subscription *s = task->listener;
    while (s && (!s->channel || !apus_str_eq(name, (apus_str){s->channel->name, s->channel->length})))
        s = s->mine;
    return s;
}

static void stop_waiting(fiber_wait *wait)
{
    containing(subscription, wait, wait)->waiting = false;
}

static int wait_for_one(apus_task *task, subscription *s)
{
    if (s->waiting)
        return apus_task_fail(task, APUS_EINVAL, "another job of this task waits on the channel already");
    s->waiting = true;
    return fiber_await(&s->wait, task, stop_waiting, NULL);
}

int pg_task_listen_next(apus_task *task, apus_str name, pg_event *event)
{
    pg_pool *p = pool_current();
    if (!p || circuit_state() == PG_UNUSED)
        return apus_task_fail(task, APUS_EUNAVAILABLE, "DATABASE_URL is not set");
    if (name.len == 0 || name.len > NAME_MOST || memchr(name.ptr, '\0', name.len))
        return apus_task_fail(task, APUS_EINVAL, "a channel's name has 1 to %d bytes, none of them NUL", NAME_MOST);
    subscription *s = subscription_of(task, name);
    s = s ? s : subscribe(task, name);
    if (!s)
        return apus_task_fail(task, APUS_ENOMEM, "no memory to listen");
    notification_release(s->current);
    s->current = NULL;
    int code = s->count ? 0 : wait_for_one(task, s);
    if (code < 0)
        return code;
    if (!s->count)
        return apus_task_fail(task, APUS_EUNAVAILABLE, "the server is shutting down");
    notification *n = s->current = pop(s);
    event->channel = channel_of(n);
    event->payload = (apus_str){n->text + n->channel_length, n->payload_length};
    return 0;
}
