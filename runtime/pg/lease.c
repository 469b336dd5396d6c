/* Leases: a connection for one task alone, for a transaction or for a session's state. Jobs of apus_gather run on their task's. */
#include "pg/private.h"

static int fail(apus_task *task, int code, const char *words)
{
    pg_failure f = failure_make(code, words);
    return task_take_failure(task, &f);
}

pg_lease *lease_of(const apus_task *task)
{
    for (; task; task = task->parent) {
        pg_lease *lease = task->lease;
        if (lease && (lease->connection || lease->lost))
            return lease;
    }
    return NULL;
}

void lease_lose(pg_lease *lease)
{
    lease->connection = NULL;
    lease->lost = true;
}

static void give_back(pg_lease *lease)
{
    if (lease->connection)
        connection_settle(lease->connection);
    *lease = (pg_lease){0};
}

static void clean_up(apus_task *task, void *arg)
{
    (void)task;
    give_back(arg);
}

/* The task's own record; the clean-up is registered with it, once. */
static pg_lease *own_lease(apus_task *task)
{
    if (!task->lease) {
        task->lease = apus_task_alloc(task, sizeof(pg_lease));
        apus_task_defer(task, clean_up, task->lease);
    }
    return task->lease;
}

/* What is left of the deadline, where that is less than the session's own limit. */
static unsigned timeout_of(const apus_task *task, bool transaction)
{
    double left = apus_task_remaining(task), limit = pg_options.statement_timeout;
    bool allowed = transaction || pg_options.prepare;
    if (!allowed || left > 1e6 || (limit > 0 && left >= limit))
        return 0;
    return left < 0.001 ? 1 : (unsigned)(left * 1000);
}

/* A connection of its own. */
static int acquire(apus_task *task, bool session)
{
    pg_lease *lease = own_lease(task);
    pg_group g = {.task = task, .grant = lease};
    *lease = (pg_lease){0};
    int code = group_run(&g);
    if (code)
        return code;
    lease->session = session;
    lease->transaction = lease->begin_pending = !session;
    lease->timeout_ms = timeout_of(task, !session);
    lease->connection->session_used = session;
    return 0;
}

int pg_task_begin(apus_task *task)
{
    pg_lease *lease = lease_of(task);
    if (!lease)
        return acquire(task, false);
    if (lease->lost)
        return fail(task, APUS_EUNAVAILABLE, "the connection of this lease was lost: pg_release it first");
    if (lease->transaction)
        return fail(task, APUS_EINVAL, "a transaction is open already");
    lease->transaction = lease->begin_pending = true;
    lease->timeout_ms = timeout_of(task, true);
    task->failure = 0;
    return 0;
}

int pg_task_lease(apus_task *task)
{
    if (lease_of(task))
        return fail(task, APUS_EINVAL, "this task has a lease or a transaction already");
    return acquire(task, true);
}

/* A transaction is over: its connection goes back, unless it was leased for longer. */
static void end_transaction(pg_lease *lease)
{
    lease->transaction = lease->begin_pending = false;
    if (!lease->session)
        give_back(lease);
}

/* COMMIT or ROLLBACK, waited for. */
static int run_end(apus_task *task, const char *sql, pg_loss loss)
{
    pg_statement s = {.want = PG_WANT_EFFECT, .sql = sql};
    pg_group g = {.task = task, .first = &s, .count = 1, .loss = loss};
    return group_run_statements(&g);
}

static int check_transaction(apus_task *task, pg_lease *lease, const char *words)
{
    if (!lease || (!lease->transaction && !lease->lost))
        return fail(task, APUS_EINVAL, words);
    if (!lease->lost)
        return 0;
    if (!lease->session)
        give_back(lease);
    return fail(task, APUS_EUNAVAILABLE, "the connection of this transaction was lost; it was rolled back");
}

int pg_task_commit(apus_task *task)
{
    pg_lease *lease = lease_of(task);
    int code = check_transaction(task, lease, "pg_commit without pg_begin");
    if (code || !lease)
        return code;
    if (!lease->begin_pending)
        code = run_end(task, "commit", PG_LOSS_COMMIT);
    end_transaction(lease);
    return code;
}

/* On a connection of its own the transaction is rolled back behind the caller's back: nobody gets the connection before. */
int pg_task_rollback(apus_task *task)
{
    pg_lease *lease = lease_of(task);
    if (lease && lease->lost && !lease->session) {
        give_back(lease);
        return 0;
    }
    int code = check_transaction(task, lease, "pg_rollback without pg_begin");
    if (code || !lease)
        return code;
    if (lease->session && !lease->begin_pending)
        code = run_end(task, "rollback", PG_LOSS_HARMLESS);
    end_transaction(lease);
    return code;
}

int pg_task_tx(apus_task *task, int (*body)(apus_task *task, void *arg), void *arg)
{
    int code = pg_task_begin(task);
    if (code)
        return code;
    int result = body(task, arg);
    if (result < 0) {
        /* What the body's failure left in the task stays. */
        pg_failure kept = {.code = task->failure, .message = task->error, .constraint = task->constraint};
        memcpy(kept.sqlstate, task->sqlstate, sizeof kept.sqlstate);
        pg_task_rollback(task);
        task_take_failure(task, &kept);
        return result;
    }
    code = pg_task_commit(task);
    return code ? code : result;
}

void pg_task_release(apus_task *task)
{
    pg_lease *lease = task->lease;
    if (lease)
        give_back(lease);
}
