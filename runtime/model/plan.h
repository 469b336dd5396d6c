/* What model_compile makes of a table, and what the files of this room share. */
#ifndef MODEL_PLAN_H
#define MODEL_PLAN_H

#include "model/model.h"
#include "model/names.h"
#include "model/refusal.h"

typedef struct pattern pattern;
typedef struct field_plan field_plan;

/** The bounds of a number, in the order in which Pydantic looks at them. */
enum bound_id { BOUND_MULTIPLE_OF, BOUND_LE, BOUND_LT, BOUND_GE, BOUND_GT, BOUND_COUNT };

typedef struct bound {
    int64_t integer; /* of an INT */
    double number;   /* of a DOUBLE */
    refusal refused;
} bound;

/** The value of a scalar member, whatever its kind. */
typedef union scalar {
    int64_t integer;
    double number;
    bool boolean;
    int constant;
    apus_str text;
    apus_uuid uuid;
    apus_datetime datetime;
} scalar;

enum fallback_kind { FALLBACK_NONE, FALLBACK_SCALAR, FALLBACK_JSON };

/** One row, ready for use. */
struct field_plan {
    const apus_field *field;
    const struct model_compiled *owner;
    const struct model_compiled *nested; /* OBJECT: its model; LIST: the element's; DICT: the value's */
    const struct model_compiled *key;    /* DICT */
    apus_str name, header_name;          /* outside */
    apus_str key_text;                   /* `,"name":` */
    size_t index;                        /* among the owner's plans */
    size_t value_at;                     /* offset of the value from the struct's start: behind `is` for an optional */
    apus_kind kind;
    apus_shape shape;
    bool nullable, required, strict;
    unsigned bounds_set; /* a bit per bound_id */
    bound *bounds;       /* BOUND_COUNT of them, or NULL */
    long min_length, max_length;
    refusal too_short, too_long; /* of a text */
    const pattern *pattern;
    refusal mismatch;
    const apus_enum_value *constants; /* ENUM */
    const apus_str *constant_texts;
    size_t constant_count;
    refusal not_constant; /* of an enum, or of a Literal */
    enum fallback_kind fallback_is;
    scalar fallback;
    const json_value *fallback_json;
    apus_str fallback_text[2]; /* of FALLBACK_JSON, as written in either json_style: what exclude_defaults compares */
};

struct model_compiled {
    const apus_model *model;
    field_plan *plans; /* the rows that hold values, in order: all but SCHEMA and DEPENDS */
    size_t count;
    const field_plan *root; /* of a scalar or a ROOT_… model, else NULL */
    bool forbid_extra;
    name_table keys;    /* names outside → plans; FIELD rows and, in an IN model, BODY rows */
    name_table columns; /* members' names → the model's rows */
    struct model_compiled *begun; /* the next of those that model_compile has begun */
};

/** Any LISTOF or DICTOF. */
typedef struct any_list {
    void *items;
    size_t len;
    enum apus_presence is;
} any_list;

/** What writing carries along. */
typedef struct writer {
    buffer *b;
    const model_write_options *options;
    size_t depth;
} writer;

/** Where a model's plan is, after model_compile. */
static inline const struct model_compiled *compiled_of(const apus_model *model)
{
    return *model->compiled;
}

static inline void *member_of(void *object, size_t offset)
{
    return (char *)object + offset;
}

static inline const void *const_member_of(const void *object, size_t offset)
{
    return (const char *)object + offset;
}

/** How an apus_opt_T keeps presence: as its first member. */
static inline enum apus_presence opt_is(const void *object, const field_plan *p)
{
    enum apus_presence is;
    memcpy(&is, const_member_of(object, p->field->offset), sizeof is);
    return is;
}

static inline void set_opt(void *object, const field_plan *p, enum apus_presence is)
{
    memcpy(member_of(object, p->field->offset), &is, sizeof is);
}

/* compile.c */

/** The compiler's state: where words go, and where what it makes lives for good. */
typedef struct compiler {
    char *error;
    size_t error_size;
    arena *memory;
    const apus_model *model;
    const apus_field *field;
    struct model_compiled *begun;
} compiler;

/** Puts `model item, field price: words` into the error; false, for `return complain(…);`. */
bool complain(compiler *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** A text that lives for good; ptr NULL when memory is out. */
apus_str keep_printf(compiler *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** The text as a JSON string, quotes included, for good. */
apus_str keep_quoted(compiler *c, apus_str text);
/** Zeroed, for good; NULL when memory is out. */
void *keep_zeroed(compiler *c, size_t size);
/** The plan of a row, from anywhere; NULL before model_compile. */
const field_plan *plan_of(const apus_field *field);

/* rows.c, layout.c: what a table must be */
bool check_row(compiler *c, const apus_field *field);
bool check_rows_together(compiler *c, const apus_model *model);
bool check_layout(compiler *c, const apus_model *model);
/** Size and alignment of a member of that kind and shape that is no struct of the application's. */
size_t kind_size(apus_kind kind, apus_shape shape);
size_t kind_align(apus_kind kind, apus_shape shape);
/** Offset of an apus_opt_T's value. */
size_t opt_value_offset(apus_kind kind);
const char *kind_name(apus_kind kind);

/* bounds.c */
bool compile_bounds(compiler *c, field_plan *p);
/** NULL when the value keeps all bounds. */
const refusal *check_int(const field_plan *p, int64_t value);
/** For an integer beyond int64: the bound that it breaks, else that it is too big for us. */
const refusal *check_bigint(const field_plan *p, apus_str digits, bool negative);
const refusal *check_double(const field_plan *p, double value);
bool compile_lengths(compiler *c, field_plan *p);
const refusal *check_text(const field_plan *p, apus_str text);
bool compile_enum(compiler *c, field_plan *p);

/* pattern.c */
/** NULL with words in the compiler's error. */
const pattern *pattern_compile(compiler *c, const char *text);
bool pattern_matches(const pattern *p, apus_str text);

/* fallback.c */
bool compile_fallback(compiler *c, field_plan *p);
/** After all models: defaults that are JSON read by the models they are for. */
bool compile_fallback_json(compiler *c, field_plan *p);
bool fill_default(model_reader *r, const field_plan *p, void *object, const model_loc *loc);
/** Whether the member holds its default: the fallback, or null where there is none. False for a required member. */
bool holds_default(writer *w, const field_plan *p, const void *object);

/* write.c */
/** Whether the member would be written as `null`. */
bool member_is_null(const field_plan *p, const void *object);
/** The member's value; false with words in the options' error. */
bool write_member(writer *w, const field_plan *p, const void *object);

/* scalar.c */
const refusal *scalar_from_text(model_reader *r, const field_plan *p, apus_str text, void *at);
const refusal *scalar_from_json(model_reader *r, const field_plan *p, const json_value *v, void *at);
/** The kind's `…_type` refusal: not even the right sort of value. */
const refusal *wrong_type(const field_plan *p);
void store_scalar(apus_kind kind, const scalar *value, void *at);
void load_scalar(apus_kind kind, const void *at, scalar *value);

/* read_json.c */
bool read_member(model_reader *r, const field_plan *p, const json_value *v, void *object, const model_loc *loc);
bool read_value(model_reader *r, const struct model_compiled *m, const json_value *v, void *out, const model_loc *loc);
/** Where an OBJECT is read to: the member, or new memory that it then points to; NULL without memory. */
void *place_of_object(model_reader *r, const field_plan *p, void *object);
bool read_absent(model_reader *r, const field_plan *p, void *object, const model_loc *loc, model_input whole);
__attribute__((noinline)) bool refuse(model_reader *r, const model_loc *loc, const refusal *why, model_input input);
__attribute__((noinline)) bool refuse_json(model_reader *r, const model_loc *loc, const refusal *why, const json_value *v);
void store_present(const field_plan *p, void *object);
void store_null(const field_plan *p, void *object);
/** arena_alloc for `count` things, or NULL and out_of_memory. Never NULL for nothing. */
void *read_alloc(model_reader *r, size_t count, size_t size);
/** One level down; false past the limit, with the error at `loc`. Then `r->depth--`. */
bool read_deeper(model_reader *r, const json_value *v, const model_loc *loc);

/* read_dict.c */
bool read_dict(model_reader *r, const field_plan *p, const json_value *v, void *object, const model_loc *loc);
const refusal *list_too_long(model_reader *r, const field_plan *p, size_t count);
const refusal *list_too_short(model_reader *r, const field_plan *p, size_t count);

/* presence.c */
void presence_mark(model_reader *r, const void *object, const field_plan *p);
/** A new record of an object that comes in; NULL without memory. Valid until the next call. */
uint64_t *presence_record(model_reader *r, const void *object, const struct model_compiled *m);
/** The bits of an object's record, or NULL when it did not come in. */
const uint64_t *presence_find(const model_reader *r, const void *object, const struct model_compiled *m);
static inline bool presence_has(const uint64_t *bits, const field_plan *p)
{
    return bits[p->index / 64] >> p->index % 64 & 1;
}

/* number.c, uuid.c, datetime.c */
enum int_text { INT_TEXT_OK, INT_TEXT_BAD, INT_TEXT_ABOVE, INT_TEXT_BELOW, INT_TEXT_TOO_LONG };
enum int_text int_from_text(apus_str text, int64_t *out);
/** Plain decimal notation: no space, no underscore, no inf or nan. */
bool double_from_decimal(apus_str text, double *out);
/** Why a text is no UUID, in Pydantic's words. */
const refusal *uuid_refusal(model_reader *r, apus_str text);
const refusal *datetime_from_text(model_reader *r, apus_str text, apus_datetime *out);
const refusal *datetime_from_int(model_reader *r, int64_t seconds, apus_datetime *out);
const refusal *datetime_from_double(model_reader *r, double seconds, apus_datetime *out);

#endif
