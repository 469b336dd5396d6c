/* Watches: descriptors that others read and write, on h2o's evloop. */
#include "fiber/private.h"

#include "core/memory.h"

struct loop_watch {
    loop *loop;
    h2o_socket_t *socket;
    void (*readable)(void *arg);
    void (*writable)(void *arg);
    void *arg;
};

static void watch_readable(h2o_socket_t *socket, const char *error)
{
    (void)error; /* readable is also what a closed connection is */
    loop_watch *w = socket->data;
    loop_touch(w->loop);
    w->readable(w->arg);
}

static void watch_writable(h2o_socket_t *socket, const char *error)
{
    (void)error;
    loop_watch *w = socket->data;
    loop_touch(w->loop);
    w->writable(w->arg);
}

loop_watch *loop_watch_open(loop *l, int fd, void (*readable)(void *arg), void (*writable)(void *arg), void *arg)
{
    loop_watch *w = memory_alloc(sizeof *w);
    if (!w)
        return NULL;
    *w = (loop_watch){l, h2o_evloop_socket_create(l->h2o, fd, H2O_SOCKET_FLAG_DONT_READ), readable, writable, arg};
    w->socket->data = w;
    h2o_socket_read_start(w->socket, watch_readable);
    return w;
}

void loop_watch_want_write(loop_watch *w)
{
    if (!h2o_socket_is_writing(w->socket))
        h2o_socket_notify_write(w->socket, watch_writable);
}

/* Exporting takes the descriptor away from the evloop without closing it. */
void loop_watch_close(loop_watch *w)
{
    h2o_socket_export_t kept;
    w->socket->_cb.write = NULL;
    w->socket->data = NULL;
    h2o_socket_export(w->socket, &kept);
    h2o_buffer_dispose(&kept.input);
    memory_free(w);
}
