/*
 * Bodies that have not come whole: each has its time, and all together have a ceiling. A request that is complete when it is
 * read does not pass here.
 */
#include "http/private.h"

#define SMALL_BODY ((size_t)2 * H2O_SOCKET_INITIAL_INPUT_BUFFER_SIZE) /* a connection's buffer has that room anyway */

/* Bytes of such bodies, of all workers, as far as they are not small. */
static _Atomic size_t waiting;

/* Whoever is alone may send the largest body that a route takes. */
static size_t ceiling(const http_server *s)
{
    return s->largest_body > LIMIT_WAITING_BODIES ? s->largest_body : LIMIT_WAITING_BODIES;
}

static size_t put_down(connection *c, size_t bytes)
{
    size_t change = bytes - c->waiting; /* modulo 2^64 */
    c->waiting = bytes;
    return atomic_fetch_add_explicit(&waiting, change, memory_order_relaxed) + change;
}

/* false: it is too much with what others have here. */
static bool hold(connection *c)
{
    size_t size = c->socket->input->size;
    size_t bytes = size > c->head_length + SMALL_BODY ? size - c->head_length : 0;
    return bytes == c->waiting || put_down(c, bytes) <= ceiling(c->server);
}

/* A byte buys the time that it takes at the least rate. None is saved up: who falls silent is waited for no longer than at first. */
static void prolong(connection *c, uint64_t most)
{
    size_t size = c->socket->input->size;
    uint64_t until = c->body_until + (size > c->checked ? transfer_time(size - c->checked) : 0);
    c->body_until = until < most ? until : most;
}

const http_refusal *upload_wait(connection *c)
{
    uint64_t most = c->server->loop->now + clock_nanoseconds(http_options.header_timeout);
    if (c->state == CONNECTION_BODY) {
        prolong(c, most);
    } else {
        http_connection_enter(c, CONNECTION_BODY);
        c->body_until = most;
    }
    if (c->chunked && c->socket->input->size > c->head_length + c->body_limit)
        return &refusal_too_large_chunks;
    return hold(c) ? NULL : &refusal_uploads;
}

void upload_end(connection *c)
{
    put_down(c, 0);
}
