/* What happens when Postgres, or the way to it, fails. */
#define _GNU_SOURCE /* RTLD_NEXT */
#include "fixture.h"

#include "proxy.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

static void set_options(int least)
{
    pg_options = (pg_settings){.pool_min = least, .pool_max = 6, .acquire_timeout = 5, .statement_timeout = 30,
                               .max_lifetime = 3600, .prepare = true};
}

static void set_up_at_least(int least)
{
    signal(SIGPIPE, SIG_IGN);
    proxy_open();
    set_options(least);
    pool_set_up_with(test_url_by_port(proxy_port()));
}

static int set_up(void **state)
{
    (void)state;
    set_up_at_least(2);
    return 0;
}

static int set_up_with_one(void **state)
{
    (void)state;
    set_up_at_least(1);
    return 0;
}

static struct rlimit descriptors;

static int set_up_directly(void **state)
{
    (void)state;
    getrlimit(RLIMIT_NOFILE, &descriptors);
    set_options(1);
    pool_set_up_with(test_url());
    return 0;
}

static int tear_down(void **state)
{
    pool_tear_down(state);
    proxy_close();
    return 0;
}

static void one(test_task *t)
{
    int64_t out = 0;
    t->result = pg_one(&t->task, int64_t_model, &out, "select $1::bigint", PG((int64_t)(t->index + 1)));
    if (t->result == 1)
        t->result = (int)out;
}

static int result_of(void (*run)(test_task *t))
{
    test_task t = {0};
    test_start(&t, run, NULL);
    test_run();
    return t.result;
}

/* Runs until `let_go`: however slow the machine, what a test does meanwhile is done meanwhile. */
static void waits(test_task *t)
{
    t->result = pg_exec(&t->task, "select $1::int from pg_advisory_xact_lock_shared($2)", PG(t->index, (int64_t)getpid()));
}

static void hold(void)
{
    admin("select pg_advisory_lock(%d)", (int)getpid());
}

static void let_go(void)
{
    admin("select pg_advisory_unlock(%d)", (int)getpid());
}

/* Turns until that many statements run in Postgres. */
static void until_active(int count)
{
    TURN_UNTIL(admin_int("select count(*) from pg_stat_activity where application_name = 'apus-test-%d' and state = 'active'",
                         (int)getpid()) >= count);
}

static void test_a_killed_backend_fails_its_statements_and_no_others(void **state)
{
    (void)state;
    test_task tasks[4] = {{.index = 0}, {.index = 1}, {.index = 2}, {.index = 3}};
    assert_int_equal(result_of(one), 1);
    hold();
    for (int i = 0; i < 4; i++)
        test_start(&tasks[i], waits, NULL);
    until_active(2);
    admin("select pg_terminate_backend(min(pid)) from pg_stat_activity where application_name = 'apus-test-%d' and state = 'active'",
          (int)getpid());
    TURN_UNTIL(tasks[0].ended || tasks[1].ended || tasks[2].ended || tasks[3].ended);
    let_go();
    test_run();
    int failed = 0, fine = 0;
    for (int i = 0; i < 4; i++) {
        failed += tasks[i].result == APUS_EUNAVAILABLE;
        fine += tasks[i].result == 1;
    }
    assert_true(failed >= 1 && fine >= 1);
    assert_int_equal(failed + fine, 4);
    assert_int_equal(result_of(one), 1);
    assert_int_equal(pg_health(NULL), PG_UP);
}

static void writes(test_task *t)
{
    t->result = pg_exec(&t->task, "insert into fault_ledger select $1 from pg_advisory_xact_lock_shared($2)", PG(t->index, (int64_t)getpid()));
}

static void commits(test_task *t)
{
    assert_int_equal(pg_begin(&t->task), 0);
    assert_int_equal(pg_exec(&t->task, "insert into fault_ledger values ($1)", PG(5)), 1);
    proxy_set(PROXY_FREEZE);
    t->result = pg_commit(&t->task);
}

static void writes_and_waits(test_task *t)
{
    assert_int_equal(pg_begin(&t->task), 0);
    t->result = pg_exec(&t->task, "insert into fault_ledger select $1 from pg_advisory_xact_lock_shared($2)", PG(t->index, (int64_t)getpid()));
}

static void test_a_write_or_commit_that_meets_its_deadline_has_an_unknown_outcome(void **state)
{
    (void)state;
    test_task t = {0}, others[2] = {0};
    admin("drop table if exists fault_ledger; create table fault_ledger (id int)");
    assert_int_equal(result_of(one), 1);
    hold();
    test_start_with_deadline(&t, writes, NULL, 300 * MILLISECONDS);
    test_start_with_deadline(&others[0], waits, NULL, 300 * MILLISECONDS);
    test_start_with_deadline(&others[1], writes_and_waits, NULL, 300 * MILLISECONDS);
    test_run();
    let_go();
    assert_int_equal(t.result, APUS_EOUTCOME);
    assert_int_equal(others[0].result, APUS_ETIMEDOUT);
    assert_int_equal(others[1].result, APUS_ETIMEDOUT);
    TURN_UNTIL(result_of(one) == 1);
    test_start_with_deadline(&t, commits, NULL, SECONDS);
    test_run();
    assert_int_equal(t.result, APUS_EOUTCOME);
    proxy_cut();
    proxy_set(PROXY_PASS);
    TURN_UNTIL(result_of(one) == 1);
    admin("drop table fault_ledger");
}

static void cut_later(test_task *t)
{
    apus_sleep(&t->task, 0.3);
    proxy_cut();
    proxy_set(PROXY_PASS);
}

static void test_a_write_or_commit_whose_answer_is_lost_has_an_unknown_outcome(void **state)
{
    (void)state;
    test_task t = {0}, cutter = {0};
    admin("drop table if exists fault_ledger; create table fault_ledger (id int)");
    assert_int_equal(result_of(one), 1);
    hold();
    test_start(&t, writes, NULL);
    until_active(1);
    proxy_cut();
    test_run();
    assert_int_equal(t.result, APUS_EOUTCOME);
    let_go();
    TURN_UNTIL(result_of(one) == 1);
    test_start(&t, commits, NULL);
    test_start(&cutter, cut_later, NULL);
    test_run();
    assert_int_equal(t.result, APUS_EOUTCOME);
    TURN_UNTIL(result_of(one) == 1);
    hold();
    test_start(&t, waits, NULL);
    until_active(1);
    proxy_cut();
    test_run();
    let_go();
    assert_int_equal(t.result, APUS_EUNAVAILABLE);
    admin("drop table fault_ledger");
}

static void killed_by_the_server(test_task *t)
{
    t->result = pg_exec(&t->task, "insert into fault_ledger select 1 from pg_terminate_backend(pg_backend_pid()), pg_sleep(1)", PG_NONE);
}

static void test_a_write_that_the_server_said_it_ended_has_a_known_outcome(void **state)
{
    (void)state;
    admin("drop table if exists fault_ledger; create table fault_ledger (id int)");
    assert_int_equal(result_of(killed_by_the_server), APUS_EUNAVAILABLE);
    assert_int_equal(admin_int("select count(*) from fault_ledger"), 0);
    admin("drop table fault_ledger");
}

/* One outage; how long the recovery took. */
static uint64_t recovers(void)
{
    assert_int_equal(result_of(one), 1);
    proxy_set(PROXY_REFUSE);
    assert_int_equal(result_of(one), APUS_EUNAVAILABLE);
    TURN_UNTIL(pg_health(NULL) == PG_DOWN);
    /* Known to be down: statements fail at once. */
    uint64_t start = clock_monotonic();
    assert_int_equal(result_of(one), APUS_EUNAVAILABLE);
    assert_true(clock_monotonic() - start < 1 * SECONDS);
    const char *reason = "";
    assert_int_equal(pg_health(&reason), PG_DOWN);
    assert_non_null(strstr(reason, "refused"));
    test_turn_for(1300 * MILLISECONDS);
    proxy_set(PROXY_PASS);
    start = clock_monotonic();
    TURN_UNTIL(pg_health(NULL) == PG_UP);
    uint64_t took = clock_monotonic() - start;
    assert_int_equal(result_of(one), 1);
    TURN_UNTIL(admin_backends() == 2);
    return took;
}

/* A machine that stands still for a moment does so hardly three times. */
static void test_after_a_restart_it_recovers_by_itself_in_less_than_two_seconds(void **state)
{
    (void)state;
    uint64_t took = recovers();
    for (int i = 0; i < 2 && took >= 2 * SECONDS; i++)
        took = recovers();
    assert_true(took < 2 * SECONDS);
}

static void test_while_down_it_is_tried_once_a_second(void **state)
{
    (void)state;
    assert_int_equal(result_of(one), 1);
    proxy_set(PROXY_SLAM);
    TURN_UNTIL(pg_health(NULL) == PG_DOWN);
    int before = proxy_accepted();
    uint64_t start = clock_monotonic();
    TURN_UNTIL(proxy_accepted() - before >= 3);
    assert_true(clock_monotonic() - start > 1700 * MILLISECONDS); /* two whole seconds lie between three, give or take a tenth each */
    assert_int_equal(pg_health(NULL), PG_DOWN);
    proxy_set(PROXY_PASS);
}

static int down_at_start(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    proxy_open();
    proxy_set(PROXY_REFUSE);
    set_options(2);
    pool_set_up_with(test_url_by_port(proxy_port()));
    return 0;
}

static void test_a_database_that_comes_late_is_reached_by_itself(void **state)
{
    (void)state;
    assert_int_equal(pg_health(NULL), PG_NEVER_REACHED);
    assert_int_equal(result_of(one), APUS_EUNAVAILABLE);
    test_turn_for(100 * MILLISECONDS);
    assert_int_equal(pg_health(NULL), PG_NEVER_REACHED);
    proxy_set(PROXY_PASS);
    TURN_UNTIL(pg_health(NULL) == PG_UP);
    assert_int_equal(result_of(one), 1);
}

static void test_packets_that_are_dropped_end_at_the_deadline_and_the_connection_goes(void **state)
{
    (void)state;
    test_task tasks[10] = {0};
    assert_int_equal(result_of(one), 1);
    proxy_set(PROXY_FREEZE);
    for (int i = 0; i < 10; i++)
        test_start_with_deadline(&tasks[i], one, NULL, 300 * MILLISECONDS);
    test_run();
    for (int i = 0; i < 10; i++) {
        assert_int_equal(tasks[i].result, APUS_ETIMEDOUT);
        assert_true(tasks[i].took < 5 * SECONDS); /* DB_ACQUIRE_TIMEOUT would be that, the statement's own limit more */
    }
    uint64_t closed = pg_counts.closed;
    TURN_UNTIL(pg_counts.closed > closed);
    proxy_cut();
    proxy_set(PROXY_PASS);
    TURN_UNTIL(result_of(one) == 1);
}

static void test_a_connection_that_broke_while_idle_is_noticed(void **state)
{
    (void)state;
    assert_int_equal(result_of(one), 1);
    uint64_t errors = pg_counts.errors;
    for (int i = 0; i < 5; i++) {
        TURN_UNTIL(test_pool->lists[CONNECTION_IDLE].count == 2 && !test_pool->lists[CONNECTION_DIALING].count);
        uint64_t closed = pg_counts.closed;
        proxy_cut();
        TURN_UNTIL(pg_counts.closed >= closed + 2);
        assert_int_equal(result_of(one), 1);
    }
    assert_int_equal(pg_counts.errors, errors);
}

/* As many descriptors as make all but `free` of them fail. */
static int exhaust_descriptors(int held[], int most, int free)
{
    setrlimit(RLIMIT_NOFILE, &(struct rlimit){(rlim_t)most, descriptors.rlim_max});
    int count = 0;
    while (count < most && (held[count] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
        count++;
    while (free-- && count)
        close(held[--count]);
    return count;
}

static void test_without_a_descriptor_for_its_copy_a_connection_is_not_dialed_again_and_again(void **state)
{
    (void)state;
    static int held[128];
    int count = exhaust_descriptors(held, 128, 1);
    uint64_t before = pg_counts.dials;
    test_turn_for(600 * MILLISECONDS);
    uint64_t dials = pg_counts.dials - before;
    pg_state health = pg_health(NULL);
    while (count)
        close(held[--count]);
    setrlimit(RLIMIT_NOFILE, &descriptors);
    assert_in_range(dials, 1, 6);
    assert_int_equal(health, PG_NEVER_REACHED);
    TURN_UNTIL(result_of(one) == 1);
}

static void test_a_server_that_ends_what_it_takes_is_asked_less_and_less(void **state)
{
    (void)state;
    int before = proxy_accepted();
    for (uint64_t end = clock_monotonic() + SECONDS; clock_monotonic() < end; test_turn_for(MILLISECONDS))
        if (test_pool->lists[CONNECTION_IDLE].count)
            proxy_cut();
    assert_in_range(proxy_accepted() - before, 2, 8);
    TURN_UNTIL(result_of(one) == 1);
}

static void test_a_wrong_password_is_a_reason_without_the_password(void **state)
{
    (void)state;
    pool_tear_down(NULL);
    pool_set_up_with("postgresql://nobody-of-that-name:hush@127.0.0.1:1/none");
    assert_int_equal(result_of(one), APUS_EUNAVAILABLE);
    const char *reason = "";
    assert_int_equal(pg_health(&reason), PG_NEVER_REACHED);
    assert_true(*reason);
    assert_null(strstr(reason, "hush"));
}

static void test_names_that_do_not_resolve_never_block_the_loop(void **state)
{
    (void)state;
    pool_tear_down(NULL);
    pool_set_up_with("postgresql://u@does-not-exist.invalid/none");
    uint64_t start = clock_monotonic();
    assert_int_equal(result_of(one), APUS_EUNAVAILABLE);
    assert_true(clock_monotonic() - start < 10 * SECONDS);
    assert_true(atomic_load(&test_loop.lag_max) < 2 * SECONDS);
}

static _Atomic bool silent;

/* Stands before the C library's: for one name the name server does not answer. */
__attribute__((visibility("default"))) int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                                                       struct addrinfo **found)
{
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
    if (!name || strcmp(name, "silent.test") != 0)
        return real(name, service, hints, found);
    while (atomic_load(&silent))
        usleep(1000);
    return EAI_AGAIN;
}

static int nothing(void *arg)
{
    return *(int *)arg;
}

static void offloads(test_task *t)
{
    int seven = 7;
    t->result = apus_offload(&t->task, nothing, &seven);
}

static void test_a_silent_name_server_leaves_threads_for_other_work(void **state)
{
    (void)state;
    test_task t = {0};
    pool_tear_down(NULL);
    atomic_store(&silent, true);
    pg_options.pool_min = 5;
    pool_set_up_with("postgresql://u@silent.test/none");
    test_turn_for(200 * MILLISECONDS);
    assert_int_equal(test_pool->lists[CONNECTION_DIALING].count, 5);
    test_start_with_deadline(&t, offloads, NULL, 5 * SECONDS);
    for (uint64_t late = clock_monotonic() + 10 * SECONDS; !t.ended && clock_monotonic() < late;)
        test_turn_for(5 * MILLISECONDS);
    atomic_store(&silent, false);
    TURN_UNTIL(t.ended);
    assert_int_equal(t.result, 7);
    TURN_UNTIL(pg_health(NULL) == PG_NEVER_REACHED && !test_pool->lists[CONNECTION_DIALING].count);
}

static void test_the_next_address_is_tried_when_one_does_not_answer(void **state)
{
    (void)state;
    static char url[600];
    pool_tear_down(NULL);
    const char *by_port = test_url_by_port(proxy_port());
    snprintf(url, sizeof url, "host=127.0.0.1,localhost port=1,%d %s", proxy_port(), strstr(by_port, "user="));
    pool_set_up_with(url);
    assert_int_equal(result_of(one), 1);
}

static void test_old_connections_are_replaced(void **state)
{
    (void)state;
    pool_tear_down(NULL);
    pg_options.max_lifetime = 1;
    pool_set_up_with(test_url_by_port(proxy_port()));
    uint64_t closed = pg_counts.closed, errors = pg_counts.errors;
    for (uint64_t end = clock_monotonic() + 30 * SECONDS; pg_counts.closed < closed + 4;) {
        assert_true(clock_monotonic() < end);
        assert_int_equal(result_of(one), 1);
        test_turn_for(5 * MILLISECONDS);
        assert_true(admin_backends() <= 5);
    }
    assert_int_equal(pg_counts.errors, errors);
}

static void read_only(test_task *t)
{
    t->result = pg_exec(&t->task, "create table never_made (a int)", PG_NONE);
    if (t->result < 0)
        assert_string_equal(pg_sqlstate(&t->task), "25006");
}

static void test_a_standbys_connection_is_dropped(void **state)
{
    (void)state;
    pool_tear_down(NULL);
    setenv("PGOPTIONS", "-c default_transaction_read_only=on", 1);
    pg_options.statement_timeout = 0;
    pool_set_up_with(test_url_by_port(proxy_port()));
    uint64_t closed = pg_counts.closed;
    assert_int_equal(result_of(read_only), APUS_EUNAVAILABLE);
    assert_true(pg_counts.closed > closed);
    unsetenv("PGOPTIONS");
}

static void test_draining_lets_statements_finish_and_refuses_new_ones_at_the_end(void **state)
{
    (void)state;
    test_task t = {0}, meanwhile = {0};
    assert_int_equal(result_of(one), 1);
    hold();
    test_start(&t, waits, NULL);
    until_active(1);
    pg_pool_drain(test_pool, false);
    test_start(&meanwhile, one, NULL);
    TURN_UNTIL(meanwhile.ended);
    assert_int_equal(meanwhile.result, 1);
    pg_pool_drain(test_pool, true);
    let_go();
    test_run();
    assert_int_equal(t.result, 1);
    assert_int_equal(result_of(one), APUS_EUNAVAILABLE);
    TURN_UNTIL(admin_backends() == 0);
}

static uint64_t chaos_until;
static int chaos_answers;

/* Anything may fail; what succeeds must be this call's own answer. */
static void chaos(test_task *t)
{
    for (int64_t i = 0; clock_monotonic() < chaos_until && !t->task.cancel; i++) {
        int64_t token = t->index * 1000000 + i, back[3] = {0};
        switch (random_below(6)) {
        case 0:
            t->result += pg_one(&t->task, int64_t_model, back, "select $1::bigint from pg_sleep(0.002)", PG(token)) == 1 && back[0] != token;
            break;
        case 1:
            if (pg_begin(&t->task) == 0) {
                int found = pg_one(&t->task, int64_t_model, back, "select $1::bigint + 1", PG(token));
                t->result += found == 1 && back[0] != token + 1;
                if (random_below(2))
                    pg_commit(&t->task);
                else
                    pg_rollback(&t->task);
            }
            break;
        case 2: {
            pg_batch *b = pg_batch_begin(&t->task);
            for (int k = 0; k < 3; k++)
                pg_batch_one(b, int64_t_model, &back[k], NULL, "select $1::bigint + 2", PG(token + k));
            t->result += pg_batch_run(b) == 0 && (back[0] != token + 2 || back[2] != token + 4);
            break;
        }
        case 3:
            t->result += pg_exec(&t->task, "select 1 / ($1::bigint - $1::bigint)", PG(token)) >= 0;
            break;
        case 4:
            if (pg_lease(&t->task) == 0)
                t->result += pg_one(&t->task, int64_t_model, back, "select $1::bigint + 3", PG(token)) == 1 && back[0] != token + 3;
            pg_release(&t->task);
            break;
        default:
            if (pg_one(&t->task, int64_t_model, back, "select $1::bigint", PG(token)) != 1)
                break;
            t->result += back[0] != token;
            chaos_answers++;
        }
    }
}

/* A backend whose client was cut off is listed until it has noticed. */
static void backends_come_down_to(int most)
{
    TURN_UNTIL(admin_backends() <= most);
}

static void test_answers_stay_unmixed_whatever_breaks(void **state)
{
    (void)state;
    enum { FIBERS = 60 };
    static test_task tasks[FIBERS];
    chaos_answers = 0;
    chaos_until = clock_monotonic() + 4 * SECONDS;
    for (uint64_t round = 0; clock_monotonic() < chaos_until; round++) {
        for (int i = 0; i < FIBERS; i++) {
            if (round && !tasks[i].ended)
                continue;
            tasks[i].index = i;
            test_start_with_deadline(&tasks[i], chaos, NULL, (uint64_t)(1 + random_below(100)) * MILLISECONDS);
        }
        test_turn_for(30 * MILLISECONDS);
        for (int i = 0; i < FIBERS; i++)
            assert_int_equal(tasks[i].result, 0);
        backends_come_down_to(5);
        if (round % 7 == 3)
            admin("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'apus-test-%d' limit 1", (int)getpid());
        if (round % 31 == 30)
            proxy_cut();
    }
    test_run();
    assert_true(chaos_answers > 100);
    TURN_UNTIL(result_of(one) == 1);
    TURN_UNTIL(!test_pool->lists[CONNECTION_LEASED].count && !test_pool->lists[CONNECTION_SETTLING].count &&
               !test_pool->lists[CONNECTION_QUIET].count);
    assert_int_equal(test_pool->waiting.count + test_pool->leases.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_killed_backend_fails_its_statements_and_no_others, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_write_or_commit_that_meets_its_deadline_has_an_unknown_outcome, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_write_or_commit_whose_answer_is_lost_has_an_unknown_outcome, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_write_that_the_server_said_it_ended_has_a_known_outcome, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_after_a_restart_it_recovers_by_itself_in_less_than_two_seconds, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_while_down_it_is_tried_once_a_second, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_database_that_comes_late_is_reached_by_itself, down_at_start, tear_down),
        cmocka_unit_test_setup_teardown(test_packets_that_are_dropped_end_at_the_deadline_and_the_connection_goes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_connection_that_broke_while_idle_is_noticed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_without_a_descriptor_for_its_copy_a_connection_is_not_dialed_again_and_again,
                                        set_up_directly, pool_tear_down),
        cmocka_unit_test_setup_teardown(test_a_server_that_ends_what_it_takes_is_asked_less_and_less, set_up_with_one, tear_down),
        cmocka_unit_test_setup_teardown(test_a_wrong_password_is_a_reason_without_the_password, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_names_that_do_not_resolve_never_block_the_loop, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_silent_name_server_leaves_threads_for_other_work, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_next_address_is_tried_when_one_does_not_answer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_old_connections_are_replaced, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_standbys_connection_is_dropped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_answers_stay_unmixed_whatever_breaks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_draining_lets_statements_finish_and_refuses_new_ones_at_the_end, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
