/* Rows into structs: columns find members by name, once for each statement and model. */
#ifndef PG_ROWS_H
#define PG_ROWS_H

#include "pg/cells.h"
#include "pg/failure.h"

/** How a result's columns go into a model's members. */
typedef struct row_plan row_plan;

/**
 * The plan for the model and for the result's columns: one of a statement's plans, or a new one that joins them and lives as long
 * as they. Failure: APUS_EROW, words in the arena.
 */
pg_failure row_plan_get(row_plan **plans, const apus_model *model, const PGresult *result, arena *memory, const row_plan **plan);
const apus_model *row_plan_model(const row_plan *plan);
/** Whether the server may send these columns in binary for that model. */
bool row_plan_binary(const row_plan *plan, const apus_model *model);
void row_plans_free(row_plan *plans);

/**
 * A row into `out`, all of it; texts are copied into the arena, and `bytes` grows by the row's size. Failure: APUS_EROW, naming the
 * column, or APUS_ENOMEM.
 */
pg_failure row_read(const row_plan *plan, const PGresult *result, int row, void *out, arena *memory, size_t *bytes);
/** Bytes of a row's values. */
size_t row_bytes(const PGresult *result, int row);

#endif
