/* A folder of migrations, read and sorted. */
#ifndef PG_MIGRATION_FOLDER_H
#define PG_MIGRATION_FOLDER_H

#include "pg/migration_file.h"

#define MIGRATION_DIGEST 65 /* SHA-256 in hexadecimal, and its end */

typedef struct migration {
    char *name, *text;
    apus_str version; /* in `name` */
    migration_file parts;
    char checksum[MIGRATION_DIGEST], recorded[MIGRATION_DIGEST]; /* of the file; when it was applied ("": not known) */
    bool applied;
} migration;

typedef struct migration_folder {
    migration *files; /* by version */
    size_t count;
} migration_folder;

/** Reads every `<digits>….sql`. false with one line in `error` that names the file and, where it applies, the line. */
bool migration_folder_read(migration_folder *folder, const char *path, char *error, size_t error_size);
void migration_folder_free(migration_folder *folder);

#endif
