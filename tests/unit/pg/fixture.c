#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define LONGEST (20 * SECONDS)

loop test_loop;
pg_pool *test_pool;
static int running;
static loop_timer stopper;
static PGconn *admin_connection;

const char *test_url(void)
{
    const char *url = env_or("APUS_TEST_DATABASE_URL", env_or("DATABASE_URL", NULL));
    if (!url)
        fail_msg("%s", "APUS_TEST_DATABASE_URL names no Postgres");
    return url;
}

/* Whoever set PGAPPNAME names the pool's connections. */
static void name_connections(void)
{
    char name[32];
    snprintf(name, sizeof name, "apus-test-%d", (int)getpid());
    setenv("PGAPPNAME", name, 1);
}

const char *test_url_by_port(int port)
{
    static char url[512];
    char *words = NULL, *form = pg_url_for_libpq(test_url());
    PQconninfoOption *options = PQconninfoParse(form, &words);
    const char *user = "postgres", *password = "", *database = "postgres";
    for (PQconninfoOption *o = options; o && o->keyword; o++) {
        user = o->val && strcmp(o->keyword, "user") == 0 ? o->val : user;
        password = o->val && strcmp(o->keyword, "password") == 0 ? o->val : password;
        database = o->val && strcmp(o->keyword, "dbname") == 0 ? o->val : database;
    }
    snprintf(url, sizeof url, "host=127.0.0.1 port=%d user=%s dbname=%s password='%s'", port, user, database, password);
    PQconninfoFree(options);
    free(form);
    return url;
}

void pool_set_up_with(const char *url)
{
    const char *failed = NULL;
    char error[256] = "";
    name_connections();
    running = 0;
    stopper = (loop_timer){0};
    pg_options.url = url;
    if (!pg_configure(1, error, sizeof error))
        fail_msg("%s", error);
    assert_int_equal(loop_open(&test_loop, 0, &failed), 0);
    test_pool = pg_pool_open(&test_loop);
    assert_non_null(test_pool);
}

int pool_set_up(void **state)
{
    (void)state;
    pg_options = (pg_settings){.pool_min = 1, .pool_max = 6, .acquire_timeout = 5, .statement_timeout = 30, .max_lifetime = 3600,
                               .prepare = true};
    pool_set_up_with(test_url());
    return 0;
}

int pool_tear_down(void **state)
{
    (void)state;
    pg_pool_close(test_pool);
    loop_close(&test_loop);
    PQfinish(admin_connection);
    admin_connection = NULL;
    return 0;
}

static void task_main(apus_task *task)
{
    test_task *t = containing(test_task, task, task);
    uint64_t start = clock_monotonic();
    t->run(t);
    t->took = clock_monotonic() - start;
    task_run_clean_ups(task, NULL);
}

static void task_done(apus_task *task)
{
    test_task *t = containing(test_task, task, task);
    t->ended = true;
    if (task->out_of_memory)
        task_run_clean_ups(task, NULL);
    arena_reset(&t->memory);
    if (--running == 0)
        loop_stop(&test_loop);
}

void test_start_with_deadline(test_task *t, void (*run)(test_task *t), void *arg, uint64_t nanoseconds)
{
    int index = t->index;
    *t = (test_task){.run = run, .arg = arg, .index = index};
    arena_init(&t->memory, &test_loop.chunks, LIMIT_REQUEST_MEMORY);
    task_init(&t->task, &test_loop, &t->memory);
    if (nanoseconds)
        t->task.deadline = clock_monotonic() + nanoseconds;
    running++;
    assert_int_equal(fiber_start(&t->task, task_main, task_done), 0);
}

void test_start(test_task *t, void (*run)(test_task *t), void *arg)
{
    test_start_with_deadline(t, run, arg, 0);
}

static void stop(loop_timer *timer)
{
    (void)timer;
    loop_stop(&test_loop);
}

void test_turn_for(uint64_t nanoseconds)
{
    loop_timer_start(&test_loop, &stopper, clock_monotonic() + nanoseconds, stop);
    loop_run(&test_loop);
    loop_timer_stop(&test_loop, &stopper);
}

void test_run(void)
{
    if (running)
        test_turn_for(LONGEST);
    assert_int_equal(running, 0);
}

void test_one(void (*run)(test_task *t), void *arg)
{
    test_task t = {0};
    test_start(&t, run, arg);
    test_run();
}

static void drop_notice(void *arg, const PGresult *notice)
{
    (void)arg;
    (void)notice;
}

static PGconn *admin_open(void)
{
    if (admin_connection)
        return admin_connection;
    char *form = pg_url_for_libpq(test_url());
    const char *keywords[] = {"dbname", "application_name", NULL}, *values[] = {form, "apus-test-admin", NULL};
    admin_connection = PQconnectdbParams(keywords, values, 1);
    free(form);
    if (PQstatus(admin_connection) != CONNECTION_OK)
        fail_msg("%s", PQerrorMessage(admin_connection));
    PQsetNoticeReceiver(admin_connection, drop_notice, NULL);
    return admin_connection;
}

static const char *admin_run(const char *format, va_list arguments) __attribute__((format(printf, 1, 0)));

static const char *admin_run(const char *format, va_list arguments)
{
    static char value[256];
    char sql[2048];
    vsnprintf(sql, sizeof sql, format, arguments);
    PGresult *r = PQexec(admin_open(), sql);
    ExecStatusType status = PQresultStatus(r);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
        fail_msg("%s: %s", sql, PQresultErrorMessage(r));
    snprintf(value, sizeof value, "%s", PQntuples(r) > 0 ? PQgetvalue(r, 0, 0) : "");
    PQclear(r);
    return value;
}

const char *admin(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const char *value = admin_run(format, arguments);
    va_end(arguments);
    return value;
}

int admin_int(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const char *value = admin_run(format, arguments);
    va_end(arguments);
    return atoi(value);
}

int admin_backends(void)
{
    return admin_int("select count(*) from pg_stat_activity where application_name = 'apus-test-%d'", (int)getpid());
}
