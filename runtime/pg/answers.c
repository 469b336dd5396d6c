/* What comes back: rows into structs, errors into failures, and at the sync point the end of a group's wait. */
#include "pg/private.h"

#include <stdlib.h>

#define CHUNK_ROWS 8 /* none of them is seen before all are there */

/* Postgres cannot be asked how long an answer is: its rows are taken as they come, and counted. */
static void prime(connection *c)
{
    c->primed = true;
#ifdef LIBPQ_HAS_CHUNK_MODE
    PQsetChunkedRowsMode(c->pg, CHUNK_ROWS);
#else
    PQsetSingleRowMode(c->pg);
#endif
}

static prepared *prepared_of(const expectation *e, connection *c)
{
    if (!e->text || e->text->slot == PG_NO_SLOT || c->prepared[e->text->slot].serial != e->text->serial)
        return NULL;
    return &c->prepared[e->text->slot];
}

/* Room for one more row of the list; NULL without. */
static void *list_room(pg_statement *s, arena *memory)
{
    any_list *list = s->out;
    size_t size = s->model->size;
    if (list->len == s->capacity) {
        size_t capacity = s->capacity ? s->capacity * 2 : 8;
        char *items = arena_alloc(memory, capacity * size);
        if (!items)
            return NULL;
        if (list->len)
            memcpy(items, list->items, list->len * size);
        list->items = items;
        s->capacity = capacity;
    }
    return list->items + list->len * size;
}

/* The columns of a prepared statement do not change while its connection lives. */
static pg_failure find_plan(pg_statement *s, const prepared *known, const PGresult *r, arena *memory)
{
    if (known && s->named && known->proven && row_plan_model(known->proven) == s->model) {
        s->plan = known->proven;
        return failure_make(0, NULL);
    }
    return row_plan_get(&s->text->plans, s->model, r, memory, &s->plan);
}

static pg_failure take_row(pg_statement *s, const PGresult *r, int row, arena *memory)
{
    if (s->want == PG_WANT_EFFECT || (s->want == PG_WANT_ROW && s->result)) {
        s->bytes += row_bytes(r, row);
        s->result += s->want == PG_WANT_EFFECT;
        return failure_make(0, NULL);
    }
    void *out = s->want == PG_WANT_ROW ? s->out : list_room(s, memory);
    if (!out)
        return failure_make(APUS_ENOMEM, "no memory for the rows");
    pg_failure f = row_read(s->plan, r, row, out, memory, &s->bytes);
    if (!f.code) {
        s->result++;
        if (s->want == PG_WANT_LIST)
            ((any_list *)s->out)->len++;
    }
    return f;
}

/* A result past the ceiling ends its group's wait; what still comes is dropped. */
static void refuse_rest(connection *c, pg_group *g)
{
    g->failure = failure_printf(g->task->arena, APUS_ETOOLARGE,
                                "the result has more than %zu bytes: add a limit to the statement", LIMIT_PG_RESULT);
    connection_abandon(c, g);
    pool_done(c->pool, g);
}

static void take_rows(connection *c, expectation *e, const PGresult *r)
{
    pg_statement *s = e->statement;
    pg_group *g = e->group;
    int rows = PQntuples(r);
    if (s && rows && !s->plan && s->want != PG_WANT_EFFECT && !g->failure.code)
        g->failure = find_plan(s, prepared_of(e, c), r, g->task->arena);
    for (int row = 0; s && !g->failure.code && row < rows; row++) {
        g->failure = take_row(s, r, row, g->task->arena);
        if (s->bytes > LIMIT_PG_RESULT) {
            refuse_rest(c, g);
            return;
        }
    }
}

static void finish_statement(connection *c, expectation *e, PGresult *r)
{
    pg_statement *s = e->statement;
    prepared *known = prepared_of(e, c);
    e->answered = true;
    if (!s)
        return;
    if (s->want == PG_WANT_EFFECT && !s->result)
        s->result = atoi(PQcmdTuples(r));
    else if (known && s->named && s->plan)
        known->proven = s->plan;
    /* Postgres answers the COMMIT of a failed transaction with ROLLBACK, and no error. */
    if (e->group->loss == PG_LOSS_COMMIT && strcmp(PQcmdStatus(r), "ROLLBACK") == 0 && !e->group->failure.code)
        e->group->failure = failure_make(APUS_EQUERY, "the transaction was rolled back: a statement in it had failed");
}

/* A standby: the next connection may find the primary. A transaction that somebody made read-only is no reason. */
static bool is_standby(const PGconn *pg)
{
    const char *standby = PQparameterStatus(pg, "in_hot_standby");
    const char *read_only = PQparameterStatus(pg, "default_transaction_read_only");
    return !standby || !read_only || strcmp(standby, "on") == 0 || strcmp(read_only, "on") == 0;
}

static void mark_stale(prepared *known, const pg_failure *f)
{
    if (!known)
        return;
    if (strcmp(f->sqlstate, "26000") == 0)
        *known = (prepared){0};
    else
        known->stale = true;
}

/* What was to be prepared was not. */
static void forget_prepared(connection *c, const expectation *e)
{
    if (e->kind == EXPECT_PREPARED && prepared_of(e, c))
        *prepared_of(e, c) = (prepared){0};
}

/* The server still has a statement of that name, whose DEALLOCATE was skipped or which was forgotten here: it goes first. */
static void remember_prepared(connection *c, const expectation *e, pg_failure *f)
{
    if (e->kind != EXPECT_PREPARED || strcmp(f->sqlstate, "42P05") != 0)
        return;
    c->prepared[e->text->slot] = (prepared){.serial = e->text->serial, .stale = true};
    f->taken = true;
}

static void take_error(connection *c, expectation *e, const PGresult *r)
{
    arena scratch;
    pg_group *g = e->group;
    if (!PQresultErrorField(r, PG_DIAG_SQLSTATE)) {
        c->broken = true; /* libpq's own words: the connection is lost */
        return;
    }
    arena_init(&scratch, NULL, LIMIT_ARENA_CHUNK * 4);
    pg_failure f = failure_of_result(r, g ? g->task->arena : &scratch);
    bool fatal = failure_is_fatal(r), at_sync = e->kind == EXPECT_SYNC;
    e->answered = true;
    c->retire |= fatal;
    c->fatal |= fatal && !at_sync;
    if (strcmp(f.sqlstate, "25006") == 0) {
        c->retire |= is_standby(c->pg);
        f.code = is_standby(c->pg) ? APUS_EUNAVAILABLE : APUS_EQUERY;
    }
    if (e->kind == EXPECT_RESULT && failure_is_stale(&f))
        mark_stale(prepared_of(e, c), &f);
    forget_prepared(c, e);
    remember_prepared(c, e, &f);
    if (!g)
        c->retire |= !e->abandoned; /* the connection's own */
    else if (!g->failure.code && !(fatal && (at_sync || g->loss == PG_LOSS_COMMIT)))
        g->failure = f; /* else connection_fail_all says what became of it */
    arena_reset(&scratch);
}

/* How long a text runs decides whether others are sent behind it. */
static void time_text(pg_text *text, uint64_t duration)
{
    if (duration > PG_SLOW_AGE)
        text->slow = PG_SLOW_FOR;
    else if (text->slow)
        text->slow--;
}

static void time_group(const expectation *e, uint64_t duration)
{
    if (!e->group && e->text)
        time_text(e->text, duration);
    for (pg_statement *s = e->group ? e->group->first : NULL; s; s = s->next)
        time_text(s->text, duration);
}

/* Its statements had no effect: it may run again, once. */
static bool may_run_again(const connection *c, const pg_group *g)
{
    return failure_is_stale(&g->failure) && !g->retried && (!g->leased || PQtransactionStatus(c->pg) == PQTRANS_IDLE);
}

static void run_again(pg_group *g)
{
    pg_pool *p = g->pool;
    g->retried = true;
    group_reset(g);
    group_prepend(g->leased ? &p->direct : &p->waiting, g, GROUP_QUEUED);
    pool_wake(p);
}

static void finish_group(connection *c, expectation *e)
{
    pg_group *g = e->group;
    uint64_t now = c->pool->now;
    time_group(e, now - c->head_since);
    c->head_since = now;
    c->groups--;
    c->statements -= e->statements;
    c->abandoned -= e->abandoned;
    c->slow_groups -= e->slow;
    expectation_pop(c);
    if (!g)
        return;
    if (may_run_again(c, g)) {
        run_again(g);
        return;
    }
    if (failure_is_stale(&g->failure))
        g->failure.code = APUS_ESERIALIZATION;
    pool_done(c->pool, g);
}

static void answer(connection *c, expectation *e, PGresult *r)
{
    switch (PQresultStatus(r)) {
#ifdef LIBPQ_HAS_CHUNK_MODE
    case PGRES_TUPLES_CHUNK:
#endif
    case PGRES_SINGLE_TUPLE:
        take_rows(c, e, r);
        break;
    case PGRES_TUPLES_OK:
    case PGRES_COMMAND_OK:
    case PGRES_EMPTY_QUERY:
        take_rows(c, e, r);
        finish_statement(c, e, r);
        break;
    case PGRES_PIPELINE_ABORTED:
        forget_prepared(c, e);
        e->answered = true;
        break;
    case PGRES_FATAL_ERROR:
        take_error(c, e, r);
        break;
    case PGRES_PIPELINE_SYNC:
        if (e->kind == EXPECT_SYNC)
            finish_group(c, e);
        else
            c->broken = true;
        break;
    default: /* COPY, or what libpq did not understand: it cannot go on from here */
        c->broken = true;
    }
}

/* NULL ends the results of one command; after an error at a sync point, the sync point is still to come. */
static void end_of_command(connection *c, expectation *e)
{
    if (!e->answered)
        c->broken = true;
    else if (e->kind == EXPECT_SYNC)
        e->answered = false;
    else
        expectation_pop(c);
}

/* A single row of that size: libpq would keep all of it, however large. */
static void refuse_row(connection *c)
{
    pg_group *g = expectation_at(c, 0)->group;
    if (g && !g->failure.code)
        g->failure = failure_make(APUS_ETOOLARGE, "a row of the result is too large");
    c->broken = true;
}

void connection_answers(connection *c)
{
    while (c->ring_count && !c->broken) {
        expectation *e = expectation_at(c, 0);
        if (e->kind == EXPECT_RESULT && !e->answered && !c->primed)
            prime(c);
        if (PQisBusy(c->pg))
            break;
        PGresult *r = PQgetResult(c->pg);
        c->unanswered = 0;
        if (r)
            answer(c, e, r);
        else
            end_of_command(c, e);
        PQclear(r);
    }
    if (!c->ring_count)
        PQisBusy(c->pg); /* parses what comes unasked: notices, changed parameters */
    else if (c->unanswered > 2 * LIMIT_PG_RESULT)
        refuse_row(c);
}
