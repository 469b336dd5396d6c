#define _GNU_SOURCE
#include "core/unit.h"

#include "core/clock.h"
#include "core/limits.h"
#include "core/log.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* All of a file, with a NUL after it. */
static char *contents(int fd, size_t *size)
{
    off_t end = lseek(fd, 0, SEEK_END);
    char *text = malloc((size_t)end + 1);
    assert_non_null(text);
    assert_int_equal(pread(fd, text, (size_t)end, 0), end);
    text[end] = '\0';
    if (size)
        *size = (size_t)end;
    return text;
}

static int memory_file(void)
{
    int fd = memfd_create("log", MFD_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

/* What is logged by one call, without the time. */
static char *logged(log_format format, log_level level, const char *message, const log_pair *pairs, size_t count)
{
    int fd = memory_file();
    assert_int_equal(log_open(fd, LOG_DEBUG, format), 0);
    log_pairs(level, message, pairs, count);
    log_close(5);
    char *text = contents(fd, NULL);
    close(fd);
    size_t skipped = strlen(format == LOG_JSON ? "{\"time\":\"2026-01-02T03:04:05.678901Z\"" : "2026-01-02T03:04:05.678901Z");
    assert_true(strlen(text) > skipped);
    memmove(text, text + skipped, strlen(text) - skipped + 1);
    return text;
}

#define assert_logged(format, level, message, pairs, count, expected)      \
    do {                                                                  \
        char *text_ = logged((format), (level), (message), (pairs), (count)); \
        assert_string_equal(text_, (expected));                           \
        free(text_);                                                      \
    } while (0)

static void test_a_line_is_one_json_object_in_the_order_given(void **state)
{
    (void)state;
    const log_pair pairs[] = {
        LOG_TEXT_PAIR("path", APUS_STR("/a\"b\\c\n")), LOG_INT_PAIR("status", 200),   LOG_INT_PAIR("least", INT64_MIN),
        LOG_DOUBLE_PAIR("seconds", 0.001234),          LOG_DOUBLE_PAIR("whole", 2.0), LOG_DOUBLE_PAIR("negative", -0.5),
        LOG_DOUBLE_PAIR("tiny", 1e-9),                 LOG_DOUBLE_PAIR("huge", 1e300), LOG_DOUBLE_PAIR("nan", 0.0 / 0.0),
        LOG_TEXT_PAIR("empty", ((apus_str){NULL, 0})),
    };
    assert_logged(LOG_JSON, LOG_WARNING, "it works", pairs, sizeof pairs / sizeof *pairs,
                  ",\"level\":\"warning\",\"message\":\"it works\",\"path\":\"/a\\\"b\\\\c\\n\",\"status\":200,"
                  "\"least\":-9223372036854775808,\"seconds\":0.001234,\"whole\":2.0,\"negative\":-0.5,\"tiny\":1e-09,"
                  "\"huge\":1e+300,\"nan\":null,\"empty\":\"\"}\n");
    static const char *const levels[] = {"debug", "info", "warning", "error"};
    for (int level = LOG_DEBUG; level <= LOG_ERROR; level++) {
        char expected[100];
        snprintf(expected, sizeof expected, ",\"level\":\"%s\",\"message\":\"m\"}\n", levels[level]);
        assert_logged(LOG_JSON, (log_level)level, "m", NULL, 0, expected);
    }
}

static void test_text_is_for_people(void **state)
{
    (void)state;
    const log_pair pairs[] = {LOG_TEXT_PAIR("path", APUS_STR("/items")), LOG_TEXT_PAIR("agent", APUS_STR("a \"b\"")),
                              LOG_INT_PAIR("status", 404), LOG_TEXT_PAIR("none", APUS_STR(""))};
    assert_logged(LOG_TEXT, LOG_INFO, "PORT: \"x\" is\nwrong", pairs, 4,
                  " INFO    PORT: \"x\" is\\nwrong path=/items agent=\"a \\\"b\\\"\" status=404 none=\"\"\n");
}

static void test_a_file_gets_json_and_the_time_is_rfc_3339(void **state)
{
    (void)state;
    int fd = memory_file();
    time_t before = time(NULL);
    assert_int_equal(log_open(fd, LOG_INFO, LOG_AUTO), 0);
    log_printf(LOG_INFO, "%d %s", 5, "apples");
    log_close(5);
    char *text = contents(fd, NULL);
    struct tm parts = {0};
    const char *rest = strptime(text, "{\"time\":\"%Y-%m-%dT%H:%M:%S", &parts);
    assert_non_null(rest);
    time_t at = timegm(&parts);
    assert_true(at >= before && at <= time(NULL));
    assert_int_equal(rest[0], '.');
    assert_int_equal(strspn(rest + 1, "0123456789"), 6);
    assert_string_equal(rest + 7, "Z\",\"level\":\"info\",\"message\":\"5 apples\"}\n");
    free(text);
    close(fd);
}

static void test_lines_below_the_level_are_left_out(void **state)
{
    (void)state;
    int fd = memory_file();
    assert_int_equal(log_open(fd, LOG_WARNING, LOG_JSON), 0);
    assert_false(log_enabled(LOG_INFO));
    assert_true(log_enabled(LOG_WARNING));
    log_printf(LOG_INFO, "no");
    log_printf(LOG_ERROR, "yes");
    log_close(5);
    char *text = contents(fd, NULL);
    assert_null(strstr(text, "\"no\""));
    assert_non_null(strstr(text, "\"yes\""));
    free(text);
    close(fd);
}

static void test_long_values_are_cut_and_the_line_stays_whole(void **state)
{
    (void)state;
    static char long_text[20001] = "x";
    for (size_t i = 1; i < sizeof long_text; i += 2)
        memcpy(long_text + i, "\xc3\xa9", 2); /* é */
    const log_pair pairs[] = {LOG_TEXT_PAIR("a", ((apus_str){long_text, sizeof long_text})),
                              LOG_TEXT_PAIR("b", ((apus_str){long_text + 1, LIMIT_LOG_VALUE + 2}))};
    char *text = logged(LOG_JSON, LOG_INFO, "m", pairs, 2);
    assert_in_range(strlen(text), 2 * LIMIT_LOG_VALUE, 2 * LIMIT_LOG_VALUE + 100);
    assert_string_equal(text + strlen(text) - 8, "é…\"}\n");
    assert_null(strstr(text, "\xef\xbf\xbd")); /* no character is cut in two */
    free(text);
}

static void test_what_does_not_fit_is_left_out_and_said(void **state)
{
    (void)state;
    static char controls[LIMIT_LOG_VALUE];
    memset(controls, 1, sizeof controls);
    log_pair pairs[4];
    for (int i = 0; i < 3; i++)
        pairs[i] = LOG_TEXT_PAIR("wide", ((apus_str){controls, sizeof controls}));
    pairs[3] = LOG_INT_PAIR("last", 1);
    char *text = logged(LOG_JSON, LOG_INFO, "m", pairs, 4);
    assert_in_range(strlen(text), 6 * LIMIT_LOG_VALUE, LIMIT_LOG_LINE);
    assert_string_equal(text + strlen(text) - 28, ",\"last\":1,\"truncated\":true}\n");
    free(text);
    static char message[LIMIT_LOG_VALUE * 2];
    memset(message, 1, sizeof message - 1);
    text = logged(LOG_JSON, LOG_INFO, message, NULL, 0);
    assert_string_equal(text + strlen(text) - 12, "\\u0001…\"}\n");
    free(text);
}

static void test_escapes_make_any_bytes_valid(void **state)
{
    (void)state;
    static const char *const texts[][2] = {
        {"plain text of some length, longer than a word", "plain text of some length, longer than a word"},
        {"\"\\\b\f\n\r\t\x01\x1f", "\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u001f"},
        {"é日😀", "é日😀"},
        {"\xff\xc0\xaf\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"cut \xe6\x97", "cut \xef\xbf\xbd\xef\xbf\xbd"},
        {"\xc2\x9b" "31m", "\\u009b31m"},
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        for (size_t shift = 0; shift < 20; shift++) {
            buffer b;
            char given[200], expected[200];
            snprintf(given, sizeof given, "%.*s%s", (int)shift, "....................", texts[i][0]);
            snprintf(expected, sizeof expected, "%.*s%s", (int)shift, "....................", texts[i][1]);
            buffer_init(&b, NULL, 0, 1000);
            log_escape(&b, apus_cstr(given));
            assert_buffer(&b, expected);
            buffer_free(&b);
        }
}

#define THREADS 40 /* more than have rings of their own */
#define LINES 1000 /* few enough for the rings, should the writer not run meanwhile */

static void *log_many(void *number)
{
    for (int i = 0; i < LINES; i++) {
        log_pair pairs[] = {LOG_INT_PAIR("thread", *(int *)number), LOG_INT_PAIR("line", i)};
        log_pairs(LOG_INFO, "x", pairs, 2);
        if (i % 50 == 0)
            usleep(500);
    }
    return NULL;
}

static void test_every_line_of_many_threads_arrives_whole_and_in_its_order(void **state)
{
    (void)state;
    int fd = memory_file(), numbers[THREADS], next[THREADS] = {0};
    pthread_t threads[THREADS];
    uint64_t dropped = log_dropped();
    assert_int_equal(log_open(fd, LOG_INFO, LOG_JSON), 0);
    for (int i = 0; i < THREADS; i++) {
        numbers[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, log_many, &numbers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    log_close(20);
    assert_int_equal(log_dropped(), dropped);
    char *text = contents(fd, NULL), *saved = NULL;
    for (char *line = strtok_r(text, "\n", &saved); line; line = strtok_r(NULL, "\n", &saved)) {
        int thread, number, end = 0;
        const char *at = strstr(line, "\"level\"");
        assert_non_null(at);
        assert_int_equal(at - line, 38);
        static const char form[] = "\"level\":\"info\",\"message\":\"x\",\"thread\":%d,\"line\":%d}%n";
        assert_int_equal(sscanf(at, form, &thread, &number, &end), 2);
        assert_int_equal(at[end], '\0');
        assert_in_range(thread, 0, THREADS - 1);
        assert_int_equal(number, next[thread]++);
    }
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(next[i], LINES);
    free(text);
    close(fd);
}

static size_t count_lines(const char *text, size_t n)
{
    size_t lines = 0;
    for (size_t i = 0; i < n; i++)
        lines += text[i] == '\n';
    return lines;
}

#define FLOOD 40000

/* A reader that never reads: whoever logs goes on, what does not fit is counted, closing keeps its bound. */
static void test_a_full_pipe_blocks_nobody_and_drops_are_counted(void **state)
{
    (void)state;
    int ends[2];
    char value[100];
    memset(value, 'v', sizeof value);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    uint64_t dropped = log_dropped();
    assert_int_equal(log_open(ends[1], LOG_INFO, LOG_JSON), 0);
    uint64_t slowest = 0;
    for (int i = 0; i < FLOOD; i++) {
        log_pair pair = LOG_TEXT_PAIR("value", ((apus_str){value, sizeof value}));
        uint64_t start = clock_monotonic();
        log_pairs(LOG_INFO, "flood", &pair, 1);
        uint64_t taken = clock_monotonic() - start;
        slowest = taken > slowest ? taken : slowest;
    }
    assert_true(slowest < 1000000000u);
    assert_true(log_dropped() > dropped);
    uint64_t start = clock_monotonic();
    log_close(0.1);
    assert_true(clock_monotonic() - start < 2000000000u);
    assert_int_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
    static char bytes[65536];
    size_t lines = 0;
    for (int i = 0; i < 500 && lines + (log_dropped() - dropped) < FLOOD; i++) {
        for (ssize_t n; (n = read(ends[0], bytes, sizeof bytes)) > 0;)
            lines += count_lines(bytes, (size_t)n);
        usleep(10000);
    }
    assert_true(lines > 0);
    assert_int_equal(lines + (log_dropped() - dropped), FLOOD);
    close(ends[0]);
    close(ends[1]);
}

static void *read_slowly(void *end)
{
    static char bytes[1 << 20];
    int fd = *(int *)end;
    size_t *lines = calloc(2, sizeof *lines);
    static char text[64 << 20];
    size_t at = 0;
    usleep(300000);
    for (ssize_t n; (n = read(fd, bytes, sizeof bytes)) > 0; at += (size_t)n)
        if (at + (size_t)n < sizeof text)
            memcpy(text + at, bytes, (size_t)n);
    lines[0] = count_lines(text, at);
    lines[1] = strstr(text, "\"level\":\"warning\",\"message\":\"log lines dropped\",\"count\":") != NULL;
    return lines;
}

static void test_once_the_reader_is_back_the_log_tells_how_much_is_missing(void **state)
{
    (void)state;
    int ends[2];
    pthread_t reader;
    size_t *read_lines;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(pthread_create(&reader, NULL, read_slowly, &ends[0]), 0);
    uint64_t dropped = log_dropped();
    assert_int_equal(log_open(ends[1], LOG_INFO, LOG_JSON), 0);
    for (int i = 0; i < FLOOD; i++)
        log_printf(LOG_INFO, "line %d %0100d", i, i);
    usleep(600000);
    log_printf(LOG_INFO, "and on");
    log_close(10);
    close(ends[1]);
    pthread_join(reader, (void **)&read_lines);
    dropped = log_dropped() - dropped;
    assert_true(dropped > 0);
    assert_int_equal(read_lines[1], 1);
    assert_in_range(read_lines[0], FLOOD + 1 - dropped + 1, FLOOD + 1 - dropped + 3); /* and the reports */
    free(read_lines);
    close(ends[0]);
}

static void test_a_closed_reader_is_no_harm_and_every_line_counts_as_dropped(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    close(ends[0]);
    uint64_t dropped = log_dropped();
    assert_int_equal(log_open(ends[1], LOG_INFO, LOG_JSON), 0);
    for (int i = 0; i < 100; i++)
        log_printf(LOG_INFO, "nobody reads this");
    log_close(5);
    assert_int_equal(log_dropped() - dropped, 100);
    close(ends[1]);
}

static void test_the_descriptor_is_left_as_it_was(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(log_open(ends[1], LOG_INFO, LOG_JSON), 0);
    assert_int_equal(fcntl(ends[1], F_GETFL) & O_NONBLOCK, 0);
    log_printf(LOG_INFO, "x");
    log_close(5);
    assert_int_equal(fcntl(ends[1], F_GETFL) & O_NONBLOCK, 0);
    close(ends[0]);
    close(ends[1]);
}

static void test_a_non_blocking_descriptor_loses_nothing_while_it_is_read(void **state)
{
    (void)state;
    int ends[2];
    pthread_t reader;
    size_t *read_lines;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
    uint64_t dropped = log_dropped();
    assert_int_equal(log_open(ends[1], LOG_INFO, LOG_JSON), 0);
    assert_int_equal(pthread_create(&reader, NULL, read_slowly, &ends[0]), 0);
    for (int i = 0; i < 3000; i++)
        log_printf(LOG_INFO, "%0100d", i);
    log_close(10);
    close(ends[1]);
    pthread_join(reader, (void **)&read_lines);
    assert_int_equal(log_dropped(), dropped);
    assert_int_equal(read_lines[0], 3000);
    free(read_lines);
    close(ends[0]);
}

static void test_opening_twice_is_refused_and_closing_twice_is_not(void **state)
{
    (void)state;
    int fd = memory_file();
    assert_int_equal(log_open(fd, LOG_INFO, LOG_JSON), 0);
    assert_true(log_open(fd, LOG_INFO, LOG_JSON) < 0);
    log_close(5);
    log_close(5);
    close(fd);
}

/* A line is on its way soon though nothing else happens. */
static void test_a_single_line_arrives_without_a_flush(void **state)
{
    (void)state;
    int ends[2];
    char bytes[1000];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(log_open(ends[1], LOG_INFO, LOG_JSON), 0);
    for (useconds_t i = 0; i < 5; i++) {
        log_printf(LOG_INFO, "alone");
        assert_true(read(ends[0], bytes, sizeof bytes) > 0); /* waits */
        usleep(i * 15000);
    }
    log_close(5);
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_line_is_one_json_object_in_the_order_given),
        cmocka_unit_test(test_text_is_for_people),
        cmocka_unit_test(test_a_file_gets_json_and_the_time_is_rfc_3339),
        cmocka_unit_test(test_lines_below_the_level_are_left_out),
        cmocka_unit_test(test_long_values_are_cut_and_the_line_stays_whole),
        cmocka_unit_test(test_what_does_not_fit_is_left_out_and_said),
        cmocka_unit_test(test_escapes_make_any_bytes_valid),
        cmocka_unit_test(test_every_line_of_many_threads_arrives_whole_and_in_its_order),
        cmocka_unit_test(test_a_full_pipe_blocks_nobody_and_drops_are_counted),
        cmocka_unit_test(test_once_the_reader_is_back_the_log_tells_how_much_is_missing),
        cmocka_unit_test(test_a_closed_reader_is_no_harm_and_every_line_counts_as_dropped),
        cmocka_unit_test(test_the_descriptor_is_left_as_it_was),
        cmocka_unit_test(test_a_non_blocking_descriptor_loses_nothing_while_it_is_read),
        cmocka_unit_test(test_opening_twice_is_refused_and_closing_twice_is_not),
        cmocka_unit_test(test_a_single_line_arrives_without_a_flush),
    };
    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
