/* What goes over a connection: groups of statements, each behind a sync point of its own. */
#include "pg/private.h"

#include "core/memory.h"

#include <stdio.h>

#define RING_FIRST 64
#define RING_MOST 65536

static bool ring_reserve(connection *c, unsigned more)
{
    unsigned capacity = c->ring_capacity ? c->ring_capacity : RING_FIRST;
    while (capacity < c->ring_count + more)
        capacity *= 2;
    if (capacity == c->ring_capacity)
        return true;
    expectation *ring = capacity > RING_MOST ? NULL : memory_alloc(capacity * sizeof *ring);
    if (!ring)
        return false;
    for (unsigned i = 0; i < c->ring_count; i++)
        ring[i] = *expectation_at(c, i);
    memory_free(c->ring);
    c->ring = ring;
    c->ring_head = 0;
    c->ring_capacity = capacity;
    return true;
}

static void expect(connection *c, expectation e)
{
    if (e.text)
        e.text->users++;
    *expectation_at(c, c->ring_count++) = e;
}

void expectation_pop(connection *c)
{
    pg_text *text = expectation_at(c, 0)->text;
    c->ring_head = (c->ring_head + 1) & (c->ring_capacity - 1);
    c->ring_count--;
    c->primed = false;
    if (text)
        text_release(&c->pool->texts, text);
}

static bool send_simple(connection *c, const char *sql, expectation_kind kind, pg_group *g)
{
    if (!PQsendQueryParams(c->pg, sql, 0, NULL, NULL, NULL, NULL, 0))
        return false;
    expect(c, (expectation){.kind = kind, .group = g});
    return true;
}

/* The slot may hold another text's statement, or this one's that the server holds for outdated: it goes first. */
static bool prepare(connection *c, pg_group *g, pg_text *text, prepared *known)
{
    char sql[32];
    snprintf(sql, sizeof sql, "deallocate s%u", known->serial);
    if (known->serial && !send_simple(c, sql, EXPECT_DEALLOCATED, g))
        return false;
    *known = (prepared){0};
    if (!PQsendPrepare(c->pg, text->name, text->sql, text->type_count, text->types))
        return false;
    known->serial = text->serial;
    expect(c, (expectation){.kind = EXPECT_PREPARED, .group = g, .text = text});
    return true;
}

static bool send_statement(connection *c, pg_group *g, pg_statement *s)
{
    pg_text *text = s->text;
    const pg_bound *b = &s->bound;
    const char *const *values = b->values;
    s->named = pg_options.prepare && text->slot != PG_NO_SLOT && text->use != PG_TEXT_LEASED;
    bool sent;
    if (s->named) {
        prepared *known = &c->prepared[text->slot];
        if ((known->serial != text->serial || known->stale) && !prepare(c, g, text, known))
            return false;
        int binary = s->want != PG_WANT_EFFECT && known->proven && row_plan_binary(known->proven, s->model);
        sent = PQsendQueryPrepared(c->pg, text->name, b->count, values, b->lengths, b->formats, binary);
    } else {
        sent = PQsendQueryParams(c->pg, text->sql, b->count, text->types, values, b->lengths, b->formats, 0);
    }
    if (sent)
        expect(c, (expectation){.kind = EXPECT_RESULT, .group = g, .statement = s, .text = text});
    c->session_used |= c->lease && text->session;
    return sent;
}

static bool send_sync(connection *c)
{
#ifdef LIBPQ_HAS_SEND_PIPELINE_SYNC
    return PQsendPipelineSync(c->pg);
#else
    return PQpipelineSync(c->pg);
#endif
}

/* BEGIN and the lease's time-out go with its first statement: one round trip less, and if BEGIN fails nothing runs without it. */
static bool send_prologue(connection *c, pg_group *g)
{
    pg_lease *lease = c->lease;
    char timeout[64];
    if (!lease || (!lease->begin_pending && !lease->timeout_ms))
        return true;
    snprintf(timeout, sizeof timeout, "set %s statement_timeout = %u", lease->transaction ? "local" : "session", lease->timeout_ms);
    bool begin = lease->begin_pending, limit = lease->timeout_ms > 0;
    lease->begin_pending = false;
    lease->timeout_ms = 0;
    return (!begin || send_simple(c, "begin", EXPECT_RESULT, g)) && (!limit || send_simple(c, timeout, EXPECT_RESULT, g));
}

static bool send_statements(connection *c, pg_group *g)
{
    if (!ring_reserve(c, 3 * g->count + 3) || !send_prologue(c, g))
        return false;
    for (pg_statement *s = g->first; s; s = s->next)
        if (!send_statement(c, g, s))
            return false;
    return send_sync(c);
}

static void count_group(connection *c, const expectation *sync)
{
    if (c->groups == 0)
        c->head_since = c->pool->now;
    c->groups++;
    c->statements += sync->statements;
    c->slow_groups += sync->slow;
    c->unflushed++;
    expect(c, *sync);
    pool_wake(c->pool);
}

void connection_send(connection *c, pg_group *g)
{
    uint64_t now = c->pool->now;
    g->place = GROUP_SENT;
    g->connection = c;
    g->taken_at = now;
    g->task->times.pool_wait += now > g->queued_at ? now - g->queued_at : 0;
    hold_begin(PQsocket(c->pg));
    bool sent = send_statements(c, g);
    hold_end();
    c->broken |= !sent;
    if (!sent && !ring_reserve(c, 1)) {
        g->failure = failure_make(APUS_ENOMEM, "no memory to send a statement");
        pool_done(c->pool, g);
        return;
    }
    count_group(c, &(expectation){.kind = EXPECT_SYNC, .group = g, .statements = g->count, .slow = g->slow,
                                  .text = g->first->text});
}

void connection_send_own(connection *c, const char *sql)
{
    hold_begin(PQsocket(c->pg));
    bool sent = ring_reserve(c, 2) && send_simple(c, sql, EXPECT_RESULT, NULL) && send_sync(c);
    hold_end();
    c->broken |= !sent;
    if (sent)
        count_group(c, &(expectation){.kind = EXPECT_SYNC, .statements = 1});
    else
        pool_wake(c->pool);
}

void connection_flush(connection *c)
{
    int left = PQflush(c->pg);
    c->unflushed = 0;
    if (left < 0)
        c->broken = true;
    else if (left > 0)
        loop_watch_want_write(c->watch);
}

void connection_abandon(connection *c, pg_group *g)
{
    for (unsigned i = 0; i < c->ring_count; i++) {
        expectation *e = expectation_at(c, i);
        if (e->group != g)
            continue;
        e->group = NULL;
        e->statement = NULL;
        e->abandoned = true;
        c->abandoned += e->kind == EXPECT_SYNC;
    }
    g->place = GROUP_NOWHERE;
}

void group_reset(pg_group *g)
{
    g->failure = failure_make(0, NULL);
    for (pg_statement *s = g->first; s; s = s->next) {
        s->plan = NULL;
        s->result = 0;
        s->capacity = s->bytes = 0;
        if (s->want == PG_WANT_LIST)
            *(any_list *)s->out = (any_list){NULL, 0, APUS_SET};
    }
}

/* Only what never left may be sent again. */
static void fail_or_return(connection *c, pg_group *g, bool left)
{
    if (!left && !g->leased && !g->retried && !g->failure.code) {
        g->retried = true;
        group_prepend(&c->pool->waiting, g, GROUP_QUEUED);
        return;
    }
    bool unknown = left && (g->loss == PG_LOSS_COMMIT || (g->loss == PG_LOSS_WRITE && !c->fatal));
    if (unknown && !g->failure.code)
        g->failure = failure_make(APUS_EOUTCOME, "the connection was lost before the answer came: whether it ran is unknown");
    else if (!g->failure.code)
        g->failure = failure_make(APUS_EUNAVAILABLE, "the connection to Postgres was lost");
    pool_done(c->pool, g);
}

void connection_fail_all(connection *c)
{
    unsigned left = c->groups - c->unflushed;
    while (c->ring_count) {
        expectation *e = expectation_at(c, 0);
        if (e->kind == EXPECT_SYNC) {
            if (e->group)
                fail_or_return(c, e->group, left > 0);
            left -= left > 0;
        }
        expectation_pop(c);
    }
    c->groups = c->statements = c->abandoned = c->slow_groups = c->unflushed = 0;
    pool_wake(c->pool);
}
