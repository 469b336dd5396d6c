/* Defaults: checked when the table is compiled, filled in for what was not sent, recognised on the way out. */
#include "model/plan.h"

#include "core/limits.h"

static bool number_fallback(compiler *c, field_plan *p)
{
    long double value = p->field->fallback;
    bool integral = value >= (long double)INT64_MIN && value <= (long double)INT64_MAX && (long double)(int64_t)value == value;
    p->fallback_is = FALLBACK_SCALAR;
    switch (p->kind) {
    case APUS_KIND_DOUBLE:
        p->fallback.number = (double)value;
        return true;
    case APUS_KIND_INT:
        p->fallback.integer = integral ? (int64_t)value : 0;
        return integral || complain(c, ".fallback is no integer within 64 bits");
    case APUS_KIND_BOOL:
        p->fallback.boolean = value != 0;
        return value == 0 || value == 1 || complain(c, ".fallback of a bool is 0 or 1");
    default:
        p->fallback.constant = integral ? (int)value : 0;
        for (size_t i = 0; i < p->constant_count; i++)
            if ((long double)p->constants[i].value == value)
                return true;
        return complain(c, ".fallback is no constant of the enum");
    }
}

static bool text_fallback(compiler *c, field_plan *p)
{
    apus_str text = apus_cstr(p->field->fallback_str);
    p->fallback_is = FALLBACK_SCALAR;
    if (p->kind == APUS_KIND_UUID)
        return model_parse_uuid(text, &p->fallback.uuid) || complain(c, ".fallback_str is no UUID");
    if (p->kind == APUS_KIND_DATETIME)
        return model_parse_datetime(text, &p->fallback.datetime) || complain(c, ".fallback_str is no date-time");
    p->fallback.text = text;
    return json_utf8_valid(text) || complain(c, ".fallback_str is not UTF-8");
}

bool compile_fallback(compiler *c, field_plan *p)
{
    const apus_field *f = p->field;
    if (f->fallback == f->fallback)
        return number_fallback(c, p);
    if (f->fallback_str)
        return text_fallback(c, p);
    bool container = p->kind == APUS_KIND_LIST || p->kind == APUS_KIND_DICT || p->kind == APUS_KIND_OBJECT ||
                     p->kind == APUS_KIND_JSON;
    if (!container || !f->fallback_json)
        return true;
    json_value *root;
    json_error error;
    if (json_read(c->memory, apus_cstr(f->fallback_json), LIMIT_MODEL_DEPTH, &root, &error) != JSON_OK)
        return complain(c, ".fallback_json is no JSON");
    p->fallback_is = FALLBACK_JSON;
    p->fallback_json = root;
    return true;
}

static bool write_fallback_texts(compiler *c, field_plan *p, const void *object)
{
    for (int style = JSON_PYDANTIC; style <= JSON_PYTHON; style++) {
        buffer b;
        buffer_init(&b, c->memory, 64, (size_t)1 << 20);
        model_write_options options = {.style = (json_style)style};
        writer w = {.b = &b, .options = &options};
        if (!write_member(&w, p, object) || b.failed)
            return complain(c, ".fallback_json cannot be written again");
        p->fallback_text[style] = buffer_str(&b);
    }
    return true;
}

bool compile_fallback_json(compiler *c, field_plan *p)
{
    if (p->fallback_is != FALLBACK_JSON)
        return true;
    void *object = keep_zeroed(c, p->owner->model->size);
    if (!object)
        return complain(c, "no memory");
    model_reader r;
    model_reader_init(&r, c->memory, LIMIT_MODEL_DEPTH);
    if (read_member(&r, p, p->fallback_json, object, NULL))
        return write_fallback_texts(c, p, object);
    const model_error *first = r.errors.first;
    return complain(c, ".fallback_json does not fit: %.*s at %.*s", first ? (int)first->msg.len : 9,
                    first ? first->msg.ptr : "no memory", first ? (int)first->loc.len : 0, first ? first->loc.ptr : "");
}

bool fill_default(model_reader *r, const field_plan *p, void *object, const model_loc *loc)
{
    if (p->required)
        return false;
    if (p->fallback_is == FALLBACK_JSON)
        return read_member(r, p, p->fallback_json, object, loc);
    memset(member_of(object, p->field->offset), 0, p->field->size);
    if (p->fallback_is == FALLBACK_SCALAR) {
        store_scalar(p->kind, &p->fallback, member_of(object, p->value_at));
        store_present(p, object);
    }
    return true;
}

static bool same_scalar(apus_kind kind, const scalar *a, const scalar *b)
{
    switch (kind) {
    case APUS_KIND_INT:
        return a->integer == b->integer;
    case APUS_KIND_DOUBLE:
        return a->number == b->number;
    case APUS_KIND_BOOL:
        return a->boolean == b->boolean;
    case APUS_KIND_ENUM:
        return a->constant == b->constant;
    case APUS_KIND_UUID:
        return memcmp(&a->uuid, &b->uuid, sizeof a->uuid) == 0;
    case APUS_KIND_DATETIME:
        return a->datetime.micros == b->datetime.micros &&
               (a->datetime.offset == APUS_NAIVE) == (b->datetime.offset == APUS_NAIVE);
    default:
        return apus_str_eq(a->text, b->text);
    }
}

/* A container's default is compared as text: there is no cheaper way that is right for all of them. */
static bool same_text(const field_plan *p, const void *object, writer *w)
{
    buffer *b = w->b;
    size_t start = b->len;
    model_write_options plain = {.style = w->options->style};
    writer again = {.b = b, .options = &plain, .depth = w->depth};
    bool same = write_member(&again, p, object) && !b->failed &&
                apus_str_eq((apus_str){b->ptr + start, b->len - start}, p->fallback_text[plain.style]);
    if (!b->failed)
        b->len = start;
    return same;
}

/* Without a fallback the default is None: null, or what stands for it in a plain member. */
static bool holds_nothing(const field_plan *p, const void *object)
{
    if (p->shape != APUS_PLAIN || p->nullable)
        return member_is_null(p, object);
    const char *at = const_member_of(object, p->field->offset);
    for (size_t i = 0; i < p->field->size; i++)
        if (at[i])
            return false;
    return true;
}

bool holds_default(writer *w, const field_plan *p, const void *object)
{
    if (p->required)
        return false;
    if (p->fallback_is == FALLBACK_JSON)
        return same_text(p, object, w);
    if (p->fallback_is == FALLBACK_NONE)
        return holds_nothing(p, object);
    if (p->shape == APUS_OPTIONAL && opt_is(object, p) != APUS_SET)
        return false;
    scalar value;
    load_scalar(p->kind, const_member_of(object, p->value_at), &value);
    return same_scalar(p->kind, &value, &p->fallback);
}

bool model_fill_default(model_reader *r, const apus_field *field, void *object)
{
    return fill_default(r, plan_of(field), object, NULL);
}

bool model_field_required(const apus_field *field)
{
    return plan_of(field)->required;
}
