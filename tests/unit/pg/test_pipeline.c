/* Statements of many fibers over few connections. */
#include "fixture.h"

#include <stdio.h>

static void one_number(test_task *t)
{
    int64_t out = -1;
    t->result = pg_one(&t->task, int64_t_model, &out, "select $1::int * 2", PG(t->index));
    assert_int_equal(t->result, 1);
    assert_int_equal(out, t->index * 2);
}

static void test_a_statement_is_answered(void **state)
{
    (void)state;
    test_one(one_number, NULL);
}

static void violates(test_task *t)
{
    t->result = pg_exec(&t->task, "insert into pipeline_unique values ($1)", PG(1));
    if (t->result == APUS_EUNIQUE) {
        assert_string_equal(pg_sqlstate(&t->task), "23505");
        assert_string_equal(pg_constraint(&t->task), "pipeline_unique_pkey");
        assert_int_equal(t->task.failure, APUS_EUNIQUE);
    }
}

static void test_one_statements_error_never_touches_anothers_result(void **state)
{
    (void)state;
    test_task tasks[60] = {0};
    admin("drop table if exists pipeline_unique; create table pipeline_unique (id int primary key)");
    for (int i = 0; i < 60; i++) {
        tasks[i].index = i;
        test_start(&tasks[i], i % 3 == 0 ? violates : one_number, NULL);
    }
    test_run();
    int inserted = 0, refused = 0;
    for (int i = 0; i < 60; i += 3) {
        inserted += tasks[i].result == 1;
        refused += tasks[i].result == APUS_EUNIQUE;
    }
    assert_int_equal(inserted, 1);
    assert_int_equal(refused, 19);
    admin("drop table pipeline_unique");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_statement_is_answered, pool_set_up, pool_tear_down),
        cmocka_unit_test_setup_teardown(test_one_statements_error_never_touches_anothers_result, pool_set_up, pool_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
