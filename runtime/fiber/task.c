/* What applications and rooms do with a task: memory, words, sleep, clean-ups. */
#include "fiber/private.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

/* What a task may use beyond its limit once its fiber was abandoned: for its clean-ups and the answer. */
#define RESERVE ((size_t)64 * 1024)

static apus_task *task_root(apus_task *task)
{
    while (task->parent)
        task = task->parent;
    return task;
}

static _Noreturn void task_abandon(apus_task *task)
{
    if (!task->loop->private->running)
        h2o_fatal("out of memory outside of a fiber");
    task->arena->limit += RESERVE;
    fiber_abandon(task->loop);
}

static void *task_take(apus_task *task, size_t size)
{
    void *memory = arena_alloc(task->arena, size);
    if (!memory)
        task_abandon(task);
    return memory;
}

void *apus_task_alloc(apus_task *task, size_t size)
{
    return memset(task_take(task, size), 0, size);
}

apus_str apus_task_copy(apus_task *task, apus_str text)
{
    if (text.len == SIZE_MAX)
        task_abandon(task);
    char *copy = task_take(task, text.len + 1);
    if (text.len)
        memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    return (apus_str){copy, text.len};
}

__attribute__((format(printf, 3, 0)))
static char *format_into(arena *memory, int *length, const char *format, va_list arguments)
{
    va_list again;
    va_copy(again, arguments);
    *length = vsnprintf(NULL, 0, format, arguments); /* NOLINT(clang-analyzer-valist.Uninitialized): the callers start it */
    char *text = *length < 0 ? NULL : arena_alloc(memory, (size_t)*length + 1);
    if (text)
        vsnprintf(text, (size_t)*length + 1, format, again);
    va_end(again);
    return text;
}

apus_str apus_task_printf(apus_task *task, const char *format, ...)
{
    va_list arguments;
    int length;
    va_start(arguments, format);
    char *text = format_into(task->arena, &length, format, arguments);
    va_end(arguments);
    if (!text)
        task_abandon(task);
    return (apus_str){text, (size_t)length};
}

int apus_task_fail(apus_task *task, int code, const char *format, ...)
{
    va_list arguments;
    int length;
    va_start(arguments, format);
    char *text = format_into(task->arena, &length, format, arguments);
    va_end(arguments);
    task->error = text ? text : "out of memory";
    return code;
}

const char *apus_task_error(const apus_task *task)
{
    if (task->error)
        return task->error;
    switch (task->cancel) {
    case APUS_ECANCELED:
        return "the client went away";
    case APUS_ETIMEDOUT:
        return "the deadline passed";
    default:
        return "no error";
    }
}

double apus_task_remaining(const apus_task *task)
{
    if (!task->deadline)
        return INFINITY;
    uint64_t now = clock_monotonic();
    return now < task->deadline ? (double)(task->deadline - now) * 1e-9 : 0.0;
}

bool apus_task_canceled(const apus_task *task)
{
    if (task->cancel || (task->parent && task->parent->cancel))
        return true;
    return task->deadline && clock_monotonic() >= task->deadline;
}

void apus_task_defer(apus_task *task, void (*clean_up)(apus_task *task, void *arg), void *arg)
{
    /* A job's clean-ups are its request's: they run after the response. */
    apus_task *root = task_root(task);
    task_clean_up *row = task_take(task, sizeof *row);
    *row = (task_clean_up){root->clean_ups, clean_up, arg};
    root->clean_ups = row;
}

typedef struct sleeper {
    loop_timer timer;
    fiber_wait wait;
} sleeper;

static void sleeper_wake(loop_timer *timer)
{
    fiber_wake(&H2O_STRUCT_FROM_MEMBER(sleeper, timer, timer)->wait, 0);
}

static void sleeper_abandon(fiber_wait *wait)
{
    sleeper *s = wait->arg;
    loop_timer_stop(wait->task->loop, &s->timer);
}

static uint64_t time_after(double seconds)
{
    uint64_t now = clock_monotonic();
    if (!(seconds > 0))
        return now;
    return seconds < 9e9 ? now + clock_nanoseconds(seconds) : UINT64_MAX;
}

int apus_task_sleep(apus_task *task, double seconds)
{
    sleeper s = {0};
    loop_timer_start(task->loop, &s.timer, time_after(seconds), sleeper_wake);
    return fiber_await(&s.wait, task, sleeper_abandon, &s);
}
