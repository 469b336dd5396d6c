/* Tables into plans: once, mostly before listening. What is wrong with a table is said in one line. */
#include "model/plan.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/limits.h"

#define TABLES_CEILING ((size_t)256 * 1024 * 1024)
#define KEEP_CEILING ((size_t)1024 * 1024)

static arena tables; /* what plans are made of: lives as long as the process */

/* Plans by their rows' addresses: grown by one thread at a time, looked into by all. */
typedef struct plan_index {
    size_t mask, count;
    _Atomic(const field_plan *) slots[];
} plan_index;

static _Atomic(plan_index *) index_of_plans;
static pthread_mutex_t compiling = PTHREAD_MUTEX_INITIALIZER;

bool complain(compiler *c, const char *format, ...)
{
    char words[512];
    va_list args;
    va_start(args, format);
    vsnprintf(words, sizeof words, format, args);
    va_end(args);
    const char *field = !c->field ? NULL : c->field->name ? c->field->name : "SCHEMA";
    snprintf(c->error, c->error_size, "model %s%s%s: %s", c->model->name, field ? ", field " : "", field ? field : "", words);
    return false;
}

void *keep_zeroed(compiler *c, size_t size)
{
    void *memory = arena_alloc(c->memory, size ? size : 1);
    if (memory)
        memset(memory, 0, size);
    return memory;
}

apus_str keep_printf(compiler *c, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    char *text = keep_zeroed(c, (size_t)len + 1);
    if (text)
        vsnprintf(text, (size_t)len + 1, format, again);
    va_end(again);
    va_end(args);
    return (apus_str){text, text ? (size_t)len : 0};
}

apus_str keep_quoted(compiler *c, apus_str text)
{
    buffer b;
    buffer_init(&b, c->memory, text.len + 16, KEEP_CEILING);
    json_write_str(&b, text);
    return b.failed ? (apus_str){NULL, 0} : buffer_str(&b);
}

/* The slot that holds the row's plan, or the empty one where it would be. */
static size_t slot_of(const plan_index *index, const apus_field *field)
{
    size_t slot = (size_t)(((uintptr_t)field >> 4) * 0x9e3779b97f4a7c15u >> 20) & index->mask;
    for (const field_plan *p; (p = index->slots[slot]) && p->field != field;)
        slot = (slot + 1) & index->mask;
    return slot;
}

static void index_put(plan_index *index, const field_plan *p)
{
    size_t slot = slot_of(index, p->field);
    index->count += !index->slots[slot];
    index->slots[slot] = p;
}

/* A larger index with the same plans; who looks into the old one still finds what was there. */
static plan_index *grown_index(compiler *c, const plan_index *old)
{
    size_t size = old ? (old->mask + 1) * 2 : 256;
    plan_index *index = keep_zeroed(c, sizeof *index + size * sizeof *index->slots);
    if (!index)
        return NULL;
    index->mask = size - 1;
    for (size_t i = 0; old && i <= old->mask; i++)
        if (old->slots[i])
            index_put(index, old->slots[i]);
    return index;
}

static bool index_plan(compiler *c, const field_plan *p)
{
    plan_index *index = index_of_plans;
    if (!index || (index->count + 1) * 2 > index->mask) {
        index = grown_index(c, index);
        if (!index)
            return complain(c, "no memory");
        index_of_plans = index;
    }
    index_put(index, p);
    return true;
}

const field_plan *plan_of(const apus_field *field)
{
    plan_index *index = atomic_load_explicit(&index_of_plans, memory_order_acquire);
    return index ? index->slots[slot_of(index, field)] : NULL;
}

static apus_str dashed(compiler *c, const apus_field *f)
{
    apus_str name = keep_printf(c, "%s", f->alias ? f->alias : f->name);
    char *at = keep_zeroed(c, name.len + 1);
    if (f->alias || f->convert_underscores_off || !at || !name.ptr)
        return name;
    for (size_t i = 0; i < name.len; i++)
        at[i] = name.ptr[i] == '_' ? '-' : name.ptr[i];
    return (apus_str){at, name.len};
}

static bool compile_names(compiler *c, field_plan *p)
{
    const apus_field *f = p->field;
    p->header_name = dashed(c, f);
    p->name = f->in == APUS_IN_HEADER ? p->header_name : apus_cstr(f->alias ? f->alias : f->name);
    apus_str quoted = keep_quoted(c, p->name);
    p->key_text = keep_printf(c, ",%.*s:", (int)quoted.len, quoted.ptr);
    return (p->header_name.ptr && quoted.ptr && p->key_text.ptr) || complain(c, "no memory");
}

static bool compile_pattern(compiler *c, field_plan *p)
{
    if (!p->field->pattern)
        return true;
    apus_str quoted = keep_quoted(c, apus_cstr(p->field->pattern));
    p->mismatch = (refusal){"string_pattern_mismatch", keep_printf(c, "String should match pattern '%s'", p->field->pattern),
                            keep_printf(c, "{\"pattern\":%.*s}", (int)quoted.len, quoted.ptr)};
    p->pattern = pattern_compile(c, p->field->pattern);
    return p->pattern != NULL;
}

static void compile_presence(field_plan *p)
{
    const apus_field *f = p->field;
    bool fallback = p->fallback_is != FALLBACK_NONE, absent = f->shape != APUS_PLAIN || f->nullable;
    p->required = f->required || (!fallback && !absent && !f->optional);
    p->nullable = absent || (f->optional && !fallback);
}

static bool begin(compiler *c, const apus_model *model);

static bool compile_nested(compiler *c, field_plan *p)
{
    const apus_field *f = p->field;
    if (p->kind != APUS_KIND_OBJECT && p->kind != APUS_KIND_LIST && p->kind != APUS_KIND_DICT)
        return true;
    compiler inner = *c;
    bool good = begin(&inner, f->model()) && (p->kind != APUS_KIND_DICT || begin(&inner, f->key_model()));
    c->begun = inner.begun;
    if (!good)
        return false;
    p->nested = compiled_of(f->model());
    if (p->kind != APUS_KIND_DICT)
        return true;
    p->key = compiled_of(f->key_model());
    const apus_model *key = f->key_model();
    if (!key->scalar || key->fields->shape != APUS_PLAIN || key->fields->kind == APUS_KIND_JSON)
        return complain(c, "a dict's keys are plain single values, not %s", key->name);
    return true;
}

static bool compile_field(compiler *c, struct model_compiled *m, field_plan *p, const apus_field *f)
{
    c->field = f;
    if (!check_row(c, f))
        return false;
    if (f->kind == APUS_KIND_SCHEMA) {
        m->forbid_extra = f->forbid_extra;
        return true;
    }
    if (f->kind == APUS_KIND_DEPENDS)
        return true;
    *p = (field_plan){.field = f, .owner = m, .index = m->count++, .kind = f->kind, .shape = f->shape, .strict = f->strict};
    p->value_at = f->offset + (f->shape == APUS_OPTIONAL ? opt_value_offset(f->kind) : 0);
    if (f->root || m->model->scalar)
        m->root = p;
    if (!compile_names(c, p) || (p->kind == APUS_KIND_ENUM && !compile_enum(c, p)) || !compile_bounds(c, p) ||
        !compile_lengths(c, p) || !compile_pattern(c, p) || !compile_fallback(c, p) || !index_plan(c, p))
        return false;
    compile_presence(p);
    return compile_nested(c, p);
}

static bool compile_tables(compiler *c, struct model_compiled *m)
{
    size_t rows = m->model->count, named = 0;
    apus_str *keys = keep_zeroed(c, rows * sizeof *keys), *columns = keep_zeroed(c, rows * sizeof *columns);
    uint16_t *key_values = keep_zeroed(c, rows * sizeof *key_values), *column_values = keep_zeroed(c, rows * sizeof *column_values);
    if (!keys || !columns || !key_values || !column_values)
        return complain(c, "no memory");
    for (size_t i = 0; i < m->count; i++) {
        keys[i] = m->plans[i].name;
        key_values[i] = (uint16_t)i;
    }
    for (size_t i = 0; i < rows; i++) {
        if (m->model->fields[i].kind == APUS_KIND_SCHEMA)
            continue;
        columns[named] = apus_cstr(m->model->fields[i].name);
        column_values[named++] = (uint16_t)i;
    }
    return (name_table_build(&m->keys, c->memory, keys, key_values, m->count) &&
            name_table_build(&m->columns, c->memory, columns, column_values, named)) ||
           complain(c, "no memory");
}

/* A model that is begun counts as there: trees refer to themselves. */
static bool begin(compiler *c, const apus_model *model)
{
    if (*model->compiled)
        return true;
    c->model = model;
    c->field = NULL;
    struct model_compiled *m = keep_zeroed(c, sizeof *m);
    if (!m || !(m->plans = keep_zeroed(c, model->count * sizeof *m->plans)))
        return complain(c, "no memory");
    if (model->count > UINT16_MAX)
        return complain(c, "it has more than %d rows", UINT16_MAX);
    m->model = model;
    m->begun = c->begun;
    c->begun = *model->compiled = m;
    for (size_t i = 0; i < model->count; i++)
        if (!compile_field(c, m, &m->plans[m->count], &model->fields[i]))
            return false;
    return check_rows_together(c, model) && check_layout(c, model) && compile_tables(c, m);
}

/* Defaults that are JSON need their models complete. */
static bool finish(compiler *c)
{
    for (struct model_compiled *m = c->begun; m; m = m->begun)
        for (size_t i = 0; i < m->count; i++) {
            c->model = m->model;
            c->field = m->plans[i].field;
            if (!compile_fallback_json(c, &m->plans[i]))
                return false;
        }
    return true;
}

static bool compile_with_those_it_refers_to(compiler *c, const apus_model *model)
{
    if (begin(c, model) && finish(c))
        return true;
    for (struct model_compiled *m = c->begun; m; m = m->begun)
        *m->model->compiled = NULL;
    return false;
}

bool model_compile(const apus_model *model, char *error, size_t error_size)
{
    pthread_mutex_lock(&compiling);
    if (!tables.limit) {
        arena_init(&tables, NULL, TABLES_CEILING);
        names_seed();
    }
    compiler c = {.error = error, .error_size = error_size, .memory = &tables, .model = model};
    bool good = compile_with_those_it_refers_to(&c, model);
    pthread_mutex_unlock(&compiling);
    return good;
}

apus_str model_field_name(const apus_field *field)
{
    return plan_of(field)->name;
}

apus_str model_field_header_name(const apus_field *field)
{
    return plan_of(field)->header_name;
}

int model_column(const apus_model *model, const char *name)
{
    size_t hint = 0;
    return name_table_find(&compiled_of(model)->columns, apus_cstr(name), &hint);
}
