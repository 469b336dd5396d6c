#include "pg/rows.h"

#include "core/memory.h"

#include <pthread.h>

struct row_plan {
    row_plan *next;
    const apus_model *model;
    bool binary;
    const apus_field **defaults; /* members without a column that have a default */
    size_t default_count, count;
    cell_column columns[];
};

/* Models that no route knows are compiled when they are first read. */
static pthread_mutex_t compiling = PTHREAD_MUTEX_INITIALIZER;

static bool fits(const row_plan *plan, const PGresult *result)
{
    if ((size_t)PQnfields(result) != plan->count)
        return false;
    for (size_t i = 0; i < plan->count; i++)
        if (plan->columns[i].type != PQftype(result, (int)i) || strcmp(plan->columns[i].name, PQfname(result, (int)i)) != 0)
            return false;
    return true;
}

const apus_model *row_plan_model(const row_plan *plan)
{
    return plan->model;
}

bool row_plan_binary(const row_plan *plan, const apus_model *model)
{
    return plan->binary && plan->model == model;
}

static void plan_free(row_plan *plan)
{
    for (size_t i = 0; plan && i < plan->count; i++)
        memory_free(plan->columns[i].name);
    if (plan)
        memory_free(plan->defaults);
    memory_free(plan);
}

void row_plans_free(row_plan *plans)
{
    for (row_plan *next; plans; plans = next) {
        next = plans->next;
        plan_free(plans);
    }
}

static const apus_field *field_of_column(const apus_model *model, const char *name, size_t index)
{
    if (model->scalar)
        return index == 0 ? model->fields : NULL;
    int found = model_column(model, name);
    if (found < 0 || model->fields[found].kind == APUS_KIND_SCHEMA || model->fields[found].kind == APUS_KIND_DEPENDS)
        return NULL;
    return &model->fields[found];
}

static bool has_column(const row_plan *plan, const apus_field *field)
{
    for (size_t i = 0; i < plan->count; i++)
        if (plan->columns[i].field == field)
            return true;
    return false;
}

static bool has_default(const apus_field *field)
{
    return field->kind != APUS_KIND_SCHEMA && field->kind != APUS_KIND_DEPENDS &&
           (field->fallback_str || field->fallback_json || !__builtin_isnan(field->fallback));
}

static bool collect_defaults(row_plan *plan)
{
    const apus_model *model = plan->model;
    plan->defaults = memory_alloc((model->count + 1) * sizeof(const apus_field *));
    for (size_t i = 0; plan->defaults && i < model->count; i++)
        if (has_default(&model->fields[i]) && !has_column(plan, &model->fields[i]))
            plan->defaults[plan->default_count++] = &model->fields[i];
    return plan->defaults;
}

/* A value of its own: what is made of others (objects, lists, dicts) may come from a second statement. */
static bool needs_column(const apus_field *field)
{
    return field->shape == APUS_PLAIN && (field->kind < APUS_KIND_JSON || field->kind == APUS_KIND_ENUM) && !field->optional &&
           !has_default(field);
}

static pg_failure check_missing(const row_plan *plan, arena *memory)
{
    const apus_model *model = plan->model;
    for (size_t i = 0; i < model->count; i++)
        if (needs_column(&model->fields[i]) && !has_column(plan, &model->fields[i]))
            return failure_printf(memory, APUS_EROW, "no column for %s.%s: select one, or give its row a fallback", model->name,
                                  model->fields[i].name);
    return failure_make(0, NULL);
}

static pg_failure plan_column(row_plan *plan, const PGresult *result, size_t index, arena *memory)
{
    const char *name = PQfname(result, (int)index);
    cell_column *column = &plan->columns[index];
    column->type = PQftype(result, (int)index);
    column->field = field_of_column(plan->model, name, index);
    column->name = memory_alloc(strlen(name) + 1);
    if (!column->name)
        return failure_make(APUS_ENOMEM, "no memory for a row's plan");
    memcpy(column->name, name, strlen(name) + 1);
    if (column->field && !cell_column_resolve(column)) {
        char type[32];
        return failure_printf(memory, APUS_EROW, "column \"%s\" is of type %s, which cannot become the %s that %s.%s is: "
                              "cast it in the statement", name, cell_type_name(column->type, type, sizeof type),
                              cell_kind_name(column->field), plan->model->name, column->field->name);
    }
    plan->binary &= !column->field || column->binary;
    return failure_make(0, NULL);
}

static pg_failure compile(const apus_model *model, arena *memory)
{
    char error[256] = "";
    pthread_mutex_lock(&compiling);
    bool compiled = model_compile(model, error, sizeof error);
    pthread_mutex_unlock(&compiling);
    return compiled ? failure_make(0, NULL) : failure_printf(memory, APUS_EINVAL, "%s", error);
}

static row_plan *plan_make(const apus_model *model, const PGresult *result, arena *memory, pg_failure *failed)
{
    size_t count = (size_t)PQnfields(result);
    pg_failure f = compile(model, memory);
    row_plan *plan = f.code ? NULL : memory_alloc(sizeof *plan + count * sizeof *plan->columns);
    if (!plan) {
        *failed = f.code ? f : failure_make(APUS_ENOMEM, "no memory for a row's plan");
        return NULL;
    }
    memset(plan, 0, sizeof *plan + count * sizeof *plan->columns);
    *plan = (row_plan){.model = model, .binary = true, .count = count};
    for (size_t i = 0; i < count && !f.code; i++)
        f = plan_column(plan, result, i, memory);
    if (!f.code)
        f = check_missing(plan, memory);
    if (!f.code && !collect_defaults(plan))
        f = failure_make(APUS_ENOMEM, "no memory for a row's plan");
    *failed = f;
    if (!f.code)
        return plan;
    plan_free(plan);
    return NULL;
}

pg_failure row_plan_get(row_plan **plans, const apus_model *model, const PGresult *result, arena *memory, const row_plan **plan)
{
    for (row_plan *known = *plans; known; known = known->next)
        if (known->model == model && fits(known, result)) {
            *plan = known;
            return failure_make(0, NULL);
        }
    pg_failure f;
    row_plan *made = plan_make(model, result, memory, &f);
    if (made) {
        made->next = *plans;
        *plans = made;
        *plan = made;
    }
    return f;
}

static pg_failure fill_defaults(const row_plan *plan, void *out, arena *memory)
{
    model_reader reader;
    model_reader_init(&reader, memory, 0);
    for (size_t i = 0; i < plan->default_count; i++)
        model_fill_default(&reader, plan->defaults[i], out);
    return reader.out_of_memory ? failure_make(APUS_ENOMEM, "no memory for a row") : failure_make(0, NULL);
}

static pg_failure refused(const row_plan *plan, const cell_column *column, const cell *c, bool binary, arena *memory)
{
    if (c->no_memory)
        return failure_make(APUS_ENOMEM, "no memory for a row");
    if (!c->text.ptr)
        return failure_printf(memory, APUS_EROW, "column \"%s\" is null, and %s.%s is a plain %s: it cannot be", column->name,
                              plan->model->name, column->field->name, cell_kind_name(column->field));
    int shown = binary ? 0 : c->text.len > 40 ? 40 : (int)c->text.len;
    return failure_printf(memory, APUS_EROW, "column \"%s\": \"%.*s\" does not fit %s.%s, a %s", column->name, shown, c->text.ptr,
                          plan->model->name, column->field->name, cell_kind_name(column->field));
}

static bool read_cell(cell *c, const cell_column *column, bool binary, void *out)
{
    if (!c->text.ptr)
        return cell_null(column, out);
    if (column->field->shape == APUS_OPTIONAL)
        *(enum apus_presence *)(void *)((char *)out + column->field->offset) = APUS_SET;
    cell_reader reader = binary ? column->binary : column->text;
    return reader && reader(c, column, out);
}

pg_failure row_read(const row_plan *plan, const PGresult *result, int row, void *out, arena *memory, size_t *bytes)
{
    *bytes += plan->model->size;
    memset(out, 0, plan->model->size);
    if (plan->default_count) {
        pg_failure f = fill_defaults(plan, out, memory);
        if (f.code)
            return f;
    }
    bool binary = plan->count && PQfformat(result, 0) == 1;
    for (size_t i = 0; i < plan->count; i++) {
        const cell_column *column = &plan->columns[i];
        int at = (int)i;
        size_t length = (size_t)PQgetlength(result, row, at);
        *bytes += length;
        if (!column->field)
            continue;
        cell c = {.memory = memory};
        if (length || !PQgetisnull(result, row, at))
            c.text = (apus_str){PQgetvalue(result, row, at), length};
        if (!read_cell(&c, column, binary, out))
            return refused(plan, column, &c, binary, memory);
    }
    return failure_make(0, NULL);
}

size_t row_bytes(const PGresult *result, int row)
{
    size_t bytes = 0;
    for (int i = 0; i < PQnfields(result); i++)
        bytes += (size_t)PQgetlength(result, row, i);
    return bytes;
}
