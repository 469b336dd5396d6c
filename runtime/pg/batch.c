/* Several statements behind one sync point. */
#include "pg/private.h"

struct pg_batch {
    apus_task *task;
    pg_statement *first, **last;
    unsigned count;
    pg_failure failure; /* the first statement that could not be added */
};

pg_batch *pg_task_batch(apus_task *task)
{
    pg_batch *b = apus_task_alloc(task, sizeof *b);
    *b = (pg_batch){.task = task};
    b->last = &b->first;
    return b;
}

static void add(pg_batch *b, pg_statement statement, pg_params params)
{
    if (b->failure.code)
        return;
    if (b->count == PG_BATCH_MAX) {
        b->failure = failure_printf(b->task->arena, APUS_EINVAL, "a batch has at most %d statements", PG_BATCH_MAX);
        return;
    }
    pg_statement *added = apus_task_alloc(b->task, sizeof *added);
    *added = statement;
    b->failure = params_bind(b->task->arena, params, &added->bound);
    *b->last = added;
    b->last = &added->next;
    b->count++;
}

void pg_batch_one_as(pg_batch *batch, apus_model_fn model, void *out, int *found, const char *sql, pg_params params)
{
    add(batch, (pg_statement){.want = PG_WANT_ROW, .model = model(), .out = out, .count = found, .sql = sql}, params);
}

void pg_batch_list_as(pg_batch *batch, apus_model_fn model, void *list, const char *sql, pg_params params)
{
    *(any_list *)list = (any_list){NULL, 0, APUS_SET};
    add(batch, (pg_statement){.want = PG_WANT_LIST, .model = model(), .out = list, .sql = sql}, params);
}

void pg_batch_exec(pg_batch *batch, int *affected, const char *sql, pg_params params)
{
    add(batch, (pg_statement){.want = PG_WANT_EFFECT, .count = affected, .sql = sql}, params);
}

int pg_batch_run(pg_batch *b)
{
    pg_group g = {.task = b->task, .first = b->first, .count = b->count};
    if (b->failure.code)
        return task_take_failure(b->task, &b->failure);
    if (!b->count)
        return 0;
    int code = group_run_statements(&g);
    for (pg_statement *s = b->first; s; s = s->next)
        if (s->count)
            *s->count = code ? 0 : s->result;
    *b = (pg_batch){.task = b->task};
    b->last = &b->first;
    return code;
}
