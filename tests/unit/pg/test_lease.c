/* Transactions and leases. */
#include "fixture.h"

#include <stdlib.h>
#include <unistd.h>

static int set_up(void **state)
{
    pool_set_up(state);
    admin("drop table if exists ledger; create table ledger (id int primary key, who text)");
    return 0;
}

static int tear_down(void **state)
{
    admin("drop table if exists ledger");
    return pool_tear_down(state);
}

static int rows(void)
{
    return admin_int("select count(*) from ledger");
}

static int64_t count_rows(apus_task *task)
{
    int64_t count = -1;
    int found = pg_one(task, int64_t_model, &count, "select count(*) from ledger", PG_NONE);
    return found == 1 ? count : found;
}

static void commits(test_task *t)
{
    assert_int_equal(pg_begin(&t->task), 0);
    assert_int_equal(pg_exec(&t->task, "insert into ledger values ($1, 'a')", PG(1)), 1);
    assert_int_equal(count_rows(&t->task), 1);
    assert_int_equal(rows(), 0);
    assert_int_equal(pg_commit(&t->task), 0);
    assert_int_equal(rows(), 1);
    assert_int_equal(pg_commit(&t->task), APUS_EINVAL);
    assert_int_equal(pg_begin(&t->task), 0);
    assert_int_equal(pg_commit(&t->task), 0);
}

static void test_a_transaction_is_seen_by_others_when_it_is_committed(void **state)
{
    (void)state;
    test_one(commits, NULL);
    assert_int_equal(test_pool->lists[CONNECTION_LEASED].count, 0);
}

static void rolls_back(test_task *t)
{
    assert_int_equal(pg_begin(&t->task), 0);
    assert_int_equal(pg_exec(&t->task, "insert into ledger values ($1, 'a')", PG(1)), 1);
    assert_int_equal(pg_rollback(&t->task), 0);
    assert_int_equal(count_rows(&t->task), 0);
}

static void forgets(test_task *t)
{
    pg_begin(&t->task);
    t->result = pg_exec(&t->task, "insert into ledger values ($1, 'a')", PG(2));
}

static void test_a_transaction_without_a_commit_is_rolled_back(void **state)
{
    (void)state;
    test_one(rolls_back, NULL);
    test_one(forgets, NULL);
    test_turn_for(200 * MILLISECONDS);
    assert_int_equal(rows(), 0);
    assert_int_equal(admin_int("select count(*) from pg_stat_activity where state like 'idle in%%' and application_name = 'apus-test-%d'",
                               (int)getpid()), 0);
}

static int body(apus_task *task, void *arg)
{
    int rc = pg_exec(task, "insert into ledger values ($1, 'tx')", PG(3));
    if (rc < 0 || !arg)
        return rc;
    return pg_exec(task, "insert into ledger values ($1, 'again')", PG(3));
}

static void both_ways(test_task *t)
{
    assert_int_equal(pg_tx(&t->task, body, t), APUS_EUNIQUE);
    assert_string_equal(pg_constraint(&t->task), "ledger_pkey");
    assert_string_equal(pg_sqlstate(&t->task), "23505");
    assert_int_equal(t->task.failure, APUS_EUNIQUE);
    assert_int_equal(count_rows(&t->task), 0);
    assert_int_equal(pg_tx(&t->task, body, NULL), 1);
    assert_int_equal(count_rows(&t->task), 1);
    assert_int_equal(t->task.failure, 0);
}

static void test_pg_tx_commits_what_succeeds_and_rolls_back_what_fails(void **state)
{
    (void)state;
    test_one(both_ways, NULL);
}

static void goes_on_after_an_error(test_task *t)
{
    assert_int_equal(pg_begin(&t->task), 0);
    assert_int_equal(pg_exec(&t->task, "insert into ledger values ($1, 'a')", PG(1)), 1);
    assert_int_equal(pg_exec(&t->task, "insert into ledger values ($1, 'a')", PG(1)), APUS_EUNIQUE);
    assert_int_equal(pg_exec(&t->task, "insert into ledger values ($1, 'a')", PG(2)), APUS_EQUERY);
    assert_string_equal(pg_sqlstate(&t->task), "25P02");
    assert_int_equal(pg_commit(&t->task), APUS_EQUERY);
    assert_int_equal(count_rows(&t->task), 0);
}

static void test_committing_a_failed_transaction_is_an_error(void **state)
{
    (void)state;
    test_one(goes_on_after_an_error, NULL);
}

static void inserts_alone(test_task *t)
{
    for (int i = 0; i < 20; i++)
        t->result += pg_exec(&t->task, "insert into ledger values ($1, 'single')", PG(t->index * 100 + i)) != 1;
}

static void inserts_and_rolls_back(test_task *t)
{
    for (int i = 0; i < 5; i++) {
        t->result += pg_begin(&t->task) != 0;
        t->result += pg_exec(&t->task, "insert into ledger values ($1, 'tx')", PG(100000 + t->index * 100 + i)) != 1;
        apus_sleep(&t->task, 0.002);
        t->result += pg_rollback(&t->task) != 0;
    }
}

static void test_transactions_and_single_statements_never_mix(void **state)
{
    (void)state;
    test_task tasks[40] = {0};
    for (int i = 0; i < 40; i++) {
        tasks[i].index = i;
        test_start(&tasks[i], i % 4 ? inserts_alone : inserts_and_rolls_back, NULL);
    }
    test_run();
    for (int i = 0; i < 40; i++)
        assert_int_equal(tasks[i].result, 0);
    test_turn_for(100 * MILLISECONDS);
    assert_int_equal(rows(), 30 * 20);
    assert_int_equal(admin_int("select count(*) from ledger where who = 'tx'"), 0);
}

static void cut_off(test_task *t)
{
    assert_int_equal(pg_begin(&t->task), 0);
    assert_int_equal(pg_exec(&t->task, "insert into ledger values ($1, 'a')", PG(1)), 1);
    t->result = pg_exec(&t->task, "select pg_sleep(10)", PG_NONE);
    assert_true(pg_commit(&t->task) < 0);
}

static void test_a_deadline_inside_a_transaction_cancels_and_rolls_back_at_once(void **state)
{
    (void)state;
    test_task t = {0};
    uint64_t start = clock_monotonic();
    test_start_with_deadline(&t, cut_off, NULL, 200 * MILLISECONDS);
    test_run();
    assert_int_equal(t.result, APUS_ETIMEDOUT);
    test_turn_for(500 * MILLISECONDS);
    assert_true(clock_monotonic() - start < 3 * SECONDS);
    assert_int_equal(rows(), 0);
    assert_int_equal(admin_int("select count(*) from pg_stat_activity where state <> 'idle' and application_name = 'apus-test-%d'",
                               (int)getpid()), 0);
    assert_int_equal(test_pool->lists[CONNECTION_SETTLING].count, 0);
}

static void tells_its_timeout(test_task *t)
{
    apus_str limit = {0};
    assert_int_equal(pg_begin(&t->task), 0);
    assert_int_equal(pg_one(&t->task, apus_str_model, &limit, "show statement_timeout", PG_NONE), 1);
    int left = atoi(limit.ptr);
    assert_true(strstr(limit.ptr, "ms") && left > 4000 && left <= 5000);
    pg_rollback(&t->task);
    assert_int_equal(pg_one(&t->task, apus_str_model, &limit, "show statement_timeout", PG_NONE), 1);
    assert_true(apus_str_is(limit, "30s"));
}

static void test_a_transactions_statements_may_run_as_long_as_the_deadline_is_away(void **state)
{
    (void)state;
    test_task t = {0};
    test_start_with_deadline(&t, tells_its_timeout, NULL, 5 * SECONDS);
    test_run();
    assert_true(t.ended);
}

static int job(apus_task *task, void *arg)
{
    return pg_exec(task, "insert into ledger values ($1, 'job')", PG(*(int *)arg));
}

static void gathers(test_task *t)
{
    int ids[3] = {1, 2, 3};
    apus_job jobs[3] = {{job, &ids[0], 0}, {job, &ids[1], 0}, {job, &ids[2], 0}};
    assert_int_equal(pg_begin(&t->task), 0);
    assert_int_equal(apus_gather(&t->task, jobs, 3), 0);
    assert_int_equal(count_rows(&t->task), 3);
    assert_int_equal(pg_rollback(&t->task), 0);
    assert_int_equal(count_rows(&t->task), 0);
}

static void test_jobs_of_a_transactions_task_run_in_it(void **state)
{
    (void)state;
    test_one(gathers, NULL);
}

static void leases(test_task *t)
{
    int64_t locked = 0;
    apus_str zone = {0};
    assert_int_equal(pg_lease(&t->task), 0);
    assert_int_equal(pg_exec(&t->task, "set timezone = 'Asia/Tokyo'", PG_NONE), 0);
    assert_int_equal(pg_exec(&t->task, "create temp table mine (a int)", PG_NONE), 0);
    assert_int_equal(pg_one(&t->task, int64_t_model, &locked, "select 1 from pg_advisory_lock(4711)", PG_NONE), 1);
    assert_int_equal(admin_int("select count(*) from pg_locks where locktype = 'advisory' and objid = 4711"), 1);
    assert_int_equal(pg_begin(&t->task), 0);
    assert_int_equal(pg_exec(&t->task, "insert into ledger values ($1, 'lease')", PG(1)), 1);
    assert_int_equal(pg_rollback(&t->task), 0);
    assert_int_equal(pg_one(&t->task, apus_str_model, &zone, "show timezone", PG_NONE), 1);
    assert_true(apus_str_is(zone, "Asia/Tokyo"));
    pg_release(&t->task);
    apus_sleep(&t->task, 0.2);
    assert_int_equal(admin_int("select count(*) from pg_locks where locktype = 'advisory' and objid = 4711"), 0);
    assert_int_equal(admin_int("select count(*) from pg_class where relname = 'mine'"), 0);
    assert_int_equal(pg_one(&t->task, apus_str_model, &zone, "show timezone", PG_NONE), 1);
    assert_false(apus_str_is(zone, "Asia/Tokyo"));
    assert_int_equal(count_rows(&t->task), 0);
}

static void test_a_lease_leaves_nothing_behind_in_its_session(void **state)
{
    (void)state;
    test_one(leases, NULL);
}

static void waits_for_a_lease(test_task *t)
{
    t->result = pg_begin(&t->task);
    if (t->result == 0) {
        pg_exec(&t->task, "select pg_sleep(0.02)", PG_NONE);
        pg_commit(&t->task);
    }
}

static void busy(test_task *t)
{
    for (int i = 0; i < 100; i++)
        t->result += count_rows(&t->task) < 0;
}

static void test_leases_and_statements_both_get_their_turn(void **state)
{
    (void)state;
    test_task tasks[60] = {0};
    for (int i = 0; i < 60; i++)
        test_start(&tasks[i], i % 2 ? busy : waits_for_a_lease, NULL);
    test_run();
    for (int i = 0; i < 60; i++)
        assert_int_equal(tasks[i].result, 0);
}

static void holds(test_task *t)
{
    assert_int_equal(pg_begin(&t->task), 0);
    pg_exec(&t->task, "select 1", PG_NONE);
    apus_sleep(&t->task, 1);
    pg_rollback(&t->task);
}

static void asks(test_task *t)
{
    t->result = t->index ? pg_begin(&t->task) : (int)count_rows(&t->task);
    assert_int_equal(t->task.failure, APUS_EPOOL);
}

static void test_who_waits_longer_than_the_acquire_timeout_is_told_so(void **state)
{
    (void)state;
    test_task holders[5] = {0}, askers[2] = {{.index = 0}, {.index = 1}};
    uint64_t timeouts = pg_counts.timeouts;
    pg_options.acquire_timeout = 0.2;
    for (int i = 0; i < 5; i++)
        test_start(&holders[i], holds, NULL);
    test_turn_for(150 * MILLISECONDS);
    for (int i = 0; i < 2; i++)
        test_start(&askers[i], asks, NULL);
    test_run();
    for (int i = 0; i < 2; i++) {
        assert_int_equal(askers[i].result, APUS_EPOOL);
        assert_in_range(askers[i].took, 190 * MILLISECONDS, 800 * MILLISECONDS);
    }
    assert_int_equal(pg_counts.timeouts, timeouts + 2);
}

static void locks_in_order(test_task *t)
{
    pg_begin(&t->task);
    t->result = pg_exec(&t->task, "update ledger set who = 'x' where id = $1", PG(1 + t->index));
    apus_sleep(&t->task, 0.1);
    if (t->result >= 0)
        t->result = pg_exec(&t->task, "update ledger set who = 'x' where id = $1", PG(2 - t->index));
    if (t->result >= 0)
        t->result = pg_commit(&t->task);
}

static void test_a_deadlock_is_told_to_one_of_the_two(void **state)
{
    (void)state;
    test_task tasks[2] = {{.index = 0}, {.index = 1}};
    admin("insert into ledger values (1), (2)");
    test_start(&tasks[0], locks_in_order, NULL);
    test_start(&tasks[1], locks_in_order, NULL);
    test_run();
    assert_true((tasks[0].result == APUS_EDEADLOCK) != (tasks[1].result == APUS_EDEADLOCK));
    assert_true(tasks[0].result == 0 || tasks[1].result == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_transaction_is_seen_by_others_when_it_is_committed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_transaction_without_a_commit_is_rolled_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_pg_tx_commits_what_succeeds_and_rolls_back_what_fails, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_committing_a_failed_transaction_is_an_error, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_transactions_and_single_statements_never_mix, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_deadline_inside_a_transaction_cancels_and_rolls_back_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_transactions_statements_may_run_as_long_as_the_deadline_is_away, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_jobs_of_a_transactions_task_run_in_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_lease_leaves_nothing_behind_in_its_session, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_leases_and_statements_both_get_their_turn, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_who_waits_longer_than_the_acquire_timeout_is_told_so, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_deadlock_is_told_to_one_of_the_two, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
