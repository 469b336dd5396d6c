/* Request memory: chunks handed out by bumping a pointer, given back all at once. */
#ifndef CORE_ARENA_H
#define CORE_ARENA_H

#include "apus_core.h"

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_ASAN 1
#endif
#endif

/* Under AddressSanitizer what was not handed out is poisoned, and a gap follows each piece: overruns and late uses are found. */
#ifdef ARENA_ASAN
#include <sanitizer/asan_interface.h>
#define ARENA_GAP 16
#define ARENA_OPEN(memory, size) __asan_unpoison_memory_region((memory), (size))
#define ARENA_SHUT(memory, size) __asan_poison_memory_region((memory), (size))
#else
#define ARENA_GAP 0
#define ARENA_OPEN(memory, size) ((void)(memory), (void)(size))
#define ARENA_SHUT(memory, size) ((void)(memory), (void)(size))
#endif

typedef struct arena_chunk arena_chunk;

/** The chunks that a worker keeps between requests. One thread only. */
typedef struct arena_pool {
    arena_chunk *free;
    size_t count;
} arena_pool;

typedef struct arena {
    char *at, *end;       /* of the current chunk */
    arena_chunk *chunks;
    arena_pool *pool;     /* NULL: chunks go back to malloc */
    size_t used, limit;   /* bytes in chunks, and the most there may be */
} arena;

void arena_init(arena *a, arena_pool *pool, size_t limit);
/** Gives every chunk back; the arena can be used again. */
void arena_reset(arena *a);
void arena_pool_clear(arena_pool *pool);
/** Slow path of arena_alloc; NULL past the limit. */
void *arena_alloc_slow(arena *a, size_t size);
/** `memory` of `old` bytes from this arena at `size` bytes, moved where need be; NULL leaves it as it was. */
void *arena_resize(arena *a, void *memory, size_t old, size_t size);

/** `size` bytes aligned to 16, not zeroed; NULL past the arena's limit or when memory is out. A size of 0 gives a valid pointer. */
static inline void *arena_alloc(arena *a, size_t size)
{
    size_t rounded = (size + ARENA_GAP + 15) & ~(size_t)15;
    if (rounded < size || (size_t)(a->end - a->at) < rounded)
        return arena_alloc_slow(a, size);
    void *memory = a->at;
    a->at += rounded;
    ARENA_OPEN(memory, size);
    return memory;
}

#endif
