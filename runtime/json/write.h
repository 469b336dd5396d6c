/* Digits, for the writers in this room. */
#ifndef JSON_WRITE_H
#define JSON_WRITE_H

#include "json/json.h"

/** The most characters that json_put_unsigned writes. */
#define JSON_UNSIGNED_MAX 20

/** Writes the digits at `at`; returns how many. */
size_t json_put_unsigned(char *at, uint64_t value);

#endif
