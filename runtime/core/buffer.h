/* A growing run of bytes with a ceiling, in an arena or in malloc's memory. */
#ifndef CORE_BUFFER_H
#define CORE_BUFFER_H

#include "core/arena.h"
#include "core/scan.h"

/**
 * Past the ceiling, or without memory, `failed` is set and what follows is dropped: callers append freely and look once at the end.
 * In an arena, growing may move the bytes and leave the old ones to the arena.
 */
typedef struct buffer {
    char *ptr;
    size_t len, capacity, ceiling;
    arena *arena; /* NULL: malloc; then buffer_free */
    bool failed;
} buffer;

void buffer_init(buffer *b, arena *a, size_t capacity, size_t ceiling);
void buffer_free(buffer *b);
/** Makes room for `n` more bytes; false when failed. */
bool buffer_grow(buffer *b, size_t n);
void buffer_printf(buffer *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** Room for `n` bytes to write at the returned pointer, then `b->len += written`; NULL when failed. */
static inline char *buffer_reserve(buffer *b, size_t n)
{
    if (b->capacity - b->len < n && !buffer_grow(b, n))
        return NULL;
    return b->ptr + b->len;
}

static inline void buffer_append(buffer *b, const void *bytes, size_t n)
{
    char *at = buffer_reserve(b, n);
    if (at) {
        scan_copy(at, bytes, n);
        b->len += n;
    }
}

static inline void buffer_append_str(buffer *b, apus_str text)
{
    buffer_append(b, text.ptr, text.len);
}

static inline void buffer_append_char(buffer *b, char c)
{
    char *at = buffer_reserve(b, 1);
    if (at) {
        *at = c;
        b->len++;
    }
}

static inline apus_str buffer_str(const buffer *b)
{
    return (apus_str){b->ptr, b->len};
}

#endif
