#include "core/digits.h"

static const char pairs[] = "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
                            "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
                            "8081828384858687888990919293949596979899";

/* Decimal digits of a number above 0: log10 from log2, mended by a comparison. */
static size_t count_digits(uint64_t value)
{
    static const uint64_t powers[] = {
        0,
        10,
        100,
        1000,
        10000,
        100000,
        1000000,
        10000000,
        100000000,
        1000000000,
        10000000000,
        100000000000,
        1000000000000,
        10000000000000,
        100000000000000,
        1000000000000000,
        10000000000000000,
        100000000000000000,
        1000000000000000000,
        10000000000000000000u,
    };
    unsigned bits = 64 - (unsigned)__builtin_clzll(value), guess = bits * 1233 >> 12; /* 1233 / 4096 is log10(2) */
    return guess + (value >= powers[guess]);
}

size_t digits_put(char *at, uint64_t value)
{
    if (value < 10) {
        at[0] = (char)('0' + value);
        return 1;
    }
    size_t n = count_digits(value);
    digits_put_padded(at, n, value);
    return n;
}

void digits_put_padded(char *at, size_t width, uint64_t value)
{
    for (; width >= 2; width -= 2, value /= 100)
        memcpy(at + width - 2, pairs + value % 100 * 2, 2);
    if (width)
        at[0] = (char)('0' + value % 10);
}
