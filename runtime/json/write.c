#include "core/digits.h"
#include "core/limits.h"
#include "core/scan.h"
#include "json/json.h"

#include <yyjson.h>

void json_write_int(buffer *b, int64_t value)
{
    char *at = buffer_reserve(b, DIGITS_MAX + 1);
    if (!at)
        return;
    uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    if (value < 0) {
        *at++ = '-';
        b->len++;
    }
    b->len += digits_put(at, magnitude);
}

void json_write_bool(buffer *b, bool value)
{
    buffer_append_str(b, value ? APUS_STR("true") : APUS_STR("false"));
}

void json_write_null(buffer *b)
{
    buffer_append_str(b, APUS_STR("null"));
}

/* Copies up to the first byte that needs an escape; returns how many bytes that were. */
static size_t copy_plain(char *to, const char *from, size_t n)
{
    size_t i = 0;
    for (; n - i >= 8; i += 8) {
        uint64_t word = scan_load(from + i), special = scan_json_special(word);
        memcpy(to + i, &word, sizeof word);
        if (special)
            break;
    }
    for (; i < n; i++) {
        unsigned char c = (unsigned char)from[i];
        if (c < 0x20 || c == '"' || c == '\\')
            break;
        to[i] = (char)c;
    }
    return i;
}

static size_t put_escape(char *at, unsigned char c)
{
    static const char shorts[32] = {['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'};
    static const char hex[] = "0123456789abcdef";
    at[0] = '\\';
    at[1] = c >= 0x20 ? (char)c : shorts[c];
    if (at[1])
        return 2;
    memcpy(at + 1, "u00", 3);
    at[4] = hex[c >> 4];
    at[5] = hex[c & 15];
    return 6;
}

static void write_escaped(buffer *b, apus_str text)
{
    const char *from = text.ptr, *end = from + text.len;
    buffer_append_char(b, '"');
    while (from < end) {
        size_t left = (size_t)(end - from);
        char *at = buffer_reserve(b, left + 6); /* all of it plain, and one escape */
        if (!at)
            return;
        size_t plain = copy_plain(at, from, left);
        b->len += plain;
        from += plain;
        if (from < end)
            b->len += put_escape(at + plain, (unsigned char)*from++);
    }
    buffer_append_char(b, '"');
}

void json_write_str(buffer *b, apus_str text)
{
    if (!scan_is_plain(text.ptr, text.len, false)) {
        write_escaped(b, text);
        return;
    }
    char *at = buffer_reserve(b, text.len + 2);
    if (!at)
        return;
    at[0] = at[text.len + 1] = '"';
    scan_copy(at + 1, text.ptr, text.len);
    b->len += text.len + 2;
}

static void write_scalar(buffer *b, const json_value *v, json_style style)
{
    switch (json_type_of(v)) {
    case JSON_NULL:
        json_write_null(b);
        break;
    case JSON_BOOL:
        json_write_bool(b, json_bool(v));
        break;
    case JSON_INT:
        json_write_int(b, json_int(v));
        break;
    case JSON_BIGINT:
        buffer_append_str(b, json_str(v));
        break;
    case JSON_DOUBLE:
        json_write_double(b, json_double(v), style);
        break;
    case JSON_STR:
        json_write_str(b, json_str(v));
        break;
    case JSON_ARRAY:
        buffer_append_str(b, APUS_STR("[]"));
        break;
    case JSON_OBJECT:
        buffer_append_str(b, APUS_STR("{}"));
        break;
    }
}

/* An open array or object: how many values are still to come, keys included. */
typedef struct level {
    uint32_t left;
    bool object;
} level;

/* After a value: what separates it from the next, or closes what it ends. Returns the depth. */
static size_t write_after(buffer *b, level *levels, size_t depth)
{
    while (depth) {
        level *top = &levels[depth - 1];
        if (--top->left) {
            buffer_append_char(b, top->object && top->left % 2 ? ':' : ',');
            break;
        }
        buffer_append_char(b, top->object ? '}' : ']');
        depth--;
    }
    return depth;
}

void json_write_value(buffer *b, const json_value *v, json_style style)
{
    level levels[LIMIT_JSON_DEPTH]; /* json_read gives nothing deeper */
    size_t depth = 0;
    do { /* the values of a document lie one after the other, each container before its members */
        json_type type = json_type_of(v);
        size_t count = type >= JSON_ARRAY ? json_count(v) : 0;
        if (count) {
            bool object = type == JSON_OBJECT;
            buffer_append_char(b, object ? '{' : '[');
            levels[depth++] = (level){(uint32_t)(object ? 2 * count : count), object};
        } else {
            write_scalar(b, v, style);
            depth = write_after(b, levels, depth);
        }
        v++;
    } while (depth && !b->failed);
}
