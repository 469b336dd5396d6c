#include "route/plan.h"

#include "route/template.h"

#include <stdarg.h>
#include <stdio.h>

#define DEPENDENCY_DEPTH 16 /* sub-dependencies of sub-dependencies … */
#define OVERRIDES 64

static struct {
    apus_dependency_fn original, replacement;
} overrides[OVERRIDES];
static size_t override_count;

void apus_override(apus_dependency_fn original, apus_dependency_fn replacement)
{
    size_t i = 0;
    while (i < override_count && overrides[i].original != original)
        i++;
    if (i == OVERRIDES)
        return;
    overrides[i].original = original;
    overrides[i].replacement = replacement;
    if (i == override_count)
        override_count++;
}

const apus_dependency *plan_dependency(apus_dependency_fn original)
{
    for (size_t i = 0; i < override_count; i++) {
        if (overrides[i].original == original)
            return overrides[i].replacement();
    }
    return original();
}

static const char *const source_names[] = {
    [APUS_IN_FIELD] = "body",   [APUS_IN_PATH] = "path",     [APUS_IN_QUERY] = "query", [APUS_IN_HEADER] = "header",
    [APUS_IN_COOKIE] = "cookie", [APUS_IN_BODY] = "body", [APUS_IN_FORM] = "body",   [APUS_IN_FILE] = "body",
};
static const model_loc source_locs[] = {
    [APUS_IN_FIELD] = {.name = {"body", 4}},    [APUS_IN_PATH] = {.name = {"path", 4}},
    [APUS_IN_QUERY] = {.name = {"query", 5}},   [APUS_IN_HEADER] = {.name = {"header", 6}},
    [APUS_IN_COOKIE] = {.name = {"cookie", 6}}, [APUS_IN_BODY] = {.name = {"body", 4}},
    [APUS_IN_FORM] = {.name = {"body", 4}},     [APUS_IN_FILE] = {.name = {"body", 4}},
};

/* What is being built, and for whom. */
typedef struct plan_builder {
    operation *op;
    struct operation_plan *plan;
    arena *memory;
    apus_dependency_fn seen[OPERATION_DEPENDENCIES];
    size_t uses;
    char *error;
    size_t error_size;
} plan_builder;

static bool refuse(plan_builder *b, const apus_field *field, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static bool refuse(plan_builder *b, const apus_field *field, const char *format, ...)
{
    char text[256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    snprintf(b->error, b->error_size, "%s %s (%s)%s%s: %s", b->op->route->method, b->op->path, b->op->route->name,
             field ? ", field " : "", field && field->name ? field->name : "", text);
    return false;
}

static void *allocate(plan_builder *b, size_t count, size_t size)
{
    void *memory = arena_alloc(b->memory, count * size + 1);
    if (memory)
        memset(memory, 0, count * size + 1);
    else
        refuse(b, NULL, "out of memory");
    return memory;
}

static bool is_scalar(const apus_field *field)
{
    return field->kind != APUS_KIND_OBJECT && field->kind != APUS_KIND_LIST && field->kind != APUS_KIND_DICT &&
           field->kind != APUS_KIND_JSON;
}

static bool is_text_parameter(const apus_field *field)
{
    if (field->kind == APUS_KIND_LIST)
        return field->model()->scalar && field->model() != apus_json_model();
    return is_scalar(field);
}

/* Headers are looked up in lower case, as http gives them. */
static bool lower_key(plan_builder *b, apus_str *key)
{
    char *text = allocate(b, key->len, 1);
    if (!text)
        return false;
    for (size_t i = 0; i < key->len; i++)
        text[i] = (char)(key->ptr[i] >= 'A' && key->ptr[i] <= 'Z' ? key->ptr[i] - 'A' + 'a' : key->ptr[i]);
    key->ptr = text;
    return true;
}

static bool name_parameter(plan_builder *b, parameter *p, apus_source in, bool dashes)
{
    p->name = dashes && p->field->in == APUS_IN_FIELD ? model_field_header_name(p->field) : model_field_name(p->field);
    p->key = p->name;
    p->loc = (model_loc){.parent = &source_locs[in], .name = p->name};
    return in != APUS_IN_HEADER || lower_key(b, &p->key);
}

static bool add_members(plan_builder *b, parameter *p, apus_source in)
{
    const apus_model *model = p->field->model();
    p->members = allocate(b, model->count, sizeof *p->members);
    if (!p->members)
        return false;
    for (size_t i = 0; i < model->count; i++) {
        const apus_field *field = &model->fields[i];
        if (field->kind == APUS_KIND_SCHEMA) {
            p->forbid_extra = field->forbid_extra;
            continue;
        }
        if (field->in != APUS_IN_FIELD || field->root || !is_text_parameter(field))
            return refuse(b, p->field, "member %s of the parameter model %s must be a FIELD, LIST or ENUM of single values",
                          field->name, model->name);
        parameter *member = &p->members[p->member_count++];
        *member = (parameter){.field = field, .model = model};
        if (!name_parameter(b, member, in, in == APUS_IN_HEADER && !p->field->convert_underscores_off))
            return false;
    }
    return true;
}

static bool add_path(plan_builder *b, parameter *p)
{
    int capture = template_capture(b->op->segments, p->name);
    if (capture < 0)
        return refuse(b, p->field, "the path has no {%.*s}", (int)p->name.len, p->name.ptr);
    if (p->field->kind == APUS_KIND_LIST || p->field->shape != APUS_PLAIN || !model_field_required(p->field))
        return refuse(b, p->field, "a path parameter is a single value, without default");
    p->capture = (size_t)capture;
    return true;
}

static bool add_parameter(plan_builder *b, dependant *d, const apus_field *field)
{
    parameter *p = &d->parameters[d->parameter_count++];
    *p = (parameter){.field = field, .model = d->in};
    if (field->root)
        return refuse(b, field, "a root row cannot be a parameter");
    if (!name_parameter(b, p, field->in, false))
        return false;
    if (field->in != APUS_IN_PATH && field->kind == APUS_KIND_OBJECT)
        return add_members(b, p, field->in);
    if (!is_text_parameter(field))
        return refuse(b, field, "a %s parameter is a single value or a list of such", source_names[field->in]);
    return field->in != APUS_IN_PATH || add_path(b, p);
}

static bool add_body(plan_builder *b, dependant *d, const apus_field *field)
{
    if (b->op->method.len == 0 || strstr("GET HEAD", b->op->route->method))
        return refuse(b, field, "a %s request has no body; use POST, PUT or PATCH", b->op->route->method);
    parameter *p = &d->bodies[d->body_count++];
    *p = (parameter){.field = field, .model = d->in};
    return name_parameter(b, p, APUS_IN_BODY, false);
}

static bool add_use(plan_builder *b, dependant *user, apus_dependency_fn original, const apus_field *field, size_t depth);

/* One row of a source that is read in this pass. */
static bool add_rows(plan_builder *b, dependant *d, apus_source in)
{
    for (size_t i = 0; i < d->in->count; i++) {
        const apus_field *field = &d->in->fields[i];
        if (field->kind == APUS_KIND_DEPENDS || field->kind == APUS_KIND_SCHEMA || field->in != in)
            continue;
        if (!(in == APUS_IN_BODY ? add_body(b, d, field) : add_parameter(b, d, field)))
            return false;
    }
    return true;
}

static bool check_input(plan_builder *b, const dependant *d)
{
    if (d->in->scalar)
        return refuse(b, NULL, "its input %s is not a struct with a MODEL", d->in->name);
    for (size_t i = 0; i < d->in->count; i++) {
        const apus_field *field = &d->in->fields[i];
        if (field->kind == APUS_KIND_DEPENDS || field->kind == APUS_KIND_SCHEMA)
            continue;
        if (field->in == APUS_IN_FIELD)
            return refuse(b, field, "a row of the input %s says where it comes from: PATH, QUERY, HEADER, COOKIE, BODY, DEPENDS",
                          d->in->name);
        if (field->in == APUS_IN_FORM || field->in == APUS_IN_FILE)
            return refuse(b, field, "forms and files are not read by this server");
    }
    return true;
}

static bool add_dependencies(plan_builder *b, dependant *d, size_t depth)
{
    for (size_t i = 0; i < d->in->count; i++) {
        const apus_field *field = &d->in->fields[i];
        if (field->kind == APUS_KIND_DEPENDS && !add_use(b, d, field->dependency, field, depth))
            return false;
    }
    return true;
}

static bool check_output(plan_builder *b, const apus_model *out)
{
    if (out->scalar)
        return true;
    for (size_t i = 0; i < out->count; i++) {
        const apus_field *field = &out->fields[i];
        if (field->kind == APUS_KIND_DEPENDS || field->in != APUS_IN_FIELD)
            return refuse(b, field, "the result %s has FIELD, OBJECT, LIST, DICT and ENUM rows only", out->name);
    }
    return true;
}

static bool compile(plan_builder *b, const apus_model *model)
{
    char words[256];
    return model == apus_none_model() || model_compile(model, words, sizeof words) || refuse(b, NULL, "%s", words);
}

static bool compile_documented(plan_builder *b)
{
    for (size_t i = 0; i < b->op->response_count; i++) {
        if (b->op->responses[i].model && !compile(b, b->op->responses[i].model()))
            return false;
    }
    return true;
}

static bool fill(plan_builder *b, dependant *d, size_t depth)
{
    static const apus_source order[] = {APUS_IN_PATH, APUS_IN_QUERY, APUS_IN_HEADER, APUS_IN_COOKIE, APUS_IN_BODY};
    if (!compile(b, d->in) || !check_input(b, d))
        return false;
    d->parameters = allocate(b, d->in->count, sizeof *d->parameters);
    d->bodies = allocate(b, d->in->count, sizeof *d->bodies);
    if (!d->parameters || !d->bodies)
        return false;
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        if (!add_rows(b, d, order[i]))
            return false;
    }
    return add_dependencies(b, d, depth);
}

static size_t slot_of(plan_builder *b, apus_dependency_fn original)
{
    size_t slot = 0;
    while (slot < b->plan->slots && b->seen[slot] != original)
        slot++;
    if (slot == b->plan->slots)
        b->seen[b->plan->slots++] = original;
    return slot;
}

static bool add_use(plan_builder *b, dependant *user, apus_dependency_fn original, const apus_field *field, size_t depth)
{
    const apus_dependency *dependency = plan_dependency(original);
    if (depth == DEPENDENCY_DEPTH)
        return refuse(b, field, "dependency %s depends on itself, or is nested too deep", dependency->name);
    if (b->uses++ == OPERATION_DEPENDENCIES)
        return refuse(b, field, "more than %d uses of dependencies", OPERATION_DEPENDENCIES);
    if (field && dependency->out() != original()->out())
        return refuse(b, field, "the override %s has another result than %s", dependency->name, original()->name);
    dependant *d = allocate(b, 1, sizeof *d);
    if (!d)
        return false;
    *d = (dependant){.dependency = dependency,
                     .original = original,
                     .in = dependency->in(),
                     .out = dependency->out(),
                     .run = dependency->run,
                     .slot = slot_of(b, original)};
    d->uses = allocate(b, d->in->count, sizeof *d->uses);
    if (!d->uses || !fill(b, d, depth + 1))
        return false;
    user->uses[user->use_count++] = (dependency_use){d, field};
    return true;
}

/* The path's parameters that no row takes are mistakes too. */
static bool check_captures(plan_builder *b, const bool *taken)
{
    const template_segments *t = b->op->segments;
    for (size_t i = 0, capture = 0; i < t->count; i++) {
        if (t->parts[i].kind != PART_TEXT && !taken[capture++])
            return refuse(b, NULL, "no PATH row of %s takes {%.*s}", b->op->in->name, (int)t->parts[i].text.len,
                          t->parts[i].text.ptr);
    }
    return true;
}

static void take_captures(const dependant *d, bool *taken)
{
    for (size_t i = 0; i < d->parameter_count; i++) {
        if (d->parameters[i].field->in == APUS_IN_PATH)
            taken[d->parameters[i].capture] = true;
    }
    for (size_t i = 0; i < d->use_count; i++)
        take_captures(d->uses[i].dependant, taken);
}

static size_t count_bodies(const dependant *d)
{
    size_t count = d->body_count;
    for (size_t i = 0; i < d->use_count; i++)
        count += count_bodies(d->uses[i].dependant);
    return count;
}

static void collect_bodies(struct operation_plan *plan, const dependant *d)
{
    for (size_t i = 0; i < d->body_count; i++)
        plan->bodies[plan->body_count++] = &d->bodies[i];
    for (size_t i = 0; i < d->use_count; i++)
        collect_bodies(plan, d->uses[i].dependant);
}

/* Several rows of different names, or one that asks for it, make the body an object with their names as keys. */
static bool plan_bodies(plan_builder *b)
{
    struct operation_plan *plan = b->plan;
    plan->bodies = allocate(b, count_bodies(&plan->root), sizeof *plan->bodies);
    if (!plan->bodies)
        return false;
    collect_bodies(plan, &plan->root);
    for (size_t i = 0; i < plan->body_count; i++) {
        if (strcmp(plan->bodies[i]->field->name, plan->bodies[0]->field->name) != 0)
            plan->embed = true;
    }
    if (plan->body_count && plan->bodies[0]->field->embed)
        plan->embed = true;
    return true;
}

bool plan_build(operation *op, arena *memory, char *error, size_t error_size)
{
    plan_builder b = {.op = op, .memory = memory, .error = error, .error_size = error_size};
    op->plan = b.plan = allocate(&b, 1, sizeof *op->plan);
    if (!op->plan)
        return false;
    dependant *root = &op->plan->root;
    *root = (dependant){.in = op->in, .out = op->out, .run = op->route->run};
    root->uses = allocate(&b, op->in->count + op->dependency_count, sizeof *root->uses);
    if (!root->uses || !compile(&b, op->out) || !check_output(&b, op->out) || !compile_documented(&b))
        return false;
    for (size_t i = 0; i < op->dependency_count; i++) {
        if (!add_use(&b, root, op->dependencies[i], NULL, 0))
            return false;
    }
    bool taken[REQUEST_CAPTURES] = {false};
    if (!fill(&b, root, 0))
        return false;
    take_captures(root, taken);
    return check_captures(&b, taken) && plan_bodies(&b);
}

static size_t flatten(const dependant *d, apus_source in, apus_dependency_fn *seen, size_t *seen_count,
                      operation_parameter *out, size_t size, size_t count)
{
    for (size_t i = 0; i < d->parameter_count; i++) {
        const parameter *p = &d->parameters[i];
        if (p->field->in != in)
            continue;
        if (count < size)
            out[count] = (operation_parameter){p->field, p->model};
        count++;
    }
    for (size_t i = 0; i < d->use_count; i++) {
        const dependant *sub = d->uses[i].dependant;
        size_t k = 0;
        while (k < *seen_count && seen[k] != sub->original)
            k++;
        if (k < *seen_count)
            continue;
        seen[(*seen_count)++] = sub->original;
        count = flatten(sub, in, seen, seen_count, out, size, count);
    }
    return count;
}

size_t operation_parameters(const operation *op, operation_parameter *out, size_t size)
{
    static const apus_source order[] = {APUS_IN_PATH, APUS_IN_QUERY, APUS_IN_HEADER, APUS_IN_COOKIE};
    size_t count = 0;
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        apus_dependency_fn seen[OPERATION_DEPENDENCIES];
        size_t seen_count = 0;
        count = flatten(&op->plan->root, order[i], seen, &seen_count, out, size, count);
    }
    return count;
}
