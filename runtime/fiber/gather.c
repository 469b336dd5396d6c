/* apus_gather: jobs of one task, each on a fiber of its own. */
#include "fiber/private.h"

#include "core/limits.h"

typedef struct gathering gathering;

/* In the arena: a job's clean-ups may outlive the stack of the fiber that gathers. */
typedef struct gathered_job {
    apus_task task;
    apus_job *job;
    gathering *gathering;
} gathered_job;

struct gathering {
    fiber_wait wait;
    apus_task *task;
    size_t left;
    bool waiting, out_of_memory;
};

static void job_run(apus_task *task)
{
    gathered_job *g = H2O_STRUCT_FROM_MEMBER(gathered_job, task, task);
    g->job->result = g->job->run(task, g->job->arg);
}

static void job_count_down(gathering *all)
{
    if (!--all->left && all->waiting)
        fiber_wake(&all->wait, 0);
}

static void job_done(apus_task *task)
{
    gathered_job *g = H2O_STRUCT_FROM_MEMBER(gathered_job, task, task);
    gathering *all = g->gathering;
    all->task->times.pool_wait += task->times.pool_wait;
    all->task->times.database += task->times.database;
    if (task->out_of_memory) {
        g->job->result = APUS_ENOMEM;
        all->out_of_memory = true;
        fiber_cancel(all->task, APUS_ECANCELED);
    }
    job_count_down(all);
}

static void job_start(gathered_job *g, gathering *all, apus_job *job)
{
    apus_task *parent = all->task;
    task_init(&g->task, parent->loop, parent->arena);
    g->task.parent = parent;
    g->task.deadline = parent->deadline;
    g->task.cancel = parent->cancel;
    g->task.shielded = parent->shielded;
    g->task.trace_id = parent->trace_id;
    g->task.times.start = parent->times.start;
    g->job = job;
    g->gathering = all;
    if (fiber_start(&g->task, job_run, job_done) < 0) {
        job->result = apus_task_fail(&g->task, APUS_ENOMEM, "no stack for another fiber");
        job_count_down(all);
    }
}

/* The first job that failed explains itself in the gathering task's words. */
static int first_failure(apus_task *task, const gathered_job *jobs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (jobs[i].job->result >= 0)
            continue;
        const apus_task *failed = &jobs[i].task;
        task->error = failed->error;
        task->failure = failed->failure;
        task->constraint = failed->constraint;
        memcpy(task->sqlstate, failed->sqlstate, sizeof task->sqlstate);
        return jobs[i].job->result;
    }
    return 0;
}

int apus_task_gather(apus_task *task, apus_job *jobs, size_t count)
{
    fiber *f = task->loop->private->running;
    if (!f || count > LIMIT_GATHER)
        return apus_task_fail(task, APUS_EINVAL, "apus_gather takes at most %d jobs, on a fiber", LIMIT_GATHER);
    task = f->task;
    gathered_job *gathered = apus_task_alloc(task, (count + 1) * sizeof *gathered);
    gathering all = {.task = task, .left = count};
    for (size_t i = 0; i < count; i++)
        job_start(&gathered[i], &all, &jobs[i]);
    if (all.left) {
        all.waiting = true;
        /* The jobs use the caller's memory: it waits for all of them; cancellation reaches it through them. */
        fiber_await_shielded(&all.wait, task, NULL);
    }
    if (all.out_of_memory)
        fiber_abandon(task->loop);
    return first_failure(task, gathered, count);
}
