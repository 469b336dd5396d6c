/* Operations, routers, dependencies, responses: what FastAPI's decorators say, as tables. */
#ifndef APUS_ROUTE_H
#define APUS_ROUTE_H

#include "apus_model.h"
#include "apus_task.h"

/* A compiler then says where in the application a mistake stands, not which macro met it. */
#pragma GCC system_header

#pragma GCC visibility push(default)

/** A handler or dependency behind its types. */
typedef int (*apus_handler)(apus_request *req, const void *in, void *out);

/** A dependency: a function with parameters of its own and a result. Made by DEPENDENCY. */
struct apus_dependency {
    const char *name;
    apus_handler run;
    const apus_model *(*in)(void);
    const apus_model *(*out)(void);
    bool no_cache;        /* run anew for each use within a request (Depends(use_cache=False)) */
    bool before_response; /* its clean-ups run before the response is sent (scope="function") */
};

/** A dependency as it is named in tables: `verify_token_dependency`. */
typedef const apus_dependency *(*apus_dependency_fn)(void);

#define APUS_HANDLER(fn, IN, OUT)                                                             \
    _Generic((fn), int (*)(apus_request *, const IN##_value *, OUT##_value *): (apus_handler)(void (*)(void))(fn))

/** Makes a dependency known before, or in another file than, its DEPENDENCY. */
#define DECLARE_DEPENDENCY(D, OUT)   \
    typedef OUT##_value D##_result;  \
    const apus_dependency *D##_dependency(void)

/**
 * Declares the function `int D(apus_request *req, const struct IN *in, struct OUT *out)` as a dependency; of a single value OUT is
 * its type, `int64_t` or another built-in one, and of an effect alone apus_none. What it opens, apus_defer closes after the
 * response. At file scope, after the function; options follow: `.no_cache`, `.before_response`. An error response made in it
 * (http_error, http_raise) ends the request.
 */
#define DEPENDENCY(D, IN, OUT, ...)                                                                            \
    DECLARE_DEPENDENCY(D, OUT);                                                                                \
    const apus_dependency *D##_dependency(void)                                                                \
    {                                                                                                          \
        static const apus_dependency dependency = {.name = #D, .run = APUS_HANDLER(D, IN, OUT), .in = IN##_model, \
                                                   .out = OUT##_model, __VA_ARGS__};                           \
        return &dependency;                                                                                    \
    }                                                                                                          \
    _Static_assert(1, "")

#define APUS_LIMIT_LISTED 8 /* tags, dependencies, responses of one route, router or app */

/** Documentation of one more response: `{404, "Not found"}`, `{404, "Not found", .model = message_model}`. */
typedef struct apus_response_doc {
    int status;
    const char *description;
    apus_model_fn model;
    const char *extra_json; /* a JSON object merged into the response: headers, links, more of `content` */
} apus_response_doc;

/** `.tags = TAGS("items")` */
#define TAGS(...) {__VA_ARGS__}
/** `.responses = RESPONSES({404, "Not found"})` */
#define RESPONSES(...) {__VA_ARGS__}
#define APUS_EACH_1(m, a) m(a)
#define APUS_EACH_2(m, a, ...) m(a), APUS_EACH_1(m, __VA_ARGS__)
#define APUS_EACH_3(m, a, ...) m(a), APUS_EACH_2(m, __VA_ARGS__)
#define APUS_EACH_4(m, a, ...) m(a), APUS_EACH_3(m, __VA_ARGS__)
#define APUS_EACH_5(m, a, ...) m(a), APUS_EACH_4(m, __VA_ARGS__)
#define APUS_EACH_6(m, a, ...) m(a), APUS_EACH_5(m, __VA_ARGS__)
#define APUS_EACH_7(m, a, ...) m(a), APUS_EACH_6(m, __VA_ARGS__)
#define APUS_EACH_8(m, a, ...) m(a), APUS_EACH_7(m, __VA_ARGS__)
#define APUS_EACH_PICK(a1, a2, a3, a4, a5, a6, a7, a8, name, ...) name
#define APUS_EACH(m, ...)                                                                                          \
    APUS_EACH_PICK(__VA_ARGS__, APUS_EACH_8, APUS_EACH_7, APUS_EACH_6, APUS_EACH_5, APUS_EACH_4, APUS_EACH_3,      \
                   APUS_EACH_2, APUS_EACH_1, )(m, __VA_ARGS__)
#define APUS_DEPENDENCY_OF(D) D##_dependency
/** `.dependencies = DEPENDS_ON(verify_token, verify_key)`: run for their effect, at most eight. */
#define DEPENDS_ON(...) {APUS_EACH(APUS_DEPENDENCY_OF, __VA_ARGS__)}

/** A setting that has three answers: the router's or the application's when it is not given. */
typedef enum apus_tristate { APUS_INHERIT, APUS_ON, APUS_OFF } apus_tristate;

/** What the OpenAPI document says of a route's result. */
typedef enum apus_response_schema { APUS_DOCUMENTED, APUS_UNDOCUMENTED } apus_response_schema;

/** One path operation. Made by GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS; the options are named members. */
typedef struct apus_route {
    const char *method, *path, *name;
    apus_handler run;
    apus_model_fn in, out;
    int status; /* of the result; default 200 */
    const char *summary, *description, *response_description, *operation_id;
    const char *tags[APUS_LIMIT_LISTED];
    apus_dependency_fn dependencies[APUS_LIMIT_LISTED];
    apus_response_doc responses[APUS_LIMIT_LISTED];
    apus_response_schema response_model;
    /*
     * Members of the result that are left out, at every depth: those that the client did not send (of an object that came in, of
     * its apus_assign or of apus_load's; of others an apus_opt_ that is unset), null ones, those that hold their default.
     */
    bool exclude_unset, exclude_none, exclude_defaults;
    bool deprecated, hidden;
    const char *media_type;          /* of the result; default application/json */
    const char *openapi_extra_json;
    size_t max_body;                 /* bytes; 0 inherits */
    apus_tristate strict_content_type;
    double timeout;                  /* seconds; 0 inherits REQUEST_TIMEOUT, negative: none */
} apus_route;

/** A router's rows. */
typedef struct apus_routes {
    const apus_route *rows;
    size_t count;
} apus_routes;

#define APUS_ROUTE(verb, template, fn, IN, OUT, ...) \
    {.method = verb, .path = template, .name = #fn, .run = APUS_HANDLER(fn, IN, OUT), .in = IN##_model, .out = OUT##_model, __VA_ARGS__}
/** `GET("/items/{item_id}", read_item, read_item_in, item, .summary = "…")`: template, handler, IN, OUT, options. */
#define GET(template, fn, IN, OUT, ...) APUS_ROUTE("GET", template, fn, IN, OUT, __VA_ARGS__)
#define POST(template, fn, IN, OUT, ...) APUS_ROUTE("POST", template, fn, IN, OUT, __VA_ARGS__)
#define PUT(template, fn, IN, OUT, ...) APUS_ROUTE("PUT", template, fn, IN, OUT, __VA_ARGS__)
#define PATCH(template, fn, IN, OUT, ...) APUS_ROUTE("PATCH", template, fn, IN, OUT, __VA_ARGS__)
#define DELETE(template, fn, IN, OUT, ...) APUS_ROUTE("DELETE", template, fn, IN, OUT, __VA_ARGS__)
#define HEAD(template, fn, IN, OUT, ...) APUS_ROUTE("HEAD", template, fn, IN, OUT, __VA_ARGS__)
#define OPTIONS(template, fn, IN, OUT, ...) APUS_ROUTE("OPTIONS", template, fn, IN, OUT, __VA_ARGS__)

/** Makes a router of another file known: `DECLARE_ROUTES(items);` */
#define DECLARE_ROUTES(NAME) extern const apus_routes NAME[1]
/** A router's table, at file scope: `ROUTES(items, GET(…), POST(…));` */
#define ROUTES(NAME, ...)                                   \
    DECLARE_ROUTES(NAME);                                   \
    static const apus_route NAME##_rows[] = {__VA_ARGS__};  \
    const apus_routes NAME[1] = {{NAME##_rows, sizeof NAME##_rows / sizeof *NAME##_rows}}

/** A router as it is included: prefix, tags and dependencies go before those of its routes. */
typedef struct apus_router apus_router;
struct apus_router {
    const apus_routes *routes; /* may be NULL: only nested routers */
    const char *prefix;
    const char *tags[APUS_LIMIT_LISTED];
    apus_dependency_fn dependencies[APUS_LIMIT_LISTED];
    apus_response_doc responses[APUS_LIMIT_LISTED];
    const apus_router *routers; /* nested; made by ROUTERS */
    bool deprecated, hidden;
    size_t max_body;
    apus_tristate strict_content_type;
};
/** `.routers = ROUTERS({items, .prefix = "/items"}, {users})`: ends with an empty element. */
#define ROUTERS(...)              \
    (const apus_router[])         \
    {                             \
        __VA_ARGS__, {.prefix = NULL} \
    }

/** A kind of exception that handlers raise with a value: `static const apus_exception unicorn = {"UnicornException"};` */
typedef struct apus_exception {
    const char *name;
} apus_exception;

/**
 * Answers for an exception. `value` is what http_raise was given; for `.validation`, NULL (http_validation_errors tells); for a
 * status and `.http`, the error's detail as `const apus_json *` (http_response_status tells the status). Makes a response
 * (http_json, http_text …) and returns what that returns; `return 0` without one keeps the default answer.
 */
typedef int (*apus_exception_handler)(apus_request *req, const void *value);
typedef struct apus_exception_row {
    const apus_exception *kind; /* by kind, or */
    int status;                 /* by status (of http_error, 404 and 405 of the router, 500 of a failed handler), or */
    bool http;                  /* any of http_error, 404 and 405 of the router; a row for the status goes before */
    bool validation;            /* a request's 422 */
    apus_exception_handler run;
} apus_exception_row;
/** `.exception_handlers = HANDLERS({&unicorn, .run = on_unicorn}, {.status = 404, .run = on_404})` */
#define HANDLERS(...)                  \
    (const apus_exception_row[])       \
    {                                  \
        __VA_ARGS__, {.run = NULL}     \
    }

/** What a middleware calls to go on; returns what the rest returned. After it, the response can be looked at and changed. */
typedef struct apus_next apus_next;
int apus_call_next(apus_request *req, apus_next *next);
/** A middleware: runs outside routing, sees 404 and 422. The first of the list is the outermost. */
typedef int (*apus_middleware)(apus_request *req, apus_next *next);
#define MIDDLEWARE(...)             \
    (const apus_middleware[])       \
    {                               \
        __VA_ARGS__, NULL           \
    }

/** Cross-origin requests that browsers may make: lists are separated by commas; NULL for methods and headers is `*`. */
typedef struct apus_cors {
    const char *origins; /* "https://a.example, https://b.example" or "*"; NULL: no CORS. CORS_ORIGINS wins */
    const char *methods, *headers, *expose;
    bool credentials;
    int max_age; /* seconds; 0 is 600 */
} apus_cors;

/* The request. Slices live as long as it. */
apus_str http_method(const apus_request *req);
/** The path, percent-decoded; without the query. */
apus_str http_path(const apus_request *req);
/** The target as it came, query included. */
apus_str http_target(const apus_request *req);
/** The query as it came, without `?`; empty without one. */
apus_str http_query(const apus_request *req);
/** The first header of that name (any case), or an empty slice with ptr NULL. */
apus_str http_request_header(const apus_request *req, const char *name);
/** The whole body, as it came. */
apus_str http_body(const apus_request *req);
/**
 * The body as a handler of `.validation` shows it: its JSON, or as a JSON text what is none; null where the route takes no body,
 * or none came. In the request's arena.
 */
apus_json http_body_json(apus_request *req);
/** The client's address as text: the peer's, or of `X-Forwarded-For` when the peer is trusted. */
apus_str http_client(const apus_request *req);
/** The application's state, as its lifespan set it (apus_set_state). */
void *http_state(const apus_request *req);

/* The response. Each call that makes one returns APUS_ERESPONDED, for `return http_error(…);`. */
/** `{"detail": text}` with that status; text NULL gives the status's reason phrase. */
int http_error(apus_request *req, int status, const char *detail);
/** The same with a formatted detail. */
int http_errorf(apus_request *req, int status, const char *format, ...) __attribute__((format(printf, 3, 4)));
/** `{"detail": value}` with any model. */
int http_error_model_as(apus_request *req, int status, apus_model_fn model, const void *value);
#define http_error_model(req, status, model, value) http_error_model_as((req), (status), (model), APUS_IS_A(model, value))
/** A value of a model as JSON. */
int http_json_as(apus_request *req, int status, apus_model_fn model, const void *value);
#define http_json(req, status, model, value) http_json_as((req), (status), (model), APUS_IS_A(model, value))
/** A value of a model as JSON text, as a response would carry it, in the request's arena; null when it breaks its own table. */
apus_json apus_dump_as(apus_request *req, apus_model_fn model, const void *value);
#define apus_dump(req, model, value) apus_dump_as((req), (model), APUS_IS_A(model, value))
/** JSON text as it is. */
int http_json_text(apus_request *req, int status, apus_str text);
/** Bytes with a content type; the bytes are not copied and must live as long as the request (arena or static). */
int http_bytes(apus_request *req, int status, const char *content_type, apus_str body);
int http_text(apus_request *req, int status, apus_str body);
int http_html(apus_request *req, int status, apus_str body);
/** 307 unless `status` says otherwise (0 = 307); `location` is percent-encoded where needed. */
int http_redirect(apus_request *req, int status, const char *location);
/** Raises: the application's exception handler for `kind` answers; without one, 500. `value` must live as long as the request. */
int http_raise(apus_request *req, const apus_exception *kind, const void *value);
/** The status of a result that is still to come. */
void http_status(apus_request *req, int status);
/** Adds a header to whatever response comes. A name or value with CR, LF or NUL is refused: APUS_EINVAL. */
int http_header(apus_request *req, const char *name, apus_str value);
/** Sets a header: replaces those of that name. */
int http_set_header(apus_request *req, const char *name, apus_str value);
/** The status of the response made so far (in a middleware, after apus_call_next). */
int http_response_status(const apus_request *req);
/** The validation errors of a request as FastAPI's `detail` array in JSON. For `.validation` handlers. */
apus_str http_validation_errors(apus_request *req);

/** Runs `run(task, arg)` after the response was sent. `arg` must live in the request's arena or longer. */
void http_background(apus_request *req, void (*run)(apus_task *task, void *arg), void *arg);

bool apus_field_was_set(apus_request *req, const void *object, size_t offset, size_t size);
/** Whether the client sent this member of an object that came in: `apus_was_set(req, &in->item, tax)`. */
#define apus_was_set(req, object, m)                                                                                   \
    apus_field_was_set((req), (object), offsetof(__typeof__(*(object)), m), sizeof((object)->m))
/**
 * Copies an object that came in, or apus_load's, with what the client sent of it: `*out = in->item` copies the values alone, and
 * then .exclude_unset leaves no plain member out.
 */
void apus_assign_as(apus_request *req, apus_model_fn model, void *object, const void *sent);
#define apus_assign(req, model, object, sent) apus_assign_as((req), (model), APUS_IS_A(model, object), APUS_IS_A(model, sent))
/** Copies the members that the client sent from `sent`, an object that came in, over those of `object`: what PATCH does. */
void apus_update_as(apus_request *req, apus_model_fn model, void *object, const void *sent);
#define apus_update(req, model, object, sent) apus_update_as((req), (model), APUS_IS_A(model, object), APUS_IS_A(model, sent))
/** Reads JSON text into a value of the model, in the arena. 0, or APUS_EVALIDATION with the first mistake in apus_error. */
int apus_load_as(apus_request *req, apus_model_fn model, void *out, apus_str json);
#define apus_load(req, model, out, json) apus_load_as((req), (model), APUS_IS_A(model, out), (json))

#pragma GCC visibility pop

#endif
