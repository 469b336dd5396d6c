/* Settings: one table of rows gives environment variables, flags, --help and `app config`. */
#ifndef CORE_SETTINGS_H
#define CORE_SETTINGS_H

#include "core/buffer.h"

typedef enum setting_kind {
    SETTING_INT,      /* int64_t, between min and max */
    SETTING_SECONDS,  /* double, decimals allowed */
    SETTING_BYTES,    /* int64_t; `1MiB`, `32KiB`, plain bytes */
    SETTING_BOOL,     /* bool; 0 1 true false yes no on off */
    SETTING_TEXT,     /* const char * */
    SETTING_CHOICE,   /* int: index into choices */
} setting_kind;

/** One setting. Rooms declare tables of them; ops joins the tables. */
typedef struct setting {
    const char *name;      /* of the environment variable; the flag is its lower-case dashed form: DB_POOL_MAX, --db-pool-max */
    setting_kind kind;
    void *value;           /* where it goes; holds the default before settings_load */
    const char *fallback;  /* the default, as text; NULL leaves `value` as it is */
    double min, max;       /* of INT, SECONDS, BYTES; both 0: any (SECONDS and BYTES: any that is not negative) */
    const char *choices[8];
    bool secret;           /* no flag; masked by settings_print */
    const char *doc;       /* one line for --help */
} setting;

typedef struct setting_table {
    const setting *rows;
    size_t count;
} setting_table;

#define SETTING_TABLE(array) ((setting_table){(array), sizeof(array) / sizeof *(array)})

/** How a value was set, for `app config`. */
typedef enum setting_origin { SETTING_DEFAULT, SETTING_ENVIRONMENT, SETTING_FLAG } setting_origin;

/**
 * Reads defaults, then the environment (an empty variable counts as unset), then `--name value` and `--name=value` flags
 * (a bool flag may stand alone). Flags are taken out of argv; what remains is the program, commands, flags that no row has
 * (--help), and everything from `--` on. Texts point into argv and the environment. On error: false and one line in `error`
 * that names variable or flag, value and expectation.
 */
bool settings_load(const setting_table *tables, size_t count, int *argc, char **argv, char *error, size_t error_size);
/** How the setting of this name was set by the last settings_load. */
setting_origin settings_origin(const char *name);
/** The text that it was given, or NULL: then it has its default. */
const char *settings_text(const char *name);
/** The rows as `--help` shows them. */
void settings_help(const setting_table *tables, size_t count, buffer *out);
/** `NAME=value  (default|environment|flag)` lines, secrets (and passwords inside URLs) masked. */
void settings_print(const setting_table *tables, size_t count, buffer *out);

/** Appends `value` with the passwords of its URLs and its `password=` parameters replaced by `***`: for logs. */
void settings_mask(apus_str value, buffer *out);

#endif
