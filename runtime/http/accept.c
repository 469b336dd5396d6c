#define _GNU_SOURCE /* accept4 */
/* Accepting: the cap on connections, and life without descriptors. */
#include "http/private.h"

#include "core/memory.h"

#include <errno.h>
#include <linux/filter.h>
#include <netinet/tcp.h>
#include <unistd.h>

#define BATCH 1 /* per turn: the other workers, awake for the same connections, get their share */
#define PAUSE_NANOSECONDS 100000000u /* without descriptors */
#define YIELD_NANOSECONDS 1000000u   /* to workers with fewer connections */
#define HANDSHAKE_NANOSECONDS 5000000u /* for handshakes under way when a listener closes: those of this machine and its neighbours */
#define SERVERS 512

static void on_acceptable(h2o_socket_t *socket, const char *error);

/* ---- fair shares */

/* How many connections each server of the process has, plus one; 0: no such server. */
static _Atomic uint32_t shares[SERVERS];

static void share_take(http_server *s)
{
    for (size_t i = 0; i < SERVERS; i++) {
        uint32_t unused = 0;
        if (atomic_compare_exchange_strong(&shares[i], &unused, 1)) {
            s->share = &shares[i];
            return;
        }
    }
}

static void share_give(http_server *s)
{
    if (s->share)
        atomic_store(s->share, 0);
    s->share = NULL;
}

void accept_count(http_server *s, int change)
{
    s->connections += (size_t)change;
    if (s->share)
        atomic_store_explicit(s->share, (uint32_t)s->connections + 1, memory_order_relaxed);
    if (!s->admin)
        atomic_fetch_add_explicit(&http_counts.connections, (uint64_t)change, memory_order_relaxed);
}

/* The kernel wakes whom it likes, often the same worker: one that has clearly more than another lets that one go first, once. */
static bool has_more_than_its_share(const http_server *s)
{
    uint32_t least = UINT32_MAX;
    for (size_t i = 0; s->share && i < SERVERS; i++) {
        uint32_t one = atomic_load_explicit(&shares[i], memory_order_relaxed);
        if (!one)
            break;
        if (one < least)
            least = one;
    }
    return least != UINT32_MAX && s->connections > least + 2 + least / 8;
}

/* ---- pauses */

static void listen_again(loop_timer *timer)
{
    http_server *s = H2O_STRUCT_FROM_MEMBER(http_server, resume, timer);
    for (size_t i = 0; i < s->listener_count; i++)
        if (s->listeners[i].socket && !s->listeners[i].of.held)
            h2o_socket_read_start(s->listeners[i].socket, on_acceptable);
}

/* A listener that stays readable would keep the loop turning. */
static void pause_listening(http_server *s, uint64_t nanoseconds)
{
    for (size_t i = 0; i < s->listener_count; i++)
        if (s->listeners[i].socket)
            h2o_socket_read_stop(s->listeners[i].socket);
    loop_timer_start(s->loop, &s->resume, clock_monotonic() + nanoseconds, listen_again);
}

/* With the spare descriptor one client at a time is told, and nobody is left hanging in the backlog. */
static void refuse_with_spare(http_server *s, int listener)
{
    if (s->spare >= 0)
        close(s->spare);
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        size_t length;
        char *text = tls_context() && !s->admin ? NULL : answer_text(s, &refusal_busy, &length);
        if (text)
            (void)!send(fd, text, length, MSG_DONTWAIT | MSG_NOSIGNAL);
        memory_free(text);
        shutdown(fd, SHUT_WR);
        close(fd);
        atomic_fetch_add_explicit(&http_counts.refused_descriptors, 1, memory_order_relaxed);
    }
    s->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    pause_listening(s, PAUSE_NANOSECONDS);
}

static bool is_full(const http_server *s)
{
    if (s->admin)
        return s->connections >= ADMIN_CONNECTIONS;
    uint64_t open = atomic_load_explicit(&http_counts.connections, memory_order_relaxed);
    return open >= (uint64_t)http_options.max_connections || open >= http_room.connections;
}

static void take(http_server *s, int fd, const struct sockaddr *address)
{
    atomic_fetch_add_explicit(&http_counts.accepted, 1, memory_order_relaxed);
    if (!is_full(s)) {
        http_connection_open(s, fd, address);
        return;
    }
    atomic_fetch_add_explicit(&http_counts.refused_cap, 1, memory_order_relaxed);
    if (tls_context() && !s->admin)
        close(fd);
    else
        linger_refuse(s, fd, &refusal_busy);
}

/* false when there is nothing (more) to accept now. */
static bool accept_one(http_server *s, int listener)
{
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    int fd = accept4(listener, (struct sockaddr *)&address, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        take(s, fd, (const struct sockaddr *)&address);
        return true;
    }
    switch (errno) {
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
        refuse_with_spare(s, listener);
        return false;
    case EAGAIN:
        return false;
    default:
        return true; /* this connection was gone already: the next one */
    }
}

static void on_acceptable(h2o_socket_t *socket, const char *error)
{
    (void)error;
    http_server *s = socket->data;
    loop_touch(s->loop);
    s->yielded = !s->yielded && has_more_than_its_share(s);
    if (s->yielded) {
        pause_listening(s, YIELD_NANOSECONDS);
        return;
    }
    for (int i = 0; i < BATCH && accept_one(s, h2o_socket_get_fd(socket)); i++)
        ;
}

void accept_start(http_server *s)
{
    if (!s->admin)
        share_take(s);
    s->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    for (size_t i = 0; i < s->listener_count; i++) {
        listening *l = &s->listeners[i];
        listener_share(l->of.fd);
        l->socket = h2o_evloop_socket_create(s->loop->h2o, l->of.fd, H2O_SOCKET_FLAG_DONT_READ);
        l->socket->data = s;
        if (!l->of.held)
            h2o_socket_read_start(l->socket, on_acceptable);
    }
}

void accept_release(http_server *s)
{
    for (size_t i = 0; i < s->listener_count; i++) {
        listening *l = &s->listeners[i];
        if (l->socket && l->of.held)
            h2o_socket_read_start(l->socket, on_acceptable);
        l->of.held = false;
    }
}

void accept_hold(http_server *s)
{
    for (size_t i = 0; i < s->listener_count; i++) {
        s->listeners[i].of.held = true;
        if (s->listeners[i].socket)
            h2o_socket_read_stop(s->listeners[i].socket);
    }
}

/*
 * Closing a listener resets whoever has just joined its backlog and believes to be connected. So nobody may begin any more: the
 * kernel drops what comes with SYN (the client repeats it, and is refused then); who had begun is accepted.
 */
static void refuse_beginners(int fd)
{
    static struct sock_filter steps[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, offsetof(struct tcphdr, th_flags)),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, TH_SYN, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0),
        BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
    };
    struct sock_fprog filter = {.len = sizeof steps / sizeof *steps, .filter = steps};
    if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) < 0)
        listen(fd, 0); /* without filters: with a backlog of 0 hardly anybody joins */
}

static void close_spare(http_server *s)
{
    if (s->spare >= 0)
        close(s->spare);
    s->spare = -1;
}

static void close_listeners(http_server *s)
{
    for (size_t i = 0; i < s->listener_count; i++) {
        listening *l = &s->listeners[i];
        if (!l->closing)
            continue;
        while (accept_one(s, l->of.fd))
            ;
        close(l->of.fd);
        l->closing = false;
    }
    s->closing = false;
    close_spare(s);
    loop_timer_stop(s->loop, &s->resume);
}

static void handshakes_have_ended(loop_timer *timer)
{
    close_listeners(H2O_STRUCT_FROM_MEMBER(http_server, resume, timer));
}

/* The last server on a socket empties its backlog. An inherited one stays open elsewhere. */
static void stop_one(http_server *s, listening *l)
{
    h2o_socket_export_t kept;
    if (!l->socket)
        return;
    h2o_socket_export(l->socket, &kept);
    h2o_buffer_dispose(&kept.input);
    l->socket = NULL;
    if (!listener_unshare(l->of.fd))
        return;
    if (l->of.inherited) {
        close(l->of.fd);
        return;
    }
    l->closing = s->closing = true;
    refuse_beginners(l->of.fd);
    while (accept_one(s, l->of.fd))
        ;
}

void accept_stop_inherited(http_server *s)
{
    for (size_t i = 0; i < s->listener_count; i++)
        if (s->listeners[i].of.inherited)
            stop_one(s, &s->listeners[i]);
}

void accept_stop(http_server *s)
{
    share_give(s);
    for (size_t i = 0; i < s->listener_count; i++)
        stop_one(s, &s->listeners[i]);
    if (s->closing)
        loop_timer_start(s->loop, &s->resume, clock_monotonic() + HANDSHAKE_NANOSECONDS, handshakes_have_ended);
    else
        close_listeners(s);
}

void accept_end(http_server *s)
{
    accept_stop(s);
    close_listeners(s);
}
