/* The calls: a statement's parameters are bound, its group waits, and what came of it is left in the task. */
#include "pg/circuit.h"
#include "pg/private.h"

#include <stdio.h>

int task_take_failure(apus_task *task, const pg_failure *f)
{
    task->error = f->message;
    task->constraint = f->constraint;
    memcpy(task->sqlstate, f->sqlstate, sizeof task->sqlstate);
    return task->failure = f->code;
}

static int fail(apus_task *task, int code, const char *message)
{
    pg_failure f = failure_make(code, message);
    return task_take_failure(task, &f);
}

static int succeed(apus_task *task)
{
    task->failure = 0;
    task->sqlstate[0] = '\0';
    task->constraint = NULL;
    return 0;
}

static int fail_as_unavailable(apus_task *task)
{
    char reason[256];
    circuit_reason(reason, sizeof reason);
    pg_failure f = failure_printf(task->arena, APUS_EUNAVAILABLE, "the database is out of reach: %s", reason);
    return task_take_failure(task, &f);
}

static void group_abandon(fiber_wait *wait)
{
    pg_group *g = wait->arg;
    connection *c = g->connection;
    g->left = g->place == GROUP_SENT;
    g->pool->now = clock_monotonic();
    pool_withdraw(g);
    if (g->grant && g->grant->connection)
        connection_settle(g->grant->connection);
    if (!g->left)
        return;
    /* What a lease has under way is cancelled at once, and its transaction with it. */
    if (c->lease) {
        c->lease->lost = true;
        connection_settle(c);
    } else {
        connection_judge(c);
    }
    pool_wake(g->pool);
}

static int refuse(pg_group *g)
{
    apus_task *task = g->task;
    pg_lease *lease = lease_of(task);
    pg_pool *p = g->pool = pool_current();
    if (lease && lease->lost)
        return fail(task, APUS_EUNAVAILABLE, "the connection of this transaction was lost");
    g->leased = lease && lease->connection && !g->grant;
    g->connection = g->leased ? lease->connection : NULL;
    if (g->leased)
        return 0;
    if (!p || circuit_open())
        return fail_as_unavailable(task);
    if (p->closed)
        return fail(task, APUS_EUNAVAILABLE, "the server is shutting down");
    if (p->waiting.count + p->leases.count >= LIMIT_PG_QUEUE)
        return fail(task, APUS_EPOOL, "too many statements wait for a connection");
    return 0;
}

/* The wait ended before the answer came. What may have been done by then is not said to be worth another try. */
static int fail_unanswered(pg_group *g, int ended)
{
    if (ended != APUS_ETIMEDOUT)
        return fail(g->task, ended, "the request ended before Postgres answered");
    if (g->left && g->loss != PG_LOSS_HARMLESS)
        return fail(g->task, APUS_EOUTCOME, "the deadline passed before Postgres answered: whether it ran is unknown");
    return fail(g->task, ended, "the deadline passed before Postgres answered");
}

int group_run(pg_group *g)
{
    apus_task *task = g->task;
    int refused = refuse(g);
    if (refused)
        return refused;
    pool_submit(g->pool, g);
    int ended = fiber_await(&g->wait, task, group_abandon, g);
    if (ended < 0)
        return fail_unanswered(g, ended);
    return g->failure.code ? task_take_failure(task, &g->failure) : succeed(task);
}

/* Texts of statements that may not run where they were asked to. */
static const char *misplaced(const pg_text *text, const pg_lease *lease)
{
    if (text->use == PG_TEXT_REFUSED)
        return "COPY, DEALLOCATE and DISCARD are not for pooled connections";
    if (text->session && !lease)
        return "this statement changes its session or transaction: it needs pg_begin, pg_tx or pg_lease";
    return NULL;
}

static void release_texts(pg_group *g)
{
    pg_pool *p = pool_current();
    for (pg_statement *s = g->first; s && p; s = s->next)
        if (s->text)
            text_release(&p->texts, s->text);
}

/* Finds the statements' texts. 0 or a failure. */
static int use_texts(pg_group *g)
{
    pg_pool *p = pool_current();
    const pg_lease *lease = lease_of(g->task);
    pg_loss loss = lease && lease->transaction ? PG_LOSS_HARMLESS : PG_LOSS_WRITE;
    bool reads = true;
    for (pg_statement *s = g->first; s; s = s->next) {
        s->text = p ? text_use(&p->texts, s->sql, &s->bound) : NULL;
        if (!s->text)
            return p ? fail(g->task, APUS_ENOMEM, "no memory for a statement") : fail_as_unavailable(g->task);
        const char *words = misplaced(s->text, lease);
        if (words)
            return fail(g->task, APUS_EINVAL, words);
        reads &= s->text->use == PG_TEXT_READS;
    }
    if (g->loss != PG_LOSS_COMMIT)
        g->loss = reads ? PG_LOSS_HARMLESS : loss;
    return 0;
}

int group_run_statements(pg_group *g)
{
    int code = use_texts(g);
    if (!code)
        code = group_run(g);
    release_texts(g);
    return code;
}

static int run_one(apus_task *task, pg_statement *s, const char *sql, pg_params params)
{
    s->sql = sql;
    pg_failure f = params_bind(task->arena, params, &s->bound);
    if (f.code)
        return task_take_failure(task, &f);
    pg_group g = {.task = task, .first = s, .count = 1};
    int code = group_run_statements(&g);
    return code ? code : s->result;
}

static void empty_list(void *list)
{
    *(any_list *)list = (any_list){NULL, 0, APUS_SET};
}

int pg_task_one(apus_task *task, apus_model_fn model, void *out, const char *sql, pg_params params)
{
    pg_statement s = {.want = PG_WANT_ROW, .model = model(), .out = out};
    return run_one(task, &s, sql, params);
}

int pg_task_list(apus_task *task, apus_model_fn model, void *list, const char *sql, pg_params params)
{
    pg_statement s = {.want = PG_WANT_LIST, .model = model(), .out = list};
    empty_list(list);
    return run_one(task, &s, sql, params);
}

int pg_task_exec(apus_task *task, const char *sql, pg_params params)
{
    pg_statement s = {.want = PG_WANT_EFFECT};
    return run_one(task, &s, sql, params);
}

void pg_task_forgive(apus_task *task)
{
    task->failure = 0;
}

const char *pg_task_sqlstate(const apus_task *task)
{
    return task->sqlstate;
}

const char *pg_task_constraint(const apus_task *task)
{
    return task->constraint ? task->constraint : "";
}
