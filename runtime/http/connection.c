/*
 * Connections: what h2o does not do for them. h2o reads HTTP/1 with a callback of its own; ours is put before it while it waits
 * for a request, so that a head is judged, and a body's length, before h2o sees either. h2o takes its callback back after each
 * response; ours returns at the end of that turn. A pipelined request, which h2o finds in its buffer meanwhile, is judged just
 * before.
 */
#include "http/private.h"

#include "core/memory.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <unistd.h>

static void on_readable(h2o_socket_t *socket, const char *error);

/* ---- states */

static void list_remove(connection *c)
{
    connection_list *list = &c->server->lists[c->state];
    if (c->next)
        c->next->previous = c->previous;
    else
        list->last = c->previous;
    if (c->previous)
        c->previous->next = c->next;
    else
        list->first = c->next;
    list->count--;
}

static void list_append(connection *c)
{
    connection_list *list = &c->server->lists[c->state];
    c->next = NULL;
    c->previous = list->last;
    if (list->last)
        list->last->next = c;
    else
        list->first = c;
    list->last = c;
    list->count++;
}

/* A list is in the order of `since`: sweeps look at its beginning. */
void http_connection_enter(connection *c, connection_state state)
{
    list_remove(c);
    if (c->waiting)
        upload_end(c);
    c->state = state;
    c->since = c->server->loop->now;
    list_append(c);
    server_sweep_soon(c->server);
}

/* ---- hooks: our read callback before h2o's */

static void refuse_input(connection *c, const http_refusal *refusal);

static void hook(connection *c)
{
    h2o_socket_t *socket = c->socket;
    if (!socket->_cb.read || socket->_cb.read == on_readable || c->http2 || c->parked || c->state == CONNECTION_CLOSING)
        return;
    c->h2o_read = socket->_cb.read;
    socket->_cb.read = on_readable;
    const http_refusal *refusal = c->refusal;
    if (!refusal && c->state == CONNECTION_IDLE && socket->input->size) {
        if (c->head_length)
            refusal = upload_wait(c);
        else
            http_connection_enter(c, CONNECTION_HEAD);
    }
    if (refusal)
        refuse_input(c, refusal);
    c->checked = socket->input->size;
}

static void hook_later(connection *c)
{
    http_server *s = c->server;
    if (c->hook_queued)
        return;
    c->hook_queued = true;
    c->next_hook = s->hooks;
    s->hooks = c;
    loop_defer(s->loop, &s->turn_end);
}

static void unhook(connection *c)
{
    connection **link = &c->server->hooks;
    while (*link != c)
        link = &(*link)->next_hook;
    *link = c->next_hook;
}

void http_connection_hook_all(http_server *s)
{
    connection *c = s->hooks;
    s->hooks = NULL;
    for (connection *next; c; c = next) {
        next = c->next_hook;
        c->hook_queued = false;
        hook(c);
    }
}

/* ---- beginning and end */

static void on_close(void *data)
{
    connection *c = data;
    http_server *s = c->server;
    list_remove(c);
    if (c->waiting)
        upload_end(c);
    if (c->hook_queued)
        unhook(c);
    if (s->fresh == c)
        s->fresh = NULL;
    if (c->lingerer)
        linger_begin(c->lingerer);
    accept_count(s, -1);
    memory_free(c->answer);
    memory_free(c);
}

static void set_peer(connection *c, const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)address)->sin_addr, c->peer, sizeof c->peer);
    } else if (address->sa_family == AF_INET6) {
        const struct in6_addr *v6 = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
        if (IN6_IS_ADDR_V4MAPPED(v6))
            inet_ntop(AF_INET, &v6->s6_addr[12], c->peer, sizeof c->peer);
        else
            inet_ntop(AF_INET6, v6, c->peer, sizeof c->peer);
    }
    c->peer_length = (unsigned char)strlen(c->peer);
    c->trusted = trust_peer(c->peer);
}

/* What came with the TLS handshake is kept from h2o until our callback is before its own. */
static void speak_http1(connection *c)
{
    http_server *s = c->server;
    h2o_socket_t *socket = c->socket;
    size_t waiting = socket->input->size;
    http_connection_enter(c, CONNECTION_IDLE);
    if (waiting)
        socket->input->size = 0;
    h2o_http1_accept(&s->accept, socket, *h2o_get_timestamp(&s->context, NULL, NULL));
    hook(c);
    if (waiting) {
        socket->input->size = waiting;
        on_readable(socket, NULL);
    }
}

static void on_handshake(h2o_socket_t *socket, const char *error)
{
    connection *c = connection_of(socket);
    http_server *s = c->server;
    loop_touch(s->loop);
    if (error) {
        h2o_socket_close(socket);
        return;
    }
    h2o_iovec_t protocol = h2o_socket_ssl_get_selected_protocol(socket);
    c->http2 = http_options.http2 && h2o_memis(protocol.base, protocol.len, H2O_STRLIT("h2"));
    if (!c->http2) {
        speak_http1(c);
        return;
    }
    http_connection_enter(c, CONNECTION_IDLE);
    h2o_http2_accept(&s->accept, socket, *h2o_get_timestamp(&s->context, NULL, NULL));
}

void http_connection_open(http_server *s, int fd, const struct sockaddr *address)
{
    connection *c = memory_alloc(sizeof *c);
    if (!c) {
        linger_refuse(s, fd, &refusal_busy);
        return;
    }
    *c = (connection){.server = s, .state = CONNECTION_HANDSHAKE, .since = s->loop->now};
    c->socket = h2o_evloop_socket_create(s->loop->h2o, fd, H2O_SOCKET_FLAG_IS_ACCEPTED_CONNECTION);
    c->socket->on_close.cb = on_close;
    c->socket->on_close.data = c;
    accept_count(s, 1);
    set_peer(c, address);
    list_append(c);
    if (!s->admin && tls_context())
        h2o_socket_ssl_handshake(c->socket, tls_context(), NULL, on_handshake);
    else
        speak_http1(c);
    server_sweep_soon(s);
}

static const http_refusal *judge_chunks(connection *c, const char *bytes, size_t size)
{
    return c->chunked && !chunk_check_next(&c->chunks, bytes, size) ? &refusal_chunks : NULL;
}

/* What is wrong with the body that a head announces, as far as it is there; NULL: nothing. `rest`: the bytes behind the head. */
static const http_refusal *judge_request(connection *c, const http_head *head, const char *rest, size_t size)
{
    c->head_length = head->length;
    c->chunked = head->chunked;
    c->chunks = (chunk_check){0};
    if (!head->has_length && !head->chunked)
        return NULL;
    c->body_limit = router_body_limit(c->server->router, head->method, head->path);
    return head->content_length > c->body_limit ? &refusal_too_large : judge_chunks(c, rest, size);
}

/*
 * h2o is about to read what follows the request that it is done with. When that is refused it never sees it; our answer
 * follows at the end of the turn.
 */
static void judge_next(connection *c, size_t used)
{
    http_server *s = c->server;
    h2o_buffer_t *input = c->socket->input;
    const http_refusal *refusal = NULL;
    if (input->size <= used)
        return;
    char *next = input->bytes + used;
    size_t size = input->size - used;
    if (head_read(&s->head, next, size, (size_t)http_options.max_header, &refusal) == HEAD_COMPLETE)
        refusal = judge_request(c, &s->head, next + s->head.length, size - s->head.length);
    if (refusal) {
        input->size = used;
        report_refusal(c, &s->head, refusal);
    }
    c->refusal = refusal;
}

void http_connection_next(connection *c, bool persistent, size_t body_length)
{
    size_t used = c->head_length + body_length;
    c->served++;
    c->head_length = c->scanned = 0;
    c->unread = false;
    if (c->parked) {
        c->parked = false;
        h2o_socket_dont_read(c->socket, 0);
    }
    if (persistent) {
        http_connection_enter(c, CONNECTION_IDLE);
        judge_next(c, used);
        hook_later(c);
        return;
    }
    char byte;
    int fd = h2o_socket_get_fd(c->socket);
    http_connection_enter(c, CONNECTION_CLOSING);
    if (c->linger || recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0)
        c->lingerer = linger_prepare(c->server, fd);
}

/* ---- reading requests */

static void on_refused(h2o_socket_t *socket, const char *error)
{
    connection *c = connection_of(socket);
    if (!error)
        c->lingerer = linger_prepare(c->server, h2o_socket_get_fd(socket));
    c->h2o_read(socket, h2o_socket_error_closed);
}

void http_connection_refuse(connection *c, const http_refusal *refusal)
{
    h2o_socket_t *socket = c->socket;
    h2o_iovec_t text;
    if (!c->refusal)
        report_refusal_of_input(c, refusal);
    if (h2o_socket_is_writing(socket) || !(c->answer = answer_text(c->server, refusal, &text.len))) {
        http_connection_kill(c);
        return;
    }
    text.base = c->answer;
    http_connection_enter(c, CONNECTION_CLOSING);
    h2o_socket_read_stop(socket);
    h2o_socket_write(socket, &text, 1, on_refused);
}

static void refuse_input(connection *c, const http_refusal *refusal)
{
    atomic_fetch_add_explicit(&http_counts.bad_requests, 1, memory_order_relaxed);
    http_connection_refuse(c, refusal);
}

/* HTTP/2 without TLS begins with words that look like a request (RFC 9113 section 3.4). */
static bool is_http2_preface(const h2o_buffer_t *input)
{
    static const char preface[] = "PRI * HTTP/2.0";
    size_t length = input->size < sizeof preface - 1 ? input->size : sizeof preface - 1;
    return http_options.http2 && memcmp(input->bytes, preface, length) == 0;
}

/* A head that does not look like one from its first byte (TLS on a plain port) is not waited for. */
static bool begins_like_a_head(const h2o_buffer_t *input)
{
    unsigned char first = (unsigned char)input->bytes[0];
    return first > ' ' ? first < 0x7f : first == '\r' || first == '\n';
}

/* Whether a head is there that h2o may see. */
static bool read_head(connection *c)
{
    http_server *s = c->server;
    h2o_buffer_t *input = c->socket->input;
    size_t max = (size_t)http_options.max_header;
    const http_refusal *refusal;
    bool hopeless = input->size > max || !begins_like_a_head(input);
    if (c->scanned && !hopeless && !head_has_end(input->bytes, input->size, c->scanned)) {
        c->scanned = input->size;
        return false;
    }
    switch (head_read(&s->head, input->bytes, input->size, max, &refusal)) {
    case HEAD_COMPLETE:
        refusal = judge_request(c, &s->head, input->bytes + s->head.length, input->size - s->head.length);
        if (refusal)
            refuse_input(c, refusal);
        return !refusal;
    case HEAD_REFUSED:
        refuse_input(c, refusal);
        return false;
    default:
        c->scanned = input->size;
        if (c->state == CONNECTION_IDLE)
            http_connection_enter(c, CONNECTION_HEAD);
        return false;
    }
}

static void pass_http2_preface(connection *c)
{
    c->h2o_read(c->socket, NULL);
    c->http2 = c->socket->_cb.read != on_readable;
}

/* What h2o has taken is now a request under way, or waits for its body. */
static void after_h2o(connection *c)
{
    h2o_socket_t *socket = c->socket;
    if (c->state == CONNECTION_BUSY)
        return;
    const http_refusal *refusal = upload_wait(c);
    if (refusal && socket->_cb.read)
        refuse_input(c, refusal);
    else if (socket->_cb.read != on_readable)
        hook_later(c);
    c->checked = socket->input->size; /* h2o has put what came in chunks together */
}

static void on_body(connection *c)
{
    h2o_buffer_t *input = c->socket->input;
    const http_refusal *refusal = judge_chunks(c, input->bytes + c->checked, input->size - c->checked);
    if (refusal) {
        refuse_input(c, refusal);
        return;
    }
    c->h2o_read(c->socket, NULL);
    after_h2o(c);
}

static void on_readable(h2o_socket_t *socket, const char *error)
{
    connection *c = connection_of(socket);
    http_server *s = c->server;
    loop_touch(s->loop);
    if (error) {
        c->h2o_read(socket, error);
    } else if (c->state == CONNECTION_BODY) {
        on_body(c);
    } else if (socket->input->size == 0) {
        return; /* half a TLS record */
    } else if (is_http2_preface(socket->input)) {
        pass_http2_preface(c);
    } else if (read_head(c)) {
        s->fresh = c;
        c->h2o_read(socket, NULL);
        s->fresh = NULL;
        after_h2o(c);
    }
}

/* ---- a request is being handled: is its client still there? */

bool http_connection_is_gone(connection *c)
{
    struct tcp_info info;
    socklen_t length = sizeof info;
    if (getsockopt(h2o_socket_get_fd(c->socket), IPPROTO_TCP, TCP_INFO, &info, &length) < 0)
        return true;
    return info.tcpi_state != TCP_ESTABLISHED;
}

/* Readable: more bytes, which wait, or the end. Either is told once: to be told for ever would spin. */
static void on_parked(h2o_socket_t *socket, const char *error)
{
    (void)error;
    connection *c = connection_of(socket);
    loop_touch(c->server->loop);
    h2o_socket_read_stop(socket);
    if (!c->exchange || c->exchange->sent_at)
        return;
    char byte;
    if (recv(h2o_socket_get_fd(socket), &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0)
        c->unread = true;
    else
        exchange_cancel(c->exchange, APUS_ECANCELED);
}

/* h2o has just stopped reading: going on in the same turn costs no system call. Nothing is read; h2o's buffer must not move. */
void http_connection_park(connection *c)
{
    c->parked = true;
    h2o_socket_dont_read(c->socket, 1);
    h2o_socket_read_start(c->socket, on_parked);
}

/* ---- closing */

void http_connection_close_idle(connection *c)
{
    char byte;
    h2o_socket_t *socket = c->socket;
    if (!socket->_cb.read) {
        http_connection_kill(c);
        return;
    }
    if (recv(h2o_socket_get_fd(socket), &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0)
        return; /* a request has just come: it is served, and its answer closes, or (HTTP/2) the next sweep */
    if (c->http2) {
        http_connection_kill(c);
        return;
    }
    h2o_socket_cb h2o_read = socket->_cb.read == on_readable ? c->h2o_read : socket->_cb.read;
    h2o_read(socket, h2o_socket_error_closed);
}

/* The loop sees the end of file, or the failing write, and h2o closes. */
void http_connection_kill(connection *c)
{
    shutdown(h2o_socket_get_fd(c->socket), SHUT_RDWR);
}
