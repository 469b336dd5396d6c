/*
 * Responses. h2o writes the head of an HTTP/1 response with sprintf, at a third of a small request's cost. Ours is written here
 * and handed to the socket with the callback that h2o itself uses: what comes after is h2o's, as always.
 */
#include "http/private.h"

#include "route/status.h"

#include <sys/socket.h>
#include <unistd.h>

#define INLINE_BODY 2048 /* a body up to here is copied behind the head: one piece to send */

/* h2o's callback for an HTTP/1 response that is written; the same for all connections. */
static _Atomic(h2o_socket_cb) h2o_written;

/* h2o only reads what it is given. */
static h2o_iovec_t iovec_of(apus_str text)
{
    return (h2o_iovec_t){(char *)(uintptr_t)text.ptr, text.len};
}

/* ---- through h2o: HTTP/2 */

/* HTTP/2 has names in lower case only (RFC 9113 section 8.2). */
static h2o_iovec_t header_name(h2o_req_t *h2o, apus_str name)
{
    h2o_iovec_t out = h2o_strdup(&h2o->pool, name.ptr, name.len);
    h2o_strtolower(out.base, out.len);
    return out;
}

static h2o_iovec_t *content_type_name(void)
{
    return &((h2o_token_t *)(uintptr_t)H2O_TOKEN_CONTENT_TYPE)->buf;
}

static void set_headers(h2o_req_t *h2o, const response *out)
{
    size_t count = out->header_count + (out->content_type.ptr ? 1 : 0);
    h2o_header_t *header = h2o_mem_alloc_pool(&h2o->pool, count * sizeof *header + out->header_count * sizeof(h2o_iovec_t));
    h2o_iovec_t *name = (h2o_iovec_t *)(void *)(header + count);
    h2o->res.headers = (h2o_headers_t){header, count, count};
    if (out->content_type.ptr)
        *header++ = (h2o_header_t){content_type_name(), NULL, iovec_of(out->content_type)};
    for (size_t i = 0; i < out->header_count; i++) {
        *name = header_name(h2o, out->headers[i].name);
        *header++ = (h2o_header_t){name++, NULL, iovec_of(out->headers[i].value)};
    }
}

static void write_through_h2o(exchange *x, size_t length, h2o_iovec_t *body)
{
    h2o_req_t *h2o = x->h2o;
    const response *out = &x->request.out;
    h2o->res.status = out->status;
    h2o->res.reason = status_phrase(out->status).ptr;
    h2o->res.content_length = length;
    set_headers(h2o, out);
    h2o_start_response(h2o, &x->generator);
    h2o_send(h2o, body, body->len ? 1 : 0, H2O_SEND_STATE_FINAL);
}

/* ---- past h2o: HTTP/1 */

/* h2o answers a request on a socket that nobody sees, by itself; the handler knows it by its lack of a connection. */
bool write_learn(http_server *s)
{
    static const char request[] = "GET / HTTP/1.0\r\n\r\n";
    int ends[2];
    if (atomic_load_explicit(&h2o_written, memory_order_relaxed))
        return true;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) < 0)
        return false;
    h2o_socket_t *socket = h2o_evloop_socket_create(s->loop->h2o, ends[0], H2O_SOCKET_FLAG_IS_ACCEPTED_CONNECTION);
    memcpy(h2o_buffer_reserve(&socket->input, sizeof request).base, request, sizeof request - 1);
    socket->input->size = sizeof request - 1;
    h2o_http1_accept(&s->accept, socket, *h2o_get_timestamp(&s->context, NULL, NULL));
    atomic_store_explicit(&h2o_written, socket->_cb.write, memory_order_relaxed);
    close(ends[1]);
    return true;
}

static char *put(char *at, const char *bytes, size_t length)
{
    return (char *)memcpy(at, bytes, length) + length;
}

static char *put_str(char *at, apus_str text)
{
    return put(at, text.ptr, text.len);
}

#define ADD(at, literal) put((at), literal, sizeof(literal) - 1)

static char *put_number(char *at, size_t number)
{
    char digits[20], *first = digits + sizeof digits;
    do
        *--first = (char)('0' + number % 10);
    while (number /= 10);
    return put(at, first, (size_t)(digits + sizeof digits - first));
}

static char *put_status(char *at, int status)
{
    at = ADD(at, "HTTP/1.1 ");
    at = put_number(at, (size_t)status);
    *at++ = ' ';
    return put_str(at, status_phrase(status));
}

static char *put_date(char *at, http_server *s)
{
    h2o_get_timestamp(&s->context, NULL, NULL);
    at = ADD(at, "\r\ndate: ");
    return put(at, s->context._timestamp_cache.value->rfc1123, H2O_TIMESTR_RFC1123_LEN);
}

/* HTTP/1.1 stays open unless told otherwise, HTTP/1.0 closes (RFC 9112 section 9.3). */
static char *put_connection(char *at, const h2o_req_t *h2o)
{
    if (!h2o->http1_is_persistent)
        return ADD(at, "\r\nconnection: close");
    return h2o->version == 0x100 ? ADD(at, "\r\nconnection: keep-alive") : at;
}

static char *put_head(char *at, exchange *x, size_t length)
{
    const response *out = &x->request.out;
    at = put_status(at, out->status);
    at = put_date(at, x->server);
    at = put_connection(at, x->h2o);
    if (length != SIZE_MAX)
        at = put_number(ADD(at, "\r\ncontent-length: "), length);
    if (out->content_type.ptr)
        at = put_str(ADD(at, "\r\ncontent-type: "), out->content_type);
    for (size_t i = 0; i < out->header_count; i++) {
        at = put_str(ADD(at, "\r\n"), out->headers[i].name);
        at = put_str(ADD(at, ": "), out->headers[i].value);
    }
    return ADD(at, "\r\n\r\n");
}

static size_t head_room(const response *out)
{
    size_t size = 256 + out->content_type.len; /* status line, date, connection, length: at most 190 */
    for (size_t i = 0; i < out->header_count; i++)
        size += out->headers[i].name.len + out->headers[i].value.len + 4;
    return size;
}

static void write_to_socket(exchange *x, size_t length, const h2o_iovec_t *body)
{
    size_t inlined = body->len <= INLINE_BODY ? body->len : 0, room = head_room(&x->request.out) + inlined;
    char *start = arena_alloc(&x->memory, room);
    if (!start)
        start = h2o_mem_alloc_pool(&x->h2o->pool, room);
    char *end = put_head(start, x, length);
    if (inlined)
        end = put(end, body->base, inlined);
    h2o_iovec_t pieces[2] = {{start, (size_t)(end - start)}, *body};
    h2o_socket_write(x->connection->socket, pieces, body->len > inlined ? 2 : 1,
                     atomic_load_explicit(&h2o_written, memory_order_relaxed));
}

void exchange_write(exchange *x)
{
    const response *out = &x->request.out;
    bool has_body = status_has_body(out->status);
    bool silent = !has_body || apus_str_is(x->request.method, "HEAD");
    size_t length = has_body ? out->body.len : out->status == 205 ? 0 : SIZE_MAX;
    h2o_iovec_t body = silent ? (h2o_iovec_t){NULL, 0} : iovec_of(out->body);
    x->sent_length = body.len;
    if (x->h2o->version < 0x200)
        write_to_socket(x, length, &body);
    else
        write_through_h2o(x, length, &body);
}
