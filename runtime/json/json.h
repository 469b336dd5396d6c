/* JSON: strict RFC 8259 reading; writing as Pydantic and as Python write. */
#ifndef JSON_JSON_H
#define JSON_JSON_H

#include "core/buffer.h"

typedef struct yyjson_doc json_doc;
typedef struct yyjson_val json_value;

typedef enum json_type {
    JSON_NULL,
    JSON_BOOL,
    JSON_INT,    /* a whole number within int64 */
    JSON_BIGINT, /* a whole number beyond, with its exact digits */
    JSON_DOUBLE,
    JSON_STR,
    JSON_ARRAY,
    JSON_OBJECT,
} json_type;

/** Why a text was refused. */
typedef enum json_status {
    JSON_OK,
    JSON_SYNTAX,   /* `error` and `offset` say what CPython's json says, and where, in characters */
    JSON_REFUSED,  /* not UTF-8, too deep, an integer of over 4300 digits, NaN, Infinity, BOM, a lone surrogate: FastAPI's 400 */
    JSON_NO_MEMORY,
} json_status;

typedef struct json_error {
    const char *error; /* "Expecting value", … */
    size_t offset;
} json_error;

/**
 * Parses into the arena. The values refer to the arena and to `text`, which must outlive them. `max_depth` is MAX_DEPTH, at most
 * LIMIT_JSON_DEPTH. `error` may be NULL.
 */
json_status json_read(arena *a, apus_str text, size_t max_depth, json_value **root, json_error *error);

json_type json_type_of(const json_value *v);
bool json_bool(const json_value *v);
/** JSON_INT only: within int64. */
int64_t json_int(const json_value *v);
/** JSON_DOUBLE, JSON_INT, JSON_BIGINT: as a double (maybe infinite). */
double json_double(const json_value *v);
/** JSON_STR: the decoded text. JSON_BIGINT: its digits. */
apus_str json_str(const json_value *v);
size_t json_count(const json_value *v);
/** Member by key; of duplicates the last. NULL when absent or not an object. */
json_value *json_get(const json_value *object, apus_str key);

/** Iterates an array (key is left alone) or an object, in document order, duplicates included. */
typedef struct json_iterator {
    json_value *next, *key;
    size_t left;
    bool object;
} json_iterator;
json_iterator json_iterate(const json_value *container);
/** The next value, or NULL; `key` may be NULL. */
json_value *json_next(json_iterator *it, apus_str *key);

/** How numbers are spelt: shortest that reads back as the same double. NaN and infinities are null. */
typedef enum json_style {
    JSON_PYDANTIC, /* with a model: 1e-7, 0.00001, 1e+16, 1.0 */
    JSON_PYTHON,   /* without: repr: 1e-07, 1e-05, 1e+16, 1.0 */
} json_style;
/** With its quotes, escaped as json.dumps(ensure_ascii=False) does. The text is UTF-8: it was checked where it came in. */
void json_write_str(buffer *b, apus_str text);
void json_write_int(buffer *b, int64_t value);
void json_write_double(buffer *b, double value, json_style style);
void json_write_bool(buffer *b, bool value);
void json_write_null(buffer *b);
/** A parsed value again, compact. */
void json_write_value(buffer *b, const json_value *v, json_style style);

/** Whether the bytes are UTF-8 (no overlong forms, no surrogates). */
bool json_utf8_valid(apus_str text);
/** Number of code points of valid UTF-8. */
size_t json_utf8_length(apus_str text);

#endif
