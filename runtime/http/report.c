/* What the log is told of requests that are refused before they have a route. */
#include "http/private.h"

/* A path as it came, without its query: that of a target that is refused has not been split yet. */
static apus_str path_of(http_head *head)
{
    if (head->path.len == 0 && head->target.len && *head->target.ptr == '/')
        head_split(head, head->target);
    return head->path;
}

static bool is_wanted(const connection *c)
{
    return c->server->router->hooks.refused != NULL;
}

void report_refusal(const connection *c, http_head *head, const http_refusal *refusal)
{
    if (!is_wanted(c))
        return;
    apus_str peer = {c->peer, c->peer_length};
    const http_field *forwarded = c->trusted ? head->forwarded_for : NULL;
    c->server->router->hooks.refused(&(route_refusal){
        .method = head->method,
        .path = path_of(head),
        .client = forwarded ? trust_client(forwarded->value, peer) : peer,
        .request_id = head->request_id ? head->request_id->value : (apus_str){"", 0},
        .status = refusal->status,
        .reason = refusal->detail ? refusal->detail : refusal_too_large_chunks.detail,
    });
}

void report_refusal_of_input(connection *c, const http_refusal *refusal)
{
    http_head *head = &c->server->head;
    const http_refusal *known;
    h2o_buffer_t *input = c->socket->input;
    if (!is_wanted(c))
        return;
    head_read(head, input->bytes, input->size, (size_t)http_options.max_header, &known);
    report_refusal(c, head, refusal);
}
