/* Parameters, as libpq sends them. */
#ifndef PG_PARAMS_H
#define PG_PARAMS_H

#include "apus_pg.h"
#include "core/arena.h"
#include "pg/failure.h"

#define PG_PARAMS_MAX 32

/** Bound parameters: arrays of `count`, and what they point to, in an arena. */
typedef struct pg_bound {
    int count;
    uint64_t signature; /* of the types: 0 without parameters */
    Oid *types;
    const char **values;
    int *lengths, *formats;
} pg_bound;

/**
 * Integers go as int4 when they fit, else as int8, and doubles as numeric: what the same literal in the SQL text would be. Texts,
 * JSON and C's `int` have no type of their own, as a quoted literal has none: Postgres takes it from their place. Failure:
 * APUS_EVALIDATION for a text with a NUL byte, APUS_EINVAL for too many parameters, APUS_ENOMEM.
 */
pg_failure params_bind(arena *memory, pg_params params, pg_bound *bound);

#endif
