/* What a line of the log looks like: the text of one call, as JSON or for a terminal. */
#include "core/log_line.h"

#include "core/clock.h"
#include "core/digits.h"
#include "core/limits.h"
#include "core/scan.h"

#include <math.h>
#include <stdio.h>

#define LINE_END 32      /* kept free for what closes a line */
#define NUMBER_MAX 32    /* characters of a number */
#define SECOND_LENGTH 19 /* 2026-01-02T03:04:05 */

/* How many bytes at the start are ASCII and stand for themselves in a JSON string. */
static size_t plain_run(const char *p, size_t n)
{
    size_t i = 0;
    while (n - i >= 8 && scan_is_plain(p + i, 8, true))
        i += 8;
    while (i < n && scan_is_plain(p + i, 1, true))
        i++;
    return i;
}

static void escape_ascii(buffer *b, unsigned char c)
{
    static const char shorts[] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
    char letter = c == '"' || c == '\\' ? (char)c : c < sizeof shorts ? shorts[c] : 0;
    if (letter)
        buffer_append(b, (char[]){'\\', letter}, 2);
    else
        buffer_printf(b, "\\u%04x", c);
}

/* The character at `p`, which is not plain; returns its length. Text without quotes around it keeps its own. */
static size_t escape_one(buffer *b, const char *p, size_t n, bool quoted)
{
    unsigned char c = (unsigned char)*p;
    if (c < 0x80) {
        if (quoted || (c != '"' && c != '\\'))
            escape_ascii(b, c);
        else
            buffer_append_char(b, (char)c);
        return 1;
    }
    size_t length = scan_utf8(p, n);
    if (length == 0) {
        buffer_append_str(b, APUS_STR("\xef\xbf\xbd"));
        return 1;
    }
    if (length == 2 && c == 0xc2 && (unsigned char)p[1] < 0xa0) /* a C1 control, which terminals obey */
        buffer_printf(b, "\\u%04x", (unsigned char)p[1]);
    else
        buffer_append(b, p, length);
    return length;
}

static void escape(buffer *b, apus_str text, bool quoted)
{
    const char *p = text.ptr;
    for (size_t left = text.len; left;) {
        size_t plain = plain_run(p, left);
        buffer_append(b, p, plain);
        p += plain;
        left -= plain;
        if (left) {
            size_t length = escape_one(b, p, left, quoted);
            p += length;
            left -= length;
        }
    }
}

void log_escape(buffer *b, apus_str text)
{
    escape(b, text, true);
}

/* Into log_line_make twice, once for each format: no calls, and no asking at every step which format it is. */
#define INTO_LINE static inline __attribute__((always_inline))

/*
 * What puts something at `at` returns where the next byte goes; what may find no room before `end` returns NULL then, and the
 * line goes on from where it was.
 */
static inline char *put(char *at, const char *bytes, size_t n)
{
    scan_copy(at, bytes, n);
    return at + n;
}

static inline bool has_room(const char *at, const char *end, size_t n)
{
    return (size_t)(end - at) >= n;
}

/* RFC 3339 with microseconds, UTC. The part that changes once a second is kept. */
static char *put_time(char *at)
{
    static _Thread_local struct {
        int64_t second;
        char text[64];
    } kept;
    int64_t now = clock_wall(), second = now / 1000000;
    if (kept.second != second) {
        time_t seconds = (time_t)second;
        struct tm parts;
        gmtime_r(&seconds, &parts);
        strftime(kept.text, sizeof kept.text, "%Y-%m-%dT%H:%M:%S", &parts);
        kept.second = second;
    }
    memcpy(at, kept.text, SECOND_LENGTH);
    at[SECOND_LENGTH] = '.';
    digits_put_padded(at + SECOND_LENGTH + 1, 6, (uint64_t)(now % 1000000));
    at[SECOND_LENGTH + 7] = 'Z';
    return at + SECOND_LENGTH + 8;
}

static char *put_int(char *at, int64_t value)
{
    if (value < 0)
        *at++ = '-';
    return at + digits_put(at, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

/* Six decimals, which is microseconds for what is mostly seconds. */
static char *put_double(char *at, double value)
{
    double size = fabs(value);
    if (!isfinite(value))
        return put(at, "null", 4);
    if (size >= 1e12 || (size < 1e-6 && size > 0))
        return at + snprintf(at, NUMBER_MAX, "%.6g", value);
    uint64_t millionths = (uint64_t)(size * 1e6 + 0.5);
    if (value < 0)
        *at++ = '-';
    at += digits_put(at, millionths / 1000000);
    *at++ = '.';
    digits_put_padded(at, 6, millionths % 1000000);
    size_t n = 6;
    while (n > 1 && at[n - 1] == '0')
        n--;
    return at + n;
}

static char *put_escaped(char *at, const char *end, apus_str text, bool quoted)
{
    apus_str shown = text;
    if (text.len > LIMIT_LOG_VALUE) {
        shown.len = LIMIT_LOG_VALUE;
        while (shown.len && ((unsigned char)text.ptr[shown.len] & 0xc0) == 0x80) /* not inside a character */
            shown.len--;
    }
    buffer b = {.ptr = at, .capacity = (size_t)(end - at), .ceiling = (size_t)(end - at)};
    escape(&b, shown, quoted);
    if (shown.len < text.len)
        buffer_append_str(&b, APUS_STR("…"));
    return b.failed ? NULL : at + b.len;
}

INTO_LINE char *put_text(char *at, const char *end, apus_str text, bool quoted)
{
    if (text.len > LIMIT_LOG_VALUE || !scan_is_plain(text.ptr, text.len, true))
        return put_escaped(at, end, text, quoted);
    return has_room(at, end, text.len) ? put(at, text.ptr, text.len) : NULL;
}

/* Whether a text may stand without quotes where words are separated by spaces. */
static bool is_word(apus_str text)
{
    return text.len && scan_is_plain(text.ptr, text.len, true) && !memchr(text.ptr, ' ', text.len) &&
           !memchr(text.ptr, '=', text.len);
}

INTO_LINE char *put_string(char *at, const char *end, apus_str text, bool json)
{
    if (!json && is_word(text))
        return put_text(at, end, text, true);
    *at++ = '"';
    at = put_text(at, end, text, true);
    if (!at || !has_room(at, end, 1))
        return NULL;
    *at++ = '"';
    return at;
}

INTO_LINE char *put_pair(char *at, const char *end, const log_pair *pair, bool json)
{
    if (!has_room(at, end, pair->length + 4 + NUMBER_MAX))
        return NULL;
    *at++ = json ? ',' : ' '; /* NOLINT(clang-analyzer-core.NullDereference): has_room answered for it */
    if (json)
        *at++ = '"';
    at = put(at, pair->name, pair->length);
    if (json)
        *at++ = '"';
    *at++ = json ? ':' : '=';
    switch (pair->kind) {
    case LOG_INT:
        return put_int(at, pair->integer);
    case LOG_DOUBLE:
        return put_double(at, pair->number);
    case LOG_STR:
        return put_string(at, end, pair->text, json);
    }
    return NULL;
}

_Static_assert(LIMIT_LOG_LINE > 6 * LIMIT_LOG_VALUE + 256, "any message fits into a line, which cuts it as a value");

INTO_LINE char *put_start(char *at, const char *end, log_level level, apus_str message, bool json)
{
#define AS_JSON(level) {"\",\"level\":\"" level "\",\"message\":\"", sizeof("\",\"level\":\"" level "\",\"message\":\"") - 1}
    static const apus_str json_levels[] = {AS_JSON("debug"), AS_JSON("info"), AS_JSON("warning"), AS_JSON("error")};
#undef AS_JSON
    static const char text_levels[][10] = {" DEBUG   ", " INFO    ", " WARNING ", " ERROR   "};
    if (!json)
        return put_text(put(put_time(at), text_levels[level], 9), end, message, false);
    at = put_time(put(at, "{\"time\":\"", 9));
    at = put_text(put(at, json_levels[level].ptr, json_levels[level].len), end, message, true);
    return put(at, "\"", 1);
}

INTO_LINE size_t make(char *text, log_level level, apus_str message, const log_pair *pairs, size_t count, bool json)
{
    const char *end = text + LIMIT_LOG_LINE - LINE_END;
    char *at = put_start(text, end, level, message, json);
    bool truncated = false;
    for (size_t i = 0; i < count; i++) {
        char *next = put_pair(at, end, &pairs[i], json);
        truncated = truncated || !next;
        at = next ? next : at;
    }
    if (truncated)
        at = json ? put(at, ",\"truncated\":true", 17) : put(at, " truncated=true", 15);
    if (json)
        *at++ = '}';
    *at++ = '\n'; /* NOLINT(clang-analyzer-core.NullDereference): LINE_END keeps its place */
    return (size_t)(at - text);
}

size_t log_line_make(char *text, log_level level, apus_str message, const log_pair *pairs, size_t count, bool json)
{
    return json ? make(text, level, message, pairs, count, true) : make(text, level, message, pairs, count, false);
}
