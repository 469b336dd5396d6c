/* What needs no Postgres: URLs, parameters, arrays, statements' first words, migration files, permits, error codes. */
#include "fixture.h"

#include "pg/array.h"
#include "pg/migration_folder.h"
#include "pg/sql.h"
#include "pg/types.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char *value_of(const pg_target *t, const char *keyword)
{
    for (size_t i = 0; i < t->count; i++)
        if (strcmp(t->keywords[i], keyword) == 0)
            return t->values[i];
    return "";
}

static pg_target parse(const char *url)
{
    static const pg_target_options options = {"DATABASE_URL", 30, true};
    pg_target t;
    char error[256] = "";
    if (!pg_target_parse(&t, url, &options, error, sizeof error))
        fail_msg("%s: %s", url, error);
    return t;
}

static void test_every_common_form_of_url_is_understood(void **state)
{
    static const char *const urls[] = {
        "postgresql://u:p%40ss@db.example:5433/shop?sslmode=require",
        "postgres://u:p%40ss@db.example:5433/shop?sslmode=require",
        "postgresql+asyncpg://u:p%40ss@db.example:5433/shop?ssl=require",
        "postgresql+asyncpg://u:p%40ss@db.example:5433/shop?prepared_statement_cache_size=0&ssl=true",
        "postgresql+psycopg://u:p%40ss@db.example:5433/shop?sslmode=require",
        "host=db.example port=5433 user=u password=p@ss dbname=shop sslmode=require",
    };
    (void)state;
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        pg_target t = parse(urls[i]);
        assert_string_equal(t.hosts[0].name, "db.example");
        assert_string_equal(t.hosts[0].port, "5433");
        assert_string_equal(value_of(&t, "user"), "u");
        assert_string_equal(value_of(&t, "password"), "p@ss");
        assert_string_equal(value_of(&t, "dbname"), "shop");
        assert_string_equal(value_of(&t, "sslmode"), "require");
        assert_string_equal(value_of(&t, "sslrootcert"), "");
        pg_target_free(&t);
    }
}

static void test_ssl_of_asyncpg_becomes_sslmode(void **state)
{
    static const char *const rows[][2] = {
        {"true", "require"}, {"false", "disable"}, {"prefer", "prefer"}, {"verify-full", "verify-full"}, {"1", "require"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char url[128];
        snprintf(url, sizeof url, "postgresql+asyncpg://h/d?application_name=a&ssl=%s&connect_timeout=3", rows[i][0]);
        pg_target t = parse(url);
        assert_string_equal(value_of(&t, "sslmode"), rows[i][1]);
        assert_string_equal(value_of(&t, "application_name"), "a");
        assert_true(t.connect_timeout > 2.9 && t.connect_timeout < 3.1);
        pg_target_free(&t);
    }
}

static void test_verification_without_a_root_uses_the_systems(void **state)
{
    (void)state;
    setenv("SSL_CERT_FILE", "/roots.pem", 1);
    pg_target t = parse("postgresql://h/d?sslmode=verify-full");
    assert_string_equal(value_of(&t, "sslrootcert"), "/roots.pem");
    pg_target_free(&t);
    t = parse("postgresql://h/d?sslmode=verify-ca&sslrootcert=/mine.pem");
    assert_string_equal(value_of(&t, "sslrootcert"), "/mine.pem");
    pg_target_free(&t);
    unsetenv("SSL_CERT_FILE");
}

static void test_a_session_gets_its_statement_timeout(void **state)
{
    (void)state;
    pg_target t = parse("postgresql://h/d?options=-c%20search_path%3Da");
    assert_string_equal(value_of(&t, "options"), "-c search_path=a -c statement_timeout=30000");
    assert_string_equal(value_of(&t, "client_encoding"), "UTF8");
    pg_target_free(&t);
    const pg_target_options pgbouncer = {"DATABASE_URL", 30, false};
    char error[256];
    assert_true(pg_target_parse(&t, "postgresql://h/d", &pgbouncer, error, sizeof error));
    assert_string_equal(value_of(&t, "options"), "");
    pg_target_free(&t);
}

static void test_several_hosts_are_kept_in_order(void **state)
{
    (void)state;
    pg_target t = parse("postgresql://a:1,b:2,c/d?target_session_attrs=read-write");
    assert_int_equal(t.host_count, 3);
    assert_string_equal(t.hosts[0].name, "a");
    assert_string_equal(t.hosts[1].port, "2");
    assert_string_equal(t.hosts[2].name, "c");
    pg_target_free(&t);
    t = parse("postgresql:///d?host=/run/postgresql");
    assert_int_equal(t.host_count, 1);
    assert_string_equal(t.hosts[0].name, "/run/postgresql");
    pg_target_free(&t);
}

static void test_a_wrong_url_is_refused_without_showing_it(void **state)
{
    static const char *const urls[] = {
        "postgresql://u:secret@h:port/d", "postgresql://u:se@cret@h/d?nonsense=secret", "mysql://u:secret@h/d", "secret",
        "postgresql://u:secret@[::1/d",
    };
    static const pg_target_options options = {"DATABASE_URL", 30, true};
    (void)state;
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        pg_target t;
        char error[256] = "";
        assert_false(pg_target_parse(&t, urls[i], &options, error, sizeof error));
        assert_non_null(strstr(error, "DATABASE_URL"));
        assert_null(strstr(error, "secret"));
        assert_null(strchr(error, '\n'));
    }
}

static void test_numbers_of_the_pool_are_checked(void **state)
{
    (void)state;
    char error[256] = "";
    pg_options = (pg_settings){.url = "postgresql://h/d", .pool_min = 5, .pool_max = 21, .prepare = true};
    assert_false(pg_configure(1, error, sizeof error));
    assert_non_null(strstr(error, "DB_POOL_ALLOW_LARGE"));
    pg_options.allow_large = true;
    assert_true(pg_configure(1, error, sizeof error));
    pg_options.pool_max = 4;
    assert_true(pg_configure(3, error, sizeof error));
    assert_false(pg_configure(4, error, sizeof error));
    assert_non_null(strstr(error, "DB_POOL_MAX"));
    pg_options.url = NULL;
    assert_false(pg_configure(4, error, sizeof error)); /* wrong now is wrong when there is a database */
    assert_true(pg_configure(3, error, sizeof error));
    assert_int_equal(pg_health(NULL), PG_UNUSED);
}

static void test_permits_never_exceed_their_number(void **state)
{
    (void)state;
    for (int workers = 1; workers <= 8; workers++) {
        bool own[8];
        permit taken[64];
        int count = 0, of_worker[8] = {0};
        permits_configure(15, workers);
        for (int w = 0; w < workers; w++)
            own[w] = true;
        for (int round = 0; round < 20; round++)
            for (int w = 0; w < workers; w++) {
                permit p = permit_take(&own[w]);
                of_worker[w] += p != PERMIT_NONE;
                if (p != PERMIT_NONE)
                    taken[count++] = p;
            }
        assert_int_equal(count, 14);
        for (int w = 0; w < workers; w++)
            assert_true(of_worker[w] >= 1);
        assert_int_equal(permit_take_side(), PERMIT_SIDE);
        assert_int_equal(permit_take_side(), PERMIT_NONE);
        for (int i = 0; i < count; i++)
            permit_return(taken[i], &own[0]);
        assert_int_equal(permit_take_side(), workers < 14 ? PERMIT_SPARE : PERMIT_NONE);
    }
}

static const char *bound_double(double value)
{
    static char text[64];
    arena memory;
    pg_bound b;
    arena_init(&memory, NULL, LIMIT_REQUEST_MEMORY);
    assert_int_equal(params_bind(&memory, PG(value), &b).code, 0);
    snprintf(text, sizeof text, "%s", b.values[0]);
    arena_reset(&memory);
    return text;
}

static void test_a_double_is_sent_as_digits_that_read_back_the_same(void **state)
{
    static const double values[] = {0, -0.0, 1, 1.5, 0.1, 19.99, -3.14159, 1e300, 5e-324, 1.0 / 3, 123456789.125, 9007199254740993.0,
                                    1e15, 1e16, 0.0001, 1e-7, 1.7976931348623157e308};
    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        assert_true(strtod(bound_double(values[i]), NULL) == values[i]);
    assert_string_equal(bound_double((double)NAN), "NaN");
    assert_string_equal(bound_double((double)-INFINITY), "-Infinity");
}

static void test_a_text_with_a_nul_byte_is_refused_as_invalid(void **state)
{
    (void)state;
    arena memory;
    pg_bound b;
    arena_init(&memory, NULL, LIMIT_REQUEST_MEMORY);
    pg_failure f = params_bind(&memory, PG(1, APUS_STR("a\0b")), &b);
    assert_int_equal(f.code, APUS_EVALIDATION);
    assert_non_null(strstr(f.message, "NUL"));
    arena_reset(&memory);
}

static void test_arrays_are_taken_apart(void **state)
{
    static const struct {
        const char *text;
        int count; /* -1: malformed, -2: no array */
        const char *elements[4];
    } rows[] = {
        {"{}", 0, {0}}, {"{1,2,3}", 3, {"1", "2", "3"}}, {"{NULL,null,\"NULL\"}", 3, {NULL, NULL, "NULL"}},
        {"{\"a,b\",\"c\\\"d\",\"\\\\\"}", 3, {"a,b", "c\"d", "\\"}}, {"{\"\"}", 1, {""}}, {"[0:1]={7,8}", 2, {"7", "8"}},
        {"{{1},{2}}", -1, {0}}, {"{1,}", -1, {0}}, {"{\"a}", -1, {0}}, {"{\"a\\", -2, {0}}, {"1", -2, {0}}, {"", -2, {0}},
        {"{,1}", -1, {0}},
    };
    (void)state;
    arena memory;
    arena_init(&memory, NULL, LIMIT_REQUEST_MEMORY);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        array_scan scan;
        apus_str element;
        int count = 0, more = 1;
        if (!array_begin(&scan, apus_cstr(rows[i].text))) {
            assert_int_equal(rows[i].count, -2);
            continue;
        }
        size_t room = array_count(&scan);
        while ((more = array_next(&scan, &memory, &element)) > 0) {
            if (rows[i].count >= 0 && rows[i].elements[count])
                assert_true(apus_str_is(element, rows[i].elements[count]));
            else if (rows[i].count >= 0)
                assert_null(element.ptr);
            count++;
        }
        assert_true((size_t)count <= room);
        assert_int_equal(more < 0 ? -1 : count, rows[i].count);
    }
    arena_reset(&memory);
}

static void test_statements_that_need_a_lease_are_known_by_their_first_word(void **state)
{
    static const struct {
        const char *sql;
        pg_text_use use;
    } rows[] = {
        {"select 1", PG_TEXT_READS}, {"  -- c\n /* a /* b */ */ SELECT 1", PG_TEXT_READS}, {"(select 1) union select 2", PG_TEXT_READS},
        {"insert into a values (1)", PG_TEXT_ANY}, {"with a as (select 1) delete from b", PG_TEXT_ANY}, {"BEGIN", PG_TEXT_LEASED},
        {"begin;", PG_TEXT_LEASED}, {"Set x = 1", PG_TEXT_LEASED}, {"settle()", PG_TEXT_ANY}, {"copy a from stdin", PG_TEXT_REFUSED},
        {"discard all", PG_TEXT_REFUSED}, {"", PG_TEXT_ANY}, {"/* open", PG_TEXT_ANY},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(text_classify(rows[i].sql), rows[i].use);
}

static void test_what_outlives_its_statement_is_known_wherever_it_stands(void **state)
{
    static const struct {
        const char *sql;
        bool outlives;
    } rows[] = {
        {"select set_config('app.tenant', $1, false)", true}, {"with a as (select 1) select pg_catalog.SET_CONFIG ('a', 'b', true)", true},
        {"select pg_advisory_lock(1)", true}, {"select pg_try_advisory_lock_shared($1)", true}, {"CREATE\n  Temp table a (b int)", true},
        {"create temporary view a as select 1", true}, {"create or replace temp view a as select 1", true}, {"select 1 into temp a", true},
        {"insert into pg_temp.a values (1)", true}, {"select 'it''s' || set_config('a', 'b', false)", true},
        {"select pg_advisory_xact_lock(1)", false}, {"select offset_config(1)", false}, {"select set_configuration(1)", false},
        {"select temp from weather", false}, {"insert into temp values (1)", false}, {"insert into temperatures values (1)", false},
        {"insert into notes values ('create temp table, then set_config')", false}, {"create table a (temp int)", false},
        {"select 'open", false}, {"", false}, {"create /* a */ temp table a (b int)", true}, {"select \"set_config\"('a', 'b', false)", true},
        {"do $$ begin perform pg_advisory_lock(1); end $$", true}, {"select e'it\\'s' || set_config('a', 'b', false)", true},
        {"select 1 -- set_config", false}, {"/* create temp */ select 'a'", false}, {"select e'\\' set_config'", false},
        {"select $1 || $2, set_config($3, $4, false)", true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (text_outlives(rows[i].sql, text_classify(rows[i].sql)) != rows[i].outlives)
            fail_msg("%s", rows[i].sql);
}

static void test_sqlstates_become_codes(void **state)
{
    static const struct {
        const char *sqlstate;
        int code;
    } rows[] = {
        {"23505", APUS_EUNIQUE}, {"23503", APUS_EFOREIGN_KEY}, {"23514", APUS_ECHECK}, {"23502", APUS_ENOT_NULL},
        {"40001", APUS_ESERIALIZATION}, {"40P01", APUS_EDEADLOCK}, {"55P03", APUS_ELOCK}, {"57014", APUS_ETIMEDOUT},
        {"53100", APUS_EDISK_FULL}, {"53300", APUS_EUNAVAILABLE}, {"57P01", APUS_EUNAVAILABLE}, {"08006", APUS_EUNAVAILABLE},
        {"42601", APUS_EQUERY}, {"22P02", APUS_EQUERY}, {"22021", APUS_EVALIDATION},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(failure_code(rows[i].sqlstate), rows[i].code);
}

static void count_statements(const char *sql, int expected, int last_line)
{
    sql_scan scan = {sql, sql + strlen(sql), 1};
    apus_str statement;
    int line = 0, count = 0;
    while (sql_next(&scan, &statement, &line))
        count++;
    if (count != expected || (expected && line != last_line))
        fail_msg("%s: %d statements, the last in line %d", sql, count, line);
}

static void test_sql_is_split_at_the_semicolons_that_end_statements(void **state)
{
    (void)state;
    count_statements("", 0, 0);
    count_statements(" -- nothing;\n;;", 0, 0);
    count_statements("select 1", 1, 1);
    count_statements("select 1;\nselect 2;\n", 2, 2);
    count_statements("select ';'; select \";\";\nselect 'it''s;'; select E'\\';'", 4, 2);
    count_statements("select $$;$$; select $a$;$b$;$a$;\n\nselect $1;", 3, 3);
    count_statements("/* ; /* ; */ ; */ select 1; -- ;\nselect 2", 2, 2);
    count_statements("create function f() returns int language sql begin atomic select 1; select case when true then 2 end; end;\n"
                     "select 1", 2, 2);
    count_statements("create rule r as on insert to a do (select 1; select 2);\nselect 3", 2, 2);
    count_statements("begin; select 1; end;", 3, 1);
    assert_int_equal(sql_line_at(APUS_STR("a\nb\nc"), 5, 5), 7);
    assert_int_equal(sql_line_at(APUS_STR("\xc3\xa4\n\xc3\xa4x"), 1, 4), 2);
}

static void test_a_migration_file_is_taken_apart_as_dbmate_does(void **state)
{
    (void)state;
    migration_file file;
    char error[256] = "";
    assert_true(migration_parse(APUS_STR("-- a comment\n-- migrate:up\ncreate table a();\n\n-- migrate:down transaction:false\ndrop table a;"),
                                &file, error, sizeof error));
    assert_true(apus_str_is(file.up.sql, "create table a();\n"));
    assert_int_equal(file.up.line, 3);
    assert_true(file.up.transaction);
    assert_true(apus_str_is(file.down.sql, "drop table a;"));
    assert_int_equal(file.down.line, 6);
    assert_false(file.down.transaction);
    assert_true(migration_parse(APUS_STR("--migrate:up transaction:false\r\nselect 1;\r\n"), &file, error, sizeof error));
    assert_false(file.up.transaction);
    assert_int_equal(file.down.line, 0);
}

static void test_a_wrong_migration_file_is_refused_with_its_line(void **state)
{
    static const char *const rows[][2] = {
        {"create table a();", "1:"}, {"-- c\nselect 1;\n-- migrate:up\n", "2:"}, {"-- migrate:up\n-- migrate:up\n", "2:"},
        {"-- migrate:up transaction:maybe\n", "1:"}, {"", "1:"}, {"-- migrate:upper\n", "1:"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        migration_file file;
        char error[256] = "";
        assert_false(migration_parse(apus_cstr(rows[i][0]), &file, error, sizeof error));
        assert_int_equal(strncmp(error, rows[i][1], 2), 0);
    }
}

static void test_versions_sort_as_numbers(void **state)
{
    (void)state;
    assert_true(migration_compare_versions(APUS_STR("9"), APUS_STR("10")) < 0);
    assert_true(migration_compare_versions(APUS_STR("0010"), APUS_STR("10")) == 0);
    assert_true(migration_compare_versions(APUS_STR("20240102000000"), APUS_STR("20240101999999")) > 0);
    assert_int_equal(migration_version("0001_a.sql").len, 4);
    assert_int_equal(migration_version("readme.sql").len, 0);
    assert_int_equal(migration_version("0001_a.txt").len, 0);
}

static void test_texts_make_room_for_others(void **state)
{
    (void)state;
    pg_texts *texts = calloc(1, sizeof *texts);
    const pg_bound none = {0};
    pg_text *kept = text_use(texts, "select 'kept'", &none);
    for (int i = 0; i < LIMIT_PG_STATEMENTS * 3; i++) {
        char sql[32];
        snprintf(sql, sizeof sql, "select %d", i);
        pg_text *text = text_use(texts, sql, &none);
        assert_string_equal(text->sql, sql);
        assert_true(text->slot < LIMIT_PG_STATEMENTS);
        text_release(texts, text);
    }
    assert_int_equal(texts->count, LIMIT_PG_STATEMENTS);
    assert_ptr_equal(text_use(texts, "select 'kept'", &none), kept);
    const pg_bound other = {.signature = 7};
    assert_ptr_not_equal(text_use(texts, "select 'kept'", &other), kept);
    texts_clear(texts);
    free(texts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_common_form_of_url_is_understood),
        cmocka_unit_test(test_ssl_of_asyncpg_becomes_sslmode),
        cmocka_unit_test(test_verification_without_a_root_uses_the_systems),
        cmocka_unit_test(test_a_session_gets_its_statement_timeout),
        cmocka_unit_test(test_several_hosts_are_kept_in_order),
        cmocka_unit_test(test_a_wrong_url_is_refused_without_showing_it),
        cmocka_unit_test(test_numbers_of_the_pool_are_checked),
        cmocka_unit_test(test_permits_never_exceed_their_number),
        cmocka_unit_test(test_a_double_is_sent_as_digits_that_read_back_the_same),
        cmocka_unit_test(test_a_text_with_a_nul_byte_is_refused_as_invalid),
        cmocka_unit_test(test_arrays_are_taken_apart),
        cmocka_unit_test(test_what_outlives_its_statement_is_known_wherever_it_stands),
        cmocka_unit_test(test_statements_that_need_a_lease_are_known_by_their_first_word),
        cmocka_unit_test(test_sqlstates_become_codes),
        cmocka_unit_test(test_sql_is_split_at_the_semicolons_that_end_statements),
        cmocka_unit_test(test_a_migration_file_is_taken_apart_as_dbmate_does),
        cmocka_unit_test(test_a_wrong_migration_file_is_refused_with_its_line),
        cmocka_unit_test(test_versions_sort_as_numbers),
        cmocka_unit_test(test_texts_make_room_for_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
