#include "route/router.h"

#include "core/limits.h"
#include "route/index.h"
#include "route/naming.h"
#include "route/plan.h"
#include "route/status.h"
#include "route/template.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define ROUTER_DEPTH 16 /* routers in routers */

/* What app and routers say to the routes inside them. */
typedef struct settings {
    const char *prefix;
    const char *const *tags;
    size_t tag_count;
    const apus_dependency_fn *dependencies;
    size_t dependency_count;
    const apus_response_doc *responses;
    size_t response_count;
    bool deprecated, hidden;
    size_t max_body;
    apus_tristate strict_content_type;
} settings;

typedef struct builder {
    router *r;
    operation *operations;
    size_t count, capacity;
    char *error;
    size_t error_size;
} builder;

static bool refuse(builder *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool refuse(builder *b, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(b->error, b->error_size, format, args);
    va_end(args);
    return false;
}

static void *allocate(builder *b, size_t size)
{
    void *memory = arena_alloc(&b->r->memory, size + 1);
    if (memory)
        memset(memory, 0, size + 1);
    else
        refuse(b, "out of memory");
    return memory;
}

static char *join(builder *b, const char *first, const char *second)
{
    size_t size = strlen(first) + strlen(second) + 1;
    char *text = allocate(b, size);
    if (text)
        snprintf(text, size, "%s%s", first, second);
    return text;
}

static size_t listed(const void *array, size_t element)
{
    static const char zero[sizeof(apus_response_doc)];
    const char *at = array;
    size_t count = 0;
    while (count < APUS_LIMIT_LISTED && memcmp(at + count * element, zero, element) != 0)
        count++;
    return count;
}

/* The outer list with the inner one behind it, in memory of the router's. */
static const void *joined(builder *b, const void *outer, size_t outer_count, const void *inner, size_t inner_count, size_t element)
{
    if (inner_count == 0)
        return outer;
    char *list = allocate(b, (outer_count + inner_count) * element);
    if (!list)
        return NULL;
    if (outer_count)
        memcpy(list, outer, outer_count * element);
    memcpy(list + outer_count * element, inner, inner_count * element);
    return list;
}

static bool add_lists(builder *b, settings *s, const char *const *tags, const apus_dependency_fn *dependencies,
                      const apus_response_doc *responses)
{
    size_t count = listed(tags, sizeof *tags);
    s->tags = joined(b, s->tags, s->tag_count, tags, count, sizeof *tags);
    s->tag_count += count;
    count = listed(dependencies, sizeof *dependencies);
    s->dependencies = joined(b, s->dependencies, s->dependency_count, dependencies, count, sizeof *dependencies);
    s->dependency_count += count;
    count = listed(responses, sizeof *responses);
    s->responses = joined(b, s->responses, s->response_count, responses, count, sizeof *responses);
    s->response_count += count;
    return (s->tags || !s->tag_count) && (s->dependencies || !s->dependency_count) && (s->responses || !s->response_count);
}

static bool name_operation(builder *b, operation *op)
{
    const apus_route *route = op->route;
    char words[128];
    op->segments = template_parse(&b->r->memory, op->path, words, sizeof words);
    if (!op->segments)
        return refuse(b, "%s %s (%s): %s", route->method, op->path, route->name, words);
    op->format = op->segments->format;
    op->operation_id = route->operation_id ? route->operation_id
                                           : naming_operation_id(&b->r->memory, route->name, op->format, route->method);
    op->summary = route->summary ? route->summary : naming_title(&b->r->memory, apus_cstr(route->name));
    return (op->operation_id && op->summary) || refuse(b, "out of memory");
}

static bool check_route(builder *b, const operation *op)
{
    int status = op->status;
    if (!op->route->run || !op->in || !op->out)
        return refuse(b, "%s %s: the route has no handler, input or output", op->route->method, op->path);
    if (!status_is_final(status))
        return refuse(b, "%s %s (%s): status %d is none of a result (200 to 599)", op->route->method, op->path,
                      op->route->name, status);
    if (!status_has_body(status) && op->out != apus_none_model())
        return refuse(b, "%s %s (%s): status %d has no content: the result is apus_none, not %s", op->route->method, op->path,
                      op->route->name, status, op->out->name);
    if (op->max_body > LIMIT_BODY)
        return refuse(b, "%s %s (%s): max_body is %zu: a body has at most %zu bytes", op->route->method, op->path, op->route->name,
                      op->max_body, LIMIT_BODY);
    return true;
}

static bool add_route(builder *b, const settings *outer, const apus_route *route)
{
    if (b->count == b->capacity)
        return refuse(b, "%s %s: more than %d routes", route->method, route->path, LIMIT_ROUTES);
    settings s = *outer;
    if (!add_lists(b, &s, route->tags, route->dependencies, route->responses))
        return false;
    operation *op = &b->operations[b->count];
    *op = (operation){.route = route,
                      .method = apus_cstr(route->method),
                      .path = join(b, s.prefix, route->path),
                      .tags = s.tags,
                      .tag_count = s.tag_count,
                      .dependencies = s.dependencies,
                      .dependency_count = s.dependency_count,
                      .responses = s.responses,
                      .response_count = s.response_count,
                      .in = route->in ? route->in() : NULL,
                      .out = route->out ? route->out() : NULL,
                      .status = route->status ? route->status : 200,
                      .deprecated = s.deprecated || route->deprecated,
                      .hidden = s.hidden || route->hidden,
                      .max_body = route->max_body ? route->max_body : s.max_body,
                      .timeout = route->timeout,
                      .index = b->count};
    apus_tristate strict = route->strict_content_type ? route->strict_content_type : s.strict_content_type;
    op->strict_content_type = strict != APUS_OFF;
    if (!op->path || !name_operation(b, op) || !check_route(b, op) ||
        !plan_build(op, &b->r->memory, b->error, b->error_size))
        return false;
    b->count++;
    return true;
}

static bool add_routes(builder *b, const settings *s, const apus_routes *routes)
{
    for (size_t i = 0; routes && i < routes->count; i++) {
        if (!add_route(b, s, &routes->rows[i]))
            return false;
    }
    return true;
}

static bool check_prefix(builder *b, const char *prefix)
{
    if (prefix[0] && prefix[0] != '/')
        return refuse(b, "router prefix \"%s\": it starts with a slash", prefix);
    if (prefix[0] && prefix[strlen(prefix) - 1] == '/')
        return refuse(b, "router prefix \"%s\": it does not end with a slash, since the routes' paths start with one", prefix);
    return true;
}

static bool is_end(const apus_router *router_row)
{
    return !router_row->routes && !router_row->routers;
}

static bool add_routers(builder *b, const settings *outer, const apus_router *row, size_t depth)
{
    if (depth == ROUTER_DEPTH)
        return refuse(b, "routers are nested more than %d deep", ROUTER_DEPTH);
    for (; row && !is_end(row); row++) {
        settings s = *outer;
        const char *prefix = row->prefix ? row->prefix : "";
        if (!check_prefix(b, prefix) || !(s.prefix = join(b, s.prefix, prefix)) ||
            !add_lists(b, &s, row->tags, row->dependencies, row->responses))
            return false;
        s.deprecated |= row->deprecated;
        s.hidden |= row->hidden;
        s.max_body = row->max_body ? row->max_body : s.max_body;
        s.strict_content_type = row->strict_content_type ? row->strict_content_type : s.strict_content_type;
        if (!add_routes(b, &s, row->routes) || !add_routers(b, &s, row->routers, depth + 1))
            return false;
    }
    return true;
}

static size_t count_routers(const apus_router *row, size_t depth)
{
    size_t count = 0;
    for (; depth < ROUTER_DEPTH && row && !is_end(row); row++)
        count += (row->routes ? row->routes->count : 0) + count_routers(row->routers, depth + 1);
    return count;
}

static int compare_ids(const void *a, const void *b)
{
    const operation *const *first = a, *const *second = b;
    int order = strcmp((*first)->operation_id, (*second)->operation_id);
    return order ? order : ((*first)->index > (*second)->index) - ((*first)->index < (*second)->index);
}

/* Two operations of one id make clients generated from the document lose one of them. */
static bool check_ids(builder *b)
{
    const operation **sorted = allocate(b, b->count * sizeof *sorted);
    size_t count = 0;
    if (!sorted)
        return false;
    for (size_t i = 0; i < b->count; i++) {
        if (!b->operations[i].hidden)
            sorted[count++] = &b->operations[i];
    }
    qsort(sorted, count, sizeof *sorted, compare_ids);
    for (size_t i = 1; i < count; i++) {
        const operation *first = sorted[i - 1], *second = sorted[i];
        if (strcmp(first->operation_id, second->operation_id) == 0)
            return refuse(b, "%s %s (%s): its operationId %s is that of %s %s (%s); give one of them .operation_id",
                          second->route->method, second->path, second->route->name, second->operation_id,
                          first->route->method, first->path, first->route->name);
    }
    return true;
}

static bool add_all(builder *b, const apus_app *app, const apus_routes *before, const apus_routes *after)
{
    static const settings hidden = {.prefix = "", .hidden = true};
    settings s = {.prefix = "", .max_body = app->max_body, .strict_content_type = app->strict_content_type};
    size_t count = (before ? before->count : 0) + (after ? after->count : 0) + (app->routes ? app->routes->count : 0) +
                   count_routers(app->routers, 0);
    b->capacity = count < LIMIT_ROUTES ? count : LIMIT_ROUTES;
    b->operations = allocate(b, b->capacity * sizeof *b->operations);
    return b->operations && add_lists(b, &s, app->tags, app->dependencies, app->responses) &&
           add_routes(b, &hidden, before) && add_routes(b, &s, app->routes) && add_routers(b, &s, app->routers, 0) &&
           add_routes(b, &hidden, after);
}

/* A row without .run ends the list: one that says what it is for was meant to have it. */
static bool check_handlers(builder *b, const apus_exception_row *rows)
{
    size_t count = 0;
    while (rows && rows[count].run)
        count++;
    if (!rows || (!rows[count].kind && !rows[count].status && !rows[count].http && !rows[count].validation))
        return true;
    return refuse(b, "row %zu of the exception handlers has no .run", count + 1);
}

router *router_build(const apus_app *app, const apus_routes *before, const apus_routes *after, char *error, size_t error_size)
{
    router *r = calloc(1, sizeof *r);
    if (!r) {
        snprintf(error, error_size, "out of memory");
        return NULL;
    }
    arena_init(&r->memory, NULL, LIMIT_ROUTER_MEMORY);
    r->app = app;
    r->root_path = apus_cstr(app->root_path);
    while (r->root_path.len && r->root_path.ptr[r->root_path.len - 1] == '/')
        r->root_path.len--;
    r->max_depth = LIMIT_MODEL_DEPTH;
    builder b = {.r = r, .error = error, .error_size = error_size};
    bool built = check_handlers(&b, app->exception_handlers) && add_all(&b, app, before, after) && check_ids(&b);
    if (built && !(r->index = index_build(&r->memory, b.operations, b.count)))
        built = refuse(&b, "out of memory");
    if (!built) {
        router_free(r);
        return NULL;
    }
    r->operations = b.operations;
    r->count = b.count;
    return r;
}

void router_free(router *r)
{
    if (!r)
        return;
    arena_reset(&r->memory);
    free(r);
}
