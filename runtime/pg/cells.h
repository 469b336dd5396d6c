/* One value of a row into one member. */
#ifndef PG_CELLS_H
#define PG_CELLS_H

#include "model/model.h"
#include "pg/types.h"

/** Any LISTOF. */
typedef LISTOF(char) any_list;

typedef struct cell_column cell_column;

typedef struct cell {
    apus_str text; /* the value's bytes */
    arena *memory;
    bool no_memory; /* set by a reader that failed for want of it */
} cell;

/** Writes a cell into the member of `object`; false when it does not fit. */
typedef bool (*cell_reader)(cell *c, const cell_column *column, void *object);

/** A column on its way into a member. */
struct cell_column {
    Oid type;
    const apus_field *field;  /* NULL: no member has the column's name */
    size_t value_at;          /* of the value in the object: behind `is` of an apus_opt_T */
    cell_reader text, binary; /* binary: NULL when only text will do */
    char *name;
};

/** Finds the readers for column->type and column->field. false when the type cannot become the member. */
bool cell_column_resolve(cell_column *column);
/** Writes null into the member; false when it takes none. */
bool cell_null(const cell_column *column, void *object);
/** What a type is called in SQL, as far as we know; else its number, in `scratch`. */
const char *cell_type_name(Oid type, char *scratch, size_t size);
/** What the member is called in C, for words. */
const char *cell_kind_name(const apus_field *field);

#endif
