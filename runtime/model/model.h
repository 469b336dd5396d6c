/* Models at work: tables compiled once; text and JSON into structs, all errors at once; structs into JSON. */
#ifndef MODEL_MODEL_H
#define MODEL_MODEL_H

#include "apus_model.h"
#include "core/buffer.h"
#include "json/json.h"

/**
 * Compiles a model and those it refers to: keys escaped, patterns compiled, defaults parsed. Before the model's first use,
 * from any thread; idempotent, but not free: it takes a lock. false with one line in `error` that names model and field.
 */
bool model_compile(const apus_model *model, char *error, size_t error_size);

/** One step of a loc. */
typedef struct model_loc {
    const struct model_loc *parent;
    apus_str name; /* when ptr is not NULL, else index */
    int64_t index;
} model_loc;

/** What an error echoes as `input`. */
typedef struct model_input {
    enum { INPUT_NULL, INPUT_TEXT, INPUT_JSON, INPUT_RAW, INPUT_TEXTS } is;
    apus_str text;           /* TEXT: a string; RAW: JSON text as it is */
    const json_value *json;
    const apus_str *texts;   /* TEXTS: a list of strings */
    size_t count;
} model_input;

typedef struct model_error {
    struct model_error *next;
    const char *type;
    apus_str msg;
    apus_str loc;   /* JSON array, written when it happened */
    model_input input;
    apus_str ctx;   /* JSON object, or empty */
} model_error;

/** All errors of one request, in order, up to LIMIT_VALIDATION_ERRORS. */
typedef struct model_errors {
    arena *arena;
    model_error *first, **last;
    size_t count;
} model_errors;

/** Which members of an object that came in were sent: kept beside the struct, found by its address. */
typedef struct model_presence model_presence;

/** What reading needs. One per request. */
typedef struct model_reader {
    arena *arena;
    model_errors errors;
    model_presence *presence;
    size_t max_depth;
    bool out_of_memory; /* what was read is not to be used, errors or not: 413 or 503 */
    size_t depth;
    const json_value **scratch; /* members of the objects being read, found but not yet read */
    size_t scratch_used, scratch_size;
} model_reader;

void model_reader_init(model_reader *r, arena *a, size_t max_depth);
void model_add_error(model_reader *r, const model_loc *loc, const char *type, apus_str msg, model_input input, apus_str ctx);
/** FastAPI's `missing` at a loc. */
void model_add_missing(model_reader *r, const model_loc *loc, model_input input);
/** `[{"type":…,"loc":…,"msg":…,"input":…[,"ctx":…]}…]` */
void model_write_errors(buffer *b, const model_errors *errors);

/**
 * A JSON value into `out` (of the model's size; need not be zeroed). Errors go to the reader with `loc` as their root.
 * false when there was any. Unknown keys are ignored unless SCHEMA says forbid_extra.
 */
bool model_read_json(model_reader *r, const apus_model *model, const json_value *value, void *out, const model_loc *loc);
/**
 * One field from JSON: `object` is the struct that holds the member, `loc` is the member's own (name included).
 * `value` NULL = absent: default, or missing with `whole` as input.
 */
bool model_read_field_json(model_reader *r, const apus_field *field, const json_value *value, void *object,
                           const model_loc *loc, model_input whole);
/**
 * One field from texts (path, query, header, cookie, form): lax coercion from strings; lists take all, scalars the last (the first
 * when `first_wins`). `loc` is the member's own; count 0 = absent. For a BODY field the text is a whole body that is not JSON:
 * lists, dicts and objects refuse it as FastAPI does, with the text as input.
 */
bool model_read_field_texts(model_reader *r, const apus_field *field, const apus_str *texts, size_t count, bool first_wins,
                            void *object, const model_loc *loc, model_input whole);
/** The field's default into the object, or its empty value. false when it has none and is required. */
bool model_fill_default(model_reader *r, const apus_field *field, void *object);
bool model_field_required(const apus_field *field);
/** The name outside: alias, or by the source's rule (`x_token` → `x-token` for headers). Static after model_compile. */
apus_str model_field_name(const apus_field *field);
/** The name that a FIELD of a HEADER_MODEL has as a header: alias, or the name with dashes. Static after model_compile. */
apus_str model_field_header_name(const apus_field *field);

/** Whether the member of `size` at `offset` of an object that came in was sent; false for an object that did not come in. */
bool model_was_set(const model_reader *r, const void *object, size_t offset, size_t size);

/** `to` becomes what `from` is, and what was sent of that, and of the objects within, counts as sent of it. */
void model_assign(model_reader *r, const apus_model *model, void *to, const void *from);
/** The members of `from`, an object that came in, that were sent: copied over those of `to`, where they count as sent. */
void model_update(model_reader *r, const apus_model *model, void *to, const void *from);

typedef struct model_write_options {
    bool exclude_unset, exclude_none, exclude_defaults;
    json_style style; /* JSON_PYDANTIC unless undocumented */
    const model_reader *reader; /* presence for exclude_unset, or NULL: then plain members count as set */
    char *error;                /* where the words of a failure go, or NULL */
    size_t error_size;
} model_write_options;

/**
 * A struct as JSON; `options` NULL for none. APUS_EVALIDATION (with words in `options->error`) when it breaks its own table: an
 * enum out of range, text not UTF-8, a null where none is allowed; APUS_ETOOLARGE when the buffer failed.
 */
int model_write_json(buffer *b, const apus_model *model, const void *value, const model_write_options *options);

/** Texts of the scalar kinds, as SQL and Pydantic read and write them. */
bool model_parse_int(apus_str text, int64_t *out);
bool model_parse_double(apus_str text, double *out);
bool model_parse_bool(apus_str text, bool *out);
bool model_parse_uuid(apus_str text, apus_uuid *out);
bool model_parse_datetime(apus_str text, apus_datetime *out);
size_t model_format_uuid(const apus_uuid *uuid, char out[36]);
/** Whether its year is 1 to 9999 and its offset less than a day: others have no text. */
bool model_datetime_in_range(const apus_datetime *when);
/** At most 35 bytes: `2024-01-02T03:04:05.123456+05:30`; UTC as `Z` in Pydantic's style, `+00:00` in Python's. */
size_t model_format_datetime(const apus_datetime *when, json_style style, char out[40]);

/** A field as a column: the index in model->fields by the member's name, for row → struct (pg). -1 when there is no such member. */
int model_column(const apus_model *model, const char *name);

#endif
