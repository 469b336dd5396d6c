/* TLS and HTTP/2: the same server behind other protocols. */
#include "fixture.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- TLS */

static char certificate_file[] = "/tmp/apus-test-XXXXXX", key_file[] = "/tmp/apus-test-XXXXXX";
static char certificate_flag[64], key_flag[64];

static void write_pem(char *path, X509 *certificate, EVP_PKEY *key)
{
    FILE *f = fdopen(mkstemp(path), "w");
    assert_non_null(f);
    if (certificate)
        PEM_write_X509(f, certificate);
    if (key)
        PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
    fclose(f);
}

static int make_certificate(void **state)
{
    (void)state;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC, (const unsigned char *)"localhost", -1, -1, 0);
    X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
    X509_sign(certificate, key, EVP_sha256());
    write_pem(certificate_file, certificate, NULL);
    write_pem(key_file, NULL, key);
    snprintf(certificate_flag, sizeof certificate_flag, "--tls-cert=%s", certificate_file);
    snprintf(key_flag, sizeof key_flag, "--tls-key=%s", key_file);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return 0;
}

static int remove_certificate(void **state)
{
    (void)state;
    unlink(certificate_file);
    unlink(key_file);
    return 0;
}

typedef struct tls_client {
    SSL_CTX *context;
    SSL *ssl;
    int fd;
} tls_client;

static bool tls_open(tls_client *c, int newest)
{
    *c = (tls_client){.context = SSL_CTX_new(TLS_client_method()), .fd = client_open()};
    SSL_CTX_set_min_proto_version(c->context, TLS1_VERSION);
    SSL_CTX_set_max_proto_version(c->context, newest);
    SSL_CTX_set_cipher_list(c->context, "DEFAULT@SECLEVEL=0");
    c->ssl = SSL_new(c->context);
    SSL_set_fd(c->ssl, c->fd);
    return SSL_connect(c->ssl) == 1;
}

static void tls_close(tls_client *c)
{
    SSL_free(c->ssl);
    SSL_CTX_free(c->context);
    close(c->fd);
}

/* Sends a request and reads until `expected` was seen; the bytes read, or 0 when it never was. */
static size_t tls_ask(tls_client *c, const char *request, const char *expected, size_t at_least)
{
    static char got[1 << 17];
    size_t total = 0, kept = 0;
    bool found = false;
    if (SSL_write(c->ssl, request, (int)strlen(request)) <= 0)
        return 0;
    while (!found || total < at_least) {
        if (kept > sizeof got / 2)
            kept = 0;
        int n = SSL_read(c->ssl, got + kept, (int)(sizeof got - 1 - kept));
        if (n <= 0)
            return 0;
        kept += (size_t)n;
        total += (size_t)n;
        got[kept] = '\0';
        found = found || strstr(got, expected);
    }
    return total;
}

static void requests_are_served_over_tls_1_2_and_1_3_and_not_before(void **state)
{
    (void)state;
    server_start(1, certificate_flag, key_flag, NULL);
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    for (size_t i = 0; i < 2; i++) {
        tls_client c;
        assert_true(tls_open(&c, versions[i]));
        assert_int_equal(SSL_version(c.ssl), versions[i]);
        for (int n = 0; n < 3; n++)
            assert_true(tls_ask(&c, "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", "body=3:abc", 1));
        assert_true(tls_ask(&c, "GET /x HTTP/1.1\r\nHost: a\r\n\r\n", "scheme=https", 1));
        assert_true(tls_ask(&c, "GET /big?3000000 HTTP/1.1\r\nHost: a\r\n\r\n", "xxxx", 3000000));
        tls_close(&c);
    }
    tls_client old;
    assert_false(tls_open(&old, TLS1_1_VERSION));
    tls_close(&old);
    server_stop();
}

static void bad_requests_over_tls_are_refused_in_json(void **state)
{
    (void)state;
    static const char *const requests[] = {
        "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "GET /hello HTTP/1.1\r\nHost: a\r\n\r\nPOST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: x\r\n\r\n",
    };
    server_start(1, certificate_flag, key_flag, NULL);
    for (size_t i = 0; i < 2; i++) {
        tls_client c;
        assert_true(tls_open(&c, TLS1_3_VERSION));
        assert_true(tls_ask(&c, requests[i], "{\"detail\":\"Invalid HTTP request", 1));
        char byte;
        assert_true(SSL_read(c.ssl, &byte, 1) <= 0);
        tls_close(&c);
    }
    assert_int_equal(ask_status("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"), 0); /* no TLS: no answer */
    server_stop();
}

static bool one_cancelled(void)
{
    return atomic_load(&test_seen.cancelled) == 1;
}

static void a_tls_client_that_leaves_ends_its_request(void **state)
{
    (void)state;
    server_start(1, certificate_flag, key_flag, NULL);
    tls_client c;
    assert_true(tls_open(&c, TLS1_3_VERSION));
    static const char request[] = "GET /long HTTP/1.1\r\nHost: a\r\n\r\n";
    SSL_write(c.ssl, request, sizeof request - 1);
    usleep(50000);
    SSL_shutdown(c.ssl); /* an alert, which is unread bytes to the server, then the end */
    tls_close(&c);
    wait_until(one_cancelled, 2000);
    server_stop();
}

static void a_handshake_that_does_not_end_is_cut(void **state)
{
    (void)state;
    server_start(1, certificate_flag, key_flag, "--header-timeout=0.3", NULL);
    int fd = client_open();
    client_send(fd, "\x16\x03\x01", 3);
    assert_true(client_sees_end(fd, 2000));
    close(fd);
    server_stop();
}

/* ---- HTTP/2 over plain TCP (RFC 9113) */

enum { DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, GOAWAY = 7, END_STREAM = 1, END_HEADERS = 4 };

static void send_frame(int fd, int type, int flags, uint32_t stream, const char *payload, size_t length)
{
    char frame[9 + 256] = {0, (char)(length >> 8), (char)length, (char)type, (char)flags, (char)(stream >> 24), (char)(stream >> 16),
                           (char)(stream >> 8), (char)stream};
    if (length)
        memcpy(frame + 9, payload, length);
    client_send(fd, frame, 9 + length);
}

static int http2_open(void)
{
    int fd = client_open();
    client_say(fd, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    send_frame(fd, SETTINGS, 0, 0, NULL, 0);
    return fd;
}

/* GET of a path of at most 100 bytes: indexed :method and :scheme, literal :authority and :path. */
static void http2_get(int fd, uint32_t stream, const char *path)
{
    char block[128];
    int length = snprintf(block, sizeof block, "%c%c%c%c%c%c%c%s", 0x82, 0x86, 0x41, 1, 'a', 0x04, (int)strlen(path), path);
    send_frame(fd, HEADERS, END_STREAM | END_HEADERS, stream, block, (size_t)length);
}

static bool read_bytes(int fd, char *out, size_t size)
{
    for (size_t at = 0; at < size;) {
        ssize_t got = recv(fd, out + at, size - at, 0);
        if (got <= 0)
            return false;
        at += (size_t)got;
    }
    return true;
}

/* The data of a stream, as text; NULL when the connection ended first. */
static const char *http2_read(int fd, uint32_t stream)
{
    static char data[1 << 16];
    size_t size = 0;
    char head[9], payload[1 << 15];
    while (read_bytes(fd, head, 9)) {
        size_t length = (size_t)(unsigned char)head[0] << 16 | (size_t)(unsigned char)head[1] << 8 | (unsigned char)head[2];
        if (length > sizeof payload || !read_bytes(fd, payload, length))
            return NULL;
        if (head[3] != DATA || (unsigned char)head[8] != (stream & 0xff))
            continue;
        memcpy(data + size, payload, length);
        size += length;
        data[size] = '\0';
        if (head[4] & END_STREAM)
            return data;
    }
    return NULL;
}

static void http2_is_served_when_asked_for(void **state)
{
    (void)state;
    server_start(1, "--http2", NULL);
    int fd = http2_open();
    http2_get(fd, 1, "/a%20b?q");
    const char *got = http2_read(fd, 1);
    assert_non_null(got);
    assert_non_null(strstr(got, "method=GET\npath=/a b\nquery=q\nscheme=http\nhost=a\npeer=127.0.0.1\n"));
    http2_get(fd, 3, "/sleep");
    http2_get(fd, 5, "/hello");
    assert_string_equal(http2_read(fd, 5), "{\"message\":\"hello from FastAPI\"}");
    assert_string_equal(http2_read(fd, 3), "slept");
    http2_get(fd, 7, "no-slash");
    assert_non_null(strstr(http2_read(fd, 7), "{\"detail\":\"Invalid HTTP request"));
    close(fd);
    assert_int_equal(ask_status("GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"), 200);
    server_stop();
}

static void a_refused_stream_is_reported_once(void **state)
{
    (void)state;
    server_start(1, "--http2", NULL);
    int fd = http2_open();
    http2_get(fd, 1, "/a%00b?query");
    assert_non_null(strstr(http2_read(fd, 1), "{\"detail\":\"Invalid HTTP request"));
    assert_int_equal(atomic_load(&test_refusals), 1);
    assert_string_equal(test_refused, "GET /a%00b 127.0.0.1 400 Invalid HTTP request: a zero byte in the path");
    http2_get(fd, 3, "no-slash");
    assert_non_null(http2_read(fd, 3));
    assert_int_equal(atomic_load(&test_refusals), 2);
    assert_string_equal(test_refused, "GET  127.0.0.1 400 Invalid HTTP request: the target is not a path");
    close(fd);
    server_stop();
}

static bool three_cancelled(void)
{
    return atomic_load(&test_seen.cancelled) == 3;
}

static void streams_that_are_reset_and_connections_that_end_cancel_their_requests(void **state)
{
    (void)state;
    server_start(1, "--http2", NULL);
    int fd = http2_open();
    for (uint32_t stream = 1; stream < 6; stream += 2)
        http2_get(fd, stream, "/long");
    usleep(50000);
    send_frame(fd, RST_STREAM, 0, 1, "\0\0\0\x08", 4);
    wait_until(one_cancelled, 1000);
    close(fd);
    wait_until(three_cancelled, 1000);
    server_stop();
}

static void rapid_resets_close_the_connection(void **state)
{
    (void)state;
    static const char *const paths[] = {"/long", "/hello"};
    server_start(1, "--http2", NULL);
    for (size_t i = 0; i < 2; i++) {
        int before = atomic_load(&test_seen.begun), fd = http2_open();
        setsockopt(fd, IPPROTO_TCP, TCP_CORK, &(int){1}, sizeof(int)); /* many frames at once: no answer can be quicker */
        for (uint32_t stream = 1; stream < 20000; stream += 2) {
            http2_get(fd, stream, paths[i]);
            send_frame(fd, RST_STREAM, 0, stream, "\0\0\0\x08", 4);
        }
        close(fd);
        assert_int_equal(ask_status("GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"), 200);
        assert_true(atomic_load(&test_seen.begun) - before < 2000);
    }
    server_stop();
}

static bool none_connected(void)
{
    return atomic_load(&http_counts.connections) == 0;
}

static void a_window_of_zero_is_cut_off_after_the_write_timeout(void **state)
{
    (void)state;
    static const char no_window[] = {0, 4, 0, 0, 0, 0}; /* SETTINGS_INITIAL_WINDOW_SIZE */
    server_start(1, "--http2", "--write-timeout=0.5", NULL);
    uint64_t timeouts = atomic_load(&http_counts.timeouts);
    int fd = http2_open();
    send_frame(fd, SETTINGS, 0, 0, no_window, sizeof no_window);
    for (uint32_t stream = 1; stream < 32; stream += 2)
        http2_get(fd, stream, "/hello");
    usleep(300000);
    assert_int_equal(atomic_load(&http_counts.connections), 1);
    wait_until(none_connected, 3000);
    assert_int_equal(atomic_load(&http_counts.timeouts) - timeouts, 1);
    close(fd);
    server_stop();
}

static int late_client;

static void ask_and_stop_accepting(http_server *s)
{
    http2_get(late_client, 3, "/hello");
    http_server_stop_accepting(s);
}

static void a_stream_that_comes_as_its_idle_connection_is_about_to_close_is_served(void **state)
{
    (void)state;
    server_start(1, "--http2", NULL);
    late_client = http2_open();
    http2_get(late_client, 1, "/hello");
    assert_non_null(http2_read(late_client, 1));
    server_each(ask_and_stop_accepting);
    const char *got = http2_read(late_client, 3);
    assert_non_null(got);
    assert_string_equal(got, "{\"message\":\"hello from FastAPI\"}");
    assert_null(http2_read(late_client, 5));
    close(late_client);
    server_stop();
}

static void stopping_ends_http2_connections_when_their_streams_have_ended(void **state)
{
    (void)state;
    server_start(1, "--http2", NULL);
    int idle = http2_open(), busy = http2_open();
    http2_get(idle, 1, "/hello");
    assert_non_null(http2_read(idle, 1));
    http2_get(busy, 1, "/sleep");
    usleep(30000);
    server_each(http_server_stop_accepting);
    assert_null(http2_read(idle, 3));
    assert_string_equal(http2_read(busy, 1), "slept");
    assert_null(http2_read(busy, 3));
    close(idle);
    close(busy);
    server_stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_teardown(name, server_tear_down)
        TEST(requests_are_served_over_tls_1_2_and_1_3_and_not_before),
        TEST(bad_requests_over_tls_are_refused_in_json),
        TEST(a_tls_client_that_leaves_ends_its_request),
        TEST(a_handshake_that_does_not_end_is_cut),
        TEST(http2_is_served_when_asked_for),
        TEST(a_refused_stream_is_reported_once),
        TEST(streams_that_are_reset_and_connections_that_end_cancel_their_requests),
        TEST(rapid_resets_close_the_connection),
        TEST(a_window_of_zero_is_cut_off_after_the_write_timeout),
        TEST(a_stream_that_comes_as_its_idle_connection_is_about_to_close_is_served),
        TEST(stopping_ends_http2_connections_when_their_streams_have_ended),
    };
    return cmocka_run_group_tests_name("protocols", tests, make_certificate, remove_certificate);
}
