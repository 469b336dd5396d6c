/* The framing guard's table: what a request's head may and may not be (reliability: a head is read one way only). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "http/chunks.h"
#include "http/head.h"

#define HOST "Host: a\r\n"

static http_head head;
static char *copy;

static int read_text(const char *text, size_t length, size_t max)
{
    const http_refusal *refusal = NULL;
    free(copy);
    copy = malloc(length ? length : 1); /* exactly as large, so that a byte too far is seen by AddressSanitizer */
    memcpy(copy, text, length);
    switch (head_read(&head, copy, length, max, &refusal)) {
    case HEAD_COMPLETE:
        return 200;
    case HEAD_INCOMPLETE:
        return 0;
    default:
        assert_non_null(refusal->detail);
        return refusal->status;
    }
}

static int status(const char *text)
{
    return read_text(text, strlen(text), 32768);
}

typedef struct row {
    const char *name, *text;
    int status;
} row;

static void check(const row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int got = status(rows[i].text);
        if (got != rows[i].status)
            fail_msg("%s: %d, not %d", rows[i].name, got, rows[i].status);
    }
}
#define CHECK(rows) check(rows, sizeof(rows) / sizeof *(rows))

static void sound_heads_are_read(void **state)
{
    (void)state;
    static const row rows[] = {
        {"hello", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 200},
        {"1.0 without host", "GET / HTTP/1.0\r\n\r\n", 200},
        {"empty host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", 200},
        {"any token as method", "M-SEARCH! / HTTP/1.1\r\n" HOST "\r\n", 200},
        {"asterisk", "OPTIONS * HTTP/1.1\r\n" HOST "\r\n", 200},
        {"absolute", "GET http://x:80/y?z HTTP/1.1\r\n" HOST "\r\n", 200},
        {"bytes above ASCII in path and value", "GET /\xc3\xa9 HTTP/1.1\r\n" HOST "X: \xff\r\n\r\n", 200},
        {"tab in value", "GET / HTTP/1.1\r\n" HOST "X: a\tb\r\n\r\n", 200},
        {"one empty line before", "\r\nGET / HTTP/1.1\r\n" HOST "\r\n", 200},
        {"continue", "POST / HTTP/1.1\r\n" HOST "Expect: 100-Continue\r\nContent-Length: 1\r\n\r\n", 200},
        {"chunked in any case", "POST / HTTP/1.1\r\n" HOST "TRANSFER-ENCODING: Chunked\r\n\r\n", 200},
        {"brackets in host", "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", 200},
    };
    CHECK(rows);
}

static void smuggling_and_sloppy_framing_is_refused(void **state)
{
    (void)state;
    static const row rows[] = {
        {"CL and TE", "POST / HTTP/1.1\r\n" HOST "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        {"TE and CL", "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n", 400},
        {"garbage CL and TE", "POST / HTTP/1.1\r\n" HOST "Content-Length: x\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        {"two CL", "POST / HTTP/1.1\r\n" HOST "Content-Length: 4\r\nContent-Length: 5\r\n\r\n", 400},
        {"two equal CL", "POST / HTTP/1.1\r\n" HOST "Content-Length: 4\r\ncontent-length: 4\r\n\r\n", 400},
        {"CL list", "POST / HTTP/1.1\r\n" HOST "Content-Length: 5, 5\r\n\r\n", 400},
        {"CL +5", "POST / HTTP/1.1\r\n" HOST "Content-Length: +5\r\n\r\n", 400},
        {"CL -1", "POST / HTTP/1.1\r\n" HOST "Content-Length: -1\r\n\r\n", 400},
        {"CL 0x5", "POST / HTTP/1.1\r\n" HOST "Content-Length: 0x5\r\n\r\n", 400},
        {"CL empty", "POST / HTTP/1.1\r\n" HOST "Content-Length:\r\n\r\n", 400},
        {"CL with space inside", "POST / HTTP/1.1\r\n" HOST "Content-Length: 1 2\r\n\r\n", 400},
        {"TE twice", "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        {"TE twice chunked", "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        {"TE identity", "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: identity\r\n\r\n", 400},
        {"TE gzip, chunked", "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n", 400},
        {"TE xchunked", "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: xchunked\r\n\r\n", 400},
        {"TE in 1.0", "POST / HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n", 400},
        {"space before colon", "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding : chunked\r\n\r\n", 400},
        {"vertical tab before TE's value", "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: \vchunked\r\n\r\n", 400},
        {"obs-fold", "GET / HTTP/1.1\r\n" HOST "X: a\r\n b\r\n\r\n", 400},
        {"obs-fold with tab", "GET / HTTP/1.1\r\n" HOST "X: a\r\n\tb\r\n\r\n", 400},
        {"fold on the first line", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400},
        {"bare LF after the request line", "GET / HTTP/1.1\nHost: a\r\n\r\n", 400},
        {"bare LF after a header", "GET / HTTP/1.1\r\nHost: a\n\r\n", 400},
        {"bare LF as the end", "GET / HTTP/1.1\r\nHost: a\r\n\n", 400},
        {"bare LF all over", "GET / HTTP/1.1\nHost: a\n\n", 400},
        {"bare CR in a value", "GET / HTTP/1.1\r\n" HOST "X: a\rb\r\n\r\n", 400},
        {"CR CR LF", "GET / HTTP/1.1\r\n" HOST "X: a\r\r\n\r\n", 400},
        {"empty name", "GET / HTTP/1.1\r\n" HOST ": x\r\n\r\n", 400},
        {"no colon", "GET / HTTP/1.1\r\n" HOST "junk\r\n\r\n", 400},
        {"DEL in a value", "GET / HTTP/1.1\r\n" HOST "X: \x7f\r\n\r\n", 400},
        {"escape in a value", "GET / HTTP/1.1\r\n" HOST "X: \x1b[0m\r\n\r\n", 400},
    };
    CHECK(rows);
}

static void hosts_targets_and_versions_are_checked(void **state)
{
    (void)state;
    static const row rows[] = {
        {"no host", "GET / HTTP/1.1\r\nX: y\r\n\r\n", 400},
        {"two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
        {"two equal hosts", "GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", 400},
        {"two hosts in 1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400},
        {"host with space", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400},
        {"host with path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
        {"host with user", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400},
        {"absolute without host", "GET http://x/y HTTP/1.1\r\n\r\n", 400},
        {"absolute with empty host", "GET http:///y HTTP/1.1\r\n" HOST "\r\n", 400},
        {"absolute with user", "GET http://u@x/y HTTP/1.1\r\n" HOST "\r\n", 400},
        {"other scheme", "GET ftp://x/y HTTP/1.1\r\n" HOST "\r\n", 400},
        {"no slash", "GET x HTTP/1.1\r\n" HOST "\r\n", 400},
        {"asterisk with GET", "GET * HTTP/1.1\r\n" HOST "\r\n", 400},
        {"CONNECT", "CONNECT a:443 HTTP/1.1\r\n" HOST "\r\n", 400},
        {"space in target", "GET /a b HTTP/1.1\r\n" HOST "\r\n", 400},
        {"tab in target", "GET /a\tb HTTP/1.1\r\n" HOST "\r\n", 400},
        {"two spaces", "GET  / HTTP/1.1\r\n" HOST "\r\n", 400},
        {"space before", " GET / HTTP/1.1\r\n" HOST "\r\n", 400},
        {"no version", "GET /\r\n" HOST "\r\n", 400},
        {"HTTP/0.9 with version", "GET / HTTP/0.9\r\n" HOST "\r\n", 505},
        {"HTTP/1.7", "GET / HTTP/1.7\r\n" HOST "\r\n", 505},
        {"HTTP/2.0", "PRI / HTTP/2.0\r\n\r\n", 505},
        {"HTTP/11.1", "GET / HTTP/11.1\r\n" HOST "\r\n", 400},
        {"lower-case version", "GET / http/1.1\r\n" HOST "\r\n", 400},
        {"space after version", "GET / HTTP/1.1 \r\n" HOST "\r\n", 400},
        {"method with a colon", "GE:T / HTTP/1.1\r\n" HOST "\r\n", 400},
        {"TLS", "\x16\x03\x01\x02", 400},
        {"unknown expectation", "POST / HTTP/1.1\r\n" HOST "Expect: a cake\r\n\r\n", 417},
    };
    CHECK(rows);
}

static void zero_bytes_are_refused(void **state)
{
    (void)state;
    static const char in_value[] = "GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n", in_path[] = "GET /a\0b HTTP/1.1\r\nHost: a\r\n\r\n";
    assert_int_equal(read_text(in_value, sizeof in_value - 1, 32768), 400);
    assert_int_equal(read_text(in_path, sizeof in_path - 1, 32768), 400);
}

static void parts_are_slices_of_what_came(void **state)
{
    (void)state;
    static const char text[] = "PUT /a%20b?x=1?y HTTP/1.1\r\nHOST: \t ex.org:1 \r\nX-Request-ID: r1\r\n"
                               "X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: https\r\nContent-Length: 0017\r\n"
                               "Empty:\r\nLast: v \t\r\n\r\nbody";
    assert_int_equal(status(text), 200);
    assert_int_equal(head.length, sizeof text - 1 - 4);
    assert_true(apus_str_is(head.method, "PUT"));
    assert_true(apus_str_is(head.target, "/a%20b?x=1?y"));
    assert_true(apus_str_is(head.path, "/a%20b"));
    assert_true(apus_str_is(head.query, "x=1?y"));
    assert_true(apus_str_is(head.host->value, "ex.org:1"));
    assert_true(apus_str_is(head.request_id->value, "r1"));
    assert_true(apus_str_is(head.forwarded_for->value, "1.2.3.4"));
    assert_true(apus_str_is(head.forwarded_proto->value, "https"));
    assert_int_equal(head.authority.len, 0);
    assert_true(head.has_length && !head.chunked && head.minor == 1);
    assert_int_equal(head.content_length, 17);
    assert_int_equal(head.count, 7);
    assert_true(apus_str_is(head.fields[0].name, "host"));
    assert_true(apus_str_is(head.fields[5].name, "empty"));
    assert_int_equal(head.fields[5].value.len, 0);
    assert_true(apus_str_is(head.fields[6].value, "v"));
}

static void an_absolute_target_gives_host_and_path(void **state)
{
    (void)state;
    assert_int_equal(status("GET HTTP://ex.org:81/p?q HTTP/1.1\r\nHost: other\r\n\r\n"), 200);
    assert_true(apus_str_is(head.authority, "ex.org:81"));
    assert_true(apus_str_is(head.path, "/p"));
    assert_true(apus_str_is(head.query, "q"));
    assert_int_equal(status("GET http://ex.org?q HTTP/1.1\r\nHost: other\r\n\r\n"), 200);
    assert_int_equal(head.path.len, 0);
    assert_true(apus_str_is(head.query, "q"));
}

static void a_length_beyond_numbers_is_large_not_small(void **state)
{
    (void)state;
    assert_int_equal(status("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551617\r\n\r\n"), 200);
    assert_true(head.content_length > (size_t)1 << 40);
    assert_int_equal(status("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999999999999999999999\r\n\r\n"), 200);
    assert_true(head.content_length > (size_t)1 << 40);
}

static void a_head_that_comes_byte_by_byte_is_incomplete_until_its_last(void **state)
{
    (void)state;
    static const char text[] = "\r\nPOST /a?b HTTP/1.1\r\nHost: a\r\nX: y z\r\nContent-Length: 3\r\n\r\n";
    for (size_t length = 0; length < sizeof text - 1; length++) {
        assert_int_equal(read_text(text, length, 32768), 0);
        assert_false(head_has_end(text, length, length ? length - 1 : 0));
    }
    assert_int_equal(read_text(text, sizeof text - 1, 32768), 200);
    assert_int_equal(head.length, sizeof text - 1);
    assert_true(head_has_end(text, sizeof text - 1, sizeof text - 2));
}

static void the_size_and_the_number_of_headers_are_limited(void **state)
{
    (void)state;
    static char text[40000];
    size_t at = (size_t)sprintf(text, "GET / HTTP/1.1\r\nHost: a\r\n");
    for (int i = 1; i < LIMIT_HEADERS; i++)
        at += (size_t)sprintf(text + at, "X-%d: y\r\n", i);
    sprintf(text + at, "\r\n");
    assert_int_equal(status(text), 200);
    sprintf(text + at, "X-Last: y\r\n\r\n");
    assert_int_equal(status(text), 431);

    memset(text, 'x', sizeof text);
    memcpy(text, "GET / HTTP/1.1\r\nHost: a\r\nX: ", 28);
    assert_int_equal(read_text(text, 1000, 1000), 0);
    assert_int_equal(read_text(text, 1001, 1000), 431);
    memcpy(text + 996, "\r\n\r\n", 4);
    assert_int_equal(read_text(text, 1000, 1000), 200);
    assert_int_equal(read_text(text, 1000, 999), 431);
}

static void slices_follow_their_bytes(void **state)
{
    (void)state;
    char other[256];
    assert_int_equal(status("GET /p?q HTTP/1.1\r\nHost: h\r\nX-Request-ID: r\r\n\r\n"), 200);
    memcpy(other, copy, head.length);
    memset(copy, '?', head.length);
    head_rebase(&head, other - copy);
    assert_true(apus_str_is(head.path, "/p") && apus_str_is(head.query, "q") && apus_str_is(head.host->value, "h"));
    assert_true(apus_str_is(head.method, "GET") && apus_str_is(head.request_id->value, "r"));
    assert_true(apus_str_is(head.fields[1].name, "x-request-id") && apus_str_is(head.fields[1].value, "r"));
    assert_null(head.forwarded_for);
}

/* ---- bodies in chunks */

static bool whole(const char *text)
{
    chunk_check at_once = {0}, by_bytes = {0};
    bool sound = chunk_check_next(&at_once, text, strlen(text)), also = true;
    for (const char *p = text; *p; p++)
        also = chunk_check_next(&by_bytes, p, 1) && also;
    assert_int_equal(sound, also);
    assert_int_equal(at_once.place, by_bytes.place);
    return sound && at_once.place == CHUNK_END;
}

static void sound_chunks_are_read_to_their_end(void **state)
{
    (void)state;
    assert_true(whole("0\r\n\r\n"));
    assert_true(whole("5\r\nhello\r\n0\r\n\r\n"));
    assert_true(whole("00000A\r\n0123456789\r\nb;x=\"y;\"\r\n01234567890\r\n000 ; z\r\nT: v\r\nU: w\r\n\r\n"));
    assert_true(whole("2\r\n\r\n\r\n0\r\n\r\nGET / nothing of this is looked at \0\1"));
    chunk_check half = {0};
    assert_true(chunk_check_next(&half, "5\r\nhel", 6));
    assert_int_equal(half.place, CHUNK_DATA);
    assert_int_equal(half.left, 2);
}

static void broken_chunks_are_refused(void **state)
{
    (void)state;
    static const char *const broken[] = {
        "0x1\r\na\r\n0\r\n\r\n", "\r\n",      " 1\r\na\r\n",         "-1\r\n",       "+1\r\na\r\n",      "1\na\r\n",
        "1\r\na\n0\r\n\r\n",      "1\r\nab\r\n", "1\r\na\rb",          "g\r\n",        "1;x\n\r\na\r\n",  "0\r\n\n",
        "0\r\nT: v\n\r\n",         "0\r\n\r\r\n", "1x\r\na\r\n0\r\n\r\n", "1;\x01\r\na\r\n", "1\r\na0\r\n\r\n", "0\r\nT\x7f: v\r\n\r\n",
        "1000000000000000\r\n",
    };
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        chunk_check check = {0};
        if (chunk_check_next(&check, broken[i], strlen(broken[i])))
            fail_msg("row %zu was let pass", i);
    }
    chunk_check check = {0};
    assert_true(chunk_check_next(&check, "1;", 2));
    bool sound = true;
    for (int i = 0; i < 10000; i++)
        sound = sound && chunk_check_next(&check, "x", 1);
    assert_false(sound);
}

static int free_copy(void **state)
{
    (void)state;
    free(copy);
    copy = NULL;
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sound_heads_are_read),
        cmocka_unit_test(smuggling_and_sloppy_framing_is_refused),
        cmocka_unit_test(hosts_targets_and_versions_are_checked),
        cmocka_unit_test(zero_bytes_are_refused),
        cmocka_unit_test(parts_are_slices_of_what_came),
        cmocka_unit_test(an_absolute_target_gives_host_and_path),
        cmocka_unit_test(a_length_beyond_numbers_is_large_not_small),
        cmocka_unit_test(a_head_that_comes_byte_by_byte_is_incomplete_until_its_last),
        cmocka_unit_test(the_size_and_the_number_of_headers_are_limited),
        cmocka_unit_test(slices_follow_their_bytes),
        cmocka_unit_test(sound_chunks_are_read_to_their_end),
        cmocka_unit_test(broken_chunks_are_refused),
    };
    return cmocka_run_group_tests_name("head", tests, NULL, free_copy);
}
