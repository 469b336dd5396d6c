/* Answers that need no route: refusals. */
#include "http/private.h"

#include "core/memory.h"
#include "route/status.h"

#include <stdio.h>

const http_refusal refusal_timeout = {408, "Request Timeout"};
const http_refusal refusal_too_large = {413, NULL}; /* NULL: as FastAPI answers a declared length, in plain text */
const http_refusal refusal_too_large_chunks = {413, "Content Too Large"};
const http_refusal refusal_busy = {503, "Too many connections"};
const http_refusal refusal_uploads = {503, "Too many uploads under way"};
const http_refusal refusal_memory = {503, "Request needs too much memory"};
const http_refusal refusal_chunks = {400, "Invalid HTTP request: broken chunked encoding"};
const http_refusal refusal_path = {400, "Invalid HTTP request: a zero byte in the path"};
const http_refusal refusal_internal = {500, "Internal Server Error"};
const http_refusal refusal_closing = {503, "Service Unavailable"};

#define BODY_SIZE 160

static const char *type_of(const http_refusal *refusal)
{
    return refusal->detail ? "application/json" : "text/plain; charset=utf-8";
}

/* Details are our own words: nothing in them needs an escape. */
static size_t body_of(const http_refusal *refusal, char body[BODY_SIZE])
{
    return refusal->detail ? (size_t)snprintf(body, BODY_SIZE, "{\"detail\":\"%s\"}", refusal->detail)
                           : (size_t)snprintf(body, BODY_SIZE, "%s", "Content Too Large");
}

char *answer_text(http_server *s, const http_refusal *refusal, size_t *length)
{
    const size_t size = BODY_SIZE + 320;
    char body[BODY_SIZE];
    size_t body_length = body_of(refusal, body);
    char *text = memory_alloc(size);
    if (!text)
        return NULL;
    h2o_get_timestamp(&s->context, NULL, NULL);
    const char *date = s->context._timestamp_cache.value->rfc1123;
    *length = (size_t)snprintf(text, size,
                               "HTTP/1.1 %d %s\r\ndate: %s\r\nconnection: close\r\ncontent-length: %zu\r\n"
                               "content-type: %s\r\n%s\r\n%s",
                               refusal->status, status_phrase(refusal->status).ptr, date, body_length,
                               type_of(refusal), refusal->status == 503 ? "retry-after: 1\r\n" : "", body);
    return text;
}

static void add_type(h2o_req_t *req, const char *type)
{
    h2o_add_header(&req->pool, &req->res.headers, H2O_TOKEN_CONTENT_TYPE, NULL, type, strlen(type));
}

void answer_send(h2o_req_t *req, const http_refusal *refusal)
{
    static h2o_generator_t generator;
    char *body = h2o_mem_alloc_pool(&req->pool, BODY_SIZE);
    h2o_iovec_t bytes = {body, body_of(refusal, body)};
    req->http1_is_persistent = 0;
    req->res.status = refusal->status;
    req->res.reason = status_phrase(refusal->status).ptr;
    req->res.content_length = bytes.len;
    req->res.headers = (h2o_headers_t){NULL};
    add_type(req, type_of(refusal));
    if (refusal->status == 503)
        h2o_add_header(&req->pool, &req->res.headers, H2O_TOKEN_RETRY_AFTER, NULL, H2O_STRLIT("1"));
    h2o_start_response(req, &generator);
    bool head = h2o_memis(req->method.base, req->method.len, H2O_STRLIT("HEAD"));
    h2o_send(req, &bytes, head ? 0 : 1, H2O_SEND_STATE_FINAL);
}

/* A filter that puts our body in the place of h2o's. */
typedef struct rewriter {
    h2o_ostream_t super;
    h2o_iovec_t body;
} rewriter;

static void rewriter_send(h2o_ostream_t *self, h2o_req_t *req, h2o_iovec_t *bytes, size_t count, h2o_send_state_t state)
{
    (void)bytes, (void)count;
    h2o_ostream_send_next(self, req, &((rewriter *)self)->body, 1, state);
}

static void report(h2o_req_t *req, const http_refusal *refusal)
{
    connection *c = connection_of(req->conn->callbacks->get_socket(req->conn));
    http_head *head = &server_of(req)->head;
    if (!c)
        return; /* write_learn's */
    if (req->version < 0x200) {
        report_refusal_of_input(c, refusal);
        return;
    }
    http2_head(head, req);
    report_refusal(c, head, refusal);
}

static void rewriter_set_up(h2o_filter_t *self, h2o_req_t *req, h2o_ostream_t **slot)
{
    (void)self;
    http_refusal refusal = {req->res.status, refusal_chunks.detail};
    if (refusal.status == 413)
        refusal.detail = refusal_too_large_chunks.detail;
    else if (refusal.status != 400)
        refusal.detail = status_phrase(refusal.status).ptr;
    rewriter *r = (rewriter *)h2o_add_ostream(req, sizeof *r, slot);
    char *body = h2o_mem_alloc_pool(&req->pool, BODY_SIZE);
    r->super.do_send = rewriter_send;
    r->body = (h2o_iovec_t){body, body_of(&refusal, body)};
    req->res.reason = status_phrase(refusal.status).ptr;
    req->res.content_length = r->body.len;
    req->res.headers = (h2o_headers_t){NULL};
    add_type(req, "application/json");
    http_counts.bad_requests++;
    report(req, &refusal);
    h2o_setup_next_ostream(req, &r->super.next);
}

void answer_register_filter(h2o_pathconf_t *path)
{
    h2o_create_filter(path, sizeof(h2o_filter_t))->on_setup_ostream = rewriter_set_up;
}
