/* A server on a free port with routes of the test's own, and a client on a plain socket. */
#ifndef TESTS_HTTP_FIXTURE_H
#define TESTS_HTTP_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http/server.h"

#define WORKERS_MOST 4

/** What the routes of the test have seen. */
typedef struct seen {
    _Atomic int begun, ended, cancelled, timed_out, out_of_memory, cleaned_up, background;
} seen;
extern seen test_seen;

extern int test_port;

/** The last refusal that was reported, and how many there were since the start of the server. */
extern char test_refused[256];
extern _Atomic int test_refusals;

/** Settings as by default, unless `name=value` pairs (ending with NULL) say otherwise; then `workers` servers on one port. */
void server_start(int workers, ...);
/** Stops accepting, waits until nothing is busy, closes. Fails the test after five seconds. */
void server_stop(void);
/** Closes the server of a test that failed before its server_stop. */
int server_tear_down(void **state);
/** Runs on each worker's loop. */
void server_each(void (*run)(http_server *s));
/** Requests that worker `index` has begun. */
int server_begun(int index);

/* The client: blocking sockets with a time-out of five seconds. */
int client_open(void);
/** The two steps of client_open. */
int client_socket(void);
bool client_connect(int fd);
/** Sends a text (which may hold NUL bytes when `length` is given; else pass strlen's). */
void client_send(int fd, const char *bytes, size_t length);
void client_say(int fd, const char *text);
/** Reads until the peer closes; NUL-terminated, static. */
const char *client_read_all(int fd);
/** Reads one response with a content-length. */
const char *client_read_one(int fd);
/** Opens, sends, reads until the peer closes (or, with `keep`, one response), closes. */
const char *client_ask(const char *bytes, size_t length);
/** The status of a response text; 0 without one. */
int status_of(const char *text);
/** The status of an exchange that ends with the peer's closing. */
int ask_status(const char *request);
/** Whether the peer closes within `milliseconds`. */
bool client_sees_end(int fd, int milliseconds);
void wait_until(bool (*condition)(void), int milliseconds);

#endif
