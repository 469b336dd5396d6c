/* Numbers as decimal digits. */
#ifndef CORE_DIGITS_H
#define CORE_DIGITS_H

#include "apus_core.h"

/** The most characters that digits_put writes. */
#define DIGITS_MAX 20

/** Writes the digits of `value` at `at`, without a NUL; returns how many. */
size_t digits_put(char *at, uint64_t value);
/** Writes exactly `width` digits, zeros in front. */
void digits_put_padded(char *at, size_t width, uint64_t value);

#endif
