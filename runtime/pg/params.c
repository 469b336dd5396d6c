#include "pg/params.h"

#include "pg/types.h"

#include <endian.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define SCRATCH 32 /* bytes for a value that is not text */

pg_value pg_from_int(int64_t value)
{
    return (pg_value){.kind = APUS_KIND_INT, .as.integer = value};
}

pg_value pg_from_c_int(int value)
{
    return (pg_value){.kind = APUS_KIND_INT, .untyped = true, .as.integer = value};
}

pg_value pg_from_double(double value)
{
    return (pg_value){.kind = APUS_KIND_DOUBLE, .as.number = value};
}

pg_value pg_from_bool(bool value)
{
    return (pg_value){.kind = APUS_KIND_BOOL, .as.boolean = value};
}

pg_value pg_from_str(apus_str value)
{
    return (pg_value){.kind = APUS_KIND_STR, .null = !value.ptr, .as.text = value};
}

pg_value pg_from_text(const char *value)
{
    return pg_from_str(apus_cstr(value));
}

pg_value pg_from_uuid(apus_uuid value)
{
    return (pg_value){.kind = APUS_KIND_UUID, .as.uuid = value};
}

pg_value pg_from_datetime(apus_datetime value)
{
    return (pg_value){.kind = APUS_KIND_DATETIME, .as.datetime = value};
}

pg_value pg_from_json(apus_json value)
{
    return (pg_value){.kind = APUS_KIND_JSON, .null = !value.text.ptr, .as.text = value.text};
}

static pg_value or_null(pg_value value, enum apus_presence is)
{
    value.null |= is != APUS_SET;
    return value;
}

pg_value pg_from_opt_int(apus_opt_int value)
{
    return or_null(pg_from_int(value.value), value.is);
}

pg_value pg_from_opt_double(apus_opt_double value)
{
    return or_null(pg_from_double(value.value), value.is);
}

pg_value pg_from_opt_bool(apus_opt_bool value)
{
    return or_null(pg_from_bool(value.value), value.is);
}

pg_value pg_from_opt_str(apus_opt_str value)
{
    return or_null(pg_from_str(value.value), value.is);
}

pg_value pg_from_opt_uuid(apus_opt_uuid value)
{
    return or_null(pg_from_uuid(value.value), value.is);
}

pg_value pg_from_opt_datetime(apus_opt_datetime value)
{
    return or_null(pg_from_datetime(value.value), value.is);
}

/* A null integer is an int4, so that it never changes what a statement's other types come to. */
static Oid type_of(const pg_value *v)
{
    if (v->untyped)
        return OID_UNKNOWN_YET;
    switch (v->kind) {
    case APUS_KIND_INT: return v->null || v->as.integer == (int32_t)v->as.integer ? OID_INT4 : OID_INT8;
    case APUS_KIND_DOUBLE: return v->null || isfinite(v->as.number) ? OID_NUMERIC : OID_FLOAT8;
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
    case OID_FLOAT8: return snprintf(out, SCRATCH, "%s", isnan(v->as.number) ? "NaN" : v->as.number > 0 ? "Infinity" : "-Infinity");
    default: return write_double(v->as.number, out);
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
