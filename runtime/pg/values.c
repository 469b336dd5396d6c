/* What PG makes of C's types: one function for each, picked by the compiler. */
#include "apus_pg.h"

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

pg_value pg_from_value(pg_value value)
{
    return value;
}

pg_value pg_from_list(const void *items, size_t len, enum apus_presence is, apus_kind kind)
{
    return (pg_value){.kind = APUS_KIND_LIST, .null = is == APUS_NULL, .as.list = {items, len, kind}};
}
