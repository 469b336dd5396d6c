#include "core/digits.h"
#include "json/json.h"

#include <math.h>
#include <yyjson.h>

#define TWO_POW_53 9007199254740992.0
#define LONGEST 32 /* characters of any double, spelt in any style */

/* Where a style leaves decimal for exponent notation, by the decimal exponent of the first digit. */
static const struct notation {
    int least, past;   /* decimal from 10^least to below 10^past */
    bool two_digits;   /* e-07, not e-7 */
} notations[] = {
    [JSON_PYDANTIC] = {-5, 16, false},
    [JSON_PYTHON] = {-4, 16, true},
};

static char *put(char *at, const char *bytes, size_t n)
{
    memcpy(at, bytes, n);
    return at + n;
}

static char *put_zeros(char *at, int n)
{
    memset(at, '0', (size_t)n);
    return at + n;
}

static char *put_decimal(char *at, const char *digits, int n, int exponent)
{
    int whole = exponent + 1;
    if (whole <= 0) {
        at = put_zeros(put(at, "0.", 2), -whole);
        return put(at, digits, (size_t)n);
    }
    if (whole >= n) {
        at = put_zeros(put(at, digits, (size_t)n), whole - n);
        return put(at, ".0", 2);
    }
    at = put(at, digits, (size_t)whole);
    *at++ = '.';
    return put(at, digits + whole, (size_t)(n - whole));
}

static char *put_exponent(char *at, const char *digits, int n, int exponent, bool two_digits)
{
    *at++ = digits[0]; /* NOLINT(clang-analyzer-core.uninitialized.Assign): a number has a digit */
    if (n > 1) {
        *at++ = '.';
        at = put(at, digits + 1, (size_t)n - 1);
    }
    *at++ = 'e';
    *at++ = exponent < 0 ? '-' : '+';
    unsigned magnitude = (unsigned)(exponent < 0 ? -exponent : exponent);
    if (two_digits && magnitude < 10)
        *at++ = '0';
    return at + digits_put(at, magnitude);
}

/* Where the one allocation of yyjson's writer comes from. */
typedef struct scratch {
    char bytes[64];
} scratch;

static void *scratch_take(void *context, size_t size)
{
    return size <= sizeof(scratch) ? context : NULL;
}

static void *scratch_resize(void *context, void *memory, size_t old, size_t size)
{
    (void)memory, (void)old;
    return scratch_take(context, size);
}

static void scratch_give(void *context, void *memory)
{
    (void)context, (void)memory;
}

/* The shortest digits that read back as `value` (> 0), without zeros at either end, and the exponent of the first. */
static int shortest(double value, char digits[static LONGEST], int *exponent)
{
    scratch memory;
    yyjson_alc allocator = {scratch_take, scratch_resize, scratch_give, &memory};
    yyjson_val number = {.tag = YYJSON_TYPE_NUM | YYJSON_SUBTYPE_REAL, .uni.f64 = value};
    size_t length = 0;
    const char *text = yyjson_val_write_opts(&number, 0, &allocator, &length, NULL);
    int n = 0, whole = 0, scale = 0;
    bool point = false;
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '.') {
            point = true;
        } else if ((text[i] | 0x20) == 'e') {
            bool negative = text[i + 1] == '-';
            for (i += negative || text[i + 1] == '+' ? 2 : 1; i < length; i++)
                scale = scale * 10 + (text[i] - '0');
            scale = negative ? -scale : scale;
        } else if (n > 0 || text[i] != '0') {
            digits[n++] = text[i];
            whole += !point;
        } else {
            whole -= point;
        }
    }
    while (n > 1 && digits[n - 1] == '0')
        n--;
    *exponent = whole - 1 + scale;
    return n;
}

/*
 * Whole numbers and numbers of up to six decimals and fifteen digits, most of what is ever written: of so few digits no two
 * read as the same double, so a decimal that reads back is the shortest one. NULL for all others.
 */
static char *put_common(char *at, double value)
{
    if (value < TWO_POW_53 && value == (double)(uint64_t)value)
        return put(at + digits_put(at, (uint64_t)value), ".0", 2);
    if (value >= 1e9 || value < 1e-3)
        return NULL;
    uint64_t millionths = (uint64_t)(value * 1e6 + 0.5);
    if ((double)millionths / 1e6 != value)
        return NULL;
    at += digits_put(at, millionths / 1000000);
    uint64_t fraction = millionths % 1000000 + 1000000; /* the leading 1 keeps the zeros after the point */
    if (fraction % 1000 == 0)
        fraction /= 1000;
    while (fraction % 10 == 0)
        fraction /= 10;
    char *point = at;
    at += digits_put(at, fraction);
    *point = '.';
    return at;
}

void json_write_double(buffer *b, double value, json_style style)
{
    if (!isfinite(value)) {
        json_write_null(b);
        return;
    }
    char *start = buffer_reserve(b, LONGEST), *at = start;
    if (!at)
        return;
    if (signbit(value))
        *at++ = '-';
    char *end = put_common(at, fabs(value));
    if (!end) {
        const struct notation *notation = &notations[style];
        char digits[LONGEST];
        int exponent, n = shortest(fabs(value), digits, &exponent);
        bool decimal = exponent >= notation->least && exponent < notation->past;
        end = decimal ? put_decimal(at, digits, n, exponent) : put_exponent(at, digits, n, exponent, notation->two_digits);
    }
    b->len += (size_t)(end - start);
}
