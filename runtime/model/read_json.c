/*
 * JSON into structs: members collected first, then read in the table's order, so that errors come in it too. What calls itself here
 * does so LIMIT_MODEL_DEPTH deep on a fiber's stack: what needs room of its own stands in functions that are not inlined.
 */
#include "model/plan.h"

static model_input json_input(const json_value *v)
{
    return (model_input){.is = INPUT_JSON, .json = v};
}

bool refuse_json(model_reader *r, const model_loc *loc, const refusal *why, const json_value *v)
{
    return refuse(r, loc, why, json_input(v));
}

void store_present(const field_plan *p, void *object)
{
    if (p->shape == APUS_OPTIONAL)
        set_opt(object, p, APUS_SET);
}

void store_null(const field_plan *p, void *object)
{
    memset(member_of(object, p->field->offset), 0, p->field->size);
    if (p->shape == APUS_OPTIONAL)
        set_opt(object, p, APUS_NULL);
    else if (p->kind == APUS_KIND_LIST || p->kind == APUS_KIND_DICT)
        ((any_list *)member_of(object, p->field->offset))->is = APUS_NULL;
}

bool read_deeper(model_reader *r, const json_value *v, const model_loc *loc)
{
    if (r->depth >= r->max_depth)
        return refuse_json(r, loc, REFUSED(TOO_DEEP), v);
    r->depth++;
    return true;
}

/* Room for `count` members on the scratch stack, all absent; false without memory. */
static bool push_scratch(model_reader *r, size_t count)
{
    size_t needed = r->scratch_used + count;
    if (needed > r->scratch_size) {
        size_t size = needed < 32 ? 64 : needed * 2;
        const json_value **scratch = read_alloc(r, size, sizeof(void *));
        if (!scratch)
            return false;
        if (r->scratch_used)
            memcpy(scratch, r->scratch, r->scratch_used * sizeof(void *));
        r->scratch = scratch;
        r->scratch_size = size;
    }
    if (count)
        memset(r->scratch + r->scratch_used, 0, count * sizeof(void *));
    r->scratch_used = needed;
    return true;
}

/* Values by plan, the last of duplicates; returns how many keys are nobody's. */
__attribute__((noinline)) static size_t collect(const model_reader *r, const struct model_compiled *m, const json_value *v, size_t base)
{
    size_t unknown = 0, hint = 0;
    json_iterator it = json_iterate(v);
    apus_str key;
    for (const json_value *value; (value = json_next(&it, &key));) {
        int index = name_table_find(&m->keys, key, &hint);
        if (index >= 0)
            r->scratch[base + (size_t)index] = value;
        else
            unknown++;
    }
    return unknown;
}

__attribute__((noinline)) static bool forbid_unknown(model_reader *r, const struct model_compiled *m, const json_value *v,
                                                     const model_loc *loc)
{
    size_t hint = 0;
    json_iterator it = json_iterate(v);
    apus_str key;
    for (const json_value *value; (value = json_next(&it, &key));) {
        if (name_table_find(&m->keys, key, &hint) >= 0)
            continue;
        model_loc at = {.parent = loc, .name = {key.ptr ? key.ptr : "", key.len}};
        refuse(r, &at, REFUSED(EXTRA), json_input(value));
    }
    return false;
}

static bool absent_member(model_reader *r, const field_plan *p, const json_value *v, void *object, const model_loc *loc)
{
    if (p->required)
        return refuse_json(r, loc, REFUSED(MISSING), v);
    return fill_default(r, p, object, loc);
}

/* Finds the members and notes which were sent; false without memory. */
__attribute__((noinline)) static bool find_members(model_reader *r, const struct model_compiled *m, const json_value *v, void *out,
                                                   size_t *unknown)
{
    size_t base = r->scratch_used;
    uint64_t *bits = presence_record(r, out, m);
    if (!bits || !push_scratch(r, m->count))
        return false;
    *unknown = collect(r, m, v, base);
    for (size_t i = 0; i < m->count; i++)
        if (r->scratch[base + i])
            bits[i / 64] |= (uint64_t)1 << i % 64;
    return true;
}

static bool read_members(model_reader *r, const struct model_compiled *m, const json_value *v, void *out, const model_loc *loc)
{
    size_t base = r->scratch_used, unknown = 0;
    bool good = find_members(r, m, v, out, &unknown);
    if (!good)
        return false;
    model_loc at = {.parent = loc};
    for (size_t i = 0; i < m->count; i++) {
        const json_value *value = r->scratch[base + i];
        at.name = m->plans[i].name;
        if (value)
            good &= read_member(r, &m->plans[i], value, out, &at);
        else
            good &= absent_member(r, &m->plans[i], v, out, &at);
    }
    r->scratch_used = base;
    if (unknown && m->forbid_extra)
        good = forbid_unknown(r, m, v, loc);
    return good && !r->out_of_memory;
}

static bool read_object(model_reader *r, const struct model_compiled *m, const json_value *v, void *out, const model_loc *loc)
{
    if (json_type_of(v) != JSON_OBJECT)
        return refuse_json(r, loc, REFUSED(MODEL_TYPE), v);
    if (!read_deeper(r, v, loc))
        return false;
    memset(out, 0, m->model->size);
    bool good = read_members(r, m, v, out, loc);
    r->depth--;
    return good;
}

bool read_value(model_reader *r, const struct model_compiled *m, const json_value *v, void *out, const model_loc *loc)
{
    return m->root ? read_member(r, m->root, v, out, loc) : read_object(r, m, v, out, loc);
}

__attribute__((noinline)) static bool read_items(model_reader *r, const field_plan *p, const json_value *v, char *items,
                                                 const model_loc *loc)
{
    bool good = true;
    json_iterator it = json_iterate(v);
    model_loc at = {.parent = loc};
    for (const json_value *value; (value = json_next(&it, NULL)); at.index++) {
        good &= read_value(r, p->nested, value, items, &at);
        items += p->field->element_size;
    }
    return good;
}

/* The list's memory, of as many elements as the array has; NULL when there is none, or too many. */
__attribute__((noinline)) static void *make_list(model_reader *r, const field_plan *p, const json_value *v, void *object,
                                                 const model_loc *loc)
{
    size_t count = json_count(v);
    if (p->max_length >= 0 && count > (size_t)p->max_length) {
        refuse_json(r, loc, list_too_long(r, p, count), v);
        return NULL;
    }
    any_list list = {read_alloc(r, count, p->field->element_size), count, APUS_SET};
    memcpy(member_of(object, p->field->offset), &list, sizeof list);
    return list.items;
}

static bool read_list(model_reader *r, const field_plan *p, const json_value *v, void *object, const model_loc *loc)
{
    if (json_type_of(v) != JSON_ARRAY)
        return refuse_json(r, loc, REFUSED(LIST_TYPE), v);
    void *items = make_list(r, p, v, object, loc);
    if (!items)
        return false;
    size_t count = json_count(v);
    if (count && !read_deeper(r, v, loc))
        return false;
    bool good = read_items(r, p, v, items, loc);
    r->depth -= count > 0;
    if (good && p->min_length >= 0 && count < (size_t)p->min_length)
        return refuse_json(r, loc, list_too_short(r, p, count), v);
    return good;
}

void *place_of_object(model_reader *r, const field_plan *p, void *object)
{
    void *member = member_of(object, p->field->offset);
    if (p->shape != APUS_POINTER)
        return member;
    void *made = read_alloc(r, 1, p->nested->model->size);
    if (made)
        memcpy(member, &made, sizeof made);
    return made;
}

static bool read_nested(model_reader *r, const field_plan *p, const json_value *v, void *object, const model_loc *loc)
{
    void *place = place_of_object(r, p, object);
    return place && read_value(r, p->nested, v, place, loc);
}

bool read_member(model_reader *r, const field_plan *p, const json_value *v, void *object, const model_loc *loc)
{
    if (p->nullable && !p->field->not_null && json_type_of(v) == JSON_NULL) {
        store_null(p, object);
        return true;
    }
    switch (p->kind) {
    case APUS_KIND_OBJECT:
        return read_nested(r, p, v, object, loc);
    case APUS_KIND_LIST:
        return read_list(r, p, v, object, loc);
    case APUS_KIND_DICT:
        return read_dict(r, p, v, object, loc);
    default:
        break;
    }
    const refusal *why = scalar_from_json(r, p, v, member_of(object, p->value_at));
    if (why)
        return refuse_json(r, loc, why, v);
    store_present(p, object);
    return true;
}

bool read_absent(model_reader *r, const field_plan *p, void *object, const model_loc *loc, model_input whole)
{
    if (p->required)
        return refuse(r, loc, REFUSED(MISSING), whole);
    return fill_default(r, p, object, loc);
}

bool model_read_json(model_reader *r, const apus_model *model, const json_value *value, void *out, const model_loc *loc)
{
    return read_value(r, compiled_of(model), value, out, loc) && !r->out_of_memory;
}

bool model_read_field_json(model_reader *r, const apus_field *field, const json_value *value, void *object,
                           const model_loc *loc, model_input whole)
{
    const field_plan *p = plan_of(field);
    if (!value)
        return read_absent(r, p, object, loc, whole);
    presence_mark(r, object, p);
    return read_member(r, p, value, object, loc) && !r->out_of_memory;
}
