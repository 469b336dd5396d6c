#include "fixture.h"

loop test_loop;
static int running, ended;
static loop_timer overdue;

int loop_set_up(void **state)
{
    (void)state;
    const char *error = NULL;
    running = ended = 0;
    overdue = (loop_timer){0};
    return loop_open(&test_loop, 0, &error);
}

int loop_tear_down(void **state)
{
    (void)state;
    loop_close(&test_loop);
    return 0;
}

static void test_done(apus_task *task)
{
    test_task *t = test_of(task);
    t->ended++;
    t->order = ++ended;
    arena_reset(&t->memory);
    if (--running == 0)
        loop_stop(&test_loop);
}

void test_start(test_task *t, void (*run)(apus_task *task), void *arg, size_t memory_limit)
{
    *t = (test_task){.arg = arg};
    arena_init(&t->memory, &test_loop.chunks, memory_limit);
    task_init(&t->task, &test_loop, &t->memory);
    running++;
    assert_int_equal(fiber_start(&t->task, run, test_done), 0);
}

static void took_too_long(loop_timer *timer)
{
    (void)timer;
    loop_stop(&test_loop);
}

void test_run(void)
{
    if (running) {
        loop_timer_start(&test_loop, &overdue, clock_monotonic() + 10000 * (uint64_t)MILLISECOND, took_too_long);
        loop_run(&test_loop);
        loop_timer_stop(&test_loop, &overdue);
    }
    assert_int_equal(running, 0);
}
