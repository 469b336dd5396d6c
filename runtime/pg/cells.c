#include "pg/cells.h"

#include "pg/array.h"

#include <endian.h>
#include <math.h>
#include <stdio.h>

#define JSON_DEPTH 64

static void *member(const cell_column *column, void *object)
{
    return (char *)object + column->value_at;
}

static bool put_int(const cell_column *column, void *object, int64_t value)
{
    *(int64_t *)member(column, object) = value;
    return true;
}

static bool int_text(cell *c, const cell_column *column, void *object)
{
    return model_parse_int(c->text, member(column, object));
}

static bool int2_binary(cell *c, const cell_column *column, void *object)
{
    uint16_t wire;
    if (c->text.len != sizeof wire)
        return false;
    memcpy(&wire, c->text.ptr, sizeof wire);
    return put_int(column, object, (int16_t)be16toh(wire));
}

static bool int4_binary(cell *c, const cell_column *column, void *object)
{
    uint32_t wire;
    if (c->text.len != sizeof wire)
        return false;
    memcpy(&wire, c->text.ptr, sizeof wire);
    return put_int(column, object, column->type == OID_OID ? (int64_t)be32toh(wire) : (int32_t)be32toh(wire));
}

static bool wire_64(const cell *c, uint64_t *value)
{
    if (c->text.len != sizeof *value)
        return false;
    memcpy(value, c->text.ptr, sizeof *value);
    *value = be64toh(*value);
    return true;
}

static bool int8_binary(cell *c, const cell_column *column, void *object)
{
    uint64_t value;
    return wire_64(c, &value) && put_int(column, object, (int64_t)value);
}

/* A sum() of int8 is numeric: it becomes an integer when it is one. Behind the point, only noughts. */
static bool whole_text(cell *c, const cell_column *column, void *object)
{
    const char *point = memchr(c->text.ptr, '.', c->text.len);
    apus_str whole = {c->text.ptr, point ? (size_t)(point - c->text.ptr) : c->text.len};
    for (size_t i = whole.len + 1; i < c->text.len; i++)
        if (c->text.ptr[i] != '0')
            return false;
    return model_parse_int(whole, member(column, object));
}

static bool double_text(cell *c, const cell_column *column, void *object)
{
    double *out = member(column, object);
    if (model_parse_double(c->text, out))
        return true;
    bool minus = c->text.len && *c->text.ptr == '-';
    if (apus_str_is(c->text, "NaN"))
        *out = (double)NAN;
    else if (apus_str_is(c->text, minus ? "-Infinity" : "Infinity"))
        *out = minus ? (double)-INFINITY : (double)INFINITY;
    else
        return false;
    return true;
}

static bool float8_binary(cell *c, const cell_column *column, void *object)
{
    uint64_t bits;
    if (!wire_64(c, &bits))
        return false;
    memcpy(member(column, object), &bits, sizeof bits);
    return true;
}

static bool bool_text(cell *c, const cell_column *column, void *object)
{
    bool *out = member(column, object);
    if (c->text.len == 1 && (*c->text.ptr == 't' || *c->text.ptr == 'f')) {
        *out = *c->text.ptr == 't';
        return true;
    }
    return model_parse_bool(c->text, out);
}

static bool bool_binary(cell *c, const cell_column *column, void *object)
{
    *(bool *)member(column, object) = c->text.len && *c->text.ptr;
    return c->text.len == 1;
}

/* Empty is not absent: the copy's address is never NULL. */
static bool copy_text(cell *c, apus_str *out)
{
    char *copy = arena_alloc(c->memory, c->text.len + 1);
    c->no_memory = !copy;
    if (!copy)
        return false;
    memcpy(copy, c->text.ptr, c->text.len);
    copy[c->text.len] = '\0';
    *out = (apus_str){copy, c->text.len};
    return true;
}

static bool str_bytes(cell *c, const cell_column *column, void *object)
{
    return copy_text(c, member(column, object));
}

static bool json_bytes(cell *c, const cell_column *column, void *object)
{
    return copy_text(c, &((apus_json *)member(column, object))->text);
}

#define JSONB_VERSION 1

static bool jsonb_binary(cell *c, const cell_column *column, void *object)
{
    if (c->text.len < 1 || *c->text.ptr != JSONB_VERSION)
        return false;
    c->text = (apus_str){c->text.ptr + 1, c->text.len - 1};
    return json_bytes(c, column, object);
}

static bool uuid_text(cell *c, const cell_column *column, void *object)
{
    return model_parse_uuid(c->text, member(column, object));
}

static bool uuid_binary(cell *c, const cell_column *column, void *object)
{
    apus_uuid *out = member(column, object);
    if (c->text.len != sizeof out->bytes)
        return false;
    memcpy(out->bytes, c->text.ptr, sizeof out->bytes);
    return true;
}

/* Postgres writes an offset as short as it is: `+00`, `+05:30`, before time zones `+00:53:28`. */
static bool datetime_text(cell *c, const cell_column *column, void *object)
{
    enum { ROOM = 48, DATE_AND_TIME = 16 };
    apus_datetime *out = member(column, object);
    char text[ROOM + 4];
    if (c->text.len > ROOM)
        return false;
    memcpy(text, c->text.ptr, c->text.len);
    size_t length = c->text.len, sign = length;
    int64_t seconds = 0;
    while (sign > DATE_AND_TIME && text[sign - 1] != '+' && text[sign - 1] != '-')
        sign--;
    if (sign > DATE_AND_TIME && length - sign == 2) {
        memcpy(text + length, ":00", 4);
        length += 3;
    } else if (sign > DATE_AND_TIME && length - sign == 8) {
        seconds = (text[length - 2] - '0') * 10 + text[length - 1] - '0';
        seconds = text[sign - 1] == '-' ? -seconds : seconds;
        length -= 3;
    }
    if (!model_parse_datetime((apus_str){text, length}, out))
        return false;
    if (out->offset != APUS_NAIVE)
        *out = (apus_datetime){out->micros - seconds * 1000000, 0};
    return true;
}

/* Years 1 to 9999, as everywhere: not infinity, not the years before. */
static bool put_datetime(apus_datetime *out, int64_t micros, int32_t offset)
{
    static const int64_t first = -62135596800000000, last = 253402300799999999;
    if (micros < first || micros > last)
        return false;
    *out = (apus_datetime){micros, offset};
    return true;
}

static bool timestamp_binary(cell *c, const cell_column *column, void *object)
{
    uint64_t wire;
    int64_t micros;
    if (!wire_64(c, &wire) || __builtin_add_overflow((int64_t)wire, PG_EPOCH_MICROS, &micros))
        return false;
    return put_datetime(member(column, object), micros, column->type == OID_TIMESTAMP ? APUS_NAIVE : 0);
}

static bool date_binary(cell *c, const cell_column *column, void *object)
{
    uint32_t wire;
    if (c->text.len != sizeof wire)
        return false;
    memcpy(&wire, c->text.ptr, sizeof wire);
    int64_t days = (int64_t)(int32_t)be32toh(wire) + PG_EPOCH_DAYS;
    return put_datetime(member(column, object), days * 86400000000, APUS_NAIVE);
}

static bool enum_label(cell *c, const cell_column *column, void *object)
{
    const apus_enum *type = column->field->enum_type();
    for (size_t i = 0; i < type->count; i++)
        if (apus_str_is(c->text, type->values[i].text)) {
            memcpy(member(column, object), &type->values[i].value, sizeof type->values[i].value);
            return true;
        }
    return false;
}

/* A json column into an object, a list or a dict, by the model that reads request bodies. */
static bool json_member(cell *c, const cell_column *column, void *object)
{
    json_value *root;
    json_error error;
    model_reader reader;
    const model_loc loc = {.name = apus_cstr(column->name)};
    apus_str kept;
    if (!copy_text(c, &kept) || json_read(c->memory, kept, JSON_DEPTH, &root, &error) != JSON_OK)
        return false;
    model_reader_init(&reader, c->memory, JSON_DEPTH);
    bool read = model_read_field_json(&reader, column->field, root, object, &loc, (model_input){.is = INPUT_NULL});
    c->no_memory = reader.out_of_memory;
    return read;
}

static bool jsonb_member(cell *c, const cell_column *column, void *object)
{
    if (c->text.len < 1 || *c->text.ptr != JSONB_VERSION)
        return false;
    c->text = (apus_str){c->text.ptr + 1, c->text.len - 1};
    return json_member(c, column, object);
}

/* An element is a cell of a column of text whose member is the element itself. */
static bool array_text(cell *c, const cell_column *column, void *object)
{
    const apus_model *model = column->field->model();
    cell_column element = {.type = OID_TEXT, .field = model->fields, .name = column->name};
    any_list *list = member(column, object);
    array_scan scan;
    if (!model->scalar || !cell_column_resolve(&element) || !array_begin(&scan, c->text))
        return false;
    size_t size = column->field->element_size, count = 0;
    char *items = arena_alloc(c->memory, array_count(&scan) * size + 1);
    c->no_memory = !items;
    for (int more = items ? 1 : 0; more; count += more > 0) {
        cell one = {.memory = c->memory};
        more = array_next(&scan, c->memory, &one.text);
        if (more < 0)
            return false;
        char *to = items + count * size;
        if (more)
            memset(to, 0, size);
        if (more && !(one.text.ptr ? element.text(&one, &element, to) : cell_null(&element, to))) {
            c->no_memory = one.no_memory;
            return false;
        }
        if (more && one.text.ptr && element.field->shape == APUS_OPTIONAL)
            *(enum apus_presence *)(void *)to = APUS_SET;
    }
    *list = (any_list){items, count, APUS_SET};
    return items;
}

#define TEXT_LIKE 1 /* stands for the types whose values are text; no type has this number */
#define ANY_TYPE 0  /* and for all that have no row of their own */

static const struct {
    apus_kind kind;
    Oid type;
    cell_reader text, binary;
} readers[] = {
    {APUS_KIND_INT, OID_INT8, int_text, int8_binary},
    {APUS_KIND_INT, OID_INT4, int_text, int4_binary},
    {APUS_KIND_INT, OID_INT2, int_text, int2_binary},
    {APUS_KIND_INT, OID_OID, int_text, int4_binary},
    {APUS_KIND_INT, OID_NUMERIC, whole_text, NULL},
    {APUS_KIND_INT, OID_FLOAT8, whole_text, NULL},
    {APUS_KIND_INT, OID_FLOAT4, whole_text, NULL},
    {APUS_KIND_INT, TEXT_LIKE, int_text, NULL},
    {APUS_KIND_DOUBLE, OID_FLOAT8, double_text, float8_binary},
    {APUS_KIND_DOUBLE, OID_FLOAT4, double_text, NULL}, /* as text 0.1, in binary 0.10000000149011612 */
    {APUS_KIND_DOUBLE, OID_NUMERIC, double_text, NULL},
    {APUS_KIND_DOUBLE, OID_INT8, double_text, NULL},
    {APUS_KIND_DOUBLE, OID_INT4, double_text, NULL},
    {APUS_KIND_DOUBLE, OID_INT2, double_text, NULL},
    {APUS_KIND_DOUBLE, TEXT_LIKE, double_text, NULL},
    {APUS_KIND_BOOL, OID_BOOL, bool_text, bool_binary},
    {APUS_KIND_BOOL, TEXT_LIKE, bool_text, NULL},
    {APUS_KIND_STR, TEXT_LIKE, str_bytes, str_bytes},
    {APUS_KIND_STR, ANY_TYPE, str_bytes, NULL},
    {APUS_KIND_UUID, OID_UUID, uuid_text, uuid_binary},
    {APUS_KIND_UUID, TEXT_LIKE, uuid_text, NULL},
    {APUS_KIND_DATETIME, OID_TIMESTAMPTZ, datetime_text, timestamp_binary},
    {APUS_KIND_DATETIME, OID_TIMESTAMP, datetime_text, timestamp_binary},
    {APUS_KIND_DATETIME, OID_DATE, datetime_text, date_binary},
    {APUS_KIND_DATETIME, TEXT_LIKE, datetime_text, NULL},
    {APUS_KIND_JSON, OID_JSON, json_bytes, json_bytes},
    {APUS_KIND_JSON, OID_JSONB, json_bytes, jsonb_binary},
    {APUS_KIND_ENUM, TEXT_LIKE, enum_label, enum_label},
    {APUS_KIND_ENUM, ANY_TYPE, enum_label, NULL},
    {APUS_KIND_LIST, OID_JSON, json_member, json_member},
    {APUS_KIND_LIST, OID_JSONB, json_member, jsonb_member},
    {APUS_KIND_LIST, ANY_TYPE, array_text, NULL},
    {APUS_KIND_OBJECT, OID_JSON, json_member, json_member},
    {APUS_KIND_OBJECT, OID_JSONB, json_member, jsonb_member},
    {APUS_KIND_DICT, OID_JSON, json_member, json_member},
    {APUS_KIND_DICT, OID_JSONB, json_member, jsonb_member},
};

static bool is_text_like(Oid type)
{
    return type == OID_TEXT || type == OID_VARCHAR || type == OID_BPCHAR || type == OID_NAME || type == OID_CHAR;
}

static size_t optional_value_at(apus_kind kind)
{
    switch (kind) {
    case APUS_KIND_INT: return offsetof(apus_opt_int, value);
    case APUS_KIND_DOUBLE: return offsetof(apus_opt_double, value);
    case APUS_KIND_BOOL: return offsetof(apus_opt_bool, value);
    case APUS_KIND_STR: return offsetof(apus_opt_str, value);
    case APUS_KIND_UUID: return offsetof(apus_opt_uuid, value);
    case APUS_KIND_DATETIME: return offsetof(apus_opt_datetime, value);
    case APUS_KIND_ENUM: return offsetof(apus_opt_enum, value);
    default: return 0;
    }
}

bool cell_column_resolve(cell_column *column)
{
    const apus_field *field = column->field;
    column->value_at = field->offset + (field->shape == APUS_OPTIONAL ? optional_value_at(field->kind) : 0);
    for (size_t i = 0; i < sizeof readers / sizeof *readers; i++) {
        if (readers[i].kind != field->kind)
            continue;
        if (readers[i].type != column->type && readers[i].type != ANY_TYPE &&
            !(readers[i].type == TEXT_LIKE && is_text_like(column->type)))
            continue;
        column->text = readers[i].text;
        column->binary = readers[i].binary;
        return true;
    }
    return false;
}

bool cell_null(const cell_column *column, void *object)
{
    const apus_field *field = column->field;
    char *at = (char *)object + field->offset;
    if (field->shape == APUS_OPTIONAL) {
        *(enum apus_presence *)(void *)at = APUS_NULL;
        return true;
    }
    if (field->nullable && (field->kind == APUS_KIND_LIST || field->kind == APUS_KIND_DICT)) {
        ((any_list *)(void *)at)->is = APUS_NULL;
        return true;
    }
    return field->shape == APUS_POINTER || (field->nullable && field->kind == APUS_KIND_JSON);
}

const char *cell_type_name(Oid type, char *scratch, size_t size)
{
    static const struct {
        Oid type;
        const char *name;
    } names[] = {
        {OID_BOOL, "boolean"}, {OID_INT2, "smallint"}, {OID_INT4, "integer"}, {OID_INT8, "bigint"}, {OID_FLOAT4, "real"},
        {OID_FLOAT8, "double precision"}, {OID_NUMERIC, "numeric"}, {OID_TEXT, "text"}, {OID_VARCHAR, "varchar"}, {OID_UUID, "uuid"},
        {OID_DATE, "date"}, {OID_TIMESTAMP, "timestamp"}, {OID_TIMESTAMPTZ, "timestamptz"}, {OID_JSON, "json"}, {OID_JSONB, "jsonb"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].type == type)
            return names[i].name;
    snprintf(scratch, size, "%u (its OID)", type);
    return scratch;
}

const char *cell_kind_name(const apus_field *field)
{
    static const char *const names[][2] = {
        [APUS_KIND_INT] = {"int64_t", "apus_opt_int"},
        [APUS_KIND_DOUBLE] = {"double", "apus_opt_double"},
        [APUS_KIND_BOOL] = {"bool", "apus_opt_bool"},
        [APUS_KIND_STR] = {"apus_str", "apus_opt_str"},
        [APUS_KIND_UUID] = {"apus_uuid", "apus_opt_uuid"},
        [APUS_KIND_DATETIME] = {"apus_datetime", "apus_opt_datetime"},
        [APUS_KIND_JSON] = {"apus_json", "apus_json"},
        [APUS_KIND_ENUM] = {"enum", "apus_opt_enum"},
        [APUS_KIND_OBJECT] = {"struct", "struct"},
        [APUS_KIND_LIST] = {"LISTOF", "LISTOF"},
        [APUS_KIND_DICT] = {"DICTOF", "DICTOF"},
        [APUS_KIND_DEPENDS] = {"dependency", "dependency"},
        [APUS_KIND_SCHEMA] = {"schema", "schema"},
    };
    return names[field->kind][field->shape == APUS_OPTIONAL];
}
