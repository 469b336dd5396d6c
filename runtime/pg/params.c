#include "pg/params.h"

#include "core/limits.h"
#include "model/model.h"
#include "pg/array.h"
#include "pg/types.h"

#include <endian.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define SCRATCH 32 /* bytes for a value that is not text */
#define ELEMENT 40 /* bytes for such a one as text */

static bool all_are_small(const int64_t *items, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (items[i] != (int32_t)items[i])
            return false;
    return true;
}

static bool all_are_finite(const double *items, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!isfinite(items[i]))
            return false;
    return true;
}

static bool all_are_naive(const apus_datetime *items, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (items[i].offset != APUS_NAIVE)
            return false;
    return len > 0;
}

/* An array is of the type that its elements would have as parameters of their own. */
static Oid type_of_list(const pg_value *v)
{
    const void *items = v->as.list.items;
    size_t len = v->null ? 0 : v->as.list.len;
    switch (v->as.list.kind) {
    case APUS_KIND_INT: return all_are_small(items, len) ? OID_INT4_ARRAY : OID_INT8_ARRAY;
    case APUS_KIND_DOUBLE: return all_are_finite(items, len) ? OID_NUMERIC_ARRAY : OID_FLOAT8_ARRAY;
    case APUS_KIND_BOOL: return OID_BOOL_ARRAY;
    case APUS_KIND_UUID: return OID_UUID_ARRAY;
    case APUS_KIND_DATETIME: return all_are_naive(items, len) ? OID_TIMESTAMP_ARRAY : OID_TIMESTAMPTZ_ARRAY;
    default: return OID_UNKNOWN_YET;
    }
}

/* A null integer is an int4, so that it never changes what a statement's other types come to. */
static Oid type_of(const pg_value *v)
{
    if (v->untyped)
        return OID_UNKNOWN_YET;
    switch (v->kind) {
    case APUS_KIND_INT: return v->null || v->as.integer == (int32_t)v->as.integer ? OID_INT4 : OID_INT8;
    case APUS_KIND_DOUBLE: return v->null || isfinite(v->as.number) ? OID_NUMERIC : OID_FLOAT8;
    case APUS_KIND_LIST: return type_of_list(v);
    case APUS_KIND_BOOL: return OID_BOOL;
    case APUS_KIND_UUID: return OID_UUID;
    case APUS_KIND_DATETIME: return v->as.datetime.offset == APUS_NAIVE && !v->null ? OID_TIMESTAMP : OID_TIMESTAMPTZ;
    default: return OID_UNKNOWN_YET;
    }
}

/* The fewest digits that read back as the same double. A price is found at once. */
static int write_double(double number, char *out)
{
    static const double units[] = {1, 10, 100, 1000, 10000};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        double scaled = number * units[i];
        if (fabs(scaled) < 9e15 && scaled == trunc(scaled) && scaled / units[i] == number && (number != 0 || !signbit(number)))
            return snprintf(out, SCRATCH, i ? "%.0fe-%zu" : "%.0f", scaled, i);
    }
    for (int digits = 15; digits < 17; digits++) {
        int length = snprintf(out, SCRATCH, "%.*g", digits, number);
        if (strtod(out, NULL) == number)
            return length;
    }
    return snprintf(out, SCRATCH, "%.17g", number);
}

static int write_number(double number, char *out)
{
    if (isfinite(number))
        return write_double(number, out);
    return snprintf(out, SCRATCH, "%s", isnan(number) ? "NaN" : number > 0 ? "Infinity" : "-Infinity");
}

static int write_digits(int64_t value, char *out)
{
    char digits[SCRATCH], *at = digits + sizeof digits;
    uint64_t rest = value < 0 ? -(uint64_t)value : (uint64_t)value;
    do
        *--at = (char)('0' + rest % 10);
    while (rest /= 10);
    if (value < 0)
        *--at = '-';
    int length = (int)(digits + sizeof digits - at);
    memcpy(out, at, (size_t)length);
    out[length] = '\0';
    return length;
}

static int write_64(uint64_t value, char *out)
{
    uint64_t wire = htobe64(value);
    memcpy(out, &wire, sizeof wire);
    return sizeof wire;
}

static int write_32(uint32_t value, char *out)
{
    uint32_t wire = htobe32(value);
    memcpy(out, &wire, sizeof wire);
    return sizeof wire;
}

/* A value of a type that is not text, as its type's receive function takes it; a number as digits. The length. */
static int write_value(const pg_value *v, Oid type, char *out, int *format)
{
    *format = type != OID_NUMERIC && type != OID_FLOAT8 && type != OID_UNKNOWN_YET;
    switch (type) {
    case OID_INT4: return write_32((uint32_t)(int32_t)v->as.integer, out);
    case OID_INT8: return write_64((uint64_t)v->as.integer, out);
    case OID_BOOL: *out = v->as.boolean; return 1;
    case OID_UUID: memcpy(out, v->as.uuid.bytes, sizeof v->as.uuid.bytes); return sizeof v->as.uuid.bytes;
    case OID_TIMESTAMP:
    case OID_TIMESTAMPTZ: return write_64((uint64_t)(v->as.datetime.micros - PG_EPOCH_MICROS), out);
    case OID_UNKNOWN_YET: return write_digits(v->as.integer, out);
    default: return write_number(v->as.number, out);
    }
}

static pg_failure bind_text(arena *memory, const pg_value *v, size_t index, pg_bound *b)
{
    apus_str text = v->as.text;
    if (memchr(text.ptr, '\0', text.len))
        return failure_printf(memory, APUS_EVALIDATION,
                              "a text holds a NUL character (\\u0000), which the database cannot store");
    char *copy = arena_alloc(memory, text.len + 1);
    if (!copy)
        return failure_make(APUS_ENOMEM, "no memory for a parameter");
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    b->values[index] = copy;
    return failure_make(0, NULL);
}

/* An instant goes in UTC: Postgres takes no offset beyond 15:59. */
static size_t write_moment(apus_datetime when, char *out)
{
    if (when.offset != APUS_NAIVE)
        when.offset = 0;
    return model_format_datetime(&when, JSON_PYTHON, out);
}

/* One that needs neither quotes nor escapes. The length. */
static size_t write_element(const pg_value *v, size_t i, char *out)
{
    const void *items = v->as.list.items;
    switch (v->as.list.kind) {
    case APUS_KIND_INT: return (size_t)write_digits(((const int64_t *)items)[i], out);
    case APUS_KIND_DOUBLE: return (size_t)write_number(((const double *)items)[i], out);
    case APUS_KIND_UUID: return model_format_uuid((const apus_uuid *)items + i, out);
    case APUS_KIND_DATETIME: return write_moment(((const apus_datetime *)items)[i], out);
    default: *out = ((const bool *)items)[i] ? 't' : 'f'; return 1;
    }
}

static bool has_texts(const pg_value *v)
{
    for (size_t i = 0; v->as.list.kind == APUS_KIND_DATETIME && i < v->as.list.len; i++)
        if (!model_datetime_in_range((const apus_datetime *)v->as.list.items + i))
            return false;
    return true;
}

static pg_failure bind_list(arena *memory, const pg_value *v, size_t index, pg_bound *b)
{
    if (!has_texts(v))
        return failure_make(APUS_EINVAL, "a date-time of a list is outside the years 1 to 9999, or its offset beyond a day");
    buffer literal;
    char element[ELEMENT];
    buffer_init(&literal, memory, 64, LIMIT_REQUEST_MEMORY);
    for (size_t i = 0; i < v->as.list.len; i++) {
        buffer_append_char(&literal, i ? ',' : '{');
        if (v->as.list.kind == APUS_KIND_STR)
            array_write_text(&literal, ((const apus_str *)v->as.list.items)[i]);
        else
            buffer_append(&literal, element, write_element(v, i, element));
    }
    buffer_append_str(&literal, v->as.list.len ? APUS_STR("}") : APUS_STR("{}"));
    if (literal.failed)
        return failure_make(APUS_ENOMEM, "no memory for a parameter");
    return bind_text(memory, &(pg_value){.as.text = buffer_str(&literal)}, index, b);
}

static pg_failure bind_one(arena *memory, const pg_value *v, size_t index, pg_bound *b)
{
    b->types[index] = type_of(v);
    b->signature = (b->signature ^ (b->types[index] + 1)) * 0x9e3779b97f4a7c15u;
    b->values[index] = NULL;
    b->lengths[index] = b->formats[index] = 0;
    if (v->null)
        return failure_make(0, NULL);
    if (v->kind == APUS_KIND_STR || v->kind == APUS_KIND_JSON)
        return bind_text(memory, v, index, b);
    if (v->kind == APUS_KIND_LIST)
        return bind_list(memory, v, index, b);
    char *scratch = arena_alloc(memory, SCRATCH);
    if (!scratch)
        return failure_make(APUS_ENOMEM, "no memory for a parameter");
    b->lengths[index] = write_value(v, b->types[index], scratch, &b->formats[index]);
    b->values[index] = scratch;
    return failure_make(0, NULL);
}

pg_failure params_bind(arena *memory, pg_params params, pg_bound *bound)
{
    size_t n = params.count;
    *bound = (pg_bound){.count = (int)n};
    if (n == 0)
        return failure_make(0, NULL);
    if (n > PG_PARAMS_MAX)
        return failure_printf(memory, APUS_EINVAL, "%zu parameters; a statement has at most %d", n, PG_PARAMS_MAX);
    char *arrays = arena_alloc(memory, n * (sizeof *bound->values + sizeof *bound->types + 2 * sizeof *bound->lengths));
    if (!arrays)
        return failure_make(APUS_ENOMEM, "no memory for parameters");
    bound->values = (const char **)(void *)arrays;
    bound->types = (Oid *)(void *)(bound->values + n);
    bound->lengths = (int *)(void *)(bound->types + n);
    bound->formats = bound->lengths + n;
    for (size_t i = 0; i < n; i++) {
        pg_failure f = bind_one(memory, &params.values[i], i, bound);
        if (f.code)
            return f;
    }
    return failure_make(0, NULL);
}
