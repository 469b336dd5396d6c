/* Single values, from text as clients write it and from JSON: Pydantic's lax mode, or strict. */
#include "model/plan.h"

#include <math.h>

void store_scalar(apus_kind kind, const scalar *value, void *at)
{
    switch (kind) {
    case APUS_KIND_INT:
        memcpy(at, &value->integer, sizeof value->integer);
        break;
    case APUS_KIND_DOUBLE:
        memcpy(at, &value->number, sizeof value->number);
        break;
    case APUS_KIND_BOOL:
        memcpy(at, &value->boolean, sizeof value->boolean);
        break;
    case APUS_KIND_ENUM:
        memcpy(at, &value->constant, sizeof value->constant);
        break;
    case APUS_KIND_UUID:
        memcpy(at, &value->uuid, sizeof value->uuid);
        break;
    case APUS_KIND_DATETIME:
        memcpy(at, &value->datetime, sizeof value->datetime);
        break;
    default:
        memcpy(at, &value->text, sizeof value->text);
    }
}

void load_scalar(apus_kind kind, const void *at, scalar *value)
{
    switch (kind) {
    case APUS_KIND_INT:
        memcpy(&value->integer, at, sizeof value->integer);
        break;
    case APUS_KIND_DOUBLE:
        memcpy(&value->number, at, sizeof value->number);
        break;
    case APUS_KIND_BOOL:
        memcpy(&value->boolean, at, sizeof value->boolean);
        break;
    case APUS_KIND_ENUM:
        memcpy(&value->constant, at, sizeof value->constant);
        break;
    case APUS_KIND_UUID:
        memcpy(&value->uuid, at, sizeof value->uuid);
        break;
    case APUS_KIND_DATETIME:
        memcpy(&value->datetime, at, sizeof value->datetime);
        break;
    default:
        memcpy(&value->text, at, sizeof value->text);
    }
}

const refusal *wrong_type(const field_plan *p)
{
    static const enum refusal_id types[] = {
        [APUS_KIND_INT] = REFUSED_INT_TYPE,   [APUS_KIND_DOUBLE] = REFUSED_FLOAT_TYPE, [APUS_KIND_BOOL] = REFUSED_BOOL_TYPE,
        [APUS_KIND_STR] = REFUSED_STRING_TYPE, [APUS_KIND_UUID] = REFUSED_UUID_TYPE,   [APUS_KIND_DATETIME] = REFUSED_DATETIME_TYPE,
        [APUS_KIND_OBJECT] = REFUSED_MODEL_TYPE, [APUS_KIND_LIST] = REFUSED_LIST_TYPE, [APUS_KIND_DICT] = REFUSED_DICT_TYPE,
        [APUS_KIND_JSON] = REFUSED_MODEL_TYPE,
    };
    return p->kind == APUS_KIND_ENUM ? &p->not_constant : &refusals[types[p->kind]];
}

static const refusal *take_int(const field_plan *p, int64_t value, void *at)
{
    memcpy(at, &value, sizeof value);
    return p->bounds_set ? check_int(p, value) : NULL;
}

static const refusal *take_double(const field_plan *p, double value, void *at)
{
    memcpy(at, &value, sizeof value);
    return check_double(p, value);
}

static const refusal *take_str(const field_plan *p, apus_str text, void *at)
{
    if (!text.ptr)
        text.ptr = "";
    memcpy(at, &text, sizeof text);
    return check_text(p, text);
}

static const refusal *take_enum(const field_plan *p, apus_str text, void *at)
{
    for (size_t i = 0; i < p->constant_count; i++) {
        if (!apus_str_eq(p->constant_texts[i], text))
            continue;
        memcpy(at, &p->constants[i].value, sizeof(int));
        return NULL;
    }
    return &p->not_constant;
}

static const refusal *int_text(const field_plan *p, apus_str text, void *at)
{
    int64_t value;
    switch (int_from_text(text, &value)) {
    case INT_TEXT_OK:
        return take_int(p, value, at);
    case INT_TEXT_ABOVE:
        return check_bigint(p, text, false);
    case INT_TEXT_BELOW:
        return check_bigint(p, text, true);
    case INT_TEXT_TOO_LONG:
        return REFUSED(INT_SIZE);
    case INT_TEXT_BAD:
        break;
    }
    return REFUSED(INT_PARSING);
}

static const refusal *double_text(const field_plan *p, apus_str text, void *at)
{
    double value;
    return model_parse_double(text, &value) ? take_double(p, value, at) : REFUSED(FLOAT_PARSING);
}

static const refusal *bool_text(apus_str text, void *at)
{
    bool value;
    if (!model_parse_bool(text, &value))
        return REFUSED(BOOL_PARSING);
    memcpy(at, &value, sizeof value);
    return NULL;
}

static const refusal *uuid_text(model_reader *r, apus_str text, void *at)
{
    apus_uuid value;
    if (!model_parse_uuid(text, &value))
        return uuid_refusal(r, text);
    memcpy(at, &value, sizeof value);
    return NULL;
}

static const refusal *datetime_text(model_reader *r, apus_str text, void *at)
{
    apus_datetime value;
    const refusal *why = datetime_from_text(r, text, &value);
    if (!why)
        memcpy(at, &value, sizeof value);
    return why;
}

/* Any value: a text is itself. */
static const refusal *json_text(model_reader *r, apus_str text, void *at)
{
    buffer b;
    buffer_init(&b, r->arena, text.len + 16, r->arena->limit);
    json_write_str(&b, text);
    apus_json value = {buffer_str(&b)};
    r->out_of_memory = r->out_of_memory || b.failed;
    memcpy(at, &value, sizeof value);
    return NULL;
}

const refusal *scalar_from_text(model_reader *r, const field_plan *p, apus_str text, void *at)
{
    switch (p->kind) {
    case APUS_KIND_INT:
        return p->strict ? REFUSED(INT_TYPE) : int_text(p, text, at);
    case APUS_KIND_DOUBLE:
        return p->strict ? REFUSED(FLOAT_TYPE) : double_text(p, text, at);
    case APUS_KIND_BOOL:
        return p->strict ? REFUSED(BOOL_TYPE) : bool_text(text, at);
    case APUS_KIND_STR:
        return take_str(p, text, at);
    case APUS_KIND_ENUM:
        return take_enum(p, text, at);
    case APUS_KIND_UUID:
        return uuid_text(r, text, at);
    case APUS_KIND_DATETIME:
        return datetime_text(r, text, at);
    case APUS_KIND_JSON:
        return json_text(r, text, at);
    default:
        return wrong_type(p);
    }
}

static const refusal *int_from_double(const field_plan *p, double value, void *at)
{
    if (!isfinite(value))
        return REFUSED(FINITE);
    if (value != trunc(value))
        return REFUSED(INT_FROM_FLOAT);
    if (fabs(value) >= 0x1p63)
        return REFUSED(INT_SIZE);
    return take_int(p, (int64_t)value, at);
}

static const refusal *int_json(const field_plan *p, const json_value *v, json_type type, void *at)
{
    if (type == JSON_INT)
        return take_int(p, json_int(v), at);
    if (type == JSON_BIGINT)
        return check_bigint(p, json_str(v), *json_str(v).ptr == '-');
    if (p->strict)
        return REFUSED(INT_TYPE);
    if (type == JSON_DOUBLE)
        return int_from_double(p, json_double(v), at);
    if (type == JSON_BOOL)
        return take_int(p, json_bool(v), at);
    return type == JSON_STR ? int_text(p, json_str(v), at) : REFUSED(INT_TYPE);
}

static const refusal *double_json(const field_plan *p, const json_value *v, json_type type, void *at)
{
    if (type == JSON_DOUBLE || type == JSON_INT)
        return take_double(p, json_double(v), at);
    if (type == JSON_BIGINT) /* one that is beyond a double is no number to Pydantic */
        return isfinite(json_double(v)) ? take_double(p, json_double(v), at) : REFUSED(FLOAT_TYPE);
    if (p->strict)
        return REFUSED(FLOAT_TYPE);
    if (type == JSON_BOOL)
        return take_double(p, json_bool(v) ? 1 : 0, at);
    return type == JSON_STR ? double_text(p, json_str(v), at) : REFUSED(FLOAT_TYPE);
}

/* 0, 1, 0.0 and 1.0; other whole numbers within 64 bits are at least of the right type. */
static const refusal *bool_from_double(double number, void *at)
{
    if (number != trunc(number) || fabs(number) >= 0x1p63)
        return REFUSED(BOOL_TYPE);
    if (number != 0 && number != 1)
        return REFUSED(BOOL_PARSING);
    bool value = number == 1;
    memcpy(at, &value, sizeof value);
    return NULL;
}

static const refusal *bool_json(const field_plan *p, const json_value *v, json_type type, void *at)
{
    bool value;
    if (type == JSON_BOOL)
        value = json_bool(v);
    else if (p->strict)
        return REFUSED(BOOL_TYPE);
    else if (type == JSON_STR)
        return bool_text(json_str(v), at);
    else if (type == JSON_DOUBLE)
        return bool_from_double(json_double(v), at);
    else if (type != JSON_INT)
        return REFUSED(BOOL_TYPE);
    else if (json_int(v) != 0 && json_int(v) != 1)
        return REFUSED(BOOL_PARSING);
    else
        value = json_int(v) == 1;
    memcpy(at, &value, sizeof value);
    return NULL;
}

static const refusal *datetime_json(model_reader *r, const field_plan *p, const json_value *v, json_type type, void *at)
{
    apus_datetime value;
    const refusal *why = REFUSED(DATETIME_TYPE);
    if (type == JSON_STR)
        why = datetime_from_text(r, json_str(v), &value);
    else if (type == JSON_INT && !p->strict)
        why = datetime_from_int(r, json_int(v), &value);
    else if ((type == JSON_DOUBLE || (type == JSON_BIGINT && isfinite(json_double(v)))) && !p->strict)
        why = datetime_from_double(r, json_double(v), &value);
    if (!why)
        memcpy(at, &value, sizeof value);
    return why;
}

static const refusal *any_json(model_reader *r, const json_value *v, json_type type, void *at)
{
    apus_json value = {{NULL, 0}};
    if (type != JSON_NULL) {
        buffer b;
        buffer_init(&b, r->arena, 64, r->arena->limit);
        json_write_value(&b, v, JSON_PYDANTIC);
        r->out_of_memory = r->out_of_memory || b.failed;
        value.text = buffer_str(&b);
    }
    memcpy(at, &value, sizeof value);
    return NULL;
}

const refusal *scalar_from_json(model_reader *r, const field_plan *p, const json_value *v, void *at)
{
    json_type type = json_type_of(v);
    switch (p->kind) {
    case APUS_KIND_INT:
        return int_json(p, v, type, at);
    case APUS_KIND_DOUBLE:
        return double_json(p, v, type, at);
    case APUS_KIND_BOOL:
        return bool_json(p, v, type, at);
    case APUS_KIND_STR:
        return type == JSON_STR ? take_str(p, json_str(v), at) : REFUSED(STRING_TYPE);
    case APUS_KIND_ENUM:
        return type == JSON_STR ? take_enum(p, json_str(v), at) : &p->not_constant;
    case APUS_KIND_UUID:
        return type == JSON_STR ? uuid_text(r, json_str(v), at) : REFUSED(UUID_TYPE);
    case APUS_KIND_DATETIME:
        return datetime_json(r, p, v, type, at);
    case APUS_KIND_JSON:
        return any_json(r, v, type, at);
    default:
        return wrong_type(p);
    }
}
