#include "fixture.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <uv.h>

#define MEMORY ((size_t)1 << 20)

/* ---- timers */

#define TIMERS 10000

static loop_timer timers[TIMERS];
static uint64_t due_at[TIMERS];
static uint64_t last_fired;
static int fired;

static void timer_must_not_fire(loop_timer *timer)
{
    (void)timer;
    fail_msg("a timer fired that was stopped or put off");
}

static void timer_in_order(loop_timer *timer)
{
    assert_int_equal(timer->at, 0);
    uint64_t due = due_at[timer - timers];
    assert_true(due >= last_fired);
    assert_true(clock_monotonic() >= due);
    last_fired = due;
    if (++fired == TIMERS / 2)
        loop_stop(&test_loop);
}

static void timers_fire_in_order_and_stopped_ones_never(void **state)
{
    (void)state;
    uint64_t start = clock_monotonic();
    last_fired = 0;
    fired = 0;
    srand(7);
    for (int i = 0; i < TIMERS; i++) {
        due_at[i] = start + (uint64_t)(rand() % 200000) * 1000;
        timers[i] = (loop_timer){0};
        loop_timer_start(&test_loop, &timers[i], start + 1, timer_must_not_fire);
        loop_timer_start(&test_loop, &timers[i], due_at[i], i % 2 ? timer_in_order : timer_must_not_fire);
    }
    for (int i = 0; i < TIMERS; i += 2) {
        loop_timer_stop(&test_loop, &timers[i]);
        loop_timer_stop(&test_loop, &timers[i]);
    }
    loop_run(&test_loop);
    assert_int_equal(fired, TIMERS / 2);
}

static void arm_in_the_past(loop_timer *timer)
{
    usleep(2000);
    if (++fired == 5)
        loop_stop(&test_loop);
    else
        loop_timer_start(&test_loop, timer, 1, arm_in_the_past);
}

static void a_timer_that_is_always_late_lets_the_loop_turn(void **state)
{
    (void)state;
    loop_timer timer = {0};
    uint64_t before = atomic_load(&test_loop.turns);
    fired = 0;
    loop_timer_start(&test_loop, &timer, 1, arm_in_the_past);
    loop_run(&test_loop);
    assert_int_equal(fired, 5);
    assert_int_equal(atomic_load(&test_loop.turns) - before, 5);
}

/* ---- deferred work and posts */

typedef struct counter {
    loop_deferred deferred;
    int runs;
} counter;

static void count_run(loop_deferred *deferred)
{
    counter *c = (counter *)deferred;
    if (++c->runs < 3)
        loop_defer(&test_loop, deferred);
    else
        loop_stop(&test_loop);
}

static void deferred_work_runs_once_a_turn(void **state)
{
    (void)state;
    counter c = {.deferred = {.run = count_run}};
    uint64_t before = atomic_load(&test_loop.turns);
    loop_defer(&test_loop, &c.deferred);
    loop_defer(&test_loop, &c.deferred);
    loop_run(&test_loop);
    assert_int_equal(c.runs, 3);
    assert_int_equal(atomic_load(&test_loop.turns) - before, 3);
}

#define POSTS 1000

static int posts_run;

static void posted(void *arg)
{
    assert_ptr_equal(loop_current(), &test_loop);
    assert_int_equal((intptr_t)arg, posts_run);
    if (++posts_run == POSTS)
        loop_stop(&test_loop);
}

static void *post_from_thread(void *arg)
{
    (void)arg;
    for (intptr_t i = 0; i < POSTS; i++)
        loop_post(&test_loop, posted, (void *)i);
    return loop_current();
}

static void posts_of_another_thread_run_in_order_on_the_loops(void **state)
{
    (void)state;
    pthread_t thread;
    void *others_loop;
    posts_run = 0;
    assert_int_equal(pthread_create(&thread, NULL, post_from_thread, NULL), 0);
    loop_run(&test_loop);
    pthread_join(thread, &others_loop);
    assert_int_equal(posts_run, POSTS);
    assert_null(others_loop);
}

static void stop(void *arg)
{
    (void)arg;
    loop_stop(&test_loop);
}

static void *post_stop_later(void *arg)
{
    usleep(2300000);
    loop_post(&test_loop, stop, arg);
    return NULL;
}

static void an_idle_loop_beats_every_second_and_hardly_turns(void **state)
{
    (void)state;
    pthread_t thread;
    uint64_t before = atomic_load(&test_loop.turns), start = clock_monotonic();
    assert_int_equal(pthread_create(&thread, NULL, post_stop_later, NULL), 0);
    loop_run(&test_loop);
    pthread_join(thread, NULL);
    uint64_t turns = atomic_load(&test_loop.turns) - before;
    assert_in_range(turns, 3, 6);
    assert_true(atomic_load(&test_loop.heartbeat) >= start + 2000 * (uint64_t)MILLISECOND);
}

static void block_for_a_while(loop_timer *timer)
{
    (void)timer;
    usleep(30000);
    loop_stop(&test_loop);
}

static void a_turn_that_takes_long_is_seen_as_lag(void **state)
{
    (void)state;
    loop_timer timer = {0};
    loop_timer_start(&test_loop, &timer, clock_monotonic(), block_for_a_while);
    loop_run(&test_loop);
    assert_true(atomic_load(&test_loop.lag_max) >= 30 * MILLISECOND);
    assert_true(atomic_load(&test_loop.lag_total) >= 30 * MILLISECOND);
}

/* ---- watches */

typedef struct pipe_end {
    int fd;
    loop_watch *watch;
    int readable, writable;
    bool closed;
} pipe_end;

static void end_readable(void *arg)
{
    pipe_end *end = arg;
    char byte;
    end->readable++;
    if (recv(end->fd, &byte, 1, MSG_DONTWAIT) == 1)
        return;
    end->closed = true;
    loop_watch_close(end->watch);
}

static void end_writable(void *arg)
{
    ((pipe_end *)arg)->writable++;
}

static void write_and_close(apus_task *task)
{
    int fd = *(int *)test_of(task)->arg;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(write(fd, "x", 1), 1);
        apus_sleep(task, 0.005);
    }
    close(fd);
    apus_sleep(task, 0.050);
}

static void a_watch_tells_of_bytes_of_room_and_of_the_end_and_leaves_the_descriptor_open(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    pipe_end end = {.fd = ends[0]};
    end.watch = loop_watch_open(&test_loop, ends[0], end_readable, end_writable, &end);
    loop_watch_want_write(end.watch);
    loop_watch_want_write(end.watch);
    test_task t;
    test_start(&t, write_and_close, &ends[1], MEMORY);
    test_run();
    assert_true(end.closed);
    assert_int_equal(end.readable, 4);
    assert_int_equal(end.writable, 1);
    assert_int_equal(close(ends[0]), 0);
}

static void a_watch_can_be_closed_while_it_wants_to_write(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    for (int i = 0; i < 3; i++) {
        pipe_end end = {.fd = ends[0]};
        end.watch = loop_watch_open(&test_loop, ends[0], end_readable, end_writable, &end);
        loop_watch_want_write(end.watch);
        loop_watch_close(end.watch);
        loop_post(&test_loop, stop, NULL);
        loop_run(&test_loop);
        assert_int_equal(end.writable, 0);
    }
    close(ends[0]);
    close(ends[1]);
}

/* ---- libuv beside it */

static int uv_ticks;

static void uv_tick(uv_timer_t *timer)
{
    if (++uv_ticks < 10)
        return;
    uv_close((uv_handle_t *)timer, NULL);
    loop_stop(&test_loop);
}

static void libuvs_timers_tick_beside_the_evloop(void **state)
{
    (void)state;
    uv_timer_t timer;
    uv_ticks = 0;
    uint64_t start = clock_monotonic();
    uv_timer_init(test_loop.uv, &timer);
    uv_timer_start(&timer, uv_tick, 10, 10);
    loop_run(&test_loop);
    uint64_t taken = clock_monotonic() - start;
    uv_run(test_loop.uv, UV_RUN_NOWAIT); /* the handle is gone from the loop before it goes from this stack */
    assert_int_equal(uv_ticks, 10);
    assert_true(taken >= 90 * MILLISECOND && taken < 400 * MILLISECOND);
}

static int work_slowly(void *arg)
{
    usleep(300000);
    return *(int *)arg;
}

static void offload_slowly(apus_task *task)
{
    int answer = 42;
    test_of(task)->result = apus_offload(task, work_slowly, &answer);
}

static void tick_ten_times(apus_task *task)
{
    uint64_t start = clock_monotonic();
    for (int i = 0; i < 10; i++)
        assert_int_equal(apus_sleep(task, 0.002), 0);
    assert_true(clock_monotonic() - start < 250 * MILLISECOND);
    test_of(task)->result = 1;
}

static void offloaded_work_blocks_only_its_own_fiber(void **state)
{
    (void)state;
    test_task worker, ticker;
    test_start(&worker, offload_slowly, NULL, MEMORY);
    test_start(&ticker, tick_ten_times, NULL, MEMORY);
    test_run();
    assert_int_equal(worker.result, 42);
    assert_int_equal(ticker.result, 1);
    assert_true(ticker.order < worker.order);
}

static void a_cancelled_offload_waits_for_the_work_that_uses_its_memory(void **state)
{
    (void)state;
    test_task t;
    uint64_t start = clock_monotonic();
    test_start(&t, offload_slowly, NULL, MEMORY);
    while (clock_monotonic() < start + 20 * MILLISECOND)
        usleep(1000); /* the pool's thread has taken it */
    fiber_cancel(&t.task, APUS_ECANCELED);
    assert_int_equal(t.ended, 0);
    test_run();
    assert_true(clock_monotonic() - start >= 295 * MILLISECOND);
    assert_int_equal(t.result, APUS_ECANCELED);
}

static void a_cancelled_offload_that_waits_for_a_thread_is_taken_back(void **state)
{
    (void)state;
    test_task tasks[9];
    for (int i = 0; i < 9; i++)
        test_start(&tasks[i], offload_slowly, NULL, MEMORY);
    fiber_cancel(&tasks[8].task, APUS_ECANCELED);
    test_run();
    assert_int_equal(tasks[8].result, APUS_ECANCELED);
    assert_int_equal(tasks[8].order, 1);
}

static int rooms_result;

static int rooms_work(void *arg)
{
    return *(int *)arg + 1;
}

static void rooms_work_done(void *arg, int result)
{
    assert_ptr_equal(loop_current(), &test_loop);
    rooms_result = result + *(int *)arg;
    loop_stop(&test_loop);
}

static void a_rooms_work_reports_on_the_loop(void **state)
{
    (void)state;
    int one = 1;
    assert_int_equal(loop_offload(&test_loop, rooms_work, rooms_work_done, &one), 0);
    loop_run(&test_loop);
    assert_int_equal(rooms_result, 3);
}

static void resolve_some(apus_task *task)
{
    apus_str found[4];
    int count = task_resolve(task, "localhost", found, 4);
    assert_in_range(count, 1, 4);
    bool loopback = false;
    for (int i = 0; i < count; i++)
        loopback |= apus_str_is(found[i], "127.0.0.1") || apus_str_is(found[i], "::1");
    assert_true(loopback);
    assert_int_equal(task_resolve(task, "no-such-host.invalid", found, 4), APUS_EUNAVAILABLE);
    assert_non_null(strstr(apus_error(task), "no-such-host.invalid"));
}

static void names_are_resolved_off_the_loop(void **state)
{
    (void)state;
    test_task t;
    test_start(&t, resolve_some, NULL, MEMORY);
    test_run();
}

static void resolve_and_give_up(apus_task *task)
{
    apus_str found[4];
    test_of(task)->result = task_resolve(task, "localhost", found, 4);
}

static void a_lookup_can_be_given_up(void **state)
{
    (void)state;
    test_task t;
    test_start(&t, resolve_and_give_up, NULL, MEMORY);
    fiber_cancel(&t.task, APUS_ETIMEDOUT);
    assert_int_equal(t.ended, 1);
    assert_int_equal(t.result, APUS_ETIMEDOUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, loop_set_up, loop_tear_down)
        TEST(timers_fire_in_order_and_stopped_ones_never),
        TEST(a_timer_that_is_always_late_lets_the_loop_turn),
        TEST(deferred_work_runs_once_a_turn),
        TEST(posts_of_another_thread_run_in_order_on_the_loops),
        TEST(an_idle_loop_beats_every_second_and_hardly_turns),
        TEST(a_turn_that_takes_long_is_seen_as_lag),
        TEST(a_watch_tells_of_bytes_of_room_and_of_the_end_and_leaves_the_descriptor_open),
        TEST(a_watch_can_be_closed_while_it_wants_to_write),
        TEST(libuvs_timers_tick_beside_the_evloop),
        TEST(offloaded_work_blocks_only_its_own_fiber),
        TEST(a_cancelled_offload_waits_for_the_work_that_uses_its_memory),
        TEST(a_cancelled_offload_that_waits_for_a_thread_is_taken_back),
        TEST(a_rooms_work_reports_on_the_loop),
        TEST(names_are_resolved_off_the_loop),
        TEST(a_lookup_can_be_given_up),
    };
    return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
