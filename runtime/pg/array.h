/* Postgres's arrays as text: `{1,NULL,"a \"b\""}`. */
#ifndef PG_ARRAY_H
#define PG_ARRAY_H

#include "core/buffer.h"

typedef struct array_scan {
    const char *at, *end;
    bool first;
} array_scan;

/** Whether the text is an array of one dimension; then array_next reads it. Bounds (`[0:1]={…}`) are passed over. */
bool array_begin(array_scan *scan, apus_str text);
/**
 * The next element, unescaped (in the arena when it was escaped); `ptr` is NULL for null. 1, 0 at the end, -1 when malformed or
 * without memory.
 */
int array_next(array_scan *scan, arena *memory, apus_str *element);
/** Elements of a text that array_begin took; at least as many as array_next gives. */
size_t array_count(const array_scan *scan);
/** Appends a text as an element; one with ptr NULL is null. */
void array_write_text(buffer *b, apus_str text);

#endif
