/* Statements of many fibers over few connections. */
#include "fixture.h"

#include <stdio.h>
#include <unistd.h>

static int64_t number_of(apus_task *task, const char *sql, pg_params params)
{
    int64_t out = -1;
    int found = pg_one(task, int64_t_model, &out, sql, params);
    return found == 1 ? out : found;
}

static void one_number(test_task *t)
{
    t->result = (int)number_of(&t->task, "select $1::int * 2", PG(t->index));
}

static void start_numbers(test_task *tasks, int count)
{
    for (int i = 0; i < count; i++) {
        tasks[i].index = i;
        test_start(&tasks[i], one_number, NULL);
    }
}

static void expect_numbers(const test_task *tasks, int count)
{
    for (int i = 0; i < count; i++)
        if (tasks[i].result != i * 2)
            fail_msg("number %d got %d", i, tasks[i].result);
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
    for (int i = 0; i < 60; i++) {
        inserted += i % 3 == 0 && tasks[i].result == 1;
        refused += i % 3 == 0 && tasks[i].result == APUS_EUNIQUE;
        if (i % 3)
            assert_int_equal(tasks[i].result, i * 2);
    }
    assert_int_equal(inserted, 1);
    assert_int_equal(refused, 19);
    admin("drop table pipeline_unique");
}

/* The constraint is checked when the statement's own transaction commits: after its rows came, at its sync point. */
static void fails_at_its_end(test_task *t)
{
    int64_t id = 0;
    t->result = pg_one(&t->task, int64_t_model, &id, "insert into pipeline_deferred values ($1) returning id", PG(7));
}

static void test_an_error_at_the_sync_point_is_the_statements_own(void **state)
{
    (void)state;
    test_task tasks[30] = {0};
    admin("drop table if exists pipeline_deferred;"
          "create table pipeline_deferred (id int, constraint late unique (id) deferrable initially deferred);"
          "insert into pipeline_deferred values (7)");
    for (int i = 0; i < 30; i++) {
        tasks[i].index = i;
        test_start(&tasks[i], i % 2 ? fails_at_its_end : one_number, NULL);
    }
    test_run();
    for (int i = 0; i < 30; i++)
        assert_int_equal(tasks[i].result, i % 2 ? APUS_EUNIQUE : i * 2);
    assert_int_equal(admin_int("select count(*) from pipeline_deferred"), 1);
    admin("drop table pipeline_deferred");
}

static void test_statements_of_one_turn_leave_in_one_write(void **state)
{
    (void)state;
    test_task tasks[30] = {0};
    start_numbers(tasks, 1);
    test_run();
    uint64_t before = hold_sends();
    start_numbers(tasks, 30);
    test_run();
    expect_numbers(tasks, 30);
    /* With TLS, the first statement is a record of its own. */
    assert_in_range(hold_sends() - before, 1, 2);
}

static void many_mixed(test_task *t)
{
    for (int i = 0; i < 20; i++) {
        int64_t token = t->index * 1000 + i;
        apus_str text = apus_printf(&t->task, "text %d of %d", i, t->index), back = {0};
        LISTOF(int64_t) list = {0};
        switch ((t->index + i) % 4) {
        case 0:
            t->result += number_of(&t->task, "select $1::bigint", PG(token)) != token;
            break;
        case 1:
            t->result += pg_one(&t->task, apus_str_model, &back, "select $1::text", PG(text)) != 1 || !apus_str_eq(back, text);
            break;
        case 2:
            t->result += pg_exec(&t->task, "select 1 / ($1::int - $1::int)", PG(token)) != APUS_EQUERY;
            t->result += strcmp(pg_sqlstate(&t->task), "22012") != 0;
            break;
        default:
            t->result += pg_list(&t->task, int64_t_model, &list, "select i from generate_series($1::bigint, $1::bigint + 3) i",
                                 PG(token)) != 4 || list.items[3] != token + 3;
        }
    }
}

static void test_ten_thousand_mixed_statements_from_500_fibers_give_unmixed_answers(void **state)
{
    (void)state;
    enum { FIBERS = 500 };
    static test_task tasks[FIBERS];
    for (int i = 0; i < FIBERS; i++) {
        tasks[i].index = i;
        test_start(&tasks[i], many_mixed, NULL);
    }
    test_run();
    for (int i = 0; i < FIBERS; i++)
        assert_int_equal(tasks[i].result, 0);
    assert_true(pg_counts.statements >= FIBERS * 20);
}

static void sleeps_for_long(test_task *t)
{
    t->result = pg_exec(&t->task, "select pg_sleep(1.5)", PG_NONE);
}

static void test_a_slow_query_does_not_hold_others_up(void **state)
{
    (void)state;
    test_task slow = {0}, quick[200] = {0};
    test_start(&slow, sleeps_for_long, NULL);
    test_turn_for(20 * MILLISECONDS);
    start_numbers(quick, 200);
    test_run();
    expect_numbers(quick, 200);
    for (int i = 0; i < 200; i++)
        assert_true(quick[i].took < 1000 * MILLISECONDS);
    assert_int_equal(slow.result, 1);
    /* Now it is known to be slow: nothing is sent behind it even at the same moment. */
    test_start(&slow, sleeps_for_long, NULL);
    start_numbers(quick, 100);
    test_run();
    for (int i = 0; i < 100; i++)
        assert_true(quick[i].took < 1000 * MILLISECONDS);
}

static void several_sleep(test_task *t)
{
    t->result = pg_exec(&t->task, "select pg_sleep(0.1), $1::int", PG(t->index));
}

static void test_the_pool_never_exceeds_its_cap(void **state)
{
    (void)state;
    test_task tasks[60] = {0};
    for (int i = 0; i < 60; i++)
        test_start(&tasks[i], several_sleep, NULL);
    int most = 0;
    for (int i = 0; i < 100; i++) {
        test_turn_for(10 * MILLISECONDS);
        int now = admin_backends();
        most = now > most ? now : most;
    }
    test_run();
    /* DB_POOL_MAX is 6; one is kept for LISTEN and migrations. */
    assert_int_equal(most, 5);
    for (int i = 0; i < 60; i++)
        assert_int_equal(tasks[i].result, 1);
}

static void gives_up(test_task *t)
{
    t->result = pg_exec(&t->task, "select pg_sleep(10)", PG_NONE);
}

/* One connection, so that the one who gives up and the others share it. */
static int one_connection(void **state)
{
    (void)state;
    pg_options = (pg_settings){.pool_min = 1, .pool_max = 2, .acquire_timeout = 5, .statement_timeout = 30, .max_lifetime = 3600,
                               .prepare = true};
    pool_set_up_with(test_url());
    return 0;
}

static void a_bit_slow(test_task *t)
{
    t->result = (int)number_of(&t->task, "select $1::int * 2 from pg_sleep(0.02)", PG(t->index));
}

static void test_a_task_that_gives_up_never_disturbs_another_on_the_same_connection(void **state)
{
    (void)state;
    for (int round = 0; round < 20; round++) {
        test_task tasks[20] = {0};
        for (int i = 0; i < 20; i++) {
            tasks[i].index = i;
            test_start_with_deadline(&tasks[i], a_bit_slow, NULL, i % 2 ? 0 : (uint64_t)(5 + i * 4) * MILLISECONDS);
        }
        test_run();
        for (int i = 0; i < 20; i++)
            if (tasks[i].result != i * 2 && (i % 2 || tasks[i].result != APUS_ETIMEDOUT))
                fail_msg("round %d, number %d got %d", round, i, tasks[i].result);
        assert_true(admin_backends() <= 1);
    }
}

static void test_an_abandoned_statement_alone_on_its_connection_is_cancelled(void **state)
{
    (void)state;
    test_task t = {0}, after[10] = {0};
    uint64_t start = clock_monotonic();
    test_start_with_deadline(&t, gives_up, NULL, 100 * MILLISECONDS);
    test_run();
    assert_int_equal(t.result, APUS_ETIMEDOUT);
    assert_true(t.took < 1000 * MILLISECONDS);
    /* The one connection is free again long before ten seconds, and it is the same one. */
    int pid = admin_int("select pid from pg_stat_activity where application_name = 'apus-test-%d'", (int)getpid());
    start_numbers(after, 10);
    test_run();
    expect_numbers(after, 10);
    assert_true(clock_monotonic() - start < 3 * SECONDS);
    assert_int_equal(admin_int("select pid from pg_stat_activity where application_name = 'apus-test-%d'", (int)getpid()), pid);
}

/* Statements are given up just when they end: a cancel that came too late must find nobody. */
static void test_a_cancel_never_hits_a_stranger(void **state)
{
    (void)state;
    for (int round = 0; round < 60; round++) {
        test_task early = {0}, next[4] = {0};
        test_start_with_deadline(&early, a_bit_slow, NULL, (uint64_t)(14000 + round * 200) * 1000);
        test_turn_for((uint64_t)(12 + round % 14) * MILLISECONDS);
        start_numbers(next, 4);
        test_run();
        expect_numbers(next, 4);
    }
}

static void batch_of_twenty(test_task *t)
{
    int64_t out[20];
    int found[20];
    pg_batch *b = pg_batch_begin(&t->task);
    for (int i = 0; i < 20; i++)
        pg_batch_one(b, int64_t_model, &out[i], &found[i], "select $1::bigint + 100", PG((int64_t)i));
    t->result = pg_batch_run(b);
    for (int i = 0; i < 20 && !t->result; i++)
        t->result = found[i] == 1 && out[i] == i + 100 ? 0 : -1000 - i;
}

static void test_a_batch_of_twenty_is_one_round_trip(void **state)
{
    (void)state;
    test_one(batch_of_twenty, NULL);
    connection *c = test_pool->lists[CONNECTION_IDLE].first;
    test_task t = {0};
    test_start(&t, batch_of_twenty, NULL);
    test_turn_for(0);
    assert_int_equal(c->groups, 1);
    assert_int_equal(c->statements, 20);
    test_run();
    assert_int_equal(t.result, 0);
}

static void failing_batch(test_task *t)
{
    int64_t first = -1;
    int found = -1, affected = -1;
    pg_batch *b = pg_batch_begin(&t->task);
    pg_batch_exec(b, &affected, "insert into batch_table values (1)", PG_NONE);
    pg_batch_one(b, int64_t_model, &first, &found, "select 1 / $1::bigint", PG((int64_t)0));
    pg_batch_exec(b, &affected, "insert into batch_table values (2)", PG_NONE);
    t->result = pg_batch_run(b);
    assert_string_equal(pg_sqlstate(&t->task), "22012");
    assert_int_equal(affected, 0);
    assert_int_equal(found, 0);
    assert_int_equal(pg_batch_run(b), 0);
}

static void test_an_error_in_a_batch_undoes_all_of_it(void **state)
{
    (void)state;
    admin("drop table if exists batch_table; create table batch_table (id int)");
    test_task t = {0}, others[10] = {0};
    test_start(&t, failing_batch, NULL);
    start_numbers(others, 10);
    test_run();
    assert_int_equal(t.result, APUS_EQUERY);
    expect_numbers(others, 10);
    assert_int_equal(admin_int("select count(*) from batch_table"), 0);
    admin("drop table batch_table");
}

static void reads_changing_table(test_task *t)
{
    apus_str first = {0};
    t->result = pg_one(&t->task, apus_str_model, &first, "select * from changing", PG_NONE);
    if (t->result == 1)
        t->index = apus_str_is(first, "yes");
}

static void test_a_schema_change_under_a_prepared_statement_is_not_noticed(void **state)
{
    (void)state;
    test_task tasks[8] = {0};
    admin("drop table if exists changing; create table changing (a int); insert into changing values (1)");
    for (int i = 0; i < 8; i++)
        test_start(&tasks[i], reads_changing_table, NULL);
    test_run();
    for (int i = 0; i < 8; i++)
        assert_int_equal(tasks[i].result, 1);
    admin("alter table changing alter a type text using 'yes'");
    for (int i = 0; i < 8; i++)
        test_start(&tasks[i], reads_changing_table, NULL);
    test_run();
    for (int i = 0; i < 8; i++) {
        assert_int_equal(tasks[i].result, 1);
        assert_true(tasks[i].index);
    }
    admin("drop table changing");
}

static int reads_changed(test_task *t)
{
    apus_str text = {0};
    return pg_one(&t->task, apus_str_model, &text, "select * from changed", PG_NONE);
}

/* In a transaction nothing can be run again; after it the first statement of a batch fails, and with it what would have mended this. */
static void meets_a_change_in_a_transaction(test_task *t)
{
    int64_t out = 0;
    assert_int_equal(reads_changed(t), 1);
    assert_int_equal(pg_begin(&t->task), 0);
    assert_int_equal(pg_exec(&t->task, "select 1", PG_NONE), 1);
    admin("alter table changed alter a type text");
    assert_true(reads_changed(t) < 0);
    pg_rollback(&t->task);
    pg_batch *batch = pg_batch_begin(&t->task);
    apus_str text = {0};
    pg_batch_one(batch, int64_t_model, &out, NULL, "select 1 / $1::bigint", PG((int64_t)0));
    pg_batch_one(batch, apus_str_model, &text, NULL, "select * from changed", PG_NONE);
    assert_true(pg_batch_run(batch) < 0);
    t->result = reads_changed(t);
}

static void test_a_statement_whose_name_is_taken_on_the_server_is_prepared_anew(void **state)
{
    (void)state;
    admin("drop table if exists changed; create table changed (a int); insert into changed values (1)");
    test_task t = {0};
    test_start(&t, meets_a_change_in_a_transaction, NULL);
    test_run();
    assert_int_equal(t.result, 1);
    admin("drop table changed");
}

static void keeps_its_session(test_task *t)
{
    static const char *const texts[] = {"select set_config('app.tenant', '7', false)", "select 1 from pg_advisory_lock(4712)",
                                        "create temp table mine (a int)", "set timezone to 'Asia/Tokyo'"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        t->result += pg_exec(&t->task, texts[i], PG_NONE) == APUS_EINVAL;
        assert_non_null(strstr(apus_error(&t->task), "pg_lease"));
    }
    assert_int_equal(pg_begin(&t->task), 0);
    assert_int_equal(pg_exec(&t->task, "select set_config('app.tenant', '7', true)", PG_NONE), 1);
    assert_int_equal(pg_commit(&t->task), 0);
}

static void test_what_changes_a_session_needs_a_lease_wherever_it_stands(void **state)
{
    (void)state;
    test_task t = {0};
    test_start(&t, keeps_its_session, NULL);
    test_run();
    assert_int_equal(t.result, 4);
    assert_int_equal(admin_int("select count(*) from pg_locks where locktype = 'advisory' and objid = 4712"), 0);
}

static void many_texts(test_task *t)
{
    for (int i = 0; i < LIMIT_PG_STATEMENTS + 200; i++) {
        apus_str sql = apus_printf(&t->task, "select %d::bigint", i);
        if (number_of(&t->task, sql.ptr, PG_NONE) != i)
            fail_msg("%d: %s", i, apus_error(&t->task));
    }
    t->result = (int)number_of(&t->task, "select count(*) from pg_prepared_statements", PG_NONE);
}

static void test_prepared_statements_have_a_ceiling(void **state)
{
    (void)state;
    test_task t = {0};
    test_start(&t, many_texts, NULL);
    test_run();
    assert_in_range(t.result, LIMIT_PG_STATEMENTS / 2, LIMIT_PG_STATEMENTS);
}

static void no_statements_left(test_task *t)
{
    t->result = (int)number_of(&t->task, "select count(*) from pg_prepared_statements where name <> ''", PG_NONE);
}

static void test_without_db_prepare_nothing_is_prepared_and_no_session_setting_made(void **state)
{
    (void)state;
    test_task numbers[20] = {0}, t = {0};
    pool_tear_down(NULL);
    pg_options.prepare = false;
    pool_set_up_with(test_url());
    start_numbers(numbers, 20);
    test_run();
    expect_numbers(numbers, 20);
    test_start(&t, no_statements_left, NULL);
    test_run();
    assert_int_equal(t.result, 0);
}

static void asks_for_too_much(test_task *t)
{
    t->result = pg_exec(&t->task, "begin", PG_NONE);
    assert_non_null(strstr(apus_error(&t->task), "pg_begin"));
    assert_int_equal(pg_exec(&t->task, "copy pg_class to stdout", PG_NONE), APUS_EINVAL);
    assert_int_equal(pg_exec(&t->task, "select 1; select 2", PG_NONE), APUS_EQUERY);
    assert_string_equal(pg_sqlstate(&t->task), "42601");
}

static void test_a_statement_that_would_change_a_shared_connection_is_refused(void **state)
{
    (void)state;
    test_task t = {0};
    test_start(&t, asks_for_too_much, NULL);
    test_run();
    assert_int_equal(t.result, APUS_EINVAL);
}

static void large_parameter(test_task *t)
{
    size_t size = 8 * 1024 * 1024;
    char *bytes = apus_alloc(&t->task, size);
    apus_str text = {memset(bytes, 'a', size), size};
    t->result = (int)number_of(&t->task, "select length($1)", PG(text));
}

static void test_a_parameter_larger_than_any_buffer_arrives_whole(void **state)
{
    (void)state;
    test_task large = {0}, others[20] = {0};
    test_start(&large, large_parameter, NULL);
    start_numbers(others, 20);
    test_run();
    assert_int_equal(large.result, 8 * 1024 * 1024);
    expect_numbers(others, 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_one_statements_error_never_touches_anothers_result, pool_set_up, pool_tear_down),
        cmocka_unit_test_setup_teardown(test_an_error_at_the_sync_point_is_the_statements_own, pool_set_up, pool_tear_down),
        cmocka_unit_test_setup_teardown(test_statements_of_one_turn_leave_in_one_write, pool_set_up, pool_tear_down),
        cmocka_unit_test_setup_teardown(test_ten_thousand_mixed_statements_from_500_fibers_give_unmixed_answers, pool_set_up, pool_tear_down),
        cmocka_unit_test_setup_teardown(test_a_slow_query_does_not_hold_others_up, pool_set_up, pool_tear_down),
        cmocka_unit_test_setup_teardown(test_the_pool_never_exceeds_its_cap, pool_set_up, pool_tear_down),
        cmocka_unit_test_setup_teardown(test_a_task_that_gives_up_never_disturbs_another_on_the_same_connection, one_connection, pool_tear_down),
        cmocka_unit_test_setup_teardown(test_an_abandoned_statement_alone_on_its_connection_is_cancelled, one_connection, pool_tear_down),
        cmocka_unit_test_setup_teardown(test_a_cancel_never_hits_a_stranger, one_connection, pool_tear_down),
        cmocka_unit_test_setup_teardown(test_a_batch_of_twenty_is_one_round_trip, pool_set_up, pool_tear_down),
        cmocka_unit_test_setup_teardown(test_an_error_in_a_batch_undoes_all_of_it, pool_set_up, pool_tear_down),
        cmocka_unit_test_setup_teardown(test_a_schema_change_under_a_prepared_statement_is_not_noticed, pool_set_up, pool_tear_down),
        cmocka_unit_test_setup_teardown(test_a_statement_whose_name_is_taken_on_the_server_is_prepared_anew, pool_set_up, pool_tear_down),
        cmocka_unit_test_setup_teardown(test_what_changes_a_session_needs_a_lease_wherever_it_stands, pool_set_up, pool_tear_down),
        cmocka_unit_test_setup_teardown(test_prepared_statements_have_a_ceiling, one_connection, pool_tear_down),
        cmocka_unit_test_setup_teardown(test_without_db_prepare_nothing_is_prepared_and_no_session_setting_made, pool_set_up, pool_tear_down),
        cmocka_unit_test_setup_teardown(test_a_statement_that_would_change_a_shared_connection_is_refused, pool_set_up, pool_tear_down),
        cmocka_unit_test_setup_teardown(test_a_parameter_larger_than_any_buffer_arrives_whole, pool_set_up, pool_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
