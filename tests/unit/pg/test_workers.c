/* Several workers, each with a loop and a pool in a thread of its own. */
#include "fixture.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define WORKERS_MOST 8
#define FIBERS 40

typedef struct worker worker;

typedef struct worker_task {
    apus_task task;
    arena memory;
    worker *worker;
    int index, wrong;
} worker_task;

struct worker {
    pthread_t thread;
    void (*run)(apus_task *task); /* of all its tasks; NULL: listens and mixed */
    int index, running;
    loop loop;
    worker_task tasks[FIBERS];
    int wrong;
};

static _Atomic int heard;

static void mixed(apus_task *task)
{
    worker_task *t = containing(worker_task, task, task);
    for (int i = 0; i < 30; i++) {
        int64_t token = t->worker->index * 1000000 + t->index * 1000 + i, back = 0;
        t->wrong += pg_one(task, int64_t_model, &back, "select $1::bigint", PG(token)) != 1 || back != token;
        if (i % 10 == 5) {
            t->wrong += pg_begin(task) != 0;
            t->wrong += pg_one(task, int64_t_model, &back, "select $1::bigint + 1", PG(token)) != 1 || back != token + 1;
            t->wrong += pg_commit(task) != 0;
        }
        if (i == 20)
            t->wrong += pg_exec(task, "select pg_notify('workers', $1)", PG("now")) != 1;
    }
}

static void listens(apus_task *task)
{
    worker_task *t = containing(worker_task, task, task);
    pg_event e;
    for (int i = 0; i < 5; i++)
        t->wrong += pg_listen_next(task, APUS_STR("workers"), &e) != 0 || !apus_str_is(e.payload, "now");
    atomic_fetch_add(&heard, 1);
}

static void done(apus_task *task)
{
    worker_task *t = containing(worker_task, task, task);
    task_run_clean_ups(task, NULL);
    arena_reset(&t->memory);
    t->worker->wrong += t->wrong;
    if (--t->worker->running == 0)
        loop_stop(&t->worker->loop);
}

static void end(loop_timer *timer)
{
    (void)timer;
    loop_stop(loop_current());
}

static void *work(void *arg)
{
    worker *w = arg;
    const char *error = NULL;
    loop_timer limit = {0};
    if (loop_open(&w->loop, w->index, &error) < 0)
        return NULL;
    pg_pool *pool = pg_pool_open(&w->loop);
    for (int i = 0; i < FIBERS; i++) {
        worker_task *t = &w->tasks[i];
        *t = (worker_task){.worker = w, .index = i};
        arena_init(&t->memory, &w->loop.chunks, LIMIT_REQUEST_MEMORY);
        task_init(&t->task, &w->loop, &t->memory);
        w->running++;
        fiber_start(&t->task, w->run ? w->run : i == 0 ? listens : mixed, done);
    }
    loop_timer_start(&w->loop, &limit, clock_monotonic() + 30 * SECONDS, end);
    loop_run(&w->loop);
    loop_timer_stop(&w->loop, &limit);
    pg_pool_close(pool);
    loop_close(&w->loop);
    return NULL;
}

static _Atomic int burst, content;

static void holds(worker_task *t, double seconds)
{
    t->wrong += pg_begin(&t->task) != 0;
    t->wrong += pg_exec(&t->task, "select pg_sleep($1)", PG(seconds)) != 1;
    t->wrong += pg_commit(&t->task) != 0;
}

/* Takes all that the process may have, and then needs none of it. */
static void bursts(apus_task *task)
{
    holds(containing(worker_task, task, task), 0.02);
    atomic_fetch_add(&burst, 1);
    while (atomic_load(&content) < FIBERS)
        apus_sleep(task, 0.02);
}

static void comes_later(apus_task *task)
{
    while (atomic_load(&burst) < FIBERS)
        apus_sleep(task, 0.02);
    holds(containing(worker_task, task, task), 0.3);
    atomic_fetch_add(&content, 1);
}

static int watch_backends(worker *workers, int count)
{
    int most = 0;
    for (int i = 0; i < count; i++)
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    for (int i = 0; i < 60; i++) {
        int now = admin_backends();
        most = now > most ? now : most;
        usleep(5000);
    }
    for (int i = 0; i < count; i++)
        pthread_join(workers[i].thread, NULL);
    return most;
}

static worker *make_workers(int count, double acquire_timeout)
{
    char error[256] = "", name[32];
    worker *workers = calloc((size_t)count, sizeof *workers);
    assert_non_null(workers);
    snprintf(name, sizeof name, "apus-test-%d", (int)getpid());
    setenv("PGAPPNAME", name, 1);
    pg_options = (pg_settings){.url = test_url(), .pool_min = 5, .pool_max = 15, .acquire_timeout = acquire_timeout,
                               .statement_timeout = 30, .max_lifetime = 3600, .prepare = true};
    assert_true(pg_configure(count, error, sizeof error));
    return workers;
}

static void run_workers(int count)
{
    worker *workers = make_workers(count, 20);
    atomic_store(&heard, 0);
    for (int i = 0; i < count; i++)
        workers[i].index = i;
    int most = watch_backends(workers, count);
    for (int i = 0; i < count; i++) {
        assert_int_equal(workers[i].running, 0);
        assert_int_equal(workers[i].wrong, 0);
    }
    assert_int_equal(atomic_load(&heard), count);
    assert_in_range(most, count, 15);
    free(workers);
}

/* Forty transactions of 0.3 s: the two connections that it has at first would take six seconds, a dozen takes one. */
static void test_a_worker_gets_the_connections_that_another_one_does_not_need_any_more(void **state)
{
    (void)state;
    worker *workers = make_workers(2, 3);
    atomic_store(&burst, 0);
    atomic_store(&content, 0);
    workers[0].run = bursts;
    workers[1] = (worker){.index = 1, .run = comes_later};
    assert_in_range(watch_backends(workers, 2), 2, 15);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(workers[i].running, 0);
        assert_int_equal(workers[i].wrong, 0);
    }
    free(workers);
}

static void test_one_worker_stays_below_the_cap(void **state)
{
    (void)state;
    run_workers(1);
}

static void test_two_workers_give_unmixed_answers_below_one_cap(void **state)
{
    (void)state;
    run_workers(2);
}

static void test_eight_workers_share_the_cap_and_none_goes_without(void **state)
{
    (void)state;
    run_workers(WORKERS_MOST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_worker_gets_the_connections_that_another_one_does_not_need_any_more),
        cmocka_unit_test(test_one_worker_stays_below_the_cap),
        cmocka_unit_test(test_two_workers_give_unmixed_answers_below_one_cap),
        cmocka_unit_test(test_eight_workers_share_the_cap_and_none_goes_without),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
