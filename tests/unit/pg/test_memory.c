/* Life without memory: each of the room's allocations fails once. */
#include "fixture.h"

#include "core/memory.h"

#include <stdio.h>

static size_t countdown;
static bool refused;

static bool refuse(size_t size)
{
    (void)size;
    if (countdown == 0 || --countdown)
        return false;
    return refused = true;
}

static void mixed(test_task *t)
{
    int64_t number = 0;
    LISTOF(apus_str) list = {0};
    pg_one(&t->task, int64_t_model, &number, "select $1::bigint", PG((int64_t)t->index));
    pg_list(&t->task, apus_str_model, &list, "select repeat('x', 3000) from generate_series(1, 30)", PG_NONE);
    pg_exec(&t->task, "select 1 / ($1::int - $1::int)", PG((int64_t)1));
    if (pg_begin(&t->task) == 0) {
        pg_one(&t->task, int64_t_model, &number, "select 7", PG_NONE);
        pg_commit(&t->task);
    }
    pg_batch *b = pg_batch_begin(&t->task);
    for (int i = 0; i < 40; i++)
        pg_batch_one(b, int64_t_model, &number, NULL, "select $1::bigint + 1", PG((int64_t)i));
    t->result = pg_batch_run(b);
}

static void gives_up(test_task *t)
{
    pg_exec(&t->task, "select pg_sleep(0.05)", PG_NONE);
}

static void listens(test_task *t)
{
    pg_event e;
    pg_listen_next(&t->task, APUS_STR("memory"), &e);
}

static void one(test_task *t)
{
    int64_t out = 0;
    t->result = pg_one(&t->task, int64_t_model, &out, "select 5::bigint", PG_NONE) == 1 ? (int)out : -1;
}

static void run_with_one_refusal(size_t which)
{
    test_task tasks[6] = {0}, last = {0};
    pool_set_up(NULL);
    countdown = which;
    refused = false;
    for (int i = 0; i < 4; i++) {
        tasks[i].index = i;
        test_start(&tasks[i], mixed, NULL);
    }
    test_start_with_deadline(&tasks[4], gives_up, NULL, 20 * MILLISECONDS);
    test_start_with_deadline(&tasks[5], listens, NULL, 60 * MILLISECONDS);
    test_run();
    countdown = 0;
    test_turn_for(20 * MILLISECONDS);
    /* Where the refusal hit the only connection's making, the database counts as out of reach until the next probe. */
    for (int i = 0; i < 30 && last.result != 5; i++) {
        test_start(&last, one, NULL);
        test_run();
        if (last.result != 5)
            test_turn_for(100 * MILLISECONDS);
    }
    assert_int_equal(last.result, 5);
    pool_tear_down(NULL);
}

static void test_any_allocation_may_fail_and_the_pool_goes_on(void **state)
{
    (void)state;
    memory_refuse = refuse;
    size_t which = 1;
    do
        run_with_one_refusal(which);
    while (refused && which++ < 300);
    memory_refuse = NULL;
    assert_in_range(which, 20, 299);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_allocation_may_fail_and_the_pool_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
