/*
 * A scanner that fails where CPython's json fails (3.12 and before, as FastAPI's recorded answers), without recursion: a step
 * per token, and a bit per open container that tells objects from arrays.
 */
#include "json/explain.h"

#include "core/limits.h"

enum step { STEP_VALUE, STEP_KEY, STEP_AFTER, STEP_END };

typedef struct scanner {
    const char *text;
    size_t at, len;
    size_t depth, max_depth;
    json_status status; /* JSON_OK until something is wrong */
    const char *error;
    size_t offset; /* in bytes */
    bool odd;      /* accepted by CPython, not by us: refused when no syntax error follows */
    uint64_t objects[LIMIT_JSON_DEPTH / 64 + 1];
} scanner;

static enum step fail(scanner *s, const char *error, size_t offset)
{
    s->status = JSON_SYNTAX;
    s->error = error;
    s->offset = offset;
    return STEP_END;
}

/* The same for those that tell by a bool. */
static bool broken(scanner *s, const char *error, size_t offset)
{
    fail(s, error, offset);
    return false;
}

static enum step refuse(scanner *s)
{
    s->status = JSON_REFUSED;
    return STEP_END;
}

/* The character at `at`, or -1 at the end. */
static int look(const scanner *s, size_t at)
{
    return at < s->len ? (unsigned char)s->text[at] : -1;
}

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static void skip_space(scanner *s)
{
    for (int c; (c = look(s, s->at)) == ' ' || c == '\t' || c == '\n' || c == '\r';)
        s->at++;
}

static bool skip_word(scanner *s, const char *word)
{
    size_t n = strlen(word);
    if (s->len - s->at < n || memcmp(s->text + s->at, word, n) != 0)
        return false;
    s->at += n;
    return true;
}

static bool in_object(const scanner *s)
{
    return s->objects[(s->depth - 1) / 64] >> ((s->depth - 1) % 64) & 1;
}

static enum step open_container(scanner *s, bool object)
{
    if (s->depth == s->max_depth)
        return refuse(s);
    uint64_t bit = (uint64_t)1 << (s->depth % 64), *word = &s->objects[s->depth / 64];
    *word = object ? *word | bit : *word & ~bit;
    s->depth++;
    s->at++;
    skip_space(s);
    if (look(s, s->at) == (object ? '}' : ']')) {
        s->depth--;
        s->at++;
        return STEP_AFTER;
    }
    return object ? STEP_KEY : STEP_VALUE;
}

/* Four hexadecimal digits at `at` as a number, or -1. */
static int hex4(const scanner *s, size_t at)
{
    int value = 0;
    for (size_t i = 0; i < 4; i++) {
        int c = look(s, at + i), lower = c | 0x20;
        if (is_digit(c))
            value = value * 16 + c - '0';
        else if (lower >= 'a' && lower <= 'f')
            value = value * 16 + lower - 'a' + 10;
        else
            return -1;
    }
    return value;
}

/* The escape at the backslash `s->at`, whose string began at `quote`. False after an error. */
static bool scan_escape(scanner *s, size_t quote)
{
    int c = look(s, s->at + 1);
    if (c < 0)
        return broken(s, "Unterminated string starting at", quote);
    if (c != 'u') {
        if (!strchr("\"\\/bfnrt", c) || c == 0)
            return broken(s, "Invalid \\escape", s->at);
        s->at += 2;
        return true;
    }
    int unit = hex4(s, s->at + 2);
    if (unit < 0 || s->at + 6 >= s->len)
        return broken(s, "Invalid \\uXXXX escape", s->at + 1);
    s->at += 6;
    if (unit < 0xd800 || unit > 0xdfff)
        return true;
    int low = look(s, s->at) == '\\' && look(s, s->at + 1) == 'u' ? hex4(s, s->at + 2) : -1;
    if (unit < 0xdc00 && low >= 0xdc00 && low <= 0xdfff && s->at + 6 < s->len)
        s->at += 6;
    else
        s->odd = true;
    return true;
}

/* The string whose quote is at `s->at`. False after an error. */
static bool scan_string(scanner *s)
{
    size_t quote = s->at++;
    for (;;) {
        int c = look(s, s->at);
        if (c < 0)
            return broken(s, "Unterminated string starting at", quote);
        if (c < 0x20)
            return broken(s, "Invalid control character at", s->at);
        if (c == '\\') {
            if (!scan_escape(s, quote))
                return false;
            continue;
        }
        s->at++;
        if (c == '"')
            return true;
    }
}

static size_t scan_digits(scanner *s)
{
    size_t start = s->at;
    while (is_digit(look(s, s->at)))
        s->at++;
    return s->at - start;
}

static enum step scan_number(scanner *s)
{
    size_t start = s->at, digits = 1;
    if (look(s, s->at) == '-')
        s->at++;
    if (look(s, s->at) == '0')
        s->at++;
    else if ((digits = scan_digits(s)) == 0)
        return fail(s, "Expecting value", start);
    bool whole = true;
    if (look(s, s->at) == '.' && is_digit(look(s, s->at + 1))) {
        s->at++;
        scan_digits(s);
        whole = false;
    }
    if ((look(s, s->at) | 0x20) == 'e') {
        size_t mark = s->at++;
        if (look(s, s->at) == '+' || look(s, s->at) == '-')
            s->at++;
        if (scan_digits(s) > 0)
            whole = false;
        else
            s->at = mark;
    }
    return whole && digits > LIMIT_INTEGER_DIGITS ? refuse(s) : STEP_AFTER;
}

static enum step scan_value(scanner *s)
{
    switch (look(s, s->at)) {
    case '"':
        return scan_string(s) ? STEP_AFTER : STEP_END;
    case '{':
        return open_container(s, true);
    case '[':
        return open_container(s, false);
    }
    if (skip_word(s, "null") || skip_word(s, "true") || skip_word(s, "false"))
        return STEP_AFTER;
    if (skip_word(s, "NaN") || skip_word(s, "Infinity") || skip_word(s, "-Infinity")) {
        s->odd = true;
        return STEP_AFTER;
    }
    return scan_number(s);
}

static enum step scan_key(scanner *s)
{
    if (look(s, s->at) != '"')
        return fail(s, "Expecting property name enclosed in double quotes", s->at);
    if (!scan_string(s))
        return STEP_END;
    skip_space(s);
    if (look(s, s->at) != ':')
        return fail(s, "Expecting ':' delimiter", s->at);
    s->at++;
    skip_space(s);
    return STEP_VALUE;
}

static enum step scan_after(scanner *s)
{
    skip_space(s);
    if (s->depth == 0)
        return s->at < s->len ? fail(s, "Extra data", s->at) : STEP_END;
    bool object = in_object(s);
    int c = look(s, s->at);
    if (c != (object ? '}' : ']') && c != ',')
        return fail(s, "Expecting ',' delimiter", s->at);
    s->at++;
    if (c != ',') {
        s->depth--;
        return STEP_AFTER;
    }
    skip_space(s);
    return object ? STEP_KEY : STEP_VALUE;
}

static enum step scan_step(scanner *s, enum step step)
{
    switch (step) {
    case STEP_VALUE:
        return scan_value(s);
    case STEP_KEY:
        return scan_key(s);
    case STEP_AFTER:
        return scan_after(s);
    case STEP_END:
        break;
    }
    return STEP_END;
}

/* UTF-16 and UTF-32 as CPython detects them, and the byte order mark of UTF-8. The other marks are not UTF-8 anyway. */
static bool encoding_refused(apus_str text)
{
    const char *p = text.ptr;
    if (text.len >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0)
        return true;
    if ((text.len == 2 || text.len >= 4) && (p[0] == 0 || p[1] == 0))
        return true;
    return !json_utf8_valid(text);
}

json_status json_explain(apus_str text, size_t max_depth, json_error *error)
{
    if (encoding_refused(text))
        return JSON_REFUSED;
    scanner s = {.text = text.ptr, .len = text.len, .status = JSON_OK,
                 .max_depth = max_depth < LIMIT_JSON_DEPTH ? max_depth : LIMIT_JSON_DEPTH};
    skip_space(&s);
    for (enum step step = STEP_VALUE; step != STEP_END;)
        step = scan_step(&s, step);
    if (s.status == JSON_SYNTAX && error)
        *error = (json_error){s.error, json_utf8_length((apus_str){text.ptr, s.offset})};
    return s.status == JSON_OK && s.odd ? JSON_REFUSED : s.status;
}
