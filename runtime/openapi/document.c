#include "openapi/document.h"

#include "route/plan.h"
#include "route/status.h"

#include <stdio.h>

static const char validation_schemas[] =
    "{\"HTTPValidationError\":{\"properties\":{\"detail\":{\"items\":{\"$ref\":\"#/components/schemas/ValidationError\"},"
    "\"type\":\"array\",\"title\":\"Detail\"}},\"type\":\"object\",\"title\":\"HTTPValidationError\"},"
    "\"ValidationError\":{\"properties\":{\"loc\":{\"items\":{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"integer\"}]},"
    "\"type\":\"array\",\"title\":\"Location\"},\"msg\":{\"type\":\"string\",\"title\":\"Message\"},"
    "\"type\":{\"type\":\"string\",\"title\":\"Error Type\"},\"input\":{\"title\":\"Input\"},"
    "\"ctx\":{\"type\":\"object\",\"title\":\"Context\"}},\"type\":\"object\",\"required\":[\"loc\",\"msg\",\"type\"],"
    "\"title\":\"ValidationError\"}}";
static const char validation_response[] =
    "{\"description\":\"Validation Error\",\"content\":{\"application/json\":{\"schema\":"
    "{\"$ref\":\"#/components/schemas/HTTPValidationError\"}}}}";

#define MOST_PARAMETERS 512 /* of one operation, dependencies included */

typedef struct document {
    tree_maker *m;
    const router *r;
    components parts;
    tree *bodies;    /* Body_… schemas */
    bool validates;  /* some operation answers 422 */
    char *error;
    size_t error_size;
} document;

static void put_str(document *d, tree *t, const char *key, const char *text)
{
    if (text)
        tree_set(d->m, t, key, tree_str(d->m, apus_cstr(text)));
}

static tree *parse(document *d, const char *text)
{
    json_error wrong;
    tree *t = tree_parse(d->m, text, &wrong);
    return t ? t : tree_object(d->m);
}

/* One parameter; of equal ones (same place, same name) a required one stands. */
static void add_parameter(document *d, tree *list, const apus_field *f, apus_source in, apus_str name, apus_str alias, bool required)
{
    static const char *const places[] = {
        [APUS_IN_PATH] = "path", [APUS_IN_QUERY] = "query", [APUS_IN_HEADER] = "header", [APUS_IN_COOKIE] = "cookie"};
    tree *p = tree_object(d->m);
    tree_set(d->m, p, "name", tree_str(d->m, name));
    put_str(d, p, "in", places[in]);
    tree_set(d->m, p, "required", tree_bool(d->m, required));
    tree_set(d->m, p, "schema", schema_of_field(&d->parts, f, alias, true));
    put_str(d, p, "description", f->doc);
    if (f->deprecated)
        tree_set(d->m, p, "deprecated", tree_bool(d->m, true));
    apus_str key = tree_printf(d->m, "%s %.*s", places[in], APUS_ARG(name));
    const tree *old = tree_get(list, key);
    if (!old || required || !apus_str_is(tree_get(old, APUS_STR("required"))->text, "true"))
        tree_put(d->m, list, key, p);
}

static void add_model(document *d, tree *list, const apus_field *f)
{
    const apus_model *model = f->model();
    for (size_t i = 0; i < model->count; i++) {
        const apus_field *member = &model->fields[i];
        if (member->kind == APUS_KIND_SCHEMA || member->hidden)
            continue;
        bool dashes = f->in == APUS_IN_HEADER && !f->convert_underscores_off;
        apus_str name = dashes ? model_field_header_name(member) : model_field_name(member);
        add_parameter(d, list, member, f->in, name, model_field_name(member),
                      model_field_required(member) && f->shape != APUS_POINTER);
    }
}

/* The parameters as an array; `*any` tells whether there are any, hidden ones included. */
static tree *parameters_of(document *d, const operation *op, bool *any)
{
    operation_parameter rows[MOST_PARAMETERS];
    size_t count = operation_parameters(op, rows, MOST_PARAMETERS);
    tree *list = tree_object(d->m);
    *any = count > 0;
    for (size_t i = 0; i < count && i < MOST_PARAMETERS; i++) {
        const apus_field *f = rows[i].field;
        if (f->hidden)
            continue;
        if (f->kind == APUS_KIND_OBJECT)
            add_model(d, list, f);
        else
            add_parameter(d, list, f, f->in, model_field_name(f), model_field_name(f), model_field_required(f));
    }
    list->is = TREE_ARRAY;
    return list;
}

/* Several rows: an object with their names as keys, a component of its own. */
static tree *joined_body(document *d, const operation *op, bool *required)
{
    apus_str name = tree_printf(d->m, "Body_%s", op->operation_id);
    tree *schema = tree_object(d->m), *properties = tree_open(d->m, schema, "properties"), *names = tree_array(d->m);
    for (size_t i = 0; i < op->plan->body_count; i++) {
        const apus_field *f = op->plan->bodies[i]->field;
        apus_str key = model_field_name(f);
        bool repeated = tree_get(properties, key) != NULL;
        tree_put(d->m, properties, key, schema_of_field(&d->parts, f, key, false));
        if (!repeated && model_field_required(f))
            tree_add(names, tree_str(d->m, key));
    }
    put_str(d, schema, "type", "object");
    *required = names->first != NULL;
    if (*required)
        tree_set(d->m, schema, "required", names);
    tree_set(d->m, schema, "title", tree_str(d->m, name));
    tree_put(d->m, d->bodies, name, schema);
    tree *reference = tree_object(d->m);
    tree_set(d->m, reference, "$ref", tree_str(d->m, tree_printf(d->m, "#/components/schemas/%.*s", APUS_ARG(name))));
    return reference;
}

static tree *body_of(document *d, const operation *op)
{
    const apus_field *first = op->plan->bodies[0]->field;
    bool required = model_field_required(first);
    tree *schema = op->plan->embed ? joined_body(d, op, &required)
                                   : schema_of_field(&d->parts, first, model_field_name(first), true);
    tree *body = tree_object(d->m);
    if (required)
        tree_set(d->m, body, "required", tree_bool(d->m, true));
    tree_set(d->m, tree_open(d->m, tree_open(d->m, body, "content"), "application/json"), "schema", schema);
    return body;
}

/* The media type without its parameters. */
static const char *media_type(document *d, const operation *op)
{
    const char *type = op->route->media_type;
    if (!type)
        return "application/json";
    return tree_printf(d->m, "%.*s", (int)strcspn(type, "; "), type).ptr;
}

static void add_result(document *d, const operation *op, tree *responses)
{
    tree *entry = tree_open(d->m, responses, tree_printf(d->m, "%d", op->status).ptr);
    put_str(d, entry, "description",
            op->route->response_description ? op->route->response_description : "Successful Response");
    if (!status_has_body(op->status))
        return;
    const char *type = media_type(d, op);
    tree *schema;
    if (!strstr(type, "json"))
        put_str(d, schema = tree_object(d->m), "type", "string");
    else if (op->route->response_model == APUS_UNDOCUMENTED || op->out == apus_none_model())
        schema = tree_object(d->m);
    else
        schema = schema_of_result(&d->parts, op->out, tree_printf(d->m, "Response_%s", op->operation_id));
    tree_set(d->m, tree_open(d->m, tree_open(d->m, entry, "content"), type), "schema", schema);
}

/* Merges what a table adds by hand; `op` NULL: the application's. */
static void merge_extra(document *d, const operation *op, tree *t, const char *json, const char *what)
{
    json_error wrong;
    tree *extra = tree_parse(d->m, json, &wrong);
    if (extra && extra->is == TREE_OBJECT) {
        tree_merge(d->m, t, extra);
        return;
    }
    snprintf(d->error, d->error_size, "%s%s%s%s%s is no JSON object%s%s", op ? op->route->method : "the application's ", op ? " " : "",
             op ? op->path : "", op ? ": " : "", what, extra ? "" : ": ", extra ? "" : wrong.error);
}

/* The last of one status stands: a route's replaces its router's. */
static bool is_replaced(const operation *op, size_t i)
{
    for (size_t k = i + 1; k < op->response_count; k++) {
        if (op->responses[k].status == op->responses[i].status)
            return true;
    }
    return false;
}

static void add_response(document *d, const operation *op, const apus_response_doc *doc, tree *responses)
{
    apus_str status = tree_printf(d->m, "%d", doc->status);
    tree *entry = tree_open(d->m, responses, status.ptr);
    if (doc->description)
        put_str(d, entry, "description", doc->description);
    else if (!tree_get(entry, APUS_STR("description")))
        tree_set(d->m, entry, "description", tree_str(d->m, status_phrase(doc->status)));
    if (doc->extra_json)
        merge_extra(d, op, entry, doc->extra_json, ".extra_json");
    if (!doc->model)
        return;
    tree *content = tree_open(d->m, tree_open(d->m, entry, "content"), media_type(d, op));
    apus_str name = tree_printf(d->m, "Response_%.*s_%s", APUS_ARG(status), op->operation_id);
    tree_merge(d->m, tree_open(d->m, content, "schema"), schema_of_result(&d->parts, doc->model(), name));
}

static tree *responses_of(document *d, const operation *op, bool validates)
{
    tree *responses = tree_object(d->m);
    d->parts.outgoing = true;
    add_result(d, op, responses);
    for (size_t i = 0; i < op->response_count; i++) {
        if (!is_replaced(op, i))
            add_response(d, op, &op->responses[i], responses);
    }
    d->parts.outgoing = false;
    if (validates && !tree_get(responses, APUS_STR("422"))) {
        tree_set(d->m, responses, "422", parse(d, validation_response));
        d->validates = true;
    }
    return responses;
}

static tree *tags_of(document *d, const operation *op)
{
    tree *tags = tree_array(d->m);
    for (size_t i = 0; i < op->tag_count; i++)
        tree_add(tags, tree_str(d->m, apus_cstr(op->tags[i])));
    return tags;
}

static tree *operation_of(document *d, const operation *op)
{
    tree *t = tree_object(d->m), *tags = tags_of(d, op);
    bool validates;
    if (tags->first)
        tree_set(d->m, t, "tags", tags);
    put_str(d, t, "summary", op->summary);
    put_str(d, t, "description", op->route->description);
    put_str(d, t, "operationId", op->operation_id);
    if (op->deprecated)
        tree_set(d->m, t, "deprecated", tree_bool(d->m, true));
    tree *parameters = parameters_of(d, op, &validates);
    if (parameters->first)
        tree_set(d->m, t, "parameters", parameters);
    if (op->plan->body_count) {
        validates = true;
        tree_set(d->m, t, "requestBody", body_of(d, op));
    }
    tree_set(d->m, t, "responses", responses_of(d, op, validates));
    if (op->route->openapi_extra_json)
        merge_extra(d, op, t, op->route->openapi_extra_json, ".openapi_extra_json");
    return t;
}

static const char *lower(document *d, const char *method)
{
    apus_str text = tree_printf(d->m, "%s", method);
    char *out = arena_alloc(&d->m->memory, text.len + 1);
    if (!out) {
        d->m->failed = true;
        return "";
    }
    for (size_t i = 0; i <= text.len; i++)
        out[i] = (char)(method[i] >= 'A' && method[i] <= 'Z' ? method[i] - 'A' + 'a' : method[i]);
    return out;
}

static tree *paths_of(document *d)
{
    tree *paths = tree_object(d->m);
    for (size_t i = 0; i < d->r->count; i++) {
        const operation *op = &d->r->operations[i];
        if (!op->hidden)
            tree_set(d->m, tree_open(d->m, paths, op->format), lower(d, op->route->method), operation_of(d, op));
    }
    return paths;
}

static tree *info_of(document *d)
{
    const apus_app *app = d->r->app;
    tree *info = tree_object(d->m);
    put_str(d, info, "title", app->title ? app->title : "FastAPI");
    put_str(d, info, "summary", app->summary);
    put_str(d, info, "description", app->description);
    put_str(d, info, "version", app->version ? app->version : "0.1.0");
    return info;
}

static tree *servers_of(document *d)
{
    tree *servers = tree_array(d->m), *server = tree_object(d->m);
    tree_set(d->m, server, "url", tree_str(d->m, d->r->root_path));
    tree_add(servers, server);
    return servers;
}

static tree *schemas_of(document *d)
{
    tree *schemas = tree_object(d->m);
    components_write(&d->parts, schemas);
    tree_merge(d->m, schemas, d->bodies);
    if (d->validates)
        tree_merge(d->m, schemas, parse(d, validation_schemas));
    return schemas;
}

tree *document_build(tree_maker *m, const router *r, char *error, size_t error_size)
{
    document d = {.m = m, .r = r, .error = error, .error_size = error_size, .bodies = tree_object(m)};
    error[0] = '\0';
    components_init(&d.parts, m, error, error_size);
    paths_of(&d);
    if (m->failed)
        snprintf(error, error_size, "out of memory for the OpenAPI document");
    if (error[0] || !components_name(&d.parts))
        return NULL;
    tree *t = tree_object(m);
    put_str(&d, t, "openapi", "3.1.0");
    tree_set(m, t, "info", info_of(&d));
    if (r->root_path.len)
        tree_set(m, t, "servers", servers_of(&d));
    d.bodies = tree_object(m);
    tree_set(m, t, "paths", paths_of(&d));
    tree *schemas = schemas_of(&d);
    if (schemas->first)
        tree_set(m, tree_open(m, t, "components"), "schemas", schemas);
    if (r->app->openapi_extra_json)
        merge_extra(&d, NULL, t, r->app->openapi_extra_json, ".openapi_extra_json");
    if (m->failed)
        snprintf(error, error_size, "out of memory for the OpenAPI document");
    return error[0] ? NULL : t;
}
