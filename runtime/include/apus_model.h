/* Models: one table per struct says what each member is called, where it comes from and what it must satisfy. */
#ifndef APUS_MODEL_H
#define APUS_MODEL_H

#include "apus_core.h"

/* A compiler then says where in the application a mistake stands, not which macro met it. */
#pragma GCC system_header

#pragma GCC visibility push(default)

/* Rows name what they need and leave the rest out: that is what tables are for. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

typedef struct apus_model apus_model;
typedef struct apus_field apus_field;
typedef struct apus_dependency apus_dependency;

/** What a member holds. The C type of a `FIELD` member is its declaration; the kinds that a C type cannot say have rows of their own. */
typedef enum apus_kind {
    APUS_KIND_INT,
    APUS_KIND_DOUBLE,
    APUS_KIND_BOOL,
    APUS_KIND_STR,
    APUS_KIND_UUID,
    APUS_KIND_DATETIME,
    APUS_KIND_JSON,
    APUS_KIND_ENUM,
    APUS_KIND_OBJECT, /* a struct T (or T *, which may be null) with a model of its own */
    APUS_KIND_LIST,
    APUS_KIND_DICT,
    APUS_KIND_DEPENDS, /* filled by a dependency */
    APUS_KIND_SCHEMA,  /* a row about the whole model */
} apus_kind;

/** How a member keeps presence. */
typedef enum apus_shape {
    APUS_PLAIN,    /* the value itself; presence is kept beside the struct (apus_was_set) */
    APUS_OPTIONAL, /* apus_opt_T */
    APUS_POINTER,  /* T *, NULL when absent or null (OBJECT and DEPENDS only) */
} apus_shape;

/** Where a value comes from. */
typedef enum apus_source {
    APUS_IN_FIELD, /* a member of a model: its JSON object's key, its row's column */
    APUS_IN_PATH,
    APUS_IN_QUERY,
    APUS_IN_HEADER,
    APUS_IN_COOKIE,
    APUS_IN_BODY,
    APUS_IN_FORM,
    APUS_IN_FILE,
} apus_source;

/** When a member is left out of the JSON that goes out. */
typedef enum apus_omit { APUS_OMIT_NEVER, WHEN_UNSET, WHEN_NULL } apus_omit;

/** One constant of an enum and its text on the wire. */
typedef struct apus_enum_value {
    int value;
    const char *text;
} apus_enum_value;

/** An enum's wire form: made by ENUM_TYPE. */
typedef struct apus_enum {
    const char *name; /* the schema's name; NULL: a Literal */
    const char *doc;
    const apus_enum_value *values;
    size_t count;
} apus_enum;

#define APUS_MAX_LIST 8 /* entries of an in-line array in a row */

/** One row of a model. Bounds that are not given are NaN, counts that are not given are -1. */
struct apus_field {
    const char *name;  /* the member's name */
    const char *alias; /* its name outside, any text; default: the name (headers: `_` becomes `-`) */
    size_t offset, size;
    apus_kind kind;
    apus_shape shape;
    apus_source in;
    const apus_model *(*model)(void);         /* OBJECT: its model; LIST: the element's; DICT: the value's */
    const apus_model *(*key_model)(void);     /* DICT: the key's */
    const apus_enum *(*enum_type)(void);      /* ENUM */
    const apus_dependency *(*dependency)(void); /* DEPENDS */
    size_t element_size;  /* LIST: sizeof *items; DICT: of a pair */
    size_t value_offset;  /* DICT: of the value in a pair */
    bool root;            /* the model's JSON is this member's, not an object */

    /* presence */
    bool optional; /* may be absent; documented as `… | None` for a plain member without a fallback */
    bool required; /* an apus_opt_T that must be sent (null allowed) */
    bool not_null; /* an apus_opt_T that may be absent but not null (PATCH) */
    bool nullable; /* LIST, DICT, JSON: null is allowed, and absence too unless .required */
    long double fallback;      /* default of a number, a bool (0 or 1) or an enum (its constant) */
    const char *fallback_str;  /* default of a text, uuid, date-time; in the type's own syntax */
    const char *fallback_json; /* default of a list, dict, object or json, as JSON text; else the schema's `default` alone */

    /* constraints; the JSON Schema keywords of 2020-12 where such exist */
    long double gt, ge, lt, le, multiple_of;
    long min_length, max_length; /* code points of a string, elements of a list or dict */
    const char *pattern;         /* unanchored, no look-around, as Pydantic's */
    bool strict;                 /* no coercion */
    bool embed;                  /* BODY: the body is an object with this member as key, even when alone */
    bool convert_underscores_off; /* HEADER: keep the underscores of the name */

    /* documentation */
    const char *title, *doc, *format;
    const char *examples_json; /* a JSON array */
    const char *schema_extra_json; /* a JSON object merged into the schema */
    bool deprecated, hidden;   /* hidden: not in the OpenAPI document */

    /* going out */
    apus_omit omit;

    /* SCHEMA row only */
    const char *schema_name;
    bool forbid_extra;
};

struct model_compiled;

/** A struct's table. Made by MODEL; never by hand. */
struct apus_model {
    const char *name;
    size_t size, align;
    const apus_field *fields;
    size_t count;
    bool scalar; /* the built-in models of single values: fields[0] describes the value at offset 0 */
    struct model_compiled **compiled;
};

/** A model as it is named in calls: `item_model`. */
typedef const apus_model *(*apus_model_fn)(void);

#define APUS_NO_BOUND __builtin_nanl("")

#define APUS_KIND_OF(x)                                                                                                \
    _Generic((x), int64_t: APUS_KIND_INT, apus_opt_int: APUS_KIND_INT, double: APUS_KIND_DOUBLE,                       \
             apus_opt_double: APUS_KIND_DOUBLE, bool: APUS_KIND_BOOL, apus_opt_bool: APUS_KIND_BOOL,                   \
             apus_str: APUS_KIND_STR, apus_opt_str: APUS_KIND_STR, apus_uuid: APUS_KIND_UUID,                          \
             apus_opt_uuid: APUS_KIND_UUID, apus_datetime: APUS_KIND_DATETIME, apus_opt_datetime: APUS_KIND_DATETIME,  \
             apus_json: APUS_KIND_JSON)

#define APUS_SHAPE_OF(x)                                                                                      \
    _Generic((x), apus_opt_int: APUS_OPTIONAL, apus_opt_double: APUS_OPTIONAL, apus_opt_bool: APUS_OPTIONAL,  \
             apus_opt_str: APUS_OPTIONAL, apus_opt_uuid: APUS_OPTIONAL, apus_opt_datetime: APUS_OPTIONAL,     \
             apus_opt_enum: APUS_OPTIONAL, default: APUS_PLAIN)

#define APUS_ROW(m)                                                                                            \
    .name = #m, .offset = offsetof(self, m), .size = sizeof(((self *)0)->m), .fallback = APUS_NO_BOUND,        \
    .gt = APUS_NO_BOUND, .ge = APUS_NO_BOUND, .lt = APUS_NO_BOUND, .le = APUS_NO_BOUND,                        \
    .multiple_of = APUS_NO_BOUND, .min_length = -1, .max_length = -1

#define APUS_SCALAR(m) APUS_ROW(m), .kind = APUS_KIND_OF(((self *)0)->m), .shape = APUS_SHAPE_OF(((self *)0)->m)

/** A member of a JSON object or a column of a row. Its C type is its declaration. */
#define FIELD(m, ...) {APUS_SCALAR(m), __VA_ARGS__}
/** A part of the path, `{m}` in the route's template. */
#define PATH(m, ...) {APUS_SCALAR(m), .in = APUS_IN_PATH, __VA_ARGS__}
/** A query parameter. */
#define QUERY(m, ...) {APUS_SCALAR(m), .in = APUS_IN_QUERY, __VA_ARGS__}
/** A request header; `x_token` is `x-token` outside. */
#define HEADER(m, ...) {APUS_SCALAR(m), .in = APUS_IN_HEADER, __VA_ARGS__}
/** A cookie. */
#define COOKIE(m, ...) {APUS_SCALAR(m), .in = APUS_IN_COOKIE, __VA_ARGS__}
/** A single value out of the JSON body. */
#define BODY_FIELD(m, ...) {APUS_SCALAR(m), .in = APUS_IN_BODY, __VA_ARGS__}

/** A nested model: the member is a `struct T`, or a `struct T *` when it may be absent or null. */
#define OBJECT(m, T, ...)                                                                                              \
    {APUS_ROW(m), .kind = APUS_KIND_OBJECT,                                                                            \
     .shape = _Generic(((self *)0)->m, T##_value: APUS_PLAIN, T##_value *: APUS_POINTER), .model = T##_model,          \
     __VA_ARGS__}
/** A list: the member is a `LISTOF(T)` of a scalar type, a `LISTOF(struct T)` of a model or a `LISTOF(enum T)`. */
#define LIST(m, T, ...)                                                                                                \
    {APUS_ROW(m), .kind = APUS_KIND_LIST, .element_size = sizeof(*((self *)0)->m.items),                               \
     .model = _Generic(((self *)0)->m.items, T##_value *: T##_model), __VA_ARGS__}
/** A dict: the member is a `DICTOF(K, V)`; V may be a model (`DICTOF(apus_str, struct V)`), V and K an enum (`enum V`). */
#define DICT(m, K, V, ...)                                                                                             \
    {APUS_ROW(m), .kind = APUS_KIND_DICT, .element_size = sizeof(*((self *)0)->m.items),                               \
     .value_offset = offsetof(__typeof__(*((self *)0)->m.items), value),                                               \
     .key_model = _Generic(((self *)0)->m.items->key, K##_value: K##_model),                                           \
     .model = _Generic(((self *)0)->m.items->value, V##_value: V##_model), __VA_ARGS__}
/** An enum declared with ENUM_TYPE(E, …): the member is an `enum E` or an `apus_opt_enum`. */
#define ENUM(m, E, ...)                                                                                                \
    {APUS_ROW(m), .kind = APUS_KIND_ENUM,                                                                              \
     .shape = _Generic(((self *)0)->m, enum E: APUS_PLAIN, apus_opt_enum: APUS_OPTIONAL), .enum_type = E##_enum,       \
     __VA_ARGS__}

#define PATH_ENUM(m, E, ...) ENUM(m, E, .in = APUS_IN_PATH, __VA_ARGS__)
#define QUERY_ENUM(m, E, ...) ENUM(m, E, .in = APUS_IN_QUERY, __VA_ARGS__)
#define QUERY_LIST(m, T, ...) LIST(m, T, .in = APUS_IN_QUERY, __VA_ARGS__)
#define HEADER_LIST(m, T, ...) LIST(m, T, .in = APUS_IN_HEADER, __VA_ARGS__)
/** A model whose members are query parameters (headers, cookies) each. */
#define QUERY_MODEL(m, T, ...) OBJECT(m, T, .in = APUS_IN_QUERY, __VA_ARGS__)
#define HEADER_MODEL(m, T, ...) OBJECT(m, T, .in = APUS_IN_HEADER, __VA_ARGS__)
#define COOKIE_MODEL(m, T, ...) OBJECT(m, T, .in = APUS_IN_COOKIE, __VA_ARGS__)
/** The JSON body as a model. With several BODY rows, the body is an object keyed by their names. */
#define BODY(m, T, ...) OBJECT(m, T, .in = APUS_IN_BODY, __VA_ARGS__)
#define BODY_LIST(m, T, ...) LIST(m, T, .in = APUS_IN_BODY, __VA_ARGS__)
#define BODY_DICT(m, K, V, ...) DICT(m, K, V, .in = APUS_IN_BODY, __VA_ARGS__)

/** The model's JSON is this list (dict, scalar) itself: the only row of its model but for SCHEMA. */
#define ROOT_LIST(m, T, ...) LIST(m, T, .root = true, __VA_ARGS__)
#define ROOT_DICT(m, K, V, ...) DICT(m, K, V, .root = true, __VA_ARGS__)

/** The result of a dependency declared with DEPENDENCY(D, …): a member of its result's type, or a pointer to it. */
#define DEPENDS(m, D, ...)                                                                                             \
    {APUS_ROW(m), .kind = APUS_KIND_DEPENDS,                                                                           \
     .shape = _Generic(((self *)0)->m, D##_result: APUS_PLAIN, D##_result *: APUS_POINTER),                            \
     .dependency = D##_dependency, __VA_ARGS__}

/** What belongs to the whole model: its name in the OpenAPI document, `.doc`, `.forbid_extra`, `.examples_json` …. */
#define SCHEMA(text, ...) {.kind = APUS_KIND_SCHEMA, .schema_name = text, __VA_ARGS__}

/** Makes a model known before, or in another file than, its MODEL. */
#define DECLARE_MODEL(T)              \
    typedef struct T T##_value;       \
    typedef struct T T##_model_value; \
    const apus_model *T##_model(void)

/* `pointer`, when it is one to a value of the model: a call that takes both does not compile with another's. */
#define APUS_IS_A(model, pointer)                                                                                      \
    _Generic((pointer), model##_value *: (pointer), const model##_value *: (pointer), void *: (pointer))
/* The same of a pointer to a LISTOF. */
#define APUS_IS_LIST_OF(model, list) _Generic((list)->items, model##_value *: (list))

/** Defines `T_model` for `struct T` from its rows. At file scope, followed by a semicolon. */
#define MODEL(T, ...)                                                                                                  \
    DECLARE_MODEL(T);                                                                                                  \
    _Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Woverride-init\"")                               \
    const apus_model *T##_model(void)                                                                                  \
    {                                                                                                                  \
        typedef struct T self;                                                                                         \
        static const apus_field fields[] = {__VA_ARGS__};                                                              \
        static struct model_compiled *compiled;                                                                        \
        static const apus_model model = {#T, sizeof(self), _Alignof(self), fields, sizeof fields / sizeof *fields,     \
                                         false, &compiled};                                                            \
        return &model;                                                                                                 \
    }                                                                                                                  \
    _Pragma("GCC diagnostic pop") _Static_assert(1, "")

/** One constant and its text. */
#define VALUE(constant, text) {constant, text}

/** Makes an enum's wire form known before, or in another file than, its ENUM_TYPE. Follows the `enum E { … };` itself. */
#define DECLARE_ENUM(E)              \
    typedef enum E E##_value;        \
    typedef enum E E##_model_value;  \
    const apus_enum *E##_enum(void); \
    const apus_model *E##_model(void)

/**
 * Gives `enum E` its wire form, and makes it fit for `LIST(m, E)` and `DICT(m, K, E)`. `schema` is its name in the OpenAPI
 * document; NULL makes it a Python Literal: `literal_error`, and its texts stand wherever it is used. At file scope.
 */
#define ENUM_TYPE(E, schema, ...)                                                                              \
    DECLARE_ENUM(E);                                                                                           \
    const apus_enum *E##_enum(void)                                                                            \
    {                                                                                                          \
        static const apus_enum_value values[] = {__VA_ARGS__};                                                 \
        static const apus_enum type = {schema, NULL, values, sizeof values / sizeof *values};                  \
        return &type;                                                                                          \
    }                                                                                                          \
    const apus_model *E##_model(void)                                                                          \
    {                                                                                                          \
        typedef struct {                                                                                       \
            enum E value;                                                                                      \
        } self;                                                                                                \
        static const apus_field fields[] = {ENUM(value, E)};                                                   \
        static struct model_compiled *compiled;                                                                \
        static const apus_model model = {#E, sizeof(self), _Alignof(self), fields, 1, true, &compiled};        \
        return &model;                                                                                         \
    }                                                                                                          \
    _Static_assert(1, "")

apus_str apus_text_of_constant(const apus_enum *type, int constant);
apus_str apus_text_of_opt_constant(const apus_enum *type, apus_opt_enum constant);
/**
 * The text of a constant of ENUM_TYPE(E, …), or of an apus_opt_enum; ptr NULL for one without. As a parameter of a statement:
 * `PG(apus_enum_text(colour, in->colour))`.
 */
#define apus_enum_text(E, constant) \
    _Generic((constant), apus_opt_enum: apus_text_of_opt_constant, default: apus_text_of_constant)(E##_enum(), constant)

/* The built-in models of single values: elements of lists, keys and values of dicts, results of routes and dependencies. */
#define APUS_SCALAR_MODELS(XX)                                                                              \
    XX(int64_t) XX(double) XX(bool) XX(apus_str) XX(apus_uuid) XX(apus_datetime) XX(apus_json)              \
    XX(apus_opt_int) XX(apus_opt_double) XX(apus_opt_bool) XX(apus_opt_str) XX(apus_opt_uuid)               \
    XX(apus_opt_datetime)
typedef int64_t int64_t_value, int64_t_model_value;
typedef double double_value, double_model_value;
typedef bool bool_value, bool_model_value;
typedef apus_str apus_str_value, apus_str_model_value;
typedef apus_uuid apus_uuid_value, apus_uuid_model_value;
typedef apus_datetime apus_datetime_value, apus_datetime_model_value;
typedef apus_json apus_json_value, apus_json_model_value;
typedef apus_opt_int apus_opt_int_value, apus_opt_int_model_value;
typedef apus_opt_double apus_opt_double_value, apus_opt_double_model_value;
typedef apus_opt_bool apus_opt_bool_value, apus_opt_bool_model_value;
typedef apus_opt_str apus_opt_str_value, apus_opt_str_model_value;
typedef apus_opt_uuid apus_opt_uuid_value, apus_opt_uuid_model_value;
typedef apus_opt_datetime apus_opt_datetime_value, apus_opt_datetime_model_value;
const apus_model *int64_t_model(void);
const apus_model *double_model(void);
const apus_model *bool_model(void);
/* stdbool.h makes `bool` a macro: where a row passes it on, it arrives expanded */
typedef bool _Bool_value;
#define _Bool_model bool_model
const apus_model *apus_str_model(void);
const apus_model *apus_uuid_model(void);
const apus_model *apus_datetime_model(void);
const apus_model *apus_json_model(void);
const apus_model *apus_opt_int_model(void);
const apus_model *apus_opt_double_model(void);
const apus_model *apus_opt_bool_model(void);
const apus_model *apus_opt_str_model(void);
const apus_model *apus_opt_uuid_model(void);
const apus_model *apus_opt_datetime_model(void);

/** Stands for an absent input or output. */
typedef struct apus_none {
    char unused;
} apus_none;
typedef apus_none apus_none_value, apus_none_model_value;
const apus_model *apus_none_model(void);

#pragma GCC visibility pop

#endif
