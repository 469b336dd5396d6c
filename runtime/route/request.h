/* A request as the rooms above see it: http fills what came in, route runs it, http sends what goes out. */
#ifndef ROUTE_REQUEST_H
#define ROUTE_REQUEST_H

#include "apus_route.h"
#include "core/buffer.h"
#include "fiber/fiber.h"
#include "model/model.h"

typedef struct router router;
typedef struct operation operation;

/** A header line; names of requests are lower-case. */
typedef struct http_field {
    apus_str name, value;
} http_field;

#define REQUEST_CAPTURES 16 /* path parameters of one template */

/** What a response is made of. Slices are static or in the request's arena. */
typedef struct response {
    int status;           /* 0: none made yet */
    int status_override;  /* of http_status; 0: the route's */
    apus_str content_type; /* ptr NULL: no content-type header */
    apus_str body;
    http_field *headers;
    size_t header_count, header_capacity;
    bool close;           /* the connection shall close after it */
} response;

/** How a request reaches its connection: http's functions. */
typedef struct transport {
    /** Sends the response that req->out holds; once. On the request's fiber; returns at once, the bytes stay until they are written. */
    void (*send)(apus_request *req);
} transport;

typedef struct background_task {
    struct background_task *next;
    void (*run)(apus_task *task, void *arg);
    void *arg;
} background_task;

typedef struct dependency_result {
    struct dependency_result *next;
    apus_dependency_fn dependency;
    void *value;
    bool valid; /* its parameters were */
} dependency_result;

struct apus_request {
    apus_task task; /* first: an apus_request is an apus_task */

    /* set by http before route_run */
    const router *router;
    const transport *transport;
    void *exchange;        /* http's own */
    apus_str method, target, query;
    apus_str path;         /* decoded */
    apus_str body;
    bool body_too_large;   /* past the limit while it came in chunks */
    const http_field *headers;
    size_t header_count;
    apus_str scheme, host; /* of this request: X-Forwarded-Proto when trusted; the Host header */
    apus_str peer, client;
    apus_str request_id;   /* X-Request-ID in, or made */
    bool draining;

    /* set by route */
    const operation *operation; /* NULL: none matched */
    apus_str captures[REQUEST_CAPTURES];
    size_t capture_count;
    response out;
    model_reader reader;
    dependency_result *results;
    background_task *background, **background_last;
    const apus_exception *raised;
    const void *raised_value;
    void *state;           /* http_state */
    uint64_t sent;         /* monotonic: when the response was handed to the connection */
};

/** The whole life of a request on its fiber: match, middleware, dependencies, handler, send, clean-ups, background tasks. */
void route_run(apus_task *task);
/** After the fiber ended without an answer (memory): makes the answer, sends it, and what clean-ups are left. On a fresh fiber. */
void route_run_abandoned(apus_task *task);

#endif
