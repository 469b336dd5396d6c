/* Migration files in dbmate's format, taken apart. */
#ifndef PG_MIGRATION_FILE_H
#define PG_MIGRATION_FILE_H

#include "apus_core.h"

/** One direction of a migration. */
typedef struct migration_section {
    apus_str sql;
    int line;         /* of the file, of the sql's first line; 0: the file has no such section */
    bool transaction; /* `transaction:false` turns it off */
} migration_section;

typedef struct migration_file {
    migration_section up, down;
} migration_file;

/** Slices of `text`. false with one line in `error`, which begins with a line number and a colon. */
bool migration_parse(apus_str text, migration_file *out, char *error, size_t error_size);

/** `20240101_create_items.sql` → its digits; empty when it is not the name of a migration. */
apus_str migration_version(const char *name);
/** As numbers of any length. */
int migration_compare_versions(apus_str a, apus_str b);

#endif
