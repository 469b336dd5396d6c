/* Strings, optional values, errors: what every other public header builds on. */
#ifndef APUS_CORE_H
#define APUS_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A compiler then says where in the application a mistake stands, not which macro met it. */
#pragma GCC system_header

#pragma GCC visibility push(default)

/* A parameter without a name is one that is not used: `static int root(apus_request *, const apus_none *, struct message *out)`. */
#ifdef __clang__
#pragma GCC diagnostic ignored "-Wc2x-extensions"
#endif

/** A borrowed slice of bytes: not NUL-terminated, may hold NUL bytes; UTF-8 wherever it came through validation. */
typedef struct apus_str {
    const char *ptr;
    size_t len;
} apus_str;

/** A string literal as an `apus_str` value. */
#define APUS_STR(literal) ((apus_str){"" literal, sizeof(literal) - 1})

/** A slice as the two arguments of printf's `%.*s`: `apus_printf(req, "Oops! %.*s", APUS_ARG(name))`. */
#define APUS_ARG(s) (int)(s).len, (s).ptr

/** A NUL-terminated string as a slice of itself; NULL gives the empty slice. */
static inline apus_str apus_cstr(const char *text)
{
    return (apus_str){text, text ? strlen(text) : 0};
}

/** Byte-wise equality. */
static inline bool apus_str_eq(apus_str a, apus_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/** Equality with a NUL-terminated string. */
static inline bool apus_str_is(apus_str a, const char *text)
{
    return apus_str_eq(a, apus_cstr(text));
}

/** Equality of secrets: the time it takes tells the length of `b` at most. An empty slice equals nothing. */
static inline bool apus_str_eq_secret(apus_str a, apus_str b)
{
    volatile unsigned char difference = a.len != b.len || b.len == 0;
    for (size_t i = 0; i < b.len; i++)
        difference |= (unsigned char)(a.len ? a.ptr[i % a.len] ^ b.ptr[i] : 1);
    return difference == 0;
}

/** Whether a field was absent, given as null, or given with a value. */
enum apus_presence { APUS_UNSET, APUS_NULL, APUS_SET };

/** An RFC 9562 UUID in network byte order. */
typedef struct apus_uuid {
    uint8_t bytes[16];
} apus_uuid;

/** The offset of a date-time that was written without one. */
#define APUS_NAIVE INT32_MIN

/** A date-time: microseconds since 1970-01-01T00:00:00Z (for a naive one: of its wall clock), years 1 to 9999. */
typedef struct apus_datetime {
    int64_t micros;
    int32_t offset; /* seconds east of UTC, or APUS_NAIVE */
} apus_datetime;

/** Any JSON value, as its text; `text.ptr == NULL` is null. */
typedef struct apus_json {
    apus_str text;
} apus_json;

/** A JSON literal as an `apus_json` value. */
#define APUS_JSON(literal) ((apus_json){{"" literal, sizeof(literal) - 1}})

typedef struct apus_opt_int { enum apus_presence is; int64_t value; } apus_opt_int;
typedef struct apus_opt_double { enum apus_presence is; double value; } apus_opt_double;
typedef struct apus_opt_bool { enum apus_presence is; bool value; } apus_opt_bool;
typedef struct apus_opt_str { enum apus_presence is; apus_str value; } apus_opt_str;
typedef struct apus_opt_uuid { enum apus_presence is; apus_uuid value; } apus_opt_uuid;
typedef struct apus_opt_datetime { enum apus_presence is; apus_datetime value; } apus_opt_datetime;
/** The optional enum; `value` holds the enum's constant. */
typedef struct apus_opt_enum { enum apus_presence is; int value; } apus_opt_enum;

/** A set optional in an initializer: `{.price = APUS_SOME(50.2)}`; elsewhere `out->q = apus_some(in->q)`. */
#define APUS_SOME(v) {APUS_SET, (v)}

static inline apus_opt_int apus_some_int(int64_t value)
{
    return (apus_opt_int){APUS_SET, value};
}
static inline apus_opt_double apus_some_double(double value)
{
    return (apus_opt_double){APUS_SET, value};
}
static inline apus_opt_bool apus_some_bool(bool value)
{
    return (apus_opt_bool){APUS_SET, value};
}
static inline apus_opt_str apus_some_str(apus_str value)
{
    return (apus_opt_str){APUS_SET, value};
}
static inline apus_opt_uuid apus_some_uuid(apus_uuid value)
{
    return (apus_opt_uuid){APUS_SET, value};
}
static inline apus_opt_datetime apus_some_datetime(apus_datetime value)
{
    return (apus_opt_datetime){APUS_SET, value};
}
/** A set optional of the value's type. */
#define apus_some(v)                                                                                  \
    _Generic((v), double: apus_some_double, bool: apus_some_bool, apus_str: apus_some_str,            \
             apus_uuid: apus_some_uuid, apus_datetime: apus_some_datetime, default: apus_some_int)(v)

/** Whether an optional was given, be it as null: what PATCH asks. A bool, also as a parameter: `PG(apus_given(item->stock))`. */
#define apus_given(optional) ((bool)((optional).is != APUS_UNSET))

/** A list member: `LISTOF(apus_str) tags`, `LISTOF(struct item) items`. `is` is APUS_NULL for null (only where allowed). */
#define LISTOF(T)              \
    struct {                   \
        T *items;              \
        size_t len;            \
        enum apus_presence is; \
    }

/** One list member as the initializer of another of the same elements: `*out = (struct result){.tags = APUS_LIST(in->tags)}`. */
#define APUS_LIST(list) {(list).items, (list).len, (list).is}

/** A dict member, in the order of the document: `DICTOF(int64_t, double) weights`. */
#define DICTOF(K, V)           \
    struct {                   \
        struct {               \
            K key;             \
            V value;           \
        } *items;              \
        size_t len;            \
        enum apus_presence is; \
    }

/**
 * Every negative code that a runtime call may return: name, value, the status a handler's `return code;` becomes, text.
 * The text is the detail of that answer.
 */
#define APUS_ERROR_MAP(XX)                                                                \
    XX(APUS_ERESPONDED, -1, 0, "a response was already made")                             \
    XX(APUS_ECANCELED, -2, 499, "the client went away")                                   \
    XX(APUS_ETIMEDOUT, -3, 503, "Request timed out")                                      \
    XX(APUS_EUNAVAILABLE, -4, 503, "Database unavailable")                                \
    XX(APUS_EPOOL, -5, 503, "Database pool exhausted")                                    \
    XX(APUS_EOUTCOME, -6, 503, "Outcome unknown")                                         \
    XX(APUS_EUNIQUE, -7, 409, "Conflict")                                                 \
    XX(APUS_EFOREIGN_KEY, -8, 409, "Conflict")                                            \
    XX(APUS_ECHECK, -9, 409, "Conflict")                                                  \
    XX(APUS_ENOT_NULL, -10, 409, "Conflict")                                              \
    XX(APUS_ESERIALIZATION, -11, 503, "Serialization failure, try again")                 \
    XX(APUS_EDEADLOCK, -12, 503, "Deadlock detected, try again")                          \
    XX(APUS_ELOCK, -13, 503, "Lock not available")                                        \
    XX(APUS_EDISK_FULL, -14, 507, "Insufficient Storage")                                 \
    XX(APUS_EQUERY, -15, 500, "Internal Server Error")                                    \
    XX(APUS_EROW, -16, 500, "Internal Server Error")                                      \
    XX(APUS_EINVAL, -17, 500, "Internal Server Error")                                    \
    XX(APUS_ENOMEM, -18, 503, "Request needs too much memory")                            \
    XX(APUS_ETOOLARGE, -19, 500, "Internal Server Error")                                 \
    XX(APUS_EIO, -20, 500, "Internal Server Error")                                       \
    XX(APUS_EVALIDATION, -21, 422, "Validation error")

enum apus_error_code {
#define XX(name, value, status, text) name = value,
    APUS_ERROR_MAP(XX)
#undef XX
};

/** The name of an error code (`"APUS_EUNIQUE"`), or `"unknown"`. */
const char *apus_error_name(int code);

/** The environment variable's value, or `fallback` when it is unset or empty. Never NULL unless `fallback` is. */
const char *env_or(const char *name, const char *fallback);

/** A NUL-terminated copy that outlives the request, to be given to free; NULL when memory is out. */
char *apus_strdup(apus_str text);

#pragma GCC visibility pop

#endif
