/* The router: built once before listening, read by every worker. */
#ifndef ROUTE_ROUTER_H
#define ROUTE_ROUTER_H

#include "apus.h"
#include "route/request.h"

#define OPERATION_DEPENDENCIES 64                       /* uses of dependencies by one operation, sub-dependencies included */
#define LIMIT_ROUTER_MEMORY ((size_t)256 * 1024 * 1024) /* of the tables that router_build makes */

/** A route as it is served: prefixes joined, settings of app and routers folded in. */
struct operation {
    const apus_route *route;
    apus_str method;
    const char *path;          /* the whole template */
    const char *format;        /* the template without convertors, `/files/{path}`: as it is documented */
    const char *operation_id;  /* FastAPI's rule, or the given one */
    const char *summary;
    const char *const *tags;
    size_t tag_count;
    const apus_dependency_fn *dependencies; /* app's, routers', route's, outermost first */
    size_t dependency_count;
    const apus_response_doc *responses;
    size_t response_count;
    const apus_model *in, *out;
    int status;
    bool deprecated, hidden, strict_content_type;
    size_t max_body;           /* 0: the server's */
    double timeout;            /* 0: the server's; negative: none */
    size_t index;              /* position among the operations: metrics are counted by it */
    struct operation_plan *plan; /* route's own: how parameters are filled */
    struct template_segments *segments;
};

/** A request that was answered before it had a route. Of a head that is broken or not whole, texts may be empty. */
typedef struct route_refusal {
    apus_str method, client, request_id;
    apus_str path; /* as it came */
    int status;
    const char *reason;
} route_refusal;

/** What ops sets before listening; each may be NULL. */
typedef struct route_hooks {
    void (*started)(apus_request *req);  /* on its fiber, before anything else */
    void (*finished)(apus_request *req); /* after the response was handed over */
    void (*failed)(apus_request *req, const char *what); /* an unhandled error: for the log */
    void (*refused)(const route_refusal *refusal);       /* in the place of all others */
} route_hooks;

struct router {
    const apus_app *app;
    const operation *operations; /* in order of registration */
    size_t count;
    route_hooks hooks;
    void *state;          /* what http_state gives; NULL: what apus_set_state was given */
    double timeout;       /* REQUEST_TIMEOUT */
    size_t max_body, max_depth;
    apus_str root_path;
    struct router_index *index;
    arena memory;
};

/**
 * Builds the router of an application: `before` and `after` are the runtime's own routes (docs, health). On error NULL, and one
 * line in `error` that names the route and the field.
 */
router *router_build(const apus_app *app, const apus_routes *before, const apus_routes *after, char *error, size_t error_size);
void router_free(router *r);
/** The body limit that holds for a request before its body was read; matches by method and raw path. */
size_t router_body_limit(const router *r, apus_str method, apus_str path);

/** All parameters of an operation and its dependencies, flattened in FastAPI's order, for the OpenAPI document. */
typedef struct operation_parameter {
    const apus_field *field;
    const apus_model *model; /* the IN model that holds it */
} operation_parameter;
size_t operation_parameters(const operation *op, operation_parameter *out, size_t size);

#endif
