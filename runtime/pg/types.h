/* Postgres's types as far as we know them by number (src/include/catalog/pg_type.dat). */
#ifndef PG_TYPES_H
#define PG_TYPES_H

#include <libpq-fe.h>

enum {
    OID_UNKNOWN_YET = 0, /* of a parameter: the server decides by its place */
    OID_BOOL = 16, OID_CHAR = 18, OID_NAME = 19, OID_INT8 = 20, OID_INT2 = 21, OID_INT4 = 23, OID_TEXT = 25, OID_OID = 26,
    OID_JSON = 114, OID_FLOAT4 = 700, OID_FLOAT8 = 701, OID_BPCHAR = 1042, OID_VARCHAR = 1043, OID_DATE = 1082,
    OID_TIMESTAMP = 1114, OID_TIMESTAMPTZ = 1184, OID_NUMERIC = 1700, OID_UUID = 2950, OID_JSONB = 3802,
    OID_BOOL_ARRAY = 1000, OID_INT4_ARRAY = 1007, OID_INT8_ARRAY = 1016, OID_FLOAT8_ARRAY = 1022, OID_TIMESTAMP_ARRAY = 1115,
    OID_TIMESTAMPTZ_ARRAY = 1185, OID_NUMERIC_ARRAY = 1231, OID_UUID_ARRAY = 2951,
};

/** Postgres counts days and microseconds from 2000-01-01. */
#define PG_EPOCH_MICROS 946684800000000
#define PG_EPOCH_DAYS 10957

#endif
