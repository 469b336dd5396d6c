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

/** A run through SQL, statement by statement. */
typedef struct sql_scan {
    const char *at, *end;
    int line;
} sql_scan;

/** The next statement without its semicolon, and the line where it begins; false at the end. Comments alone are no statement. */
bool sql_next(sql_scan *scan, apus_str *statement, int *line);
/** Its first word if it begins or ends a transaction (savepoints do neither), else empty. */
apus_str sql_transaction_word(apus_str statement);
/** The line of the `position`-th character (from 1, code points) of a text whose first line is `line`. */
int sql_line_at(apus_str sql, int line, size_t position);

#endif
