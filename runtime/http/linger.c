/*
 * Lingering close (RFC 9112 section 9.6): a socket that is closed with bytes unread resets the connection, and the client may
 * lose the answer. What it still sends is read and thrown away, for a while.
 */
#include "http/private.h"

#include "core/memory.h"

#include <sys/socket.h>
#include <unistd.h>

#define LINGER_NANOSECONDS 2000000000u
#define LINGER_BYTES ((size_t)64 * 1024 * 1024)

struct lingerer {
    lingerer *next, *previous;
    http_server *server;
    h2o_socket_t *socket;
    uint64_t until;
    size_t thrown_away;
};

static _Atomic size_t lingering; /* of all workers */

static bool has_room(void)
{
    size_t now = atomic_load_explicit(&lingering, memory_order_relaxed);
    return now < LINGERERS && now < http_room.lingerers;
}

static lingerer *linger_on(http_server *s, int fd)
{
    lingerer *l = has_room() ? memory_alloc(sizeof *l) : NULL;
    if (!l) {
        close(fd);
        return NULL;
    }
    *l = (lingerer){.next = s->lingerers, .server = s, .until = s->loop->now + LINGER_NANOSECONDS};
    l->socket = h2o_evloop_socket_create(s->loop->h2o, fd, H2O_SOCKET_FLAG_IS_ACCEPTED_CONNECTION);
    l->socket->data = l;
    if (l->next)
        l->next->previous = l;
    s->lingerers = l;
    s->lingerer_count++;
    atomic_fetch_add_explicit(&lingering, 1, memory_order_relaxed);
    return l;
}

static void linger_end(lingerer *l)
{
    http_server *s = l->server;
    if (l->next)
        l->next->previous = l->previous;
    if (l->previous)
        l->previous->next = l->next;
    else
        s->lingerers = l->next;
    s->lingerer_count--;
    atomic_fetch_sub_explicit(&lingering, 1, memory_order_relaxed);
    h2o_socket_close(l->socket);
    memory_free(l);
}

lingerer *linger_prepare(http_server *s, int fd)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    return copy < 0 ? NULL : linger_on(s, copy);
}

static void linger_read(h2o_socket_t *socket, const char *error)
{
    lingerer *l = socket->data;
    l->thrown_away += socket->input->size;
    h2o_buffer_consume(&socket->input, socket->input->size);
    if (error || l->thrown_away > LINGER_BYTES)
        linger_end(l);
}

void linger_begin(lingerer *l)
{
    shutdown(h2o_socket_get_fd(l->socket), SHUT_WR);
    h2o_socket_read_start(l->socket, linger_read);
}

void linger_refuse(http_server *s, int fd, const http_refusal *refusal)
{
    size_t length;
    char *text = answer_text(s, refusal, &length);
    if (text)
        (void)!send(fd, text, length, MSG_DONTWAIT | MSG_NOSIGNAL);
    memory_free(text);
    lingerer *l = linger_on(s, fd);
    if (l)
        linger_begin(l);
}

void linger_sweep(http_server *s, bool all)
{
    for (lingerer *l = s->lingerers, *next; l; l = next) {
        next = l->next;
        if (all || l->until <= s->loop->now)
            linger_end(l);
    }
}
