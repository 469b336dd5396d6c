/* The server over real sockets: framing, limits, time-outs, clients that leave, draining. */
#define _GNU_SOURCE /* memmem */
#include "fixture.h"

#include "core/limits.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define HELLO "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"
#define HELLO_CLOSE "GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

static double seconds_since(uint64_t start)
{
    return (double)(clock_monotonic() - start) * 1e-9;
}

static uint64_t cpu_nanoseconds(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000000u +
           (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000u;
}

static const char *ask(const char *text)
{
    return client_ask(text, strlen(text));
}

static bool has(const char *text, const char *part)
{
    return strcasestr(text, part) != NULL;
}

/* ---- requests and responses */

static void a_connection_serves_one_request_after_the_other(void **state)
{
    (void)state;
    server_start(1, NULL);
    int fd = client_open();
    for (int i = 0; i < 100; i++) {
        client_say(fd, HELLO);
        const char *got = client_read_one(fd);
        assert_int_equal(status_of(got), 200);
        assert_false(has(got, "connection: close"));
        assert_true(has(got, "content-length: 32\r\n"));
        assert_true(has(got, "content-type: application/json\r\n"));
        assert_true(has(got, "\r\ndate: "));
        assert_false(has(got, "\r\nserver:"));
        assert_memory_equal(got, "HTTP/1.1 200 OK\r\ndate: ", 23); /* the first as all others */
        assert_true(has(got, "{\"message\":\"hello from FastAPI\"}"));
    }
    close(fd);
    server_stop();
}

static void pipelined_requests_are_answered_in_order(void **state)
{
    (void)state;
    server_start(1, NULL);
    char all[8192] = "";
    for (int i = 0; i < 20; i++) {
        char one[128];
        snprintf(one, sizeof one, "POST /r%d HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n%s\r\nabc", i,
                 i == 19 ? "Connection: close\r\n" : "");
        strcat(all, one);
        if (i % 5 == 2)
            strcat(all, "GET /sleep HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    const char *at = ask(all);
    for (int i = 0; i < 20; i++) {
        char path[32];
        snprintf(path, sizeof path, "path=/r%d\n", i);
        assert_non_null(at = strstr(at, path));
        assert_non_null(at = strstr(at, "body=3:abc"));
        if (i % 5 == 2)
            assert_non_null(at = strstr(at, "slept"));
    }
    server_stop();
}

static void what_came_reaches_the_route(void **state)
{
    (void)state;
    server_start(1, NULL);
    static const char request[] = "POST /a%20b/%C3%A9%zz+?q=%20&r HTTP/1.1\r\nHost: ex.org:8\r\nX-One: 1\r\nX-Request-ID: abc-1\r\n"
                                  "Content-Length: 5\r\nConnection: close\r\n\r\nhe\0lo";
    int fd = client_open();
    client_send(fd, request, sizeof request - 1);
    const char *got = client_read_all(fd);
    close(fd);
    assert_int_equal(status_of(got), 201);
    assert_true(has(got, "method=POST\npath=/a b/\xc3\xa9%zz+\nquery=q=%20&r\nscheme=http\nhost=ex.org:8\npeer=127.0.0.1\n"
                         "client=127.0.0.1\nid=abc-1\nheaders=5\nbody=5:he"));
    assert_true(has(got, "X-Extra: yes\r\n"));
    server_stop();
}

static void bad_utf8_in_a_path_is_replaced_and_a_zero_byte_refused(void **state)
{
    (void)state;
    server_start(1, NULL);
    const char *got = ask("GET /%FF HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert_true(has(got, "path=/\xef\xbf\xbd\n"));
    assert_int_equal(ask_status("GET /a%00b HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
    server_stop();
}

static void a_request_without_an_id_is_given_one(void **state)
{
    (void)state;
    server_start(1, NULL);
    char first[25] = "", second[25] = "";
    static const char *const asked[] = {"", "X-Request-ID: two words\r\n"};
    for (int i = 0; i < 2; i++) {
        char request[128];
        int length = snprintf(request, sizeof request, "GET /x HTTP/1.1\r\nHost: a\r\n%sConnection: close\r\n\r\n", asked[i]);
        const char *id = strstr(client_ask(request, (size_t)length), "id=");
        assert_non_null(id);
        memcpy(i ? second : first, id + 3, 24);
        assert_int_equal(strspn(id + 3, "0123456789abcdef"), 24);
    }
    assert_string_not_equal(first, second);
    server_stop();
}

static void forwarded_headers_hold_from_trusted_peers_only(void **state)
{
    (void)state;
    static const char request[] = "GET /x HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 6.6.6.6, 203.0.113.7, 10.1.2.3\r\n"
                                  "X-Forwarded-Proto: https\r\nConnection: close\r\n\r\n";
    server_start(1, NULL);
    assert_true(has(ask(request), "scheme=https\nhost=a\npeer=127.0.0.1\nclient=10.1.2.3\n"));
    server_stop();
    server_start(1, "--forwarded-allow-ips=127.0.0.1,10.0.0.0/8", NULL);
    assert_true(has(ask(request), "client=203.0.113.7\n"));
    server_stop();
    server_start(1, "--forwarded-allow-ips=*", NULL);
    assert_true(has(ask(request), "client=6.6.6.6\n"));
    server_stop();
    server_start(1, "--forwarded-allow-ips=192.0.2.1", NULL);
    assert_true(has(ask(request), "scheme=http\nhost=a\npeer=127.0.0.1\nclient=127.0.0.1\n"));
    server_stop();
}

static void head_carries_the_length_and_no_body_and_204_neither(void **state)
{
    (void)state;
    server_start(1, NULL);
    int fd = client_open();
    client_say(fd, "HEAD /hello HTTP/1.1\r\nHost: a\r\n\r\nGET /empty HTTP/1.1\r\nHost: a\r\n\r\n" HELLO_CLOSE);
    const char *got = client_read_all(fd);
    close(fd);
    const char *empty = strstr(got, "HTTP/1.1 204 No Content");
    assert_non_null(empty);
    assert_ptr_equal(strstr(got, "\r\n\r\nHTTP/1.1 204"), empty - 4);
    assert_true(has(got, "content-length: 32\r\n"));
    const char *last = strstr(empty, "HTTP/1.1 200");
    assert_non_null(last);
    assert_memory_equal(last - 4, "\r\n\r\n", 4);
    char between[512];
    snprintf(between, sizeof between, "%.*s", (int)(last - empty), empty);
    assert_false(has(between, "content-length"));
    assert_false(has(between, "connection: close"));
    server_stop();
}

static void http_1_0_closes_unless_asked_to_stay(void **state)
{
    (void)state;
    server_start(1, NULL);
    assert_true(has(ask("GET /hello HTTP/1.0\r\n\r\n"), "connection: close\r\n"));
    int fd = client_open();
    client_say(fd, "GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assert_true(has(client_read_one(fd), "connection: keep-alive\r\n"));
    close(fd);
    server_stop();
}

static void bodies_come_whole_in_pieces_and_in_chunks(void **state)
{
    (void)state;
    server_start(1, NULL);
    int fd = client_open();
    client_say(fd, "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nab");
    usleep(20000);
    client_say(fd, "cd");
    usleep(20000);
    client_say(fd, "ef");
    assert_true(has(client_read_one(fd), "headers=2\nbody=6:abcdef"));
    client_say(fd, "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    usleep(20000);
    client_say(fd, "4;x=y\r\ndefg\r\n0\r\n\r\n" HELLO);
    assert_true(has(client_read_one(fd), "headers=2\nbody=7:abcdefg"));
    assert_int_equal(status_of(client_read_one(fd)), 200);
    client_say(fd, "POST /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    assert_int_equal(status_of(client_read_one(fd)), 100);
    client_say(fd, "ok");
    assert_true(has(client_read_one(fd), "body=2:ok"));
    close(fd);
    server_stop();
}

static void heads_may_come_byte_by_byte(void **state)
{
    (void)state;
    server_start(1, NULL);
    int fd = client_open();
    for (int round = 0; round < 2; round++) {
        for (const char *p = HELLO; *p; p++) {
            client_send(fd, p, 1);
            usleep(500);
        }
        assert_int_equal(status_of(client_read_one(fd)), 200);
    }
    close(fd);
    server_stop();
}

/* ---- refusals */

static void refused_requests_get_json_and_the_next_bytes_are_never_parsed(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *request;
    } rows[] = {
        {400, "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" HELLO},
        {400, "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nContent-Length: 44\r\n\r\nabcd" HELLO},
        {400, "GET /x HTTP/1.1\nHost: a\n\n" HELLO},
        {400, "GET /x HTTP/1.1\r\nX: y\r\n\r\n" HELLO},
        {400, "GET /x HTTP/1.1\r\nHost: a\r\nX: y\r\n folded\r\n\r\n" HELLO},
        {400, "nonsense\r\n\r\n" HELLO},
        {400, "\x16\x03\x01 TLS"},
        {505, "GET /x HTTP/3.0\r\nHost: a\r\n\r\n" HELLO},
        {400, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
        {417, "POST /x HTTP/1.1\r\nHost: a\r\nExpect: x\r\nContent-Length: 1\r\n\r\n" HELLO},
    };
    server_start(1, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *got = ask(rows[i].request);
        if (status_of(got) != rows[i].status)
            fail_msg("row %zu: %s", i, got);
        assert_true(has(got, "content-type: application/json\r\n"));
        assert_true(has(got, "connection: close\r\n"));
        assert_true(has(got, "\r\n\r\n{\"detail\":\""));
        assert_null(strstr(got + 1, "HTTP/1.1 "));
    }
    assert_int_equal(atomic_load(&test_seen.begun), 0);
    server_stop();
}

static void each_refusal_is_reported_once(void **state)
{
    (void)state;
    static const struct {
        const char *request, *report;
    } cases[] = {
        {"POST /x?q HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
         "POST /x 127.0.0.1 400 Invalid HTTP request: Content-Length is not a number"},
        {HELLO "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
         "POST /x 127.0.0.1 400 Invalid HTTP request: Content-Length is not a number"},
        {HELLO "PUT /small HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n", "PUT /small 127.0.0.1 413 Content Too Large"},
        {"PUT /y HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxx",
         "PUT /y 127.0.0.1 400 Invalid HTTP request: broken chunked encoding"},
        {HELLO "PUT /y HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx", "PUT /y 127.0.0.1 408 Request Timeout"},
        {"x y", "x  127.0.0.1 408 Request Timeout"},
    };
    server_start(1, "--header-timeout=0.3", NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ask(cases[i].request);
        assert_int_equal(atomic_load(&test_refusals), i + 1);
        assert_string_equal(test_refused, cases[i].report);
    }
    server_stop();
}

static void a_bad_request_behind_a_good_one_is_refused_too(void **state)
{
    (void)state;
    server_start(1, NULL);
    static const char *const second[] = {
        "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 44\r\n\r\n" HELLO,
        "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" HELLO,
        "GET /x HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" HELLO,
        "GET /x HTTP/1.1\r\nHost: a\nX: y\r\n\r\n" HELLO,
        "nonsense\r\n\r\n" HELLO,
        "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: y\r\n\r\n" HELLO,
    };
    for (size_t i = 0; i < sizeof second / sizeof *second; i++) {
        char request[512];
        snprintf(request, sizeof request, HELLO "%s", second[i]);
        const char *got = ask(request);
        assert_int_equal(status_of(got), 200);
        const char *next = strstr(got + 1, "HTTP/1.1 ");
        assert_non_null(next);
        assert_int_equal(status_of(next), 400);
        assert_null(strstr(next + 1, "HTTP/1.1 "));
        assert_true(has(next, "application/json") && has(next, "{\"detail\":"));
    }
    static const char too_large[] = "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
                                    "POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n";
    const char *next = strstr(ask(too_large) + 1, "HTTP/1.1 413");
    assert_non_null(next);
    assert_true(has(next, "\r\n\r\nContent Too Large"));
    server_stop();
}

static void a_large_head_and_many_headers_are_431(void **state)
{
    (void)state;
    server_start(1, NULL);
    static char request[400000];
    memset(request, 'x', sizeof request);
    memcpy(request, "GET / HTTP/1.1\r\nHost: a\r\nX: ", 28);
    const char *got = client_ask(request, 300000);
    assert_int_equal(status_of(got), 431);
    assert_true(has(got, "{\"detail\":"));
    size_t at = (size_t)sprintf(request, "GET / HTTP/1.1\r\nHost: a\r\n");
    for (int i = 0; i < 100; i++)
        at += (size_t)sprintf(request + at, "X-%d: y\r\n", i);
    at += (size_t)sprintf(request + at, "\r\n");
    assert_int_equal(status_of(client_ask(request, at)), 431);
    server_stop();
}

static void a_declared_body_past_the_limit_is_refused_before_it_is_read(void **state)
{
    (void)state;
    server_start(1, NULL);
    int fd = client_open();
    client_say(fd, "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 1073741824\r\n\r\n");
    const char *got = client_read_all(fd);
    assert_int_equal(status_of(got), 413);
    assert_true(has(got, "content-type: text/plain; charset=utf-8\r\n"));
    assert_true(has(got, "\r\n\r\nContent Too Large"));
    close(fd);
    /* with 100-continue the client never sends it */
    got = ask("POST /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1048577\r\n\r\n");
    assert_int_equal(status_of(got), 413);
    /* by route, and the limit is inclusive */
    assert_int_equal(ask_status("POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n"), 413);
    assert_int_equal(ask_status("POST /small HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 10\r\n\r\n0123456789"), 201);
    server_stop();
}

static void a_client_that_writes_first_still_reads_its_413(void **state)
{
    (void)state;
    server_start(1, NULL);
    static char body[8 << 20];
    for (int i = 0; i < 5; i++) {
        int fd = client_open();
        client_say(fd, "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 8388608\r\n\r\n");
        client_send(fd, body, sizeof body);
        assert_int_equal(status_of(client_read_all(fd)), 413);
        close(fd);
    }
    server_stop();
}

static void a_chunked_body_past_the_limit_is_413_in_json(void **state)
{
    (void)state;
    server_start(1, NULL);
    /* at once: the route answers; in pieces: cut off when it passes the limit; without end; past the largest limit of all */
    const char *got = ask("POST /small HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
                          "b\r\n01234567890\r\n0\r\n\r\n");
    assert_int_equal(status_of(got), 413);
    assert_true(has(got, "{\"detail\":\"Content Too Large\"}"));
    int fd = client_open();
    client_say(fd, "POST /small HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n01234567\r\n");
    usleep(20000);
    client_say(fd, "8\r\n01234567\r\n");
    got = client_read_all(fd);
    assert_int_equal(status_of(got), 413);
    assert_true(has(got, "application/json") && has(got, "{\"detail\":\"Content Too Large\"}"));
    close(fd);
    fd = client_open();
    client_say(fd, "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    static char chunk[65536 + 16];
    size_t at = (size_t)sprintf(chunk, "10000\r\n");
    memset(chunk + at, 'x', 65536);
    memcpy(chunk + at + 65536, "\r\n", 2);
    for (int i = 0; i < 100; i++)
        client_send(fd, chunk, at + 65538);
    got = client_read_all(fd);
    assert_int_equal(status_of(got), 413);
    assert_true(has(got, "{\"detail\":\"Content Too Large\"}"));
    close(fd);
    server_stop();
}

static void broken_chunks_are_400_in_json(void **state)
{
    (void)state;
    static const char *const bodies[] = {"zz\r\n", "0x1\r\na\r\n0\r\n\r\n", "1\na\r\n0\r\n\r\n", "1\r\nab\r\n0\r\n\r\n"};
    server_start(1, NULL);
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
        for (int way = 0; way < 3; way++) {
            /* with the head; after it; behind another request */
            char request[256];
            snprintf(request, sizeof request, "%sPOST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n%s",
                     way == 2 ? HELLO : "", way == 1 ? "" : bodies[i]);
            int fd = client_open();
            client_say(fd, request);
            if (way == 1) {
                usleep(20000);
                client_say(fd, bodies[i]);
            }
            const char *got = client_read_all(fd);
            const char *last = way == 2 ? strstr(got + 1, "HTTP/1.1 ") : got;
            close(fd);
            assert_non_null(last);
            assert_int_equal(status_of(last), 400);
            assert_true(has(last, "application/json") && has(last, "{\"detail\":"));
        }
    assert_int_equal(atomic_load(&test_seen.begun), sizeof bodies / sizeof *bodies); /* the sound ones before them */
    server_stop();
}

static void a_pipelined_body_in_chunks_may_come_in_pieces(void **state)
{
    (void)state;
    server_start(1, NULL);
    int fd = client_open();
    client_say(fd, HELLO "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab");
    assert_int_equal(status_of(client_read_one(fd)), 200);
    for (const char *p = "cde\r\n3\r\nfgh\r\n0\r\n\r\n" HELLO; *p; p++) {
        client_send(fd, p, 1);
        usleep(2000);
    }
    assert_true(has(client_read_one(fd), "body=8:abcdefgh"));
    assert_int_equal(status_of(client_read_one(fd)), 200);
    client_say(fd, "POST /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n");
    assert_int_equal(status_of(client_read_one(fd)), 100);
    for (const char *p = "3\r\nabc\r\n0\r\n\r\n"; *p; p++) {
        client_send(fd, p, 1);
        usleep(2000);
    }
    assert_true(has(client_read_one(fd), "body=3:abc"));
    close(fd);
    server_stop();
}

/* ---- time */

static void a_slow_head_is_408_and_others_are_served_meanwhile(void **state)
{
    (void)state;
    server_start(1, "--header-timeout=0.5", NULL);
    int slow = client_open();
    uint64_t start = clock_monotonic();
    client_say(slow, "GET / HTTP/1.1\r\nHost: a\r\n");
    for (int i = 0; i < 3; i++) {
        usleep(100000);
        client_say(slow, "X: y\r\n");
        assert_int_equal(ask_status(HELLO_CLOSE), 200);
    }
    const char *got = client_read_all(slow);
    assert_int_equal(status_of(got), 408);
    assert_true(has(got, "{\"detail\":\"Request Timeout\"}"));
    assert_true(seconds_since(start) > 0.5 && seconds_since(start) < 3);
    close(slow);
    server_stop();
}

static void a_slow_body_is_408(void **state)
{
    (void)state;
    server_start(1, "--header-timeout=0.5", NULL);
    int fd = client_open();
    client_say(fd, "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n");
    uint64_t start = clock_monotonic();
    for (int i = 0; i < 20 && !client_sees_end(fd, 0); i++) {
        client_say(fd, "x");
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (poll(&p, 1, 100) == 1)
            break;
    }
    assert_int_equal(status_of(client_read_all(fd)), 408);
    assert_true(seconds_since(start) < 1.5);
    close(fd);
    server_stop();
}

/* Both framings, and behind another request. */
static void a_body_that_falls_silent_after_a_burst_is_408_as_soon_as_one_that_never_came(void **state)
{
    (void)state;
    static const char *const heads[] = {
        "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n",
        "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n493e0\r\n",
        HELLO "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n",
    };
    static char burst[200000];
    server_start(1, "--header-timeout=0.5", NULL);
    for (size_t i = 0; i < 3; i++) {
        int fd = client_open();
        uint64_t start = clock_monotonic();
        client_say(fd, heads[i]);
        client_send(fd, burst, sizeof burst);
        if (i == 2)
            assert_int_equal(status_of(client_read_one(fd)), 200);
        assert_int_equal(status_of(client_read_all(fd)), 408);
        assert_true(seconds_since(start) > 0.5 && seconds_since(start) < 2);
        close(fd);
    }
    server_stop();
}

static void a_body_that_keeps_coming_may_take_longer_than_the_time_out(void **state)
{
    (void)state;
    static const char piece[400] = "";
    server_start(1, "--header-timeout=0.5", NULL);
    int fd = client_open();
    client_say(fd, "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 6000\r\nConnection: close\r\n\r\n");
    for (int i = 0; i < 15; i++) {
        usleep(100000);
        client_send(fd, piece, sizeof piece);
    }
    assert_int_equal(status_of(client_read_all(fd)), 201);
    close(fd);
    server_stop();
}

#define UPLOAD ((size_t)1024 * 1024)
#define UPLOADS (LIMIT_WAITING_BODIES / UPLOAD + 1)
static const char upload_body[UPLOAD];

/* A request of which the last bytes are missing. */
static int begin_upload(size_t size, size_t missing)
{
    char head[128];
    int fd = client_open();
    snprintf(head, sizeof head, "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n", size);
    client_say(fd, head);
    client_send(fd, upload_body, size - missing);
    return fd;
}

static int end_upload(int fd, size_t missing)
{
    client_send(fd, upload_body, missing);
    int status = status_of(client_read_all(fd));
    close(fd);
    return status;
}

static bool one_refused(void)
{
    return atomic_load(&test_refusals) == 1;
}

static void uploads_that_wait_have_a_ceiling_together_and_small_ones_are_not_refused(void **state)
{
    (void)state;
    int uploads[UPLOADS], refused = 0;
    server_start(1, NULL);
    for (size_t i = 0; i < UPLOADS; i++)
        uploads[i] = begin_upload(UPLOAD, 1);
    wait_until(one_refused, 5000);
    assert_string_equal(test_refused, "POST /x 127.0.0.1 503 Too many uploads under way");
    int small = begin_upload(3000, 2000);
    usleep(20000);
    assert_int_equal(end_upload(small, 2000), 201);
    for (size_t i = 0; i < UPLOADS; i++) {
        int status = end_upload(uploads[i], 1);
        refused += status == 503;
        assert_true(status == 201 || status == 503);
    }
    assert_int_equal(refused, 1);
    int large = begin_upload(UPLOAD, 1);
    usleep(20000);
    assert_int_equal(end_upload(large, 1), 201);
    server_stop();
}

static void idle_connections_are_closed_and_busy_ones_are_not(void **state)
{
    (void)state;
    server_start(1, "--keep-alive-timeout=0.3", NULL);
    int idle = client_open(), used = client_open();
    client_say(used, HELLO);
    client_read_one(used);
    client_say(used, "GET /sleep HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_true(has(client_read_one(used), "slept"));
    uint64_t start = clock_monotonic();
    assert_true(client_sees_end(idle, 2000));
    assert_true(client_sees_end(used, 2000));
    assert_true(seconds_since(start) < 1.0);
    close(idle);
    close(used);
    server_stop();
}

static void a_client_that_does_not_read_is_let_go(void **state)
{
    (void)state;
    server_start(1, "--write-timeout=0.5", NULL);
    int fd = client_open();
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &(int){4096}, sizeof(int));
    client_say(fd, "GET /big?30000000 HTTP/1.1\r\nHost: a\r\n\r\n");
    uint64_t start = clock_monotonic();
    while (atomic_load(&http_counts.connections) && seconds_since(start) < 4)
        usleep(10000);
    assert_int_equal(atomic_load(&http_counts.connections), 0);
    close(fd);
    server_stop();
}

static void a_large_response_arrives_whole(void **state)
{
    (void)state;
    server_start(1, NULL);
    int fd = client_open();
    client_say(fd, "GET /big?5000000 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    static char block[65536];
    size_t total = 0;
    ssize_t got;
    while ((got = recv(fd, block, sizeof block, 0)) > 0)
        total += (size_t)got;
    assert_true(total > 5000000 && total < 5000400);
    close(fd);
    server_stop();
}

/* ---- clients that leave */

static bool one_cancelled(void)
{
    return atomic_load(&test_seen.cancelled) == 1 && atomic_load(&test_seen.cleaned_up) == 1;
}

static void a_client_that_leaves_ends_its_request_at_once(void **state)
{
    (void)state;
    server_start(1, NULL);
    int fd = client_open();
    client_say(fd, "GET /long HTTP/1.1\r\nHost: a\r\n\r\n");
    usleep(50000);
    uint64_t start = clock_monotonic();
    close(fd);
    wait_until(one_cancelled, 2000);
    assert_true(seconds_since(start) < 0.5);
    server_stop();
}

static void a_client_that_leaves_after_pipelining_ends_its_request_soon_and_does_not_spin(void **state)
{
    (void)state;
    server_start(1, NULL);
    int fd = client_open();
    client_say(fd, "GET /long HTTP/1.1\r\nHost: a\r\n\r\n");
    usleep(20000);
    client_say(fd, HELLO);
    uint64_t cpu = cpu_nanoseconds();
    usleep(300000);
    assert_true(cpu_nanoseconds() - cpu < 100000000u);
    assert_int_equal(atomic_load(&test_seen.cancelled), 0);
    uint64_t start = clock_monotonic();
    close(fd);
    wait_until(one_cancelled, 2000);
    assert_true(seconds_since(start) < 1.5);
    server_stop();
}

static void a_client_that_resets_ends_its_request(void **state)
{
    (void)state;
    server_start(1, NULL);
    int fd = client_open();
    client_say(fd, "GET /long HTTP/1.1\r\nHost: a\r\n\r\n");
    usleep(50000);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
    close(fd);
    wait_until(one_cancelled, 2000);
    server_stop();
}

static bool one_background(void)
{
    return atomic_load(&test_seen.background) == 1;
}

static void background_work_keeps_its_request_when_the_connection_goes_on_or_closes(void **state)
{
    (void)state;
    for (int leaves = 0; leaves < 2; leaves++) {
        server_start(1, NULL);
        int fd = client_open();
        client_say(fd, "POST /background HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\n\r\nkeep me");
        assert_int_equal(status_of(client_read_one(fd)), 200);
        if (leaves)
            close(fd);
        else
            for (int i = 0; i < 10; i++) {
                client_say(fd, "POST /other HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\noverwrite");
                client_read_one(fd);
            }
        wait_until(one_background, 1000);
        if (!leaves)
            close(fd);
        server_stop();
    }
}

/* ---- failing routes */

static bool three_cleaned_up(void)
{
    return atomic_load(&test_seen.cleaned_up) == 3;
}

static void a_request_out_of_memory_is_answered_and_cleaned_up(void **state)
{
    (void)state;
    server_start(1, NULL);
    int fd = client_open();
    for (int i = 0; i < 3; i++) {
        client_say(fd, "GET /hoard HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_int_equal(status_of(client_read_one(fd)), 503);
        client_say(fd, HELLO);
        assert_int_equal(status_of(client_read_one(fd)), 200);
    }
    assert_int_equal(atomic_load(&test_seen.out_of_memory), 3);
    wait_until(three_cleaned_up, 1000);
    close(fd);
    server_stop();
}

static void a_route_that_never_answers_is_500(void **state)
{
    (void)state;
    server_start(1, NULL);
    assert_int_equal(ask_status("GET /silent HTTP/1.1\r\nHost: a\r\n\r\n"), 500);
    server_stop();
}

/* ---- too many connections, too few descriptors */

static void connections_above_the_cap_are_told_503_and_there_is_room_again(void **state)
{
    (void)state;
    server_start(1, "--max-connections=5", NULL);
    int held[5];
    for (int i = 0; i < 5; i++) {
        held[i] = client_open();
        client_say(held[i], HELLO);
        assert_int_equal(status_of(client_read_one(held[i])), 200);
    }
    uint64_t refused = atomic_load(&http_counts.refused_cap);
    for (int i = 0; i < 3; i++) {
        const char *got = ask(HELLO);
        assert_int_equal(status_of(got), 503);
        assert_true(has(got, "{\"detail\":\"Too many connections\"}") && has(got, "retry-after:"));
    }
    assert_int_equal(atomic_load(&http_counts.refused_cap) - refused, 3);
    for (int i = 0; i < 5; i++)
        close(held[i]);
    usleep(50000);
    assert_int_equal(ask_status(HELLO_CLOSE), 200);
    server_stop();
}

static void without_descriptors_the_loop_does_not_spin_and_recovers(void **state)
{
    (void)state;
    server_start(1, NULL);
    struct rlimit before, tight;
    getrlimit(RLIMIT_NOFILE, &before);
    int clients[16];
    for (int i = 0; i < 16; i++)
        clients[i] = client_socket();
    tight = before;
    tight.rlim_cur = (rlim_t)clients[15] + 3; /* room for two connections */
    setrlimit(RLIMIT_NOFILE, &tight);
    for (int i = 0; i < 16; i++)
        assert_true(client_connect(clients[i]));
    uint64_t cpu = cpu_nanoseconds();
    usleep(1000000);
    assert_true(cpu_nanoseconds() - cpu < 200000000u);
    assert_true(atomic_load(&http_counts.refused_descriptors) >= 3);
    setrlimit(RLIMIT_NOFILE, &before);
    usleep(300000);
    for (int i = 0; i < 16; i++)
        close(clients[i]);
    assert_int_equal(ask_status(HELLO_CLOSE), 200);
    server_stop();
}

/* ---- draining */

static void while_draining_every_answer_closes(void **state)
{
    (void)state;
    server_start(1, NULL);
    int fd = client_open();
    client_say(fd, HELLO);
    client_read_one(fd);
    server_each(http_server_drain);
    client_say(fd, HELLO);
    assert_true(has(client_read_one(fd), "connection: close\r\n"));
    assert_true(client_sees_end(fd, 1000));
    close(fd);
    assert_true(has(ask(HELLO), "connection: close\r\n")); /* connections are still accepted */
    server_stop();
}

static void stopping_closes_idle_connections_at_once_and_finishes_what_has_begun(void **state)
{
    (void)state;
    server_start(1, NULL);
    int idle = client_open(), half = client_open(), busy = client_open(), fresh = client_open();
    client_say(idle, HELLO);
    client_read_one(idle);
    client_say(half, "GET /hello HTTP/1.1\r\nHo");
    client_say(busy, "GET /sleep HTTP/1.1\r\nHost: a\r\n\r\n");
    usleep(50000);
    uint64_t start = clock_monotonic();
    server_each(http_server_stop_accepting);
    assert_true(client_sees_end(idle, 1000));
    assert_true(seconds_since(start) < 0.5);
    const char *got = client_read_all(busy);
    assert_true(has(got, "slept") && has(got, "connection: close\r\n"));
    client_say(half, "st: a\r\n\r\n");
    got = client_read_all(half);
    assert_int_equal(status_of(got), 200);
    assert_true(has(got, "connection: close\r\n"));
    client_say(fresh, HELLO); /* accepted, and its request was on the way */
    assert_int_equal(status_of(client_read_all(fresh)), 200);
    assert_int_equal(client_open(), -1);
    close(idle);
    close(half);
    close(busy);
    close(fresh);
    server_stop();
}

static void connections_in_the_backlog_are_served_when_the_listener_closes(void **state)
{
    (void)state;
    server_start(2, NULL);
    int fds[50];
    for (int i = 0; i < 50; i++) {
        fds[i] = client_open();
        client_say(fds[i], HELLO);
    }
    server_each(http_server_stop_accepting);
    for (int i = 0; i < 50; i++) {
        assert_int_equal(status_of(client_read_one(fds[i])), 200);
        close(fds[i]);
    }
    server_stop();
}

static void cancelled_requests_end_as_timed_out(void **state)
{
    (void)state;
    server_start(1, NULL);
    int busy = client_open(), half = client_open();
    client_say(busy, "GET /long HTTP/1.1\r\nHost: a\r\n\r\n");
    client_say(half, "GET /long HTTP/1.1\r\nHo");
    usleep(50000);
    server_each(http_server_stop_accepting);
    server_each(http_server_cancel);
    assert_int_equal(status_of(client_read_all(busy)), 503);
    assert_int_equal(status_of(client_read_all(half)), 503);
    assert_int_equal(atomic_load(&test_seen.timed_out), 1);
    close(busy);
    close(half);
    server_stop();
}

/* ---- many at once */

static void *ask_many(void *arg)
{
    intptr_t failures = 0;
    int fd = -1;
    for (int i = 0; i < 200; i++) {
        if (fd < 0)
            fd = client_open();
        char request[256], path[64], block[4096] = "";
        snprintf(path, sizeof path, "/%p-%d", arg, i);
        int length = snprintf(request, sizeof request, "POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n\r\n%s", path,
                              strlen(path), path);
        client_send(fd, request, (size_t)length);
        size_t size = 0;
        char expected[128];
        int tail = snprintf(expected, sizeof expected, "body=%zu:%s", strlen(path), path);
        ssize_t got;
        while (!memmem(block, size, expected, (size_t)tail) && size < sizeof block - 1 &&
               (got = recv(fd, block + size, sizeof block - 1 - size, 0)) > 0)
            size += (size_t)got;
        failures += memmem(block, size, expected, (size_t)tail) == NULL;
        if (i % 37 == 36) {
            close(fd);
            fd = -1;
        }
    }
    close(fd);
    return (void *)failures;
}

static void answers_are_never_mixed_up_between_connections_and_workers_share_the_load(void **state)
{
    (void)state;
    server_start(2, NULL);
    pthread_t clients[16];
    for (intptr_t i = 0; i < 16; i++)
        assert_int_equal(pthread_create(&clients[i], NULL, ask_many, (void *)(i + 1)), 0);
    for (int i = 0; i < 16; i++) {
        void *failures;
        pthread_join(clients[i], &failures);
        assert_null(failures);
    }
    assert_int_equal(server_begun(0) + server_begun(1), 3200);
    assert_true(server_begun(0) > 320 && server_begun(1) > 320);
    server_stop();
}

/* ---- settings */

static void wrong_settings_are_explained(void **state)
{
    (void)state;
    char error[300] = "";
    http_options.forwarded_allow_ips = "10.0.0.0/8, 1.2.3.4/33";
    http_options.tls_cert = http_options.tls_key = "";
    assert_false(http_configure(error, sizeof error));
    assert_true(has(error, "FORWARDED_ALLOW_IPS") && has(error, "1.2.3.4/33"));
    http_options.forwarded_allow_ips = "";
    http_options.tls_cert = "/nonexistent.pem";
    assert_false(http_configure(error, sizeof error));
    assert_true(has(error, "TLS_KEY") && has(error, "expected"));
    http_options.tls_key = "/nonexistent.key";
    assert_false(http_configure(error, sizeof error));
    assert_true(has(error, "TLS_CERT=/nonexistent.pem"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_teardown(name, server_tear_down)
        TEST(a_connection_serves_one_request_after_the_other),
        TEST(pipelined_requests_are_answered_in_order),
        TEST(what_came_reaches_the_route),
        TEST(bad_utf8_in_a_path_is_replaced_and_a_zero_byte_refused),
        TEST(a_request_without_an_id_is_given_one),
        TEST(forwarded_headers_hold_from_trusted_peers_only),
        TEST(head_carries_the_length_and_no_body_and_204_neither),
        TEST(http_1_0_closes_unless_asked_to_stay),
        TEST(bodies_come_whole_in_pieces_and_in_chunks),
        TEST(heads_may_come_byte_by_byte),
        TEST(refused_requests_get_json_and_the_next_bytes_are_never_parsed),
        TEST(each_refusal_is_reported_once),
        TEST(a_bad_request_behind_a_good_one_is_refused_too),
        TEST(a_large_head_and_many_headers_are_431),
        TEST(a_declared_body_past_the_limit_is_refused_before_it_is_read),
        TEST(a_client_that_writes_first_still_reads_its_413),
        TEST(a_chunked_body_past_the_limit_is_413_in_json),
        TEST(broken_chunks_are_400_in_json),
        TEST(a_pipelined_body_in_chunks_may_come_in_pieces),
        TEST(a_slow_head_is_408_and_others_are_served_meanwhile),
        TEST(a_slow_body_is_408),
        TEST(a_body_that_falls_silent_after_a_burst_is_408_as_soon_as_one_that_never_came),
        TEST(a_body_that_keeps_coming_may_take_longer_than_the_time_out),
        TEST(uploads_that_wait_have_a_ceiling_together_and_small_ones_are_not_refused),
        TEST(idle_connections_are_closed_and_busy_ones_are_not),
        TEST(a_client_that_does_not_read_is_let_go),
        TEST(a_large_response_arrives_whole),
        TEST(a_client_that_leaves_ends_its_request_at_once),
        TEST(a_client_that_leaves_after_pipelining_ends_its_request_soon_and_does_not_spin),
        TEST(a_client_that_resets_ends_its_request),
        TEST(background_work_keeps_its_request_when_the_connection_goes_on_or_closes),
        TEST(a_request_out_of_memory_is_answered_and_cleaned_up),
        TEST(a_route_that_never_answers_is_500),
        TEST(connections_above_the_cap_are_told_503_and_there_is_room_again),
        TEST(without_descriptors_the_loop_does_not_spin_and_recovers),
        TEST(while_draining_every_answer_closes),
        TEST(stopping_closes_idle_connections_at_once_and_finishes_what_has_begun),
        TEST(connections_in_the_backlog_are_served_when_the_listener_closes),
        TEST(cancelled_requests_end_as_timed_out),
        TEST(answers_are_never_mixed_up_between_connections_and_workers_share_the_load),
        TEST(wrong_settings_are_explained),
    };
    return cmocka_run_group_tests_name("server", tests, NULL, NULL);
}
