#include "openapi/components.h"

#include <stdio.h>
#include <stdlib.h>

void components_init(components *c, tree_maker *m, char *error, size_t error_size)
{
    *c = (components){.m = m, .error = error, .error_size = error_size};
    c->last = &c->first;
}

/* Pydantic keeps letters, digits, `.`, `-` and `_` of a name. */
static apus_str component_base(tree_maker *m, const char *name)
{
    apus_str text = tree_printf(m, "%s", name);
    char *out = arena_alloc(&m->memory, text.len + 1);
    if (!out) {
        m->failed = true;
        return text;
    }
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool kept = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr(".-_", c);
        out[i] = (char)(kept ? c : '_');
    }
    return (apus_str){out, text.len};
}

/* What comes in and what goes out are components apart, until they turn out to be equal. */
component *component_of(components *c, const apus_model *model, const apus_enum *values, const char *name, bool *is_new)
{
    component *found = c->first;
    while (found && !(found->model == model && found->values == values && found->outgoing == c->outgoing))
        found = found->next;
    *is_new = !found;
    if (found)
        return found;
    found = arena_alloc(&c->m->memory, sizeof *found);
    if (!found) {
        c->m->failed = true;
        return NULL;
    }
    *found = (component){.model = model, .values = values, .base = component_base(c->m, name), .outgoing = c->outgoing};
    found->name = found->base;
    *c->last = found;
    c->last = &found->next;
    return found;
}

/* Schemas anew, with the names of now. */
static void describe_all(components *c)
{
    for (component *of = c->first; of; of = of->next) {
        c->outgoing = of->outgoing;
        component_describe(c, of);
    }
    c->outgoing = false;
}

static bool has_opposite(const components *c, const component *of)
{
    for (const component *other = c->first; other; other = other->next) {
        if (other->outgoing != of->outgoing && apus_str_eq(other->base, of->base))
            return true;
    }
    return false;
}

/* What goes both ways is NAME-Input and NAME-Output at first. */
static void name_apart(components *c)
{
    for (component *of = c->first; of; of = of->next) {
        if (has_opposite(c, of))
            of->name = tree_printf(c->m, "%.*s%s", APUS_ARG(of->base), of->outgoing ? "-Output" : "-Input");
    }
}

static bool all_equal(const components *c, const component *of)
{
    for (const component *other = c->first; other; other = other->next) {
        if (apus_str_eq(other->base, of->base) && !tree_equal(other->schema, of->schema))
            return false;
    }
    return true;
}

/*
 * Both ways become one where the schemas are equal. One that refers to itself never is, since its own name stands in it: as
 * Pydantic has it.
 */
static bool join_equals(components *c)
{
    bool joined = false;
    for (component *of = c->first; of && !c->m->failed; of = of->next) {
        if (apus_str_eq(of->name, of->base) || !all_equal(c, of))
            continue;
        for (component *other = of; other; other = other->next) {
            if (apus_str_eq(other->base, of->base))
                other->name = other->base;
        }
        joined = true;
    }
    return joined;
}

static bool refuse_clashes(components *c)
{
    for (const component *a = c->first; a; a = a->next) {
        for (const component *b = a->next; b; b = b->next) {
            if (!apus_str_eq(a->name, b->name) || tree_equal(a->schema, b->schema))
                continue;
            snprintf(c->error, c->error_size,
                     "two models or enums that differ are called %.*s in the OpenAPI document; name one of them in its SCHEMA row",
                     APUS_ARG(a->base));
            return false;
        }
    }
    return true;
}

static void mark_spares(components *c)
{
    for (component *a = c->first; a; a = a->next) {
        for (component *b = a->next; b; b = b->next)
            b->spare |= apus_str_eq(a->name, b->name);
    }
}

/* A name that changes, changes what refers to it: until none does. */
bool components_name(components *c)
{
    name_apart(c);
    do
        describe_all(c);
    while (join_equals(c));
    if (c->m->failed || c->error[0] || !refuse_clashes(c))
        return false;
    mark_spares(c);
    return true;
}

static int compare(const void *a, const void *b)
{
    const component *const *first = a, *const *second = b;
    size_t len = (*first)->name.len < (*second)->name.len ? (*first)->name.len : (*second)->name.len;
    int order = memcmp((*first)->name.ptr, (*second)->name.ptr, len);
    return order ? order : ((*first)->name.len > (*second)->name.len) - ((*first)->name.len < (*second)->name.len);
}

void components_write(components *c, tree *schemas)
{
    size_t count = 0;
    for (const component *of = c->first; of; of = of->next)
        count += !of->spare;
    const component **sorted = arena_alloc(&c->m->memory, (count + 1) * sizeof *sorted);
    if (!sorted) {
        c->m->failed = true;
        return;
    }
    count = 0;
    for (const component *of = c->first; of; of = of->next) {
        if (!of->spare)
            sorted[count++] = of;
    }
    qsort(sorted, count, sizeof *sorted, compare);
    for (size_t i = 0; i < count; i++)
        tree_put(c->m, schemas, sorted[i]->name, sorted[i]->schema);
}
