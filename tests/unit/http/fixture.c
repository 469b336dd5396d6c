#define _GNU_SOURCE /* strcasestr */
#include "fixture.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/settings.h"
#include "route/status.h"

seen test_seen;
int test_port;
char test_refused[256];
_Atomic int test_refusals;

/* ---- routes of the test's own, in the place of the route room's */

static apus_request *request_of(apus_task *task)
{
    return (apus_request *)(void *)task;
}

static void answer(apus_request *req, int status, const char *type, apus_str body)
{
    req->out.status = status;
    req->out.content_type = apus_cstr(type);
    req->out.body = body;
    req->sent = clock_monotonic();
    req->transport->send(req);
}

static void clean_up(apus_task *task, void *arg)
{
    (void)arg;
    apus_sleep(task, 0.001);
    atomic_fetch_add(&test_seen.cleaned_up, 1);
}

static void hello(apus_request *req)
{
    answer(req, 200, "application/json", APUS_STR("{\"message\":\"hello from FastAPI\"}"));
}

static void echo(apus_request *req)
{
    apus_task *task = &req->task;
    apus_str text = apus_printf(task, "method=%.*s\npath=%.*s\nquery=%.*s\nscheme=%.*s\nhost=%.*s\npeer=%.*s\nclient=%.*s\nid=%.*s\n"
                                      "headers=%zu\nbody=%zu:",
                                (int)req->method.len, req->method.ptr, (int)req->path.len, req->path.ptr, (int)req->query.len,
                                req->query.ptr, (int)req->scheme.len, req->scheme.ptr, (int)req->host.len, req->host.ptr,
                                (int)req->peer.len, req->peer.ptr, (int)req->client.len, req->client.ptr,
                                (int)req->request_id.len, req->request_id.ptr, req->header_count, req->body.len);
    char *all = apus_alloc(task, text.len + req->body.len);
    memcpy(all, text.ptr, text.len);
    if (req->body.len)
        memcpy(all + text.len, req->body.ptr, req->body.len);
    http_field *extra = apus_alloc(task, sizeof *extra);
    *extra = (http_field){APUS_STR("X-Extra"), APUS_STR("yes")};
    req->out.headers = extra;
    req->out.header_count = 1;
    answer(req, 201, "text/plain; charset=utf-8", (apus_str){all, text.len + req->body.len});
}

static void sleeping(apus_request *req, double seconds)
{
    apus_defer(&req->task, clean_up, NULL);
    int slept = apus_sleep(&req->task, seconds);
    if (slept == APUS_ECANCELED)
        atomic_fetch_add(&test_seen.cancelled, 1);
    else if (slept == APUS_ETIMEDOUT)
        atomic_fetch_add(&test_seen.timed_out, 1);
    if (slept != APUS_ECANCELED)
        answer(req, slept == 0 ? 200 : 503, "text/plain", APUS_STR("slept"));
    task_run_clean_ups(&req->task, NULL);
}

static void with_background(apus_request *req)
{
    hello(req);
    apus_sleep(&req->task, 0.05);
    /* what the request brought is still there */
    if (apus_str_is(req->path, "/background") && apus_str_is(req->body, "keep me"))
        atomic_fetch_add(&test_seen.background, 1);
}

static void big(apus_request *req)
{
    size_t size = (size_t)strtoul(req->query.ptr, NULL, 10);
    char *body = apus_alloc(&req->task, size);
    memset(body, 'x', size);
    answer(req, 200, "text/plain", (apus_str){body, size});
}

static void hoard(apus_request *req)
{
    apus_defer(&req->task, clean_up, NULL);
    for (;;)
        memset(apus_alloc(&req->task, 100000), 1, 100000);
}

static _Thread_local int begun_here;
static _Atomic int begun_by[WORKERS_MOST];

void route_run(apus_task *task)
{
    apus_request *req = request_of(task);
    atomic_fetch_add(&test_seen.begun, 1);
    atomic_store(&begun_by[task->loop->index], ++begun_here);
    if (apus_str_is(req->path, "/hello"))
        hello(req);
    else if (apus_str_is(req->path, "/sleep"))
        sleeping(req, 0.1);
    else if (apus_str_is(req->path, "/long"))
        sleeping(req, 30);
    else if (apus_str_is(req->path, "/background"))
        with_background(req);
    else if (apus_str_is(req->path, "/big"))
        big(req);
    else if (apus_str_is(req->path, "/hoard"))
        hoard(req);
    else if (apus_str_is(req->path, "/empty"))
        answer(req, 204, NULL, (apus_str){NULL, 0});
    else if (apus_str_is(req->path, "/silent"))
        ; /* a route that fails to answer */
    else if (req->body_too_large)
        answer(req, 413, "application/json", APUS_STR("{\"detail\":\"Content Too Large\"}"));
    else
        echo(req);
    atomic_fetch_add(&test_seen.ended, 1);
}

void route_run_abandoned(apus_task *task)
{
    atomic_fetch_add(&test_seen.out_of_memory, 1);
    answer(request_of(task), 503, "application/json", APUS_STR("{\"detail\":\"Request needs too much memory\"}"));
    task_run_clean_ups(task, NULL);
}

size_t router_body_limit(const router *r, apus_str method, apus_str path)
{
    (void)method;
    return apus_str_is(path, "/small") ? 10 : r->max_body;
}

/* ---- the server */

typedef struct worker {
    pthread_t thread;
    loop loop;
    http_server *server;
    _Atomic bool ready;
    size_t busy;
} worker;

static worker workers[WORKERS_MOST];
static int worker_count;
static http_listener listener;
static struct router test_router;

static void *worker_main(void *arg)
{
    worker *w = arg;
    const char *words = NULL;
    char error[200] = "";
    begun_here = 0;
    if (loop_open(&w->loop, (int)(w - workers), &words) < 0)
        abort();
    w->server = http_server_open(&w->loop, &test_router, &listener, 1, error, sizeof error);
    if (!w->server)
        abort();
    atomic_store(&w->ready, true);
    loop_run(&w->loop);
    http_server_close(w->server);
    loop_close(&w->loop);
    return NULL;
}

static void configure(va_list pairs)
{
    char *argv[64] = {(char *)(uintptr_t) "test"};
    int argc = 1;
    for (const char *pair; (pair = va_arg(pairs, const char *));)
        argv[argc++] = (char *)(uintptr_t)pair;
    argv[argc] = NULL;
    char error[300];
    setting_table table = http_setting_rows();
    if (!settings_load(&table, 1, &argc, argv, error, sizeof error) || !http_configure(error, sizeof error))
        fail_msg("%s", error);
}

static void note_refusal(const route_refusal *refusal)
{
    snprintf(test_refused, sizeof test_refused, "%.*s %.*s %.*s %d %s", (int)refusal->method.len, refusal->method.ptr,
             (int)refusal->path.len, refusal->path.ptr, (int)refusal->client.len, refusal->client.ptr, refusal->status,
             refusal->reason);
    atomic_fetch_add(&test_refusals, 1);
}

void server_start(int count, ...)
{
    va_list pairs;
    char error[300];
    signal(SIGPIPE, SIG_IGN);
    va_start(pairs, count);
    configure(pairs);
    va_end(pairs);
    test_seen = (seen){0};
    atomic_store(&test_refusals, 0);
    test_router = (struct router){.max_body = (size_t)http_options.max_body, .hooks.refused = note_refusal};
    if (http_listen(&listener, "127.0.0.1", 0, false, error, sizeof error) < 0)
        fail_msg("%s", error);
    test_port = listener.port;
    worker_count = count;
    for (int i = 0; i < count; i++) {
        workers[i] = (worker){0};
        atomic_store(&begun_by[i], 0);
        assert_int_equal(pthread_create(&workers[i].thread, NULL, worker_main, &workers[i]), 0);
        while (!atomic_load(&workers[i].ready))
            usleep(1000);
    }
}

int server_begun(int index)
{
    return atomic_load(&begun_by[index]);
}

typedef struct call {
    void (*run)(http_server *s);
    worker *worker;
    _Atomic bool done;
} call;

static void call_run(void *arg)
{
    call *c = arg;
    c->run(c->worker->server);
    atomic_store(&c->done, true);
}

void server_each(void (*run)(http_server *s))
{
    for (int i = 0; i < worker_count; i++) {
        call c = {.run = run, .worker = &workers[i]};
        assert_int_equal(loop_post(&workers[i].loop, call_run, &c), 0);
        while (!atomic_load(&c.done))
            usleep(500);
    }
}

static _Atomic size_t busy_sum;

static void add_busy(http_server *s)
{
    atomic_fetch_add(&busy_sum, http_server_busy(s));
}

static void stop_loop(void *arg)
{
    loop_stop(arg);
}

static void end_workers(void)
{
    for (int i = 0; i < worker_count; i++) {
        loop_post(&workers[i].loop, stop_loop, &workers[i].loop);
        pthread_join(workers[i].thread, NULL);
    }
    worker_count = 0;
}

int server_tear_down(void **state)
{
    (void)state;
    end_workers();
    return 0;
}

void server_stop(void)
{
    server_each(http_server_stop_accepting);
    for (int i = 0; i < 500; i++) {
        atomic_store(&busy_sum, 0);
        server_each(add_busy);
        if (atomic_load(&busy_sum) == 0)
            break;
        usleep(10000);
    }
    assert_int_equal(atomic_load(&busy_sum), 0);
    end_workers();
    assert_int_equal(atomic_load(&http_counts.connections), 0);
    assert_int_equal(atomic_load(&http_counts.in_flight), 0);
    assert_int_equal(atomic_load(&fiber_counts.active), 0);
}

/* ---- the client */

int client_socket(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct timeval patience = {.tv_sec = 5};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    return fd;
}

bool client_connect(int fd)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)test_port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    return connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
}

int client_open(void)
{
    int fd = client_socket();
    if (!client_connect(fd)) {
        close(fd);
        return -1;
    }
    return fd;
}

void client_send(int fd, const char *bytes, size_t length)
{
    while (length) {
        ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);
        if (sent <= 0)
            return; /* the server need not read what it refuses */
        bytes += sent;
        length -= (size_t)sent;
    }
}

void client_say(int fd, const char *text)
{
    client_send(fd, text, strlen(text));
}

static char received[1 << 20];

const char *client_read_all(int fd)
{
    size_t size = 0;
    ssize_t got;
    while (size < sizeof received - 1 && (got = recv(fd, received + size, sizeof received - 1 - size, 0)) > 0)
        size += (size_t)got;
    received[size] = '\0';
    return received;
}

const char *client_read_one(int fd)
{
    size_t size = 0, wanted = SIZE_MAX;
    while (size < wanted && size < sizeof received - 1) {
        /* one by one: what follows the response stays in the socket */
        ssize_t got = recv(fd, received + size, wanted == SIZE_MAX ? 1 : wanted - size, 0);
        if (got <= 0)
            break;
        size += (size_t)got;
        received[size] = '\0';
        if (wanted == SIZE_MAX && size > 4 && strcmp(received + size - 4, "\r\n\r\n") == 0) {
            const char *length = strcasestr(received, "\r\ncontent-length:");
            wanted = size + (length ? strtoul(length + 17, NULL, 10) : 0);
        }
    }
    received[size] = '\0';
    return received;
}

const char *client_ask(const char *bytes, size_t length)
{
    int fd = client_open();
    assert_true(fd >= 0);
    client_send(fd, bytes, length);
    client_read_all(fd);
    close(fd);
    return received;
}

int status_of(const char *text)
{
    return strncmp(text, "HTTP/1.1 ", 9) == 0 ? atoi(text + 9) : 0;
}

int ask_status(const char *request)
{
    return status_of(client_ask(request, strlen(request)));
}

bool client_sees_end(int fd, int milliseconds)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    char byte;
    return poll(&p, 1, milliseconds) == 1 && recv(fd, &byte, 1, 0) <= 0;
}

void wait_until(bool (*condition)(void), int milliseconds)
{
    for (int i = 0; i < milliseconds && !condition(); i++)
        usleep(1000);
    assert_true(condition());
}
