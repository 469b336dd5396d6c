/* What a line of the log looks like: the text of one call, as JSON or for a terminal. */
#include "core/log_line.h"

#include "core/clock.h"
#include "core/digits.h"
#include "core/limits.h"
#include "core/scan.h"

#include <math.h>
#include <stdio.h>

#define LINE_END 32     /* kept free for what closes a line */
#define NUMBER_MAX 32   /* characters of a number */
#define SECOND_LENGTH 19 /* 2026-01-02T03:04:05 */

/* Where the next byte goes. What does not fit leaves the line as it was. */
typedef struct line {
    char *at, *end;
} line;

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

static bool has_room(const line *l, size_t n)
{
    return (size_t)(l->end - l->at) >= n;
}

static void put(line *l, const char *bytes, size_t n)
{
    memcpy(l->at, bytes, n);
    l->at += n;
}

static void put_char(line *l, char c)
{
    *l->at++ = c;
}

/* RFC 3339 with microseconds, UTC. The part that changes once a second is kept. */
static void put_time(line *l)
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
    put(l, kept.text, SECOND_LENGTH);
    put_char(l, '.');
    digits_put_padded(l->at, 6, (uint64_t)(now % 1000000));
    l->at += 6;
    put_char(l, 'Z');
}

static void put_int(line *l, int64_t value)
{
    if (value < 0)
        put_char(l, '-');
    l->at += digits_put(l->at, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

/* Six decimals, which is microseconds for what is mostly seconds. */
static void put_double(line *l, double value)
{
    double size = fabs(value);
    if (!isfinite(value)) {
        put(l, "null", 4);
        return;
    }
    if (size >= 1e12 || (size < 1e-6 && size > 0)) {
        l->at += snprintf(l->at, NUMBER_MAX, "%.6g", value);
        return;
    }
    uint64_t millionths = (uint64_t)(size * 1e6 + 0.5);
    if (value < 0)
        put_char(l, '-');
    l->at += digits_put(l->at, millionths / 1000000);
    put_char(l, '.');
    digits_put_padded(l->at, 6, millionths % 1000000);
    size_t n = 6;
    while (n > 1 && l->at[n - 1] == '0')
        n--;
    l->at += n;
}

static bool put_escaped(line *l, apus_str text, bool quoted)
{
    apus_str shown = text;
    if (text.len > LIMIT_LOG_VALUE) {
        shown.len = LIMIT_LOG_VALUE;
        while (shown.len && ((unsigned char)text.ptr[shown.len] & 0xc0) == 0x80) /* not inside a character */
            shown.len--;
    }
    size_t room = (size_t)(l->end - l->at);
    buffer b = {.ptr = l->at, .capacity = room, .ceiling = room};
    escape(&b, shown, quoted);
    if (shown.len < text.len)
        buffer_append_str(&b, APUS_STR("…"));
    if (b.failed)
        return false;
    l->at += b.len;
    return true;
}

static bool put_text(line *l, apus_str text, bool quoted)
{
    if (text.len > LIMIT_LOG_VALUE || !scan_is_plain(text.ptr, text.len, true))
        return put_escaped(l, text, quoted);
    if (!has_room(l, text.len))
        return false;
    if (text.len)
        put(l, text.ptr, text.len);
    return true;
}

/* Whether a text may stand without quotes where words are separated by spaces. */
static bool is_word(apus_str text)
{
    return text.len && scan_is_plain(text.ptr, text.len, true) && !memchr(text.ptr, ' ', text.len) &&
           !memchr(text.ptr, '=', text.len);
}

static bool put_string(line *l, apus_str text, bool json)
{
    if (!json && is_word(text))
        return put_text(l, text, true);
    if (!has_room(l, 1))
        return false;
    put_char(l, '"');
    if (!put_text(l, text, true) || !has_room(l, 1))
        return false;
    put_char(l, '"');
    return true;
}

static bool put_pair(line *l, const log_pair *pair, bool json)
{
    size_t n = pair->length;
    if (!has_room(l, n + 4 + NUMBER_MAX))
        return false;
    if (json)
        put(l, ",\"", 2);
    else
        put_char(l, ' ');
    put(l, pair->name, n);
    if (json)
        put(l, "\":", 2);
    else
        put_char(l, '=');
    switch (pair->kind) {
    case LOG_INT:
        put_int(l, pair->integer);
        return true;
    case LOG_DOUBLE:
        put_double(l, pair->number);
        return true;
    case LOG_STR:
        return put_string(l, pair->text, json);
    }
    return false;
}

/* Always fits: a message is cut as a value is. */
static void put_start(line *l, log_level level, apus_str message, bool json)
{
#define AS_JSON(level) {"\",\"level\":\"" level "\",\"message\":\"", sizeof("\",\"level\":\"" level "\",\"message\":\"") - 1}
    static const apus_str json_levels[] = {AS_JSON("debug"), AS_JSON("info"), AS_JSON("warning"), AS_JSON("error")};
#undef AS_JSON
    static const char text_levels[][10] = {" DEBUG   ", " INFO    ", " WARNING ", " ERROR   "};
    if (json)
        put(l, "{\"time\":\"", 9);
    put_time(l);
    if (json)
        put(l, json_levels[level].ptr, json_levels[level].len);
    else
        put(l, text_levels[level], 9);
    put_text(l, message, json);
    if (json)
        put_char(l, '"');
}

_Static_assert(LIMIT_LOG_LINE > 6 * LIMIT_LOG_VALUE + 256, "any message fits into a line");

size_t log_line_make(char *text, log_level level, apus_str message, const log_pair *pairs, size_t count, bool json)
{
    line l = {text, text + LIMIT_LOG_LINE - LINE_END};
    bool truncated = false;
    put_start(&l, level, message, json);
    for (size_t i = 0; i < count; i++) {
        char *before = l.at;
        if (!put_pair(&l, &pairs[i], json)) {
            l.at = before;
            truncated = true;
        }
    }
    if (truncated && json)
        put(&l, ",\"truncated\":true", 17);
    else if (truncated)
        put(&l, " truncated=true", 15);
    if (json)
        put_char(&l, '}');
    put_char(&l, '\n');
    return (size_t)(l.at - text);
}
