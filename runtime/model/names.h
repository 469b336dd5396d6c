/* Finding a row by its name without comparing with all of them. */
#ifndef MODEL_NAMES_H
#define MODEL_NAMES_H

#include "core/arena.h"

/** A fixed set of names, each standing for a number. */
typedef struct name_table {
    const apus_str *names;
    const uint16_t *values;
    uint16_t *slots; /* position in names + 1; 0 is empty */
    size_t count, mask;
} name_table;

/** Builds the table; `names` and `values` must last. false without memory. */
bool name_table_build(name_table *t, arena *memory, const apus_str *names, const uint16_t *values, size_t count);
/** The value, or -1. `hint` is a position to look at first, and is set to the one behind what was found. */
int name_table_find(const name_table *t, apus_str name, size_t *hint);

/** A hash that an attacker cannot foresee: keys of dicts, addresses of objects. */
uint64_t names_hash(const void *bytes, size_t len);
/** Draws the seed; once, before the first hash. */
void names_seed(void);

#endif
