/* HTTP/2: requests that share a connection. */
#include "http/private.h"

#define ABORTED_STREAMS 50 /* so many may be thrown away before it is held against the client */

/*
 * Rapid reset (CVE-2023-44487), MadeYouReset (CVE-2025-8671): work that is asked for and thrown away. libh2o 2.2.5 lets it
 * happen without end; a connection of which more than half comes to nothing is closed.
 */
static void count_stream(connection *c, const exchange *x)
{
    if (x->sent_at && x->h2o->bytes_sent >= x->sent_length)
        return;
    if (++c->aborted_streams > ABORTED_STREAMS && c->aborted_streams > c->streams / 2 && !c->doomed) {
        c->doomed = true; /* h2o goes through what it has read all the same: those requests are not begun */
        http_connection_kill(c);
    }
}

static void http2_disposed(void *data)
{
    exchange *x = *(exchange **)data;
    connection *c = x->connection;
    count_stream(c, x);
    c->served++;
    if (--c->open_streams == 0)
        http_connection_enter(c, CONNECTION_IDLE);
    exchange_let_go(x);
}

void http2_begin(exchange *x)
{
    connection *c = x->connection;
    exchange **link = h2o_mem_alloc_shared(&x->h2o->pool, sizeof(void *), http2_disposed);
    *link = x;
    c->http2 = true;
    c->streams++;
    if (c->open_streams++ == 0)
        http_connection_enter(c, CONNECTION_BUSY);
}

static apus_str slice_of(h2o_iovec_t bytes)
{
    return (apus_str){bytes.base, bytes.len};
}

static void note_field(http_head *head, apus_str name, apus_str value)
{
    const http_field *field = &head->fields[head->count];
    if (apus_str_is(name, "x-forwarded-for"))
        head->forwarded_for = field;
    else if (apus_str_is(name, "x-forwarded-proto"))
        head->forwarded_proto = field;
    else if (apus_str_is(name, "x-request-id"))
        head->request_id = field;
    else if (apus_str_is(name, "content-length"))
        head->has_length = true;
    head->fields[head->count++] = (http_field){name, value};
}

static bool is_target(apus_str target)
{
    if (target.len == 0 || (target.ptr[0] != '/' && !apus_str_is(target, "*")))
        return false;
    for (size_t i = 0; i < target.len; i++)
        if ((unsigned char)target.ptr[i] <= ' ' || target.ptr[i] == 0x7f)
            return false;
    return true;
}

const http_refusal *http2_head(http_head *head, h2o_req_t *h2o)
{
    static const http_refusal bad_target = {400, "Invalid HTTP request: the target is not a path"};
    static const http_refusal too_many = {431, "Request Header Fields Too Large: more than 100 headers"};
    memset(head, 0, offsetof(http_head, fields));
    head->method = slice_of(h2o->input.method);
    head->target = slice_of(h2o->input.path);
    if (!is_target(head->target))
        return &bad_target;
    if (h2o->headers.size >= LIMIT_HEADERS)
        return &too_many;
    head_split(head, head->target);
    head->host = head->fields;
    note_field(head, APUS_STR("host"), slice_of(h2o->input.authority));
    for (size_t i = 0; i < h2o->headers.size; i++)
        note_field(head, slice_of(*h2o->headers.entries[i].name), slice_of(h2o->headers.entries[i].value));
    return NULL;
}

void http2_keep_head(http_head *head, apus_task *task)
{
    head->method = apus_task_copy(task, head->method);
    head->target = apus_task_copy(task, head->target);
    head_split(head, head->target);
    for (size_t i = 0; i < head->count; i++) {
        http_field *field = &head->fields[i];
        *field = (http_field){apus_task_copy(task, field->name), apus_task_copy(task, field->value)};
    }
}
