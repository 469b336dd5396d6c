#include "core/buffer.h"

#include "core/memory.h"

#include <stdarg.h>
#include <stdio.h>

#define SMALLEST 64

/* What an empty buffer points to: its text is the empty string, not null. */
static char nothing[1];

void buffer_init(buffer *b, arena *a, size_t capacity, size_t ceiling)
{
    *b = (buffer){.ptr = nothing, .ceiling = ceiling, .arena = a};
    if (capacity)
        buffer_grow(b, capacity < ceiling ? capacity : ceiling);
}

void buffer_free(buffer *b)
{
    if (!b->arena && b->ptr != nothing)
        memory_free(b->ptr);
    *b = (buffer){.ptr = nothing, .ceiling = b->ceiling, .arena = b->arena};
}

/* Without spare capacity every later append comes to buffer_grow, which refuses it. */
static bool buffer_fail(buffer *b)
{
    b->failed = true;
    b->capacity = b->len;
    return false;
}

static char *buffer_move(buffer *b, size_t capacity)
{
    if (!b->arena)
        return memory_resize(b->ptr == nothing ? NULL : b->ptr, capacity);
    return b->ptr == nothing ? arena_alloc(b->arena, capacity) : arena_resize(b->arena, b->ptr, b->capacity, capacity);
}

bool buffer_grow(buffer *b, size_t n)
{
    if (b->failed)
        return n == 0;
    if (n > b->ceiling || b->len > b->ceiling - n)
        return buffer_fail(b);
    size_t needed = b->len + n;
    if (needed <= b->capacity)
        return true;
    size_t capacity = b->capacity > b->ceiling / 2 ? b->ceiling : 2 * b->capacity;
    if (b->capacity == 0 && b->ceiling >= SMALLEST)
        capacity = needed < SMALLEST ? SMALLEST : needed;
    if (capacity < needed)
        capacity = needed;
    char *moved = buffer_move(b, capacity);
    if (!moved)
        return buffer_fail(b);
    b->ptr = moved;
    b->capacity = capacity;
    return true;
}

void buffer_printf(buffer *b, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(b->ptr + b->len, b->capacity - b->len, format, arguments);
    va_end(arguments);
    if (length < 0) {
        buffer_fail(b);
        return;
    }
    size_t n = (size_t)length;
    if (n >= b->capacity - b->len) { /* the text or its NUL did not fit: once more */
        char *at = buffer_reserve(b, n + 1);
        if (!at)
            return;
        va_start(arguments, format);
        vsnprintf(at, n + 1, format, arguments);
        va_end(arguments);
    }
    b->len += n;
}
