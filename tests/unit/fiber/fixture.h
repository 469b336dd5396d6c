/* A loop, and tasks on it, for the tests of this room. */
#ifndef TESTS_FIBER_FIXTURE_H
#define TESTS_FIBER_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fiber/fiber.h"

#define MILLISECOND 1000000u

/** A task with what a test wants to know of it. */
typedef struct test_task {
    apus_task task;
    arena memory;
    int result;
    int ended;   /* how often `done` was called */
    int order;   /* the how-many-eth to end */
    void *arg;
} test_task;

extern loop test_loop;

int loop_set_up(void **state);
int loop_tear_down(void **state);
/** Starts `run` as a task with a memory limit. The loop stops when all that were started have ended. */
void test_start(test_task *t, void (*run)(apus_task *task), void *arg, size_t memory_limit);
/** Turns the loop until all started tasks have ended; fails the test after ten seconds. */
void test_run(void);

static inline test_task *test_of(apus_task *task)
{
    return (test_task *)task;
}

#endif
