#include "fiber/private.h"

fiber_stats fiber_counts;

void task_init(apus_task *task, loop *l, arena *memory)
{
    *task = (apus_task){.arena = memory, .loop = l};
}

void fiber_publish(struct loop_private *p)
{
    if (!p->started && !p->ended)
        return;
    atomic_fetch_add_explicit(&fiber_counts.started, p->started, memory_order_relaxed);
    atomic_fetch_add_explicit(&fiber_counts.active, p->started - p->ended, memory_order_relaxed);
    p->started = p->ended = 0;
}

static void disown(fiber *parent, fiber *child)
{
    fiber **link = &parent->children;
    while (*link && *link != child)
        link = &(*link)->sibling;
    if (*link)
        *link = child->sibling;
}

/* The stack goes back first: what `done` starts finds it warm. */
static void fiber_finish(loop *l, fiber *f)
{
    struct loop_private *p = l->private;
    apus_task *task = f->task;
    void (*done)(apus_task *) = f->done;
    loop_timer_stop(l, &f->deadline);
    if (task->parent && task->parent->fiber)
        disown(task->parent->fiber, f);
    task->fiber = NULL;
    task->waiting = NULL;
    if (f->abandoned)
        task->shielded = false;
    p->ended++;
    stack_give(&p->stacks, f);
    if (done)
        done(task);
}

static void fiber_resume(loop *l, fiber *f)
{
    struct loop_private *p = l->private;
    fiber *previous = p->running;
    p->running = f;
    stack_enter(f);
    p->running = previous;
    if (f->ended)
        fiber_finish(l, f);
    else
        l->latest = 0;
}

static _Noreturn void fiber_leave_for_good(fiber *f)
{
    f->ended = true;
    stack_leave(f);
    __builtin_unreachable();
}

static void fiber_main(fiber *f)
{
    f->run(f->task);
    fiber_leave_for_good(f);
}

int fiber_start(apus_task *task, void (*run)(apus_task *task), void (*done)(apus_task *task))
{
    struct loop_private *p = task->loop->private;
    fiber *f = stack_take(&p->stacks);
    if (!f)
        return -1;
    f->task = task;
    f->run = run;
    f->done = done;
    f->ended = f->abandoned = false;
    f->children = NULL;
    if (task->parent && task->parent->fiber) {
        f->sibling = task->parent->fiber->children;
        task->parent->fiber->children = f;
    }
    task->fiber = f;
    p->started++;
    stack_prepare(f, fiber_main);
    fiber_resume(task->loop, f);
    return 0;
}

void fiber_abandon(loop *l)
{
    fiber *f = l->private->running;
    f->abandoned = true;
    f->task->out_of_memory = 1;
    fiber_leave_for_good(f);
}

/* A fiber that was woken goes on at once if the loop's stack is free for it, else when the turn ends. */
static void fiber_ready(loop *l, fiber *f)
{
    struct loop_private *p = l->private;
    if (!p->running && !p->holding) {
        fiber_resume(l, f);
        return;
    }
    f->next = NULL;
    *p->woken_last = f;
    p->woken_last = &f->next;
}

void fiber_run_woken(loop *l)
{
    struct loop_private *p = l->private;
    fiber *f = p->woken;
    p->woken = NULL;
    p->woken_last = &p->woken;
    for (fiber *next; f; f = next) {
        next = f->next;
        fiber_resume(l, f);
    }
}

static void deadline_passed(loop_timer *timer)
{
    fiber *f = H2O_STRUCT_FROM_MEMBER(fiber, deadline, timer);
    apus_task *task = f->task;
    if (!task->deadline)
        return;
    if (clock_monotonic() < task->deadline)
        loop_timer_start(task->loop, timer, task->deadline, deadline_passed);
    else
        fiber_cancel(task, APUS_ETIMEDOUT);
}

/* Armed at a fiber's first wait and left so: most requests never wait. A job has its parent's deadline, and the parent's timer. */
static void arm_deadline(fiber *f)
{
    apus_task *task = f->task;
    if (!task->deadline || f->deadline.at || task->cancel || (task->parent && task->parent->deadline == task->deadline))
        return;
    loop_timer_start(task->loop, &f->deadline, task->deadline, deadline_passed);
}

void task_set_deadline(apus_task *task, uint64_t at)
{
    task->deadline = at;
    fiber *f = task->fiber;
    if (f && f->deadline.at > at && at)
        loop_timer_start(task->loop, &f->deadline, at, deadline_passed);
}

static void wait_begin(fiber_wait *wait, apus_task *task, void (*abandon)(fiber_wait *), void *arg)
{
    *wait = (fiber_wait){.task = task, .abandon = abandon, .arg = arg};
}

static void wait_abandon(fiber_wait *wait, int reason)
{
    wait->done = true;
    wait->result = reason;
    if (wait->abandon)
        wait->abandon(wait);
}

/* 0, or why the task shall not wait any more. */
static int task_over(apus_task *task)
{
    if (!task->cancel && task->deadline && task->loop->now >= task->deadline)
        fiber_cancel(task, APUS_ETIMEDOUT);
    return task->shielded ? 0 : task->cancel;
}

int fiber_await(fiber_wait *wait, apus_task *task, void (*abandon)(fiber_wait *wait), void *arg)
{
    /* A job may have been handed its parent's task or request: what runs is what waits. */
    fiber *f = task->loop->private->running;
    wait_begin(wait, f ? f->task : task, abandon, arg);
    int over = f ? task_over(f->task) : APUS_EINVAL;
    if (over) {
        wait_abandon(wait, over);
        return over;
    }
    arm_deadline(f);
    f->task->waiting = wait;
    while (!wait->done)
        stack_leave(f);
    f->task->waiting = NULL;
    return wait->result;
}

int fiber_await_shielded(fiber_wait *wait, apus_task *task, void *arg)
{
    fiber *f = task->loop->private->running;
    bool before = f && f->task->shielded;
    if (f)
        f->task->shielded = true;
    int result = fiber_await(wait, task, NULL, arg);
    if (f)
        f->task->shielded = before;
    return result;
}

void fiber_wake(fiber_wait *wait, int result)
{
    if (wait->done)
        return;
    wait->done = true;
    wait->result = result;
    fiber_ready(wait->task->loop, wait->task->fiber);
}

static void cancel_all(apus_task *task, int reason)
{
    if (!task->cancel)
        task->cancel = reason;
    fiber *f = task->fiber;
    if (!f)
        return;
    for (fiber *child = f->children; child; child = child->sibling)
        cancel_all(child->task, reason);
    fiber_wait *wait = task->waiting;
    if (!wait || wait->done || task->shielded)
        return;
    wait_abandon(wait, task->cancel);
    fiber_ready(task->loop, f);
}

/* Nothing is resumed before all is marked: what goes on may end the task and its jobs. */
void fiber_cancel(apus_task *task, int reason)
{
    loop *l = task->loop;
    struct loop_private *p = l->private;
    p->holding++;
    cancel_all(task, reason);
    if (!--p->holding && !p->running)
        fiber_run_woken(l);
}

void task_run_clean_ups(apus_task *task, task_clean_up *until)
{
    bool before = task->shielded;
    task->shielded = true;
    while (task->clean_ups && task->clean_ups != until) {
        task_clean_up *last = task->clean_ups;
        task->clean_ups = last->next;
        last->run(task, last->arg);
    }
    task->shielded = before;
}
