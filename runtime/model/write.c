/* Structs into JSON: keys made beforehand, members in the table's order. */
#include "model/plan.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "core/limits.h"

static const model_write_options no_options;

__attribute__((format(printf, 3, 4))) static bool fail(const writer *w, const field_plan *p, const char *format, ...)
{
    if (!w->options->error)
        return false;
    char words[256];
    va_list args;
    va_start(args, format);
    vsnprintf(words, sizeof words, format, args);
    va_end(args);
    const apus_model *model = p->owner->model;
    snprintf(w->options->error, w->options->error_size, "model %s, field %s: %s", model->name, p->field->name, words);
    return false;
}

static bool list_is_null(const field_plan *p, const void *object)
{
    const any_list *list = const_member_of(object, p->field->offset);
    return list->is == APUS_NULL || (list->is == APUS_UNSET && p->nullable && !list->items);
}

bool member_is_null(const field_plan *p, const void *object)
{
    const void *at = const_member_of(object, p->field->offset);
    if (p->shape == APUS_OPTIONAL)
        return opt_is(object, p) != APUS_SET;
    if (p->shape == APUS_POINTER)
        return *(void *const *)at == NULL;
    if (p->kind == APUS_KIND_LIST || p->kind == APUS_KIND_DICT)
        return list_is_null(p, object);
    if (p->kind == APUS_KIND_JSON || (p->kind == APUS_KIND_STR && p->nullable))
        return ((const apus_str *)at)->ptr == NULL;
    return false;
}

/* Not sent and still at its default: what a handler has changed since counts as set. */
static bool member_is_unset(writer *w, const field_plan *p, const void *object)
{
    const uint64_t *bits = presence_find(w->options->reader, object, p->owner);
    if (bits)
        return !presence_has(bits, p) && holds_default(w, p, object);
    if (p->shape == APUS_OPTIONAL)
        return opt_is(object, p) == APUS_UNSET;
    if (p->kind == APUS_KIND_LIST || p->kind == APUS_KIND_DICT) {
        const any_list *list = const_member_of(object, p->field->offset);
        return list->is == APUS_UNSET && !list->items && p->nullable;
    }
    return p->shape == APUS_POINTER && member_is_null(p, object);
}

static bool left_out(writer *w, const field_plan *p, const void *object)
{
    const model_write_options *o = w->options;
    if ((o->exclude_none || p->field->omit == WHEN_NULL) && member_is_null(p, object))
        return true;
    if ((o->exclude_unset || p->field->omit == WHEN_UNSET) && member_is_unset(w, p, object))
        return true;
    return o->exclude_defaults && holds_default(w, p, object);
}

static bool write_str(const writer *w, const field_plan *p, apus_str text)
{
    if (!text.ptr)
        text = APUS_STR("");
    if (!json_utf8_valid(text))
        return fail(w, p, "the text is not UTF-8");
    json_write_str(w->b, text);
    return true;
}

static bool write_enum(const writer *w, const field_plan *p, int constant)
{
    for (size_t i = 0; i < p->constant_count; i++)
        if (p->constants[i].value == constant) {
            json_write_str(w->b, p->constant_texts[i]);
            return true;
        }
    return fail(w, p, "%d is no constant of its ENUM_TYPE", constant);
}

static void write_quoted(buffer *b, const char *text, size_t len)
{
    buffer_append_char(b, '"');
    buffer_append(b, text, len);
    buffer_append_char(b, '"');
}

static void write_uuid(buffer *b, const apus_uuid *uuid)
{
    char text[36];
    write_quoted(b, text, model_format_uuid(uuid, text));
}

static bool write_datetime(const writer *w, const field_plan *p, const apus_datetime *when)
{
    char text[40];
    if (!model_datetime_in_range(when))
        return fail(w, p, "the date-time is outside the years 1 to 9999, or its offset beyond a day");
    write_quoted(w->b, text, model_format_datetime(when, w->options->style, text));
    return true;
}

static bool write_scalar(const writer *w, const field_plan *p, const void *at)
{
    switch (p->kind) {
    case APUS_KIND_INT:
        json_write_int(w->b, *(const int64_t *)at);
        return true;
    case APUS_KIND_DOUBLE:
        json_write_double(w->b, *(const double *)at, w->options->style);
        return true;
    case APUS_KIND_BOOL:
        json_write_bool(w->b, *(const bool *)at);
        return true;
    case APUS_KIND_ENUM:
        return write_enum(w, p, *(const int *)at);
    case APUS_KIND_UUID:
        write_uuid(w->b, at);
        return true;
    case APUS_KIND_DATETIME:
        return write_datetime(w, p, at);
    case APUS_KIND_JSON:
        buffer_append_str(w->b, ((const apus_json *)at)->text);
        return true;
    default:
        return write_str(w, p, *(const apus_str *)at);
    }
}

static bool write_object(writer *w, const struct model_compiled *m, const void *object)
{
    const model_write_options *o = w->options;
    bool choosy = o->exclude_unset || o->exclude_none || o->exclude_defaults, first = true;
    buffer_append_char(w->b, '{');
    for (size_t i = 0; i < m->count; i++) {
        const field_plan *p = &m->plans[i];
        if ((choosy || p->field->omit != APUS_OMIT_NEVER) && left_out(w, p, object))
            continue;
        buffer_append(w->b, p->key_text.ptr + first, p->key_text.len - first);
        first = false;
        if (!write_member(w, p, object))
            return false;
    }
    buffer_append_char(w->b, '}');
    return true;
}

static bool write_value(writer *w, const struct model_compiled *m, const void *value)
{
    return m->root ? write_member(w, m->root, value) : write_object(w, m, value);
}

static bool write_items(writer *w, const field_plan *p, const any_list *list)
{
    const char *item = list->items;
    buffer_append_char(w->b, '[');
    for (size_t i = 0; i < list->len; i++, item += p->field->element_size) {
        if (i)
            buffer_append_char(w->b, ',');
        if (!write_value(w, p->nested, item))
            return false;
    }
    buffer_append_char(w->b, ']');
    return true;
}

/* Of a key both spell a number as Python does. */
static void write_double_key(buffer *b, double value)
{
    if (isfinite(value))
        json_write_double(b, value, JSON_PYTHON);
    else
        buffer_append_str(b, isnan(value) ? APUS_STR("nan") : value > 0 ? APUS_STR("inf") : APUS_STR("-inf"));
}

/* JSON's keys are texts: those of numbers and bools get quotes. */
static bool write_key(writer *w, const struct model_compiled *key, const void *pair)
{
    apus_kind kind = key->root->kind;
    bool bare = kind == APUS_KIND_INT || kind == APUS_KIND_DOUBLE || kind == APUS_KIND_BOOL;
    if (bare)
        buffer_append_char(w->b, '"');
    if (kind == APUS_KIND_DOUBLE)
        write_double_key(w->b, *(const double *)pair);
    else if (!write_value(w, key, pair))
        return false;
    if (bare)
        buffer_append_char(w->b, '"');
    buffer_append_char(w->b, ':');
    return true;
}

static bool write_pairs(writer *w, const field_plan *p, const any_list *dict)
{
    const char *pair = dict->items;
    buffer_append_char(w->b, '{');
    for (size_t i = 0; i < dict->len; i++, pair += p->field->element_size) {
        if (i)
            buffer_append_char(w->b, ',');
        if (!write_key(w, p->key, pair) || !write_value(w, p->nested, pair + p->field->value_offset))
            return false;
    }
    buffer_append_char(w->b, '}');
    return true;
}

static bool write_container(writer *w, const field_plan *p, const void *object)
{
    const void *at = const_member_of(object, p->field->offset);
    if (w->depth >= LIMIT_MODEL_DEPTH)
        return fail(w, p, "it is nested more than %d deep", LIMIT_MODEL_DEPTH);
    w->depth++;
    bool good;
    if (p->kind == APUS_KIND_LIST)
        good = write_items(w, p, at);
    else if (p->kind == APUS_KIND_DICT)
        good = write_pairs(w, p, at);
    else
        good = write_value(w, p->nested, p->shape == APUS_POINTER ? *(void *const *)at : at);
    w->depth--;
    return good;
}

bool write_member(writer *w, const field_plan *p, const void *object)
{
    bool scalar_kind = p->kind < APUS_KIND_JSON || p->kind == APUS_KIND_ENUM;
    if ((p->nullable || !scalar_kind) && member_is_null(p, object)) {
        if (!p->nullable && p->kind != APUS_KIND_JSON)
            return fail(w, p, "it is null, and its row is not .nullable");
        json_write_null(w->b);
        return true;
    }
    if (scalar_kind || p->kind == APUS_KIND_JSON)
        return write_scalar(w, p, const_member_of(object, p->value_at));
    return write_container(w, p, object);
}

int model_write_json(buffer *b, const apus_model *model, const void *value, const model_write_options *options)
{
    writer w = {.b = b, .options = options ? options : &no_options};
    if (!write_value(&w, compiled_of(model), value))
        return APUS_EVALIDATION;
    return b->failed ? APUS_ETOOLARGE : 0;
}
