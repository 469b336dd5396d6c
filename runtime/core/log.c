#define _GNU_SOURCE
#include "core/log.h"

#include "core/clock.h"
#include "core/digits.h"
#include "core/limits.h"
#include "core/log_sink.h"
#include "core/scan.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#define LINE_END 32          /* kept free for what closes a line */
#define LONGEST_MESSAGE 2048 /* of log_printf */

static _Atomic int least_level = LOG_INFO;
static atomic_bool as_json;

static const struct level_name {
    apus_str json, text;
} level_names[] = {
    [LOG_DEBUG] = {{"debug", 5}, {"DEBUG   ", 8}},
    [LOG_INFO] = {{"info", 4}, {"INFO    ", 8}},
    [LOG_WARNING] = {{"warning", 7}, {"WARNING ", 8}},
    [LOG_ERROR] = {{"error", 5}, {"ERROR   ", 8}},
};

bool log_enabled(log_level level)
{
    return (int)level >= atomic_load_explicit(&least_level, memory_order_relaxed);
}

uint64_t log_dropped(void)
{
    return log_sink_dropped();
}

/* How many bytes at the start are ASCII and stand for themselves in a JSON string. */
static size_t plain_run(const char *p, size_t n)
{
    size_t i = 0;
    while (n - i >= 8) {
        uint64_t word = scan_load(p + i);
        if (scan_json_special(word) | (word & SCAN_HIGHS))
            break;
        i += 8;
    }
    for (; i < n; i++) {
        unsigned char c = (unsigned char)p[i];
        if (c < 0x20 || c >= 0x7f || c == '"' || c == '\\')
            break;
    }
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

/* RFC 3339 with microseconds, UTC. The part that changes once a second is kept. */
static void put_time(buffer *b)
{
    static _Thread_local struct {
        int64_t second;
        char text[20]; /* 2026-01-02T03:04:05 */
    } kept;
    int64_t now = clock_wall(), second = now / 1000000;
    if (kept.second != second) {
        time_t seconds = (time_t)second;
        struct tm parts;
        gmtime_r(&seconds, &parts);
        strftime(kept.text, sizeof kept.text, "%Y-%m-%dT%H:%M:%S", &parts);
        kept.second = second;
    }
    char *at = buffer_reserve(b, 27);
    if (!at)
        return;
    memcpy(at, kept.text, 19);
    at[19] = '.';
    digits_put_padded(at + 20, 6, (uint64_t)(now % 1000000));
    at[26] = 'Z';
    b->len += 27;
}

static void put_int(buffer *b, int64_t value)
{
    if (value < 0)
        buffer_append_char(b, '-');
    char *at = buffer_reserve(b, DIGITS_MAX);
    if (at)
        b->len += digits_put(at, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

/* Six decimals, which is microseconds for what is mostly seconds. */
static void put_double(buffer *b, double value)
{
    double size = fabs(value);
    if (!isfinite(value)) {
        buffer_append_str(b, APUS_STR("null"));
        return;
    }
    if (size >= 1e12 || (size < 1e-6 && size > 0)) {
        buffer_printf(b, "%.6g", value);
        return;
    }
    uint64_t millionths = (uint64_t)(size * 1e6 + 0.5);
    if (value < 0)
        buffer_append_char(b, '-');
    put_int(b, (int64_t)(millionths / 1000000));
    char *at = buffer_reserve(b, 7);
    if (!at)
        return;
    at[0] = '.';
    digits_put_padded(at + 1, 6, millionths % 1000000);
    size_t n = 7;
    while (n > 2 && at[n - 1] == '0')
        n--;
    b->len += n;
}

static void put_text(buffer *b, apus_str text, bool quoted)
{
    apus_str shown = text;
    if (text.len > LIMIT_LOG_VALUE) {
        shown.len = LIMIT_LOG_VALUE;
        while (shown.len && ((unsigned char)text.ptr[shown.len] & 0xc0) == 0x80) /* not inside a character */
            shown.len--;
    }
    escape(b, shown, quoted);
    if (shown.len < text.len)
        buffer_append_str(b, APUS_STR("…"));
}

/* Whether a text may stand without quotes where words are separated by spaces. */
static bool is_word(apus_str text)
{
    return text.len && plain_run(text.ptr, text.len) == text.len && !memchr(text.ptr, ' ', text.len) &&
           !memchr(text.ptr, '=', text.len);
}

static void put_value(buffer *b, const log_pair *pair, bool json)
{
    switch (pair->kind) {
    case LOG_INT:
        put_int(b, pair->integer);
        break;
    case LOG_DOUBLE:
        put_double(b, pair->number);
        break;
    case LOG_STR: {
        bool quotes = json || !is_word(pair->text);
        if (quotes)
            buffer_append_char(b, '"');
        put_text(b, pair->text, true);
        if (quotes)
            buffer_append_char(b, '"');
        break;
    }
    }
}

static void put_pair(buffer *b, const log_pair *pair, bool json)
{
    size_t n = strlen(pair->name);
    char *at = buffer_reserve(b, n + 4);
    if (!at)
        return;
    if (json) {
        memcpy(at, ",\"", 2);
        memcpy(at + 2, pair->name, n);
        memcpy(at + 2 + n, "\":", 2);
        b->len += n + 4;
    } else {
        at[0] = ' ';
        memcpy(at + 1, pair->name, n);
        at[1 + n] = '=';
        b->len += n + 2;
    }
    put_value(b, pair, json);
}

static void put_start(buffer *b, log_level level, apus_str message, bool json)
{
    if (json) {
        buffer_append_str(b, APUS_STR("{\"time\":\""));
        put_time(b);
        buffer_append_str(b, APUS_STR("\",\"level\":\""));
        buffer_append_str(b, level_names[level].json);
        buffer_append_str(b, APUS_STR("\",\"message\":\""));
        put_text(b, message, true);
        buffer_append_char(b, '"');
    } else {
        put_time(b);
        buffer_append_char(b, ' ');
        buffer_append_str(b, level_names[level].text);
        put_text(b, message, false);
    }
}

/* Leaves out a pair that no longer fits, and says so. Returns the line's length. */
static size_t make_line(char *line, size_t size, log_level level, apus_str message, const log_pair *pairs, size_t count,
                        bool json)
{
    buffer b = {.ptr = line, .capacity = size - LINE_END, .ceiling = size - LINE_END};
    bool truncated = false;
    put_start(&b, level, message, json);
    for (size_t i = 0; i < count; i++) {
        size_t before = b.len;
        put_pair(&b, &pairs[i], json);
        if (b.failed) {
            truncated = true;
            b = (buffer){.ptr = line, .len = before, .capacity = size - LINE_END, .ceiling = size - LINE_END};
        }
    }
    b.capacity = b.ceiling = size;
    if (truncated)
        buffer_append_str(&b, json ? APUS_STR(",\"truncated\":true") : APUS_STR(" truncated=true"));
    buffer_append_str(&b, json ? APUS_STR("}\n") : APUS_STR("\n"));
    return b.len;
}

static size_t dropped_line(char *line, size_t size, uint64_t count)
{
    log_pair pair = LOG_INT_PAIR("count", count);
    return make_line(line, size, LOG_WARNING, APUS_STR("log lines dropped"), &pair, 1, atomic_load(&as_json));
}

/* Before log_open and after log_close, when nothing serves and waiting is no harm. */
static void write_now(const char *line, size_t n)
{
    while (n) {
        ssize_t written = write(STDERR_FILENO, line, n);
        if (written < 0 && errno != EINTR)
            return;
        if (written > 0) {
            line += written;
            n -= (size_t)written;
        }
    }
}

static void log_line(log_level level, apus_str message, const log_pair *pairs, size_t count)
{
    static _Thread_local char line[LIMIT_LOG_LINE];
    int before = errno;
    if (log_sink_is_open()) {
        bool json = atomic_load_explicit(&as_json, memory_order_relaxed);
        log_sink_put(line, make_line(line, sizeof line, level, message, pairs, count, json));
    } else {
        write_now(line, make_line(line, sizeof line, level, message, pairs, count, false));
    }
    errno = before;
}

void log_pairs(log_level level, const char *message, const log_pair *pairs, size_t count)
{
    if (log_enabled(level))
        log_line(level, apus_cstr(message), pairs, count);
}

void log_printf(log_level level, const char *format, ...)
{
    if (!log_enabled(level))
        return;
    char message[LONGEST_MESSAGE];
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    size_t length = n < 0 ? 0 : (size_t)n < sizeof message ? (size_t)n : sizeof message - 1;
    log_line(level, (apus_str){message, length}, NULL, 0);
}

int log_open(int fd, log_level least, log_format format)
{
    atomic_store(&as_json, format == LOG_JSON || (format == LOG_AUTO && !isatty(fd)));
    atomic_store(&least_level, (int)least);
    return log_sink_open(fd, dropped_line);
}

void log_close(double seconds)
{
    log_sink_close(seconds);
}
