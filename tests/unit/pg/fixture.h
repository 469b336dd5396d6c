/* A loop with a pool on it, tasks, and a second way into the same Postgres, for the tests of this room. */
#ifndef TESTS_PG_FIXTURE_H
#define TESTS_PG_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/limits.h"
#include "pg/private.h"

#define SECONDS ((uint64_t)1000000000)
#define MILLISECONDS ((uint64_t)1000000)

/** A task with what a test wants to know of it. */
typedef struct test_task {
    apus_task task;
    arena memory;
    void (*run)(struct test_task *t);
    void *arg;
    int index;
    int result;
    bool ended;
    uint64_t took; /* nanoseconds */
} test_task;

extern loop test_loop;
extern pg_pool *test_pool;

/** The Postgres that the test runner gave: APUS_TEST_DATABASE_URL, or DATABASE_URL. Fails without. */
const char *test_url(void);
/** The same, by way of 127.0.0.1 and another port. */
const char *test_url_by_port(int port);

/** Opens loop and pool with the options that pg_options has. */
void pool_set_up_with(const char *url);
/** The same with the usual options: at least 1, at most 5 connections. */
int pool_set_up(void **state);
int pool_tear_down(void **state);

/** Starts `run` on a fiber. The loop stops when all that were started have ended. */
void test_start(test_task *t, void (*run)(test_task *t), void *arg);
void test_start_with_deadline(test_task *t, void (*run)(test_task *t), void *arg, uint64_t nanoseconds);
/** Turns the loop until all started tasks have ended; fails the test after twenty seconds. */
void test_run(void);
/** One task alone. */
void test_one(void (*run)(test_task *t), void *arg);
/** Turns the loop for a while, whatever runs. */
void test_turn_for(uint64_t nanoseconds);
/** Turns the loop until the condition is true; fails the test after thirty seconds, which is long on any machine. */
#define TURN_UNTIL(condition)                                                                              \
    for (uint64_t late = clock_monotonic() + 30 * SECONDS; !(condition); test_turn_for(5 * MILLISECONDS)) \
        assert_true(clock_monotonic() < late)

/** Runs SQL over a connection of the test's own, blocking; the first value of the first row, or "". Valid until the next call. */
const char *admin(const char *format, ...) __attribute__((format(printf, 1, 2)));
int admin_int(const char *format, ...) __attribute__((format(printf, 1, 2)));
/** Backends of this test's pool, by pg_stat_activity. */
int admin_backends(void);

#endif
