/* A worker's pool: what waits, what is given to whom, what is dialed and what expires. */
#include "pg/circuit.h"
#include "pg/listen.h"
#include "pg/private.h"

#include "core/memory.h"

#define TICK PG_SECOND
#define BACKOFF_FIRST (100 * (uint64_t)PG_MILLISECOND)
#define BACKOFF_MOST (5 * (uint64_t)PG_SECOND)

/* Not a part of the pool: the loop may still have it listed when the pool is gone. */
static _Thread_local loop_deferred work;
static _Thread_local pg_pool *current;

pg_pool *pool_current(void)
{
    return current;
}

uint32_t random_below(uint32_t limit)
{
    static _Thread_local uint64_t state;
    if (!state)
        state = clock_monotonic() ^ (uint64_t)(uintptr_t)&state;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 32) % limit;
}

void pool_wake(pg_pool *p)
{
    loop_defer(p->loop, &work);
}

static bool has_permit(const pg_pool *p)
{
    return p->own_permit || permits_spare() > 0;
}

static bool can_grow(const pg_pool *p, uint64_t now)
{
    return p->lists[CONNECTION_DIALING].count || (has_permit(p) && p->lists[CONNECTION_FREE].count && now >= p->dial_after);
}

/* ---- giving ---- */

/* A batch may lead a little beyond the limit; a large one goes where nothing is under way. */
static bool takes_more(const connection *c, const pg_group *g, uint64_t now)
{
    bool room = c->statements < LIMIT_PG_IN_FLIGHT && g->count <= LIMIT_PG_IN_FLIGHT;
    return room && !c->slow_groups && now < c->head_since + PG_SPILL_AGE;
}

static connection *first_that_takes(const pg_pool *p, const pg_group *g, uint64_t now)
{
    connection *c = p->lists[CONNECTION_BUSY].first;
    while (c && !takes_more(c, g, now))
        c = c->next;
    return c;
}

/* Filled one after the other; what is known to be slow goes where nobody would wait behind it, if there is such a place. */
static connection *choose(const pg_pool *p, pg_group *g, uint64_t now)
{
    g->slow = false;
    for (const pg_statement *s = g->first; s; s = s->next)
        g->slow |= s->text->slow > 0;
    connection *c = g->slow ? NULL : first_that_takes(p, g, now);
    if (!c)
        c = p->lists[CONNECTION_IDLE].first;
    if (!c && g->slow && !can_grow(p, now))
        c = first_that_takes(p, g, now);
    return c;
}

static void leave_queue(pg_pool *p, pg_group *g, uint64_t now)
{
    group_unlink(g);
    p->tally.acquires++;
    p->tally.statements += g->count;
    p->tally.wait_nanoseconds += now > g->queued_at ? now - g->queued_at : 0;
}

static void grant(pg_pool *p, pg_group *g, connection *c, uint64_t now)
{
    leave_queue(p, g, now);
    g->task->times.pool_wait += now - g->queued_at;
    connection_lease(c, g->grant);
    pool_done(p, g);
}

static bool give_one(pg_pool *p, uint64_t now)
{
    pg_group *g = p->waiting.first, *l = p->leases.first;
    connection *idle = p->lists[CONNECTION_IDLE].last;
    bool lease_first = l && (!g || l->queued_at <= g->queued_at);
    connection *c = lease_first && idle ? NULL : g ? choose(p, g, now) : NULL;
    if (c) {
        leave_queue(p, g, now);
        connection_send(c, g);
        connection_judge(c);
        return true;
    }
    if (l && idle)
        grant(p, l, idle, now);
    return l && idle;
}

static void send_direct(pg_pool *p)
{
    while (p->direct.first) {
        pg_group *g = p->direct.first;
        group_unlink(g);
        if (g->connection->state == CONNECTION_LEASED) {
            p->tally.statements += g->count;
            connection_send(g->connection, g);
            connection_judge(g->connection);
        } else {
            g->failure = failure_make(APUS_EUNAVAILABLE, "the connection of this transaction was lost");
            pool_done(p, g);
        }
    }
}

/* Waiting leases keep as many shared connections from being filled again. */
static void keep_for_leases(pg_pool *p, uint64_t now)
{
    size_t wanted = 0;
    for (connection *c = p->lists[CONNECTION_QUIET].first, *next; c; c = next) {
        next = c->next;
        if (!c->wanted)
            continue;
        c->wanted = wanted < p->leases.count;
        wanted += c->wanted;
        connection_judge(c);
    }
    while (wanted < p->leases.count && p->lists[CONNECTION_BUSY].last && !can_grow(p, now)) {
        connection *c = p->lists[CONNECTION_BUSY].last;
        c->wanted = true;
        wanted++;
        connection_judge(c);
    }
}

/* ---- dialing ---- */

static uint64_t backoff(unsigned failures)
{
    uint64_t delay = BACKOFF_FIRST << (failures < 10 ? failures : 10);
    delay = delay < BACKOFF_MOST ? delay : BACKOFF_MOST;
    return delay / 2 + random_below((uint32_t)(delay / 2));
}

void pool_back_off(pg_pool *p)
{
    uint64_t now = clock_monotonic();
    if (now < p->dial_after)
        return;
    if (now > p->dial_after + 2 * BACKOFF_MOST)
        p->dial_failures = 0;
    p->dial_after = now + backoff(p->dial_failures++);
}

void pool_dialed(void *arg, PGconn *pg, const char *error)
{
    connection *c = arg;
    pg_pool *p = c->pool;
    c->dial = NULL;
    if (pg && connection_open(c, pg))
        return;
    count_up(&pg_counts.dial_failures, 1);
    permit_return(c->permit, &p->own_permit);
    c->permit = PERMIT_NONE;
    pool_back_off(p);
    connection_enter(c, CONNECTION_FREE);
    circuit_failed(error ? error : "too few descriptors or too little memory for a connection");
}

static bool dial_one(pg_pool *p, uint64_t now, uint64_t *again)
{
    connection *c = p->lists[CONNECTION_FREE].first;
    if (!c || p->closed || (!circuit_open() && now < p->dial_after) || !has_permit(p) ||
        !circuit_may_dial(now, again))
        return false;
    c->permit = permit_take(&p->own_permit);
    if (c->permit == PERMIT_NONE)
        return false;
    c->dial = dial_start(p->loop, &pg_main_target, pool_dialed, c);
    if (!c->dial) {
        permit_return(c->permit, &p->own_permit);
        c->permit = PERMIT_NONE;
        return false;
    }
    connection_enter(c, CONNECTION_DIALING);
    return true;
}

static size_t alive(const pg_pool *p)
{
    size_t count = 0;
    for (connection_state s = CONNECTION_IDLE; s < CONNECTION_CLOSING; s++)
        count += p->lists[s].count;
    return count;
}

/* Connections above the least number. */
static size_t spare_of(const pg_pool *p)
{
    size_t count = alive(p);
    return count > p->least ? count - p->least : 0;
}

/* When to try again, if trying is what is left to do; UINT64_MAX otherwise. */
static uint64_t dial_more(pg_pool *p, uint64_t now)
{
    uint64_t again = UINT64_MAX;
    size_t needed = p->leases.count + (p->waiting.count + LIMIT_PG_IN_FLIGHT - 1) / LIMIT_PG_IN_FLIGHT;
    size_t least = circuit_open() && p->least == 0 && !p->draining ? 1 : p->least;
    size_t short_of = least > alive(p) ? least - alive(p) : 0;
    needed = needed > short_of ? needed : short_of;
    while (p->lists[CONNECTION_DIALING].count < needed && dial_one(p, now, &again))
        ;
    if (p->lists[CONNECTION_DIALING].count >= needed)
        return UINT64_MAX;
    if (p->lists[CONNECTION_FREE].count && !p->closed && !has_permit(p)) {
        circuit_ask_pools(now, (int)(needed - p->lists[CONNECTION_DIALING].count));
        return now + PG_LEND_AGE;
    }
    return again != UINT64_MAX ? again : p->dial_after > now ? p->dial_after : UINT64_MAX;
}

/* ---- time ---- */

static void expire(pg_pool *p, group_list *list, uint64_t now, uint64_t *next)
{
    uint64_t limit = clock_nanoseconds(pg_options.acquire_timeout);
    while (list->first && list->first->queued_at + limit <= now) {
        count_up(&pg_counts.timeouts, 1);
        pool_fail_first(p, list, APUS_EPOOL, "no connection became free within DB_ACQUIRE_TIMEOUT", "");
    }
    if (list->first && list->first->queued_at + limit < *next)
        *next = list->first->queued_at + limit;
}

static void look_at_due(pg_pool *p, connection_state state, uint64_t now, uint64_t *next)
{
    for (connection *c = p->lists[state].first, *after; c; c = after) {
        after = c->next;
        if (c->due && c->due <= now && state == CONNECTION_CLOSING)
            connection_drop(c);
        else if (c->due && c->due <= now)
            connection_judge(c);
        else if (c->due && c->due < *next)
            *next = c->due;
    }
}

/* Too old, or unused beyond the least number that is kept. */
static void retire_some(pg_pool *p, uint64_t now)
{
    size_t spare = spare_of(p);
    for (connection *c = p->lists[CONNECTION_IDLE].last, *after; c; c = after) {
        after = c->previous;
        bool unused = spare && (p->draining || now >= c->idle_since + PG_IDLE_TIME);
        spare -= unused;
        c->retire |= unused || now >= c->expires_at || p->closed;
        if (c->retire)
            connection_judge(c);
    }
    for (connection *c = p->lists[CONNECTION_BUSY].first, *after; c; c = after) {
        after = c->next;
        if (now >= c->expires_at) {
            c->retire = true;
            connection_judge(c);
        }
    }
    for (connection *c = p->lists[CONNECTION_LEASED].first; c; c = c->next)
        c->retire |= now >= c->expires_at;
}

static void flush_list(pg_pool *p, connection_state state)
{
    for (connection *c = p->lists[state].first, *after; c; c = after) {
        after = c->next;
        if (!c->unflushed)
            continue;
        connection_flush(c);
        if (c->broken || c->abandoned)
            connection_judge(c);
    }
}

static void flush_all(pg_pool *p)
{
    flush_list(p, CONNECTION_BUSY);
    flush_list(p, CONNECTION_LEASED);
    flush_list(p, CONNECTION_QUIET);
    flush_list(p, CONNECTION_SETTLING);
}

/* Once a turn: the counters are shared by all workers. */
static void publish(pg_pool *p)
{
    pool_tally *t = &p->tally;
    size_t waiting = p->waiting.count + p->leases.count;
    if (waiting != t->waiting)
        count_up(&pg_counts.waiting, waiting - t->waiting);
    if (t->acquires || t->statements || t->errors) {
        count_up(&pg_counts.acquires, t->acquires);
        count_up(&pg_counts.statements, t->statements);
        count_up(&pg_counts.errors, t->errors);
        count_up(&pg_counts.wait_nanoseconds, t->wait_nanoseconds);
    }
    *t = (pool_tally){.waiting = waiting};
}

static void tick(loop_timer *timer);

/* Everything that a turn asked of the pool, at the turn's end. */
static void pool_work(loop_deferred *self)
{
    pg_pool *p = current;
    (void)self;
    if (!p)
        return;
    uint64_t now = p->now = clock_monotonic(), next = now + TICK;
    send_direct(p);
    while (give_one(p, now))
        ;
    keep_for_leases(p, now);
    flush_all(p);
    uint64_t dial_at = dial_more(p, now);
    if (p->lists[CONNECTION_QUIET].count || p->lists[CONNECTION_SETTLING].count || p->lists[CONNECTION_CLOSING].count) {
        look_at_due(p, CONNECTION_QUIET, now, &next);
        look_at_due(p, CONNECTION_SETTLING, now, &next);
        look_at_due(p, CONNECTION_CLOSING, now, &next);
    }
    expire(p, &p->waiting, now, &next);
    expire(p, &p->leases, now, &next);
    next = dial_at < next ? dial_at : next;
    if (!p->timer.at || next < p->timer.at)
        loop_timer_start(p->loop, &p->timer, next, tick);
    publish(p);
    pool_finish(p);
}

static void tick(loop_timer *timer)
{
    pg_pool *p = containing(pg_pool, timer, timer);
    p->now = clock_monotonic();
    retire_some(p, p->now);
    pool_wake(p);
}

/* ---- the process's news ---- */

void pool_circuit_changed(void *unused)
{
    (void)unused;
    pg_pool *p = current;
    if (!p)
        return;
    if (circuit_open()) {
        char reason[256];
        circuit_reason(reason, sizeof reason);
        pool_fail_queued(p, "the database is out of reach: ", reason);
    }
    p->dial_after = 0;
    pool_wake(p);
    pool_finish(p);
}

/* A worker's own permit is of no use to others: it goes to a connection that stays. */
static bool holds_spare(const pg_pool *p, connection *c)
{
    for (size_t i = 0; c->permit == PERMIT_OWN && i < p->slot_count; i++)
        if (p->slots[i]->permit == PERMIT_SPARE) {
            p->slots[i]->permit = PERMIT_OWN;
            c->permit = PERMIT_SPARE;
        }
    return c->permit == PERMIT_SPARE;
}

void pool_lend(void *unused)
{
    (void)unused;
    pg_pool *p = current;
    if (!p || p->waiting.count || p->leases.count)
        return;
    uint64_t now = p->now = clock_monotonic();
    size_t spare = spare_of(p);
    for (connection *c = p->lists[CONNECTION_IDLE].last, *after; c && spare; c = after) {
        after = c->previous;
        if (now < c->idle_since + PG_LEND_AGE || !holds_spare(p, c))
            continue;
        if (!permits_asked())
            break;
        spare--;
        c->retire = true;
        connection_judge(c);
    }
    pool_wake(p);
}

/* ---- life ---- */

static bool make_slots(pg_pool *p)
{
    p->slot_count = (size_t)pg_options.pool_max;
    p->slots = memory_alloc(p->slot_count * sizeof(connection *));
    if (!p->slots)
        return false;
    memset(p->slots, 0, p->slot_count * sizeof(connection *));
    for (size_t i = 0; i < p->slot_count; i++) {
        connection *c = memory_alloc(sizeof *c);
        if (!c)
            return false;
        memset(c, 0, sizeof *c);
        c->pool = p;
        c->index = (unsigned)i;
        c->socket = -1;
        p->slots[i] = c;
        connection_list *list = &p->lists[CONNECTION_FREE];
        c->previous = list->last;
        *(list->last ? &list->last->next : &list->first) = c;
        list->last = c;
        list->count++;
    }
    return true;
}

static void pool_free(pg_pool *p)
{
    for (size_t i = 0; p->slots && i < p->slot_count; i++)
        if (p->slots[i]) {
            memory_free(p->slots[i]->ring);
            memory_free(p->slots[i]->prepared);
            memory_free(p->slots[i]);
        }
    memory_free(p->slots);
    texts_clear(&p->texts);
    memory_free(p);
}

pg_pool *pg_pool_open(loop *l)
{
    pg_pool *p = memory_alloc(sizeof *p);
    if (!p)
        return NULL;
    memset(p, 0, sizeof *p);
    p->loop = l;
    p->own_permit = true;
    p->least = pool_share(l->index);
    if (!make_slots(p) || !circuit_join(p)) {
        pool_free(p);
        return NULL;
    }
    current = p;
    if (!atomic_load(&l->turns))
        work.queued = false; /* in the list of a loop that ended before */
    work.run = pool_work;
    if (circuit_state() != PG_UNUSED)
        pool_wake(p);
    else
        p->closed = true;
    return p;
}

void pg_pool_drain(pg_pool *p, bool now)
{
    p->draining = true;
    p->closed |= now;
    p->least = now || p->least == 0 ? 0 : 1;
    retire_some(p, clock_monotonic());
    if (now)
        pool_fail_queued(p, "the server is shutting down", "");
    pool_wake(p);
}

void pg_pool_close(pg_pool *p)
{
    circuit_leave(p);
    events_pool_closes();
    listen_pool_closes(p);
    pg_pool_drain(p, true);
    for (size_t i = 0; i < p->slot_count; i++)
        connection_drop(p->slots[i]);
    send_direct(p);
    pool_finish(p);
    loop_timer_stop(p->loop, &p->timer);
    publish(p);
    current = NULL;
    pool_free(p);
}
