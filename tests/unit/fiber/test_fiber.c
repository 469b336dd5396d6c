#include "fixture.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/limits.h"
#include "fiber/sanitizers.h"

#if WITH_TSAN
#define SLEEPERS 500 /* ThreadSanitizer knows at most some 8,000 fibers and makes each in milliseconds */
#define FIBERS 200
#else
#define SLEEPERS 10000
#define FIBERS 1000
#endif

#define MEMORY ((size_t)1 << 20)

static double seconds_since(uint64_t start)
{
    return (double)(clock_monotonic() - start) * 1e-9;
}

/* ---- sleeping */

static void sleep_as_told(apus_task *task)
{
    test_of(task)->result = apus_sleep(task, *(double *)test_of(task)->arg);
}

static void ten_thousand_sleepers_wake_in_the_order_of_their_times(void **state)
{
    (void)state;
    test_task *tasks = calloc(SLEEPERS, sizeof *tasks);
    double *times = calloc(SLEEPERS, sizeof *times);
    for (int i = 0; i < SLEEPERS; i++) {
        times[i] = 1.0 + (double)((i * 7919) % SLEEPERS) * 20e-6; /* a permutation, 20 µs apart */
        test_start(&tasks[i], sleep_as_told, &times[i], MEMORY);
    }
    test_run();
    for (int i = 0; i < SLEEPERS; i++) {
        assert_int_equal(tasks[i].result, 0);
        assert_int_equal(tasks[i].ended, 1);
    }
    /* Each begins before its follower: the shorter sleep of such a pair must end first. */
    for (int i = 0; i + 1 < SLEEPERS; i++) {
        if (times[i] < times[i + 1])
            assert_true(tasks[i].order < tasks[i + 1].order);
    }
    assert_int_equal(atomic_load(&fiber_counts.active), 0);
    free(tasks);
    free(times);
}

static void sleep_and_measure(apus_task *task)
{
    double wanted = *(double *)test_of(task)->arg, least = 10;
    for (int i = 0; i < 10; i++) {
        uint64_t start = clock_monotonic();
        assert_int_equal(apus_sleep(task, wanted), 0);
        double slept = seconds_since(start);
        assert_true(slept >= wanted);
        least = slept < least ? slept : least;
    }
    assert_true(least < wanted + 0.010); /* the machine may be busy, but not always */
}

static void a_sleep_is_never_short_and_hardly_longer(void **state)
{
    (void)state;
    test_task t;
    test_start(&t, sleep_and_measure, &(double){0.020}, MEMORY);
    test_run();
}

static void sleep_zero_twice(apus_task *task)
{
    int *turns = test_of(task)->arg;
    assert_int_equal(apus_sleep(task, 0), 0);
    *turns = 1;
    assert_int_equal(apus_sleep(task, -1), 0);
    *turns = 2;
}

static void a_sleep_of_zero_lets_the_loop_turn(void **state)
{
    (void)state;
    test_task t;
    int turns = 0;
    test_start(&t, sleep_zero_twice, &turns, MEMORY);
    assert_int_equal(turns, 0);
    test_run();
    assert_int_equal(turns, 2);
}

/* ---- cancellation and deadline */

static int abandoned;

static void count_abandon(fiber_wait *wait)
{
    assert_non_null(wait->arg);
    abandoned++;
}

static void wait_for_ever(apus_task *task)
{
    fiber_wait wait;
    test_of(task)->result = fiber_await(&wait, task, count_abandon, task);
    assert_int_equal(fiber_await(&wait, task, count_abandon, task), test_of(task)->result);
    assert_int_equal(apus_sleep(task, 5), test_of(task)->result);
    assert_true(apus_canceled(task));
}

static void cancellation_ends_the_wait_and_every_later_one_and_abandons_each(void **state)
{
    (void)state;
    test_task t;
    abandoned = 0;
    test_start(&t, wait_for_ever, NULL, MEMORY);
    assert_int_equal(t.ended, 0);
    fiber_cancel(&t.task, APUS_ECANCELED);
    assert_int_equal(t.ended, 1);
    assert_int_equal(t.result, APUS_ECANCELED);
    assert_int_equal(abandoned, 2);
}

static void sleep_long(apus_task *task)
{
    uint64_t start = clock_monotonic();
    assert_true(apus_remaining(task) > 0);
    test_of(task)->result = apus_sleep(task, 5);
    assert_true(seconds_since(start) < 1);
    assert_true(apus_remaining(task) <= 0);
    assert_string_equal(apus_error(task), "the deadline passed");
}

static void begin_deadline(apus_task *task)
{
    task_set_deadline(task, clock_monotonic() + 1000 * (uint64_t)MILLISECOND);
    assert_int_equal(apus_sleep(task, 0.001), 0);
    task_set_deadline(task, clock_monotonic() + 30 * MILLISECOND); /* nearer than the one that is armed */
    sleep_long(task);
}

static void a_deadline_ends_the_wait(void **state)
{
    (void)state;
    test_task t;
    test_start(&t, begin_deadline, NULL, MEMORY);
    test_run();
    assert_int_equal(t.result, APUS_ETIMEDOUT);
    assert_int_equal(t.task.cancel, APUS_ETIMEDOUT);
}

static void postpone_deadline(apus_task *task)
{
    task_set_deadline(task, clock_monotonic() + 20 * MILLISECOND);
    assert_int_equal(apus_sleep(task, 0.001), 0);
    task_set_deadline(task, 0);
    assert_int_equal(apus_sleep(task, 0.040), 0);
    task_set_deadline(task, clock_monotonic() + 200 * MILLISECOND);
    assert_int_equal(apus_sleep(task, 0.040), 0);
}

static void a_deadline_can_be_cleared_and_put_off(void **state)
{
    (void)state;
    test_task t;
    test_start(&t, postpone_deadline, NULL, MEMORY);
    test_run();
    assert_int_equal(t.task.cancel, 0);
}

static void note_clean_up(apus_task *task, void *arg)
{
    char *trace = arg;
    size_t length = strlen(trace);
    assert_int_equal(apus_sleep(task, 0.002), 0); /* shielded: it waits although the task is cancelled */
    trace[length] = (char)('1' + length);
    trace[length + 1] = '\0';
}

static void note_nested_clean_up(apus_task *task, void *arg)
{
    apus_defer(task, note_clean_up, arg);
    note_clean_up(task, arg);
}

static void defer_and_wait(apus_task *task)
{
    char *trace = test_of(task)->arg;
    apus_defer(task, note_clean_up, trace);
    task_clean_up *before = task->clean_ups;
    apus_defer(task, note_nested_clean_up, trace);
    assert_int_equal(apus_sleep(task, 5), APUS_ECANCELED);
    task_run_clean_ups(task, before);
    assert_string_equal(trace, "12");
    assert_ptr_equal(task->clean_ups, before);
    task_run_clean_ups(task, NULL);
    assert_string_equal(trace, "123");
    assert_int_equal(apus_sleep(task, 5), APUS_ECANCELED);
}

static void clean_ups_run_last_first_and_may_wait_though_the_task_is_cancelled(void **state)
{
    (void)state;
    test_task t;
    char trace[16] = "";
    test_start(&t, defer_and_wait, trace, MEMORY);
    fiber_cancel(&t.task, APUS_ECANCELED);
    test_run();
    assert_string_equal(trace, "123");
}

/* ---- waking */

static fiber_wait *other_wait;

static void wait_for_other(apus_task *task)
{
    fiber_wait wait;
    other_wait = &wait;
    test_of(task)->result = fiber_await(&wait, task, NULL, NULL);
}

static void wake_other(apus_task *task)
{
    test_task *other = test_of(task)->arg;
    fiber_wake(other_wait, 7);
    fiber_wake(other_wait, 8);
    assert_int_equal(other->ended, 0); /* not on this fiber's stack */
    assert_int_equal(apus_sleep(task, 0.001), 0);
    assert_int_equal(other->ended, 1);
}

static void a_fiber_wakes_another_at_the_end_of_the_turn_with_the_first_result(void **state)
{
    (void)state;
    test_task first, second;
    test_start(&first, wait_for_other, NULL, MEMORY);
    test_start(&second, wake_other, &first, MEMORY);
    test_run();
    assert_int_equal(first.result, 7);
}

static void the_loop_wakes_a_fiber_at_once(void **state)
{
    (void)state;
    test_task t;
    test_start(&t, wait_for_other, NULL, MEMORY);
    fiber_wake(other_wait, 3);
    assert_int_equal(t.ended, 1);
    assert_int_equal(t.result, 3);
}

/* ---- gather */

typedef struct job_arg {
    double seconds;
    int result;
    int *ran;
} job_arg;

static int job_sleep(apus_task *task, void *arg)
{
    job_arg *j = arg;
    int slept = apus_sleep(task, j->seconds);
    ++*j->ran;
    if (slept < 0)
        return slept;
    return j->result < 0 ? apus_fail(task, j->result, "job says %d", j->result) : j->result;
}

static void gather_twenty(apus_task *task)
{
    int ran = 0;
    job_arg args[20];
    apus_job jobs[20];
    for (int i = 0; i < 20; i++) {
        args[i] = (job_arg){i % 2 ? 0.030 : 0.0, i == 13 ? APUS_EQUERY : i == 17 ? APUS_EROW : i, &ran};
        jobs[i] = (apus_job){.run = job_sleep, .arg = &args[i]};
    }
    uint64_t start = clock_monotonic();
    assert_int_equal(apus_gather(task, jobs, 20), APUS_EQUERY);
    assert_true(seconds_since(start) < 0.3);
    assert_int_equal(ran, 20);
    for (int i = 0; i < 20; i++)
        assert_int_equal(jobs[i].result, args[i].result);
    assert_string_equal(apus_error(task), "job says -15");
    assert_int_equal(apus_gather(task, jobs, 0), 0);
}

static void gather_runs_all_jobs_at_once_and_reports_the_first_failure(void **state)
{
    (void)state;
    test_task t;
    test_start(&t, gather_twenty, NULL, MEMORY);
    test_run();
    assert_int_equal(t.ended, 1);
}

static int job_nested(apus_task *task, void *arg)
{
    apus_job inner[2] = {{.run = job_sleep, .arg = arg}, {.run = job_sleep, .arg = arg}};
    return apus_gather(task, inner, 2);
}

static void gather_and_be_cancelled(apus_task *task)
{
    int ran = 0;
    job_arg arg = {5, 0, &ran};
    apus_job jobs[3] = {{.run = job_sleep, .arg = &arg}, {.run = job_nested, .arg = &arg}, {.run = job_sleep, .arg = &arg}};
    test_of(task)->result = apus_gather(task, jobs, 3);
    assert_int_equal(ran, 4);
}

static void cancellation_reaches_every_job_and_the_jobs_of_jobs(void **state)
{
    (void)state;
    test_task t;
    test_start(&t, gather_and_be_cancelled, NULL, MEMORY);
    fiber_cancel(&t.task, APUS_ECANCELED);
    assert_int_equal(t.ended, 1);
    assert_int_equal(t.result, APUS_ECANCELED);
}

static void gather_past_deadline(apus_task *task)
{
    task_set_deadline(task, clock_monotonic() + 20 * MILLISECOND);
    gather_and_be_cancelled(task);
}

static void jobs_share_the_deadline(void **state)
{
    (void)state;
    test_task t;
    test_start(&t, gather_past_deadline, NULL, MEMORY);
    test_run();
    assert_int_equal(t.result, APUS_ETIMEDOUT);
}

/* A job that uses the request it was handed waits on its own fiber all the same. */
static int job_with_parent(apus_task *task, void *arg)
{
    assert_ptr_not_equal(task, arg);
    return apus_sleep((apus_task *)arg, 0.005);
}

static void gather_with_parent(apus_task *task)
{
    apus_job jobs[2] = {{.run = job_with_parent, .arg = task}, {.run = job_with_parent, .arg = task}};
    assert_int_equal(apus_gather(task, jobs, 2), 0);
}

static void a_job_may_wait_by_its_parents_task(void **state)
{
    (void)state;
    test_task t;
    test_start(&t, gather_with_parent, NULL, MEMORY);
    test_run();
}

/* ---- memory */

static void fill(apus_task *task)
{
    char *small = apus_alloc(task, 100);
    for (int i = 0; i < 100; i++)
        assert_int_equal(small[i], 0);
    for (;;)
        memset(apus_alloc(task, 4000), 0x55, 4000);
}

static void hoard(apus_task *task)
{
    apus_defer(task, note_clean_up, test_of(task)->arg);
    char frame[2000];
    memset(frame, 1, sizeof frame);
    fill(task);
    fail_msg("came back from a call that had no memory to give (%d)", frame[7]);
}

static void clean_up_after(apus_task *task)
{
    task_run_clean_ups(task, NULL);
    test_of(task)->result = 1;
}

static void *freed_later(test_task *t)
{
    return t->memory.chunks;
}

static void abandoned_done(apus_task *task)
{
    test_task *t = test_of(task);
    t->ended++;
    if (t->ended == 1) {
        assert_true(task->out_of_memory);
        assert_int_equal(fiber_start(task, clean_up_after, abandoned_done), 0);
        return;
    }
    arena_reset(&t->memory);
    loop_stop(&test_loop);
}

static void a_task_out_of_memory_is_abandoned_in_the_call_and_its_clean_ups_run_on_a_fresh_fiber(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        char trace[16] = "";
        test_task t = {.arg = trace};
        arena_init(&t.memory, &test_loop.chunks, (size_t)256 * 1024);
        task_init(&t.task, &test_loop, &t.memory);
        assert_int_equal(fiber_start(&t.task, hoard, abandoned_done), 0);
        assert_int_equal(t.ended, 1);
        assert_non_null(freed_later(&t));
        loop_run(&test_loop);
        assert_int_equal(t.ended, 2);
        assert_int_equal(t.result, 1);
        assert_string_equal(trace, "1");
    }
}

static int job_hoard(apus_task *task, void *arg)
{
    (void)arg;
    fill(task);
    return 0;
}

static void gather_hoarders(apus_task *task)
{
    int ran = 0;
    job_arg slow = {5, 0, &ran};
    apus_job jobs[3] = {{.run = job_sleep, .arg = &slow}, {.run = job_hoard}, {.run = job_sleep, .arg = &slow}};
    apus_gather(task, jobs, 3);
    fail_msg("gather came back without memory (%d)", ran);
}

static void a_job_out_of_memory_ends_its_request(void **state)
{
    (void)state;
    test_task t;
    test_start(&t, gather_hoarders, NULL, (size_t)256 * 1024);
    test_run();
    assert_int_equal(t.ended, 1);
    assert_true(t.task.out_of_memory);
}

static void texts(apus_task *task)
{
    apus_str copy = apus_copy(task, APUS_STR("a\0b"));
    assert_int_equal(copy.len, 3);
    assert_memory_equal(copy.ptr, "a\0b", 4);
    apus_str formatted = apus_printf(task, "%s-%d", "x", 42);
    assert_int_equal(formatted.len, 4);
    assert_string_equal(formatted.ptr, "x-42");
    assert_string_equal(apus_error(task), "no error");
    assert_int_equal(apus_fail(task, APUS_EINVAL, "no %s", "way"), APUS_EINVAL);
    assert_string_equal(apus_error(task), "no way");
    assert_true(apus_remaining(task) > 1e300);
    assert_false(apus_canceled(task));
}

static void texts_live_in_the_tasks_memory(void **state)
{
    (void)state;
    test_task t;
    test_start(&t, texts, NULL, MEMORY);
    assert_int_equal(t.ended, 1);
}

/* ---- stacks */

static volatile char sink;

__attribute__((noinline)) static int sink_deeper(int depth)
{
    volatile char frame[1024];
    frame[0] = (char)depth;
    sink = frame[0];
    return depth > 1 << 20 ? 0 : sink_deeper(depth + 1) + frame[0];
}

static void overflow(apus_task *task)
{
    test_of(task)->result = sink_deeper(0);
}

static void overflow_handler(int signal)
{
    (void)signal;
    _exit(42);
}

static void a_stack_that_overflows_hits_its_guard_page(void **state)
{
    (void)state;
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        static char spare[65536];
        sigaltstack(&(stack_t){.ss_sp = spare, .ss_size = sizeof spare}, NULL);
        struct sigaction action = {.sa_handler = overflow_handler, .sa_flags = SA_ONSTACK};
        sigaction(SIGSEGV, &action, NULL);
        test_task t;
        test_start(&t, overflow, NULL, MEMORY);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 42);
}

static void stacks_that_nobody_needs_go_back(void **state)
{
    (void)state;
    static test_task tasks[FIBERS];
    double times[FIBERS];
    for (int i = 0; i < FIBERS; i++) {
        times[i] = 0.5;
        test_start(&tasks[i], sleep_as_told, &times[i], MEMORY);
    }
    test_run();
    assert_true(atomic_load(&fiber_counts.stacks) >= FIBERS);
    test_task idle;
    test_start(&idle, sleep_as_told, &(double){2.5}, MEMORY);
    test_run();
    assert_true(atomic_load(&fiber_counts.stacks) <= LIMIT_FIBERS_POOLED + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, loop_set_up, loop_tear_down)
        TEST(ten_thousand_sleepers_wake_in_the_order_of_their_times),
        TEST(a_sleep_is_never_short_and_hardly_longer),
        TEST(a_sleep_of_zero_lets_the_loop_turn),
        TEST(cancellation_ends_the_wait_and_every_later_one_and_abandons_each),
        TEST(a_deadline_ends_the_wait),
        TEST(a_deadline_can_be_cleared_and_put_off),
        TEST(clean_ups_run_last_first_and_may_wait_though_the_task_is_cancelled),
        TEST(a_fiber_wakes_another_at_the_end_of_the_turn_with_the_first_result),
        TEST(the_loop_wakes_a_fiber_at_once),
        TEST(gather_runs_all_jobs_at_once_and_reports_the_first_failure),
        TEST(cancellation_reaches_every_job_and_the_jobs_of_jobs),
        TEST(jobs_share_the_deadline),
        TEST(a_job_may_wait_by_its_parents_task),
        TEST(a_task_out_of_memory_is_abandoned_in_the_call_and_its_clean_ups_run_on_a_fresh_fiber),
        TEST(a_job_out_of_memory_ends_its_request),
        TEST(texts_live_in_the_tasks_memory),
        TEST(a_stack_that_overflows_hits_its_guard_page),
        TEST(stacks_that_nobody_needs_go_back),
    };
    return cmocka_run_group_tests_name("fiber", tests, NULL, NULL);
}
