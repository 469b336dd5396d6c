#include "core/digits.h"

static const char pairs[] = "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
                            "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
                            "8081828384858687888990919293949596979899";

size_t digits_put(char *at, uint64_t value)
{
    char digits[DIGITS_MAX], *p = digits + sizeof digits;
    while (value >= 100) {
        memcpy(p -= 2, pairs + value % 100 * 2, 2);
        value /= 100;
    }
    if (value >= 10)
        memcpy(p -= 2, pairs + value * 2, 2);
    else
        *--p = (char)('0' + value);
    size_t n = (size_t)(digits + sizeof digits - p);
    memcpy(at, p, n);
    return n;
}

void digits_put_padded(char *at, size_t width, uint64_t value)
{
    for (; width >= 2; width -= 2, value /= 100)
        memcpy(at + width - 2, pairs + value % 100 * 2, 2);
    if (width)
        at[0] = (char)('0' + value % 10);
}
