/* Migrations: each test has a schema of its own. */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[200];

static int set_up(void **state)
{
    pool_set_up(state);
    snprintf(folder, sizeof folder, "%s/migrations-XXXXXX", env_or("TMPDIR", "/tmp"));
    assert_non_null(mkdtemp(folder));
    admin("drop schema if exists migrating cascade; create schema migrating");
    setenv("PGOPTIONS", "-c search_path=migrating", 1);
    return 0;
}

static void remove_file(const char *name)
{
    char path[400];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    unlink(path);
}

static const char *const names[] = {"1_one.sql", "2_two.sql", "3_three.sql", "10_ten.sql", "readme.md"};

static int tear_down(void **state)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        remove_file(names[i]);
    rmdir(folder);
    unsetenv("PGOPTIONS");
    admin("drop schema if exists migrating cascade");
    return pool_tear_down(state);
}

static void write_file(const char *name, const char *text)
{
    char path[400];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static char last_error[1024];
static int changed;

static void goes_up(test_task *t)
{
    t->result = pg_migrate_up(&t->task, folder, &changed);
    snprintf(last_error, sizeof last_error, "%s", apus_error(&t->task));
}

static void goes_down(test_task *t)
{
    t->result = pg_migrate_down(&t->task, folder, &changed);
    snprintf(last_error, sizeof last_error, "%s", apus_error(&t->task));
}

static int run(void (*how)(test_task *t))
{
    test_task t = {0};
    test_start(&t, how, NULL);
    test_run();
    return t.result;
}

static void status(test_task *t)
{
    buffer lines;
    buffer_init(&lines, t->task.arena, 256, 4096);
    t->result = pg_migrate_status(&t->task, folder, &lines);
    snprintf(last_error, sizeof last_error, "%.*s", (int)lines.len, lines.ptr);
}

static void expect_error(int code, const char *place, const char *words)
{
    char expected[400];
    snprintf(expected, sizeof expected, "%s/%s", folder, place);
    if (run(goes_up) != code || !strstr(last_error, expected) || !strstr(last_error, words))
        fail_msg("expected %s … %s, got %s", expected, words, last_error);
}

static void test_migrations_are_applied_in_order_once(void **state)
{
    (void)state;
    write_file("1_one.sql", "-- migrate:up\ncreate table a (id int);\ninsert into a values (1);\n\n-- migrate:down\ndrop table a;\n");
    write_file("2_two.sql", "-- migrate:up\ninsert into a values (2);\n-- migrate:down\ndelete from a where id = 2;\n");
    write_file("10_ten.sql", "-- migrate:up\ninsert into a select max(id) + 1 from a;\n-- migrate:down\ndelete from a where id = 3;\n");
    write_file("readme.md", "not a migration");
    assert_int_equal(run(status), 0);
    assert_string_equal(last_error, "[ ] 1_one.sql\n[ ] 2_two.sql\n[ ] 10_ten.sql\n");
    assert_int_equal(run(goes_up), 0);
    assert_int_equal(changed, 3);
    assert_int_equal(admin_int("select sum(id) from migrating.a"), 6);
    assert_int_equal(run(goes_up), 0);
    assert_int_equal(changed, 0);
    assert_int_equal(admin_int("select count(*) from migrating.schema_migrations where length(checksum) = 64"), 3);
    assert_int_equal(run(goes_down), 0);
    assert_int_equal(changed, 1);
    assert_int_equal(admin_int("select sum(id) from migrating.a"), 3);
    assert_int_equal(run(status), 0);
    assert_string_equal(last_error, "[X] 1_one.sql\n[X] 2_two.sql\n[ ] 10_ten.sql\n");
}

static void test_a_wrong_migration_leaves_nothing_half_done_and_is_named_with_its_line(void **state)
{
    (void)state;
    write_file("1_one.sql", "-- migrate:up\ncreate table a (id int primary key);\n");
    write_file("2_two.sql", "-- migrate:up\ninsert into a values (1);\n\ncreate tabel b ();\n");
    expect_error(APUS_EQUERY, "2_two.sql:4", "tabel");
    assert_int_equal(admin_int("select count(*) from migrating.a"), 0);
    assert_int_equal(admin_int("select count(*) from migrating.schema_migrations"), 1);
    /* An error without a position is found by the statement. */
    write_file("2_two.sql", "-- migrate:up\ninsert into a values (1);\n-- ;\ninsert into a\n  values (1);\nselect 1;\n");
    expect_error(APUS_EQUERY, "2_two.sql:4", "duplicate key");
    write_file("2_two.sql", "select 1;\n-- migrate:up\n");
    expect_error(APUS_EVALIDATION, "2_two.sql:1", "before");
    write_file("2_two.sql", "-- migrate:up\ncopy a from stdin;\n");
    expect_error(APUS_EQUERY, "2_two.sql", "COPY");
    write_file("2_two.sql", "-- migrate:up\ninsert into a values (1);\n");
    assert_int_equal(run(goes_up), 0);
    assert_int_equal(changed, 1);
}

static void test_a_file_changed_after_it_was_applied_stops_everything(void **state)
{
    (void)state;
    write_file("1_one.sql", "-- migrate:up\ncreate table a (id int);\n");
    assert_int_equal(run(goes_up), 0);
    write_file("1_one.sql", "-- migrate:up\ncreate table a (id bigint);\n");
    write_file("2_two.sql", "-- migrate:up\ncreate table b (id int);\n");
    expect_error(APUS_EVALIDATION, "1_one.sql", "changed");
    assert_int_equal(admin_int("select count(*) from pg_tables where schemaname = 'migrating' and tablename = 'b'"), 0);
}

static void test_what_dbmate_applied_counts(void **state)
{
    (void)state;
    admin("create table migrating.schema_migrations (version varchar(128) primary key);"
          "insert into migrating.schema_migrations values ('1'), ('77')");
    write_file("1_one.sql", "-- migrate:up\nsyntax error, if it were run;\n");
    write_file("2_two.sql", "-- migrate:up\ncreate table b (id int);\n");
    assert_int_equal(run(goes_up), 0);
    assert_int_equal(changed, 1);
    assert_int_equal(admin_int("select count(*) from migrating.schema_migrations where checksum is not null"), 2);
}

static void test_without_a_transaction_each_statement_stands_alone(void **state)
{
    (void)state;
    write_file("1_one.sql", "-- migrate:up transaction:false\ncreate table a (id int);\n"
                            "create index concurrently a_id on a (id);\nselect ';';\n");
    assert_int_equal(run(goes_up), 0);
    assert_int_equal(admin_int("select count(*) from pg_indexes where schemaname = 'migrating' and indexname = 'a_id'"), 1);
    write_file("2_two.sql", "-- migrate:up transaction:false\ninsert into a values (1);\ninsert into b values (1);\n");
    expect_error(APUS_EQUERY, "2_two.sql:3", "\"b\"");
}

static void test_a_section_that_ends_its_transaction_is_refused_before_anything_runs(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "begin; create table a ();\ncommit;", "BEGIN;", "start transaction;", "/* ; */ Commit and chain;", "end;", "rollback;",
        "rollback work;", "abort", "prepare /* for later */ transaction 'x';", "commit prepared 'x';",
        "create function begin() returns int language sql as 'select 1'; commit;",
        "create function f() returns int begin atomic select case when true then 1 end; end; end;",
    };
    write_file("1_one.sql", "-- migrate:up\ncreate table b (id int);\n");
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char text[400];
        snprintf(text, sizeof text, "-- migrate:up\nselect ';commit;';\n%s\n", wrong[i]);
        write_file("2_two.sql", text);
        expect_error(APUS_EVALIDATION, "2_two.sql:3", "`-- migrate:up transaction:false`");
    }
    assert_int_equal(admin_int("select count(*) from pg_tables where schemaname = 'migrating' and tablename in ('a', 'b')"), 0);
}

static void test_what_only_looks_like_the_end_of_a_transaction_is_applied(void **state)
{
    (void)state;
    write_file("1_one.sql",
               "-- migrate:up\n-- commit;\n/* begin; /* end; */ */\ncreate table a (\"end\" int, note text default '; commit;');\n"
               "create function f() returns int language plpgsql as $$ begin perform 1; return 2; end; $$;\n"
               "create or replace function g(begin int) returns int begin atomic select case when begin > 0 then 1 else 2 end; end;\n"
               "create procedure h() begin atomic insert into a values (1); insert into a values (2); end;\n"
               "call h();\ndo $x$ begin perform f(); end $x$;\n"
               "savepoint s;\ninsert into a values (3);\nrollback to s;\nrollback work to savepoint s;\nrelease s;\n"
               "prepare transaction_of_all as select 1;\ndeallocate all;\n"
               "-- migrate:down\ndrop procedure h(); drop function g(int); drop function f(); drop table a;\ncommit;\n");
    if (run(goes_up))
        fail_msg("%s", last_error);
    assert_int_equal(admin_int("select sum(\"end\") from migrating.a"), 3);
    assert_int_equal(run(goes_down), APUS_EVALIDATION);
    assert_non_null(strstr(last_error, "1_one.sql:19: `commit`"));
    assert_non_null(strstr(last_error, "`-- migrate:down transaction:false`"));
    assert_int_equal(admin_int("select sum(\"end\") from migrating.a"), 3);
}

static void test_processes_that_migrate_at_once_wait_for_each_other(void **state)
{
    (void)state;
    test_task tasks[4] = {0};
    pool_tear_down(NULL);
    pg_options.pool_max = 10;
    pool_set_up_with(test_url());
    write_file("1_one.sql", "-- migrate:up\ncreate table a (id int);\nselect pg_sleep(0.3);\n");
    for (int i = 0; i < 4; i++)
        test_start(&tasks[i], goes_up, NULL);
    test_run();
    for (int i = 0; i < 4; i++)
        if (tasks[i].result)
            fail_msg("%s", last_error);
    assert_int_equal(admin_int("select count(*) from migrating.schema_migrations"), 1);
}

static void test_a_cancelled_wait_for_another_process_ends_soon_and_applies_nothing(void **state)
{
    (void)state;
    test_task cancelled = {0}, overdue = {0};
    write_file("1_one.sql", "-- migrate:up\ncreate table a (id int);\n");
    admin("select pg_advisory_lock(4706832143250551072)");
    test_start(&cancelled, goes_up, NULL);
    TURN_UNTIL(admin_int("select count(*) from pg_stat_activity where query like 'select pg_try_advisory_lock(%%' and state = 'idle'"));
    fiber_cancel(&cancelled.task, APUS_ECANCELED);
    test_run();
    assert_int_equal(cancelled.result, APUS_ECANCELED);
    assert_non_null(strstr(last_error, "given up"));
    test_start_with_deadline(&overdue, goes_up, NULL, 200 * MILLISECONDS);
    test_run();
    assert_int_equal(overdue.result, APUS_ETIMEDOUT);
    assert_in_range(overdue.took, 200 * MILLISECONDS, 5 * SECONDS);
    admin("select pg_advisory_unlock(4706832143250551072)");
    assert_int_equal(admin_int("select count(*) from pg_tables where schemaname = 'migrating' and tablename = 'a'"), 0);
}

static void test_a_cancelled_run_finishes_the_file_under_way_and_begins_no_other(void **state)
{
    (void)state;
    test_task t = {0};
    write_file("1_one.sql", "-- migrate:up\ncreate table a (id int);\nselect pg_sleep(0.5);\n");
    write_file("2_two.sql", "-- migrate:up\ncreate table b (id int);\n");
    test_start(&t, goes_up, NULL);
    TURN_UNTIL(admin_int("select count(*) from pg_stat_activity where wait_event = 'PgSleep' and query like '%%create table a (id int)%%'"));
    fiber_cancel(&t.task, APUS_ECANCELED);
    test_run();
    assert_int_equal(t.result, APUS_ECANCELED);
    assert_non_null(strstr(last_error, "2_two.sql"));
    assert_int_equal(admin_int("select count(*) from migrating.schema_migrations where version = '1'"), 1);
    assert_int_equal(run(goes_up), 0);
    assert_int_equal(changed, 1);
}

static void test_a_version_without_a_file_is_a_later_releases(void **state)
{
    (void)state;
    write_file("1_one.sql", "-- migrate:up\ncreate table a (id int);\n-- migrate:down\ndrop table a;\n");
    assert_int_equal(run(goes_up), 0);
    admin("insert into migrating.schema_migrations values ('99')");
    assert_int_equal(run(goes_up), 0);
    assert_int_equal(changed, 0);
}

static void test_two_files_of_one_version_are_refused(void **state)
{
    (void)state;
    write_file("3_three.sql", "-- migrate:up\n");
    write_file("10_ten.sql", "-- migrate:up\n");
    write_file("1_one.sql", "-- migrate:up\n");
    char path[400], other[400];
    snprintf(path, sizeof path, "%s/3_three.sql", folder);
    snprintf(other, sizeof other, "%s/0010_x.sql", folder);
    assert_int_equal(rename(path, other), 0);
    expect_error(APUS_EVALIDATION, "", "same version");
    unlink(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_migrations_are_applied_in_order_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_wrong_migration_leaves_nothing_half_done_and_is_named_with_its_line, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_file_changed_after_it_was_applied_stops_everything, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_dbmate_applied_counts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_without_a_transaction_each_statement_stands_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_section_that_ends_its_transaction_is_refused_before_anything_runs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_only_looks_like_the_end_of_a_transaction_is_applied, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_processes_that_migrate_at_once_wait_for_each_other, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_cancelled_wait_for_another_process_ends_soon_and_applies_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_cancelled_run_finishes_the_file_under_way_and_begins_no_other, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_version_without_a_file_is_a_later_releases, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_two_files_of_one_version_are_refused, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
