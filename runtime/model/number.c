/* Integers, floats and booleans in text, by Pydantic's lax rules. */
#include "model/plan.h"

#include <math.h>
#include <stdlib.h>
#include <strings.h>

#include "core/limits.h"

#define NUMBER_CEILING ((size_t)1 << 20) /* bytes of a number in text */

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Bytes of the white space at the start of the text (Unicode's White_Space property), or 0. */
static size_t space_at(const char *at, const char *end)
{
    const unsigned char *u = (const unsigned char *)at;
    if (at == end)
        return 0;
    if (*u == ' ' || (*u >= '\t' && *u <= '\r'))
        return 1;
    if (end - at >= 2 && u[0] == 0xc2 && (u[1] == 0x85 || u[1] == 0xa0))
        return 2;
    if (end - at < 3 || (u[0] != 0xe1 && u[0] != 0xe2 && u[0] != 0xe3))
        return 0;
    unsigned code = (u[0] & 0x0fu) << 12 | (u[1] & 0x3fu) << 6 | (u[2] & 0x3fu);
    bool space = code == 0x1680 || (code >= 0x2000 && code <= 0x200a) || code == 0x2028 || code == 0x2029 ||
                 code == 0x202f || code == 0x205f || code == 0x3000;
    return space ? 3 : 0;
}

static apus_str trim(apus_str text)
{
    const char *at = text.ptr, *end = text.ptr + text.len;
    for (size_t n; (n = space_at(at, end)) > 0;)
        at += n;
    while (end > at) {
        if (space_at(end - 1, end) == 1)
            end -= 1;
        else if (end - at >= 2 && space_at(end - 2, end) == 2)
            end -= 2;
        else if (end - at >= 3 && space_at(end - 3, end) == 3)
            end -= 3;
        else
            break;
    }
    return (apus_str){at, (size_t)(end - at)};
}

/* `1.0` is an integer; `1.` and `1.5` are none. */
static bool cut_zero_fraction(apus_str *digits)
{
    const char *dot = memchr(digits->ptr, '.', digits->len);
    if (!dot)
        return true;
    const char *end = digits->ptr + digits->len;
    for (const char *at = dot + 1; at < end; at++)
        if (*at != '0')
            return false;
    bool some = dot + 1 < end;
    digits->len = (size_t)(dot - digits->ptr);
    return some;
}

/* One underscore between two digits is allowed. */
static bool well_formed(apus_str digits)
{
    if (digits.len == 0 || !digit(digits.ptr[0]))
        return false;
    for (size_t i = 1; i < digits.len; i++)
        if (!digit(digits.ptr[i]) && (digits.ptr[i] != '_' || !digit(digits.ptr[i - 1])))
            return false;
    return digit(digits.ptr[digits.len - 1]);
}

static enum int_text sum_digits(apus_str digits, bool negative, int64_t *out)
{
    uint64_t sum = 0, most = negative ? (uint64_t)INT64_MAX + 1 : INT64_MAX;
    size_t significant = 0;
    bool beyond = false;
    for (size_t i = 0; i < digits.len; i++) {
        if (digits.ptr[i] == '_')
            continue;
        unsigned d = (unsigned)(digits.ptr[i] - '0');
        if (significant || d)
            significant++;
        beyond = beyond || sum > (most - d) / 10;
        if (!beyond)
            sum = sum * 10 + d;
    }
    if (significant > LIMIT_INTEGER_DIGITS)
        return INT_TEXT_TOO_LONG;
    if (beyond)
        return negative ? INT_TEXT_BELOW : INT_TEXT_ABOVE;
    *out = negative ? (int64_t)(0 - sum) : (int64_t)sum;
    return INT_TEXT_OK;
}

enum int_text int_from_text(apus_str text, int64_t *out)
{
    apus_str digits = trim(text);
    bool negative = digits.len && digits.ptr[0] == '-';
    if (digits.len && (negative || digits.ptr[0] == '+')) {
        digits.ptr++;
        digits.len--;
    }
    if (!cut_zero_fraction(&digits) || !well_formed(digits))
        return INT_TEXT_BAD;
    return sum_digits(digits, negative, out);
}

bool model_parse_int(apus_str text, int64_t *out)
{
    return int_from_text(text, out) == INT_TEXT_OK;
}

static const char *skip_digits(const char *at)
{
    while (digit(*at))
        at++;
    return at;
}

/* Decimal notation only: strtod alone would take hexadecimal and more. */
static bool decimal(const char *text)
{
    const char *at = text + (*text == '+' || *text == '-');
    const char *whole = at;
    at = skip_digits(at);
    bool some = at > whole;
    if (*at == '.') {
        const char *fraction = ++at;
        at = skip_digits(at);
        some = some || at > fraction;
    }
    if (some && (*at == 'e' || *at == 'E')) {
        at++;
        at += *at == '+' || *at == '-';
        const char *exponent = at;
        at = skip_digits(at);
        some = at > exponent;
    }
    return some && *at == '\0';
}

static bool special(const char *text, double *out)
{
    bool negative = *text == '-';
    text += negative || *text == '+';
    bool infinite = strcasecmp(text, "inf") == 0 || strcasecmp(text, "infinity") == 0;
    if (!infinite && strcasecmp(text, "nan") != 0)
        return false;
    *out = infinite ? HUGE_VAL : (double)NAN;
    if (negative)
        *out = -*out;
    return true;
}

/* Underscores go out, but for one at an end or two in a row. */
static bool copy_without_underscores(apus_str text, char *to)
{
    char before = '_';
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '\0' || (c == '_' && before == '_'))
            return false;
        if (c != '_')
            *to++ = c;
        before = c;
    }
    *to = '\0';
    return before != '_';
}

/* strtod wants an end: a copy, on the stack but for absurd lengths. */
static bool double_of(apus_str text, bool lax, double *out)
{
    char small[128];
    if (text.len > NUMBER_CEILING)
        return false;
    char *copy = text.len < sizeof small ? small : malloc(text.len + 1);
    if (!copy)
        return false;
    bool good = copy_without_underscores(text, copy) && (lax || strlen(copy) == text.len);
    if (good && decimal(copy))
        *out = strtod(copy, NULL);
    else
        good = good && lax && special(copy, out);
    if (copy != small)
        free(copy);
    return good;
}

bool double_from_decimal(apus_str text, double *out)
{
    return double_of(text, false, out);
}

bool model_parse_double(apus_str text, double *out)
{
    bool underscores = text.len && memchr(text.ptr, '_', text.len); /* which Pydantic takes without white space only */
    return double_of(underscores ? text : trim(text), true, out);
}

static const struct {
    const char *text;
    bool value;
} bool_texts[] = {
    {"1", true}, {"0", false}, {"t", true},  {"f", false},    {"y", true},     {"n", false},
    {"on", true}, {"no", false}, {"off", false}, {"yes", true}, {"true", true}, {"false", false},
};

bool model_parse_bool(apus_str text, bool *out)
{
    for (size_t i = 0; i < sizeof bool_texts / sizeof *bool_texts; i++) {
        if (strlen(bool_texts[i].text) != text.len || strncasecmp(bool_texts[i].text, text.ptr, text.len) != 0)
            continue;
        *out = bool_texts[i].value;
        return true;
    }
    return false;
}
