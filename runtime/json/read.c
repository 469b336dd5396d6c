#include "core/digits.h"
#include "core/limits.h"
#include "json/explain.h"
#include "json/json.h"

#include <math.h>
#include <yyjson.h>

/* The shortest text that holds a number which needs a second look: 1e309. */
#define SHORTEST_BIG 5

static void *take(void *context, size_t size)
{
    return arena_alloc(context, size);
}

static void *resize(void *context, void *memory, size_t old, size_t size)
{
    return arena_resize(context, memory, old, size);
}

static void give(void *context, void *memory)
{
    (void)context, (void)memory; /* the arena's reset gives all back */
}

static size_t sum_bytes(uint64_t bytes)
{
    uint64_t even = bytes & 0x00ff00ff00ff00ff, odd = bytes >> 8 & 0x00ff00ff00ff00ff;
    return (size_t)((even + odd) * 0x0001000100010001 >> 48);
}

/* Opening brackets and braces, those inside strings too: a bound of the depth that costs next to nothing. */
static size_t count_openings(apus_str text)
{
    typedef unsigned char lanes __attribute__((vector_size(16)));
    const char *p = text.ptr, *end = p + text.len;
    size_t count = 0;
    while (end - p >= 16) {
        lanes sum = {0};
        for (int round = 0; round < 255 && end - p >= 16; round++, p += 16) {
            lanes bytes;
            memcpy(&bytes, p, sizeof bytes);
            sum -= (lanes)((bytes | 0x20) == '{'); /* [ and { differ in that bit */
        }
        uint64_t halves[2];
        memcpy(halves, &sum, sizeof halves);
        count += sum_bytes(halves[0]) + sum_bytes(halves[1]);
    }
    for (; p < end; p++)
        count += (*p | 0x20) == '{';
    return count;
}

/* yyjson keeps a document's values in one array, each container before its members. */
static bool too_deep(yyjson_val *value, size_t count, size_t max_depth)
{
    const yyjson_val *ends[LIMIT_JSON_DEPTH];
    size_t depth = 0;
    for (const yyjson_val *end = value + count; value < end; value++) {
        while (depth && value >= ends[depth - 1])
            depth--;
        if (!unsafe_yyjson_is_ctn(value))
            continue;
        if (depth == max_depth)
            return true;
        ends[depth++] = unsafe_yyjson_get_next(value);
    }
    return false;
}

/* An integer above int64 keeps its digits, as those above uint64 do. */
static bool settle_unsigned(arena *a, yyjson_val *value)
{
    char *digits = arena_alloc(a, 24);
    if (!digits)
        return false;
    size_t n = digits_put(digits, value->uni.u64);
    digits[n] = '\0';
    value->tag = (uint64_t)n << YYJSON_TAG_BIT | YYJSON_TYPE_RAW;
    value->uni.str = digits;
    return true;
}

/* Raw are integers above 64 bits, and decimals too large for a double, which read as infinite. */
static json_status settle_raw(yyjson_val *value)
{
    const char *text = value->uni.str;
    size_t n = unsafe_yyjson_get_len(value);
    if (memchr(text, '.', n) || memchr(text, 'e', n) || memchr(text, 'E', n)) {
        value->tag = YYJSON_TYPE_NUM | YYJSON_SUBTYPE_REAL;
        value->uni.f64 = text[0] == '-' ? -INFINITY : INFINITY;
        return JSON_OK;
    }
    return n - (text[0] == '-') > LIMIT_INTEGER_DIGITS ? JSON_REFUSED : JSON_OK;
}

static json_status settle(arena *a, yyjson_val *value, size_t count)
{
    for (yyjson_val *end = value + count; value < end; value++) {
        uint8_t tag = unsafe_yyjson_get_tag(value);
        if (tag == (YYJSON_TYPE_NUM | YYJSON_SUBTYPE_UINT)) {
            if (value->uni.u64 > INT64_MAX && !settle_unsigned(a, value))
                return JSON_NO_MEMORY;
        } else if (tag == YYJSON_TYPE_RAW && settle_raw(value) != JSON_OK) {
            return JSON_REFUSED;
        }
    }
    return JSON_OK;
}

json_status json_read(arena *a, apus_str text, size_t max_depth, json_value **root, json_error *error)
{
    *root = NULL;
    if (error)
        *error = (json_error){0};
    if (max_depth > LIMIT_JSON_DEPTH)
        max_depth = LIMIT_JSON_DEPTH;
    yyjson_alc allocator = {take, resize, give, a};
    yyjson_read_err failure;
    char *bytes = (char *)(uintptr_t)text.ptr; /* only read: not in situ */
    yyjson_doc *document = yyjson_read_opts(bytes, text.len, YYJSON_READ_BIGNUM_AS_RAW, &allocator, &failure);
    if (!document) {
        if (failure.code == YYJSON_READ_ERROR_MEMORY_ALLOCATION)
            return JSON_NO_MEMORY;
        json_status why = json_explain(text, max_depth, error);
        return why == JSON_OK ? JSON_REFUSED : why;
    }
    size_t count = yyjson_doc_get_val_count(document);
    yyjson_val *values = yyjson_doc_get_root(document);
    if (count_openings(text) > max_depth && too_deep(values, count, max_depth))
        return JSON_REFUSED;
    json_status status = text.len >= SHORTEST_BIG ? settle(a, values, count) : JSON_OK;
    if (status == JSON_OK)
        *root = values;
    return status;
}
