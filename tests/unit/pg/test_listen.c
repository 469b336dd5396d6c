/* Notifications. */
#include "fixture.h"

#include "proxy.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static void hears(test_task *t)
{
    pg_event e;
    const char *channel = t->arg ? t->arg : "Chan\"nel";
    while (t->result < 3 && pg_listen_next(&t->task, apus_cstr(channel), &e) == 0) {
        assert_true(apus_str_is(e.channel, channel));
        assert_true(apus_str_eq(e.payload, apus_printf(&t->task, "payload %d", t->result)));
        t->result++;
    }
}

static void notify(const char *channel, int from, int to)
{
    for (int i = from; i < to; i++)
        admin("select pg_notify('%s', 'payload %d')", channel, i);
}

static void test_every_task_hears_what_is_notified_on_its_channel(void **state)
{
    (void)state;
    test_task tasks[5] = {0};
    for (int i = 0; i < 5; i++)
        test_start(&tasks[i], hears, i < 3 ? NULL : (void *)(uintptr_t)"other");
    test_turn_for(300 * MILLISECONDS);
    notify("Chan\"nel", 0, 2);
    notify("other", 0, 3);
    notify("Chan\"nel", 2, 3);
    test_run();
    for (int i = 0; i < 5; i++)
        assert_int_equal(tasks[i].result, 3);
}

static void test_listening_takes_one_connection_whatever_number_of_tasks(void **state)
{
    (void)state;
    test_task tasks[20] = {0};
    char names[20][16];
    test_turn_for(100 * MILLISECONDS);
    int before = admin_backends();
    for (int i = 0; i < 20; i++) {
        snprintf(names[i], sizeof names[i], "c%d", i);
        test_start(&tasks[i], hears, names[i]);
    }
    test_turn_for(300 * MILLISECONDS);
    assert_int_equal(admin_backends(), before + 1);
    for (int i = 0; i < 20; i++)
        notify(names[i], 0, 3);
    test_run();
}

static void test_a_wait_for_a_notification_ends_at_the_deadline(void **state)
{
    (void)state;
    test_task t = {0};
    test_start_with_deadline(&t, hears, NULL, 100 * MILLISECONDS);
    test_run();
    assert_int_equal(t.result, 0);
    assert_true(t.took < 2 * SECONDS);
}

static void hears_late(test_task *t)
{
    pg_event e;
    assert_int_equal(pg_listen_next(&t->task, APUS_STR("late"), &e), 0);
    assert_true(apus_str_is(e.payload, "first"));
    apus_sleep(&t->task, 0.5);
    assert_int_equal(pg_listen_next(&t->task, APUS_STR("late"), &e), 0);
    t->result = atoi(e.payload.ptr);
}

static void test_between_calls_notifications_queue_up_and_the_oldest_are_dropped(void **state)
{
    (void)state;
    test_task t = {0};
    test_start(&t, hears_late, NULL);
    test_turn_for(300 * MILLISECONDS);
    admin("select pg_notify('late', 'first')");
    test_turn_for(100 * MILLISECONDS);
    uint64_t dropped = pg_counts.events_dropped;
    admin("select pg_notify('late', i::text) from generate_series(1, %d) i", LIMIT_PG_EVENTS + 10);
    test_run();
    assert_int_equal(t.result, 11);
    assert_int_equal(pg_counts.events_dropped, dropped + 10);
}

static int set_up_with_proxy(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    proxy_open();
    pg_options = (pg_settings){.pool_min = 1, .pool_max = 6, .acquire_timeout = 5, .statement_timeout = 30, .max_lifetime = 3600,
                               .prepare = true};
    pool_set_up_with(test_url_by_port(proxy_port()));
    return 0;
}

static int tear_down_with_proxy(void **state)
{
    pool_tear_down(state);
    proxy_close();
    return 0;
}

static void test_after_a_lost_connection_the_channels_are_listened_to_again(void **state)
{
    (void)state;
    test_task t = {0};
    test_start(&t, hears, NULL);
    test_turn_for(300 * MILLISECONDS);
    notify("Chan\"nel", 0, 1);
    test_turn_for(100 * MILLISECONDS);
    proxy_set(PROXY_REFUSE);
    test_turn_for(1200 * MILLISECONDS);
    proxy_set(PROXY_PASS);
    test_turn_for(2500 * MILLISECONDS);
    notify("Chan\"nel", 1, 3);
    test_run();
    assert_int_equal(t.result, 3);
}

static void wrong_names(test_task *t)
{
    pg_event e;
    assert_int_equal(pg_listen_next(&t->task, APUS_STR(""), &e), APUS_EINVAL);
    assert_int_equal(pg_listen_next(&t->task, APUS_STR("a\0b"), &e), APUS_EINVAL);
    assert_int_equal(pg_listen_next(&t->task, APUS_STR("0123456789012345678901234567890123456789012345678901234567890123"), &e),
                     APUS_EINVAL);
}

static void test_a_name_that_is_no_channel_is_refused(void **state)
{
    (void)state;
    test_one(wrong_names, NULL);
}

static void test_a_closing_pool_ends_the_waits(void **state)
{
    (void)state;
    test_task t = {0};
    test_start(&t, hears, NULL);
    test_turn_for(100 * MILLISECONDS);
    pg_pool_close(test_pool);
    test_run();
    assert_true(t.ended);
    test_pool = pg_pool_open(&test_loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_task_hears_what_is_notified_on_its_channel, pool_set_up, pool_tear_down),
        cmocka_unit_test_setup_teardown(test_listening_takes_one_connection_whatever_number_of_tasks, pool_set_up, pool_tear_down),
        cmocka_unit_test_setup_teardown(test_a_wait_for_a_notification_ends_at_the_deadline, pool_set_up, pool_tear_down),
        cmocka_unit_test_setup_teardown(test_between_calls_notifications_queue_up_and_the_oldest_are_dropped, pool_set_up, pool_tear_down),
        cmocka_unit_test_setup_teardown(test_after_a_lost_connection_the_channels_are_listened_to_again, set_up_with_proxy,
                                        tear_down_with_proxy),
        cmocka_unit_test_setup_teardown(test_a_name_that_is_no_channel_is_refused, pool_set_up, pool_tear_down),
        cmocka_unit_test_setup_teardown(test_a_closing_pool_ends_the_waits, pool_set_up, pool_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
