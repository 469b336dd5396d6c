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
    bool is_error;        /* made by http_error and its kin, or by the router: a handler for its status may answer instead */
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

/** A dependency's value, kept for its other uses within the request; one per distinct dependency of the operation. */
typedef struct dependency_result {
    void *value; /* NULL: not run yet */
} dependency_result;

/** Names and values of a query or of cookies, decoded, in the order they came. */
typedef struct request_texts {
    const http_field *pairs;
    size_t count;
    bool parsed;
} request_texts;

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
    apus_str captures[REQUEST_CAPTURES];
    const operation *operation; /* NULL: none matched */
    response out;
    model_reader reader;
    bool reading;          /* its parameters or body are being read: what goes wrong now is the client's */
    request_texts queries, cookies;
    json_value *json;      /* of the body; NULL: none, or not JSON */
    dependency_result *results;
    task_clean_up *before_response; /* clean-ups that run before the response is sent, last first */
    background_task *background, **background_last;
    const apus_exception *raised;
    const void *raised_value;
    void *state;           /* http_state */
    uint64_t sent;         /* monotonic: when the response was handed to the connection; 0: it was not */
};

/** The whole life of a request on its fiber: match, middleware, dependencies, handler, send, clean-ups, background tasks. */
void route_run(apus_task *task);
/** After the fiber ended without an answer (memory): makes the answer, sends it, and what clean-ups are left. On a fresh fiber. */
void route_run_abandoned(apus_task *task);

#endif
