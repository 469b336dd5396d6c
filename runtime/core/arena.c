#include "core/arena.h"

#include "core/limits.h"
#include "core/memory.h"

struct arena_chunk {
    arena_chunk *next;
    size_t size; /* of the chunk, this header included */
    _Alignas(16) char bytes[];
};

/* An allocation above this gets a chunk of its own, so that at most a quarter of a shared chunk is ever left behind. */
#define LARGE (LIMIT_ARENA_CHUNK / 4)

static size_t rounded_up(size_t size)
{
    return (size + ARENA_GAP + 15) & ~(size_t)15;
}

/* Where a pointer into no chunk points: a size of 0 needs an address too. */
static _Alignas(16) char nowhere[16];

static void arena_empty(arena *a)
{
    a->at = a->end = nowhere;
    a->chunks = NULL;
    a->used = 0;
}

void arena_init(arena *a, arena_pool *pool, size_t limit)
{
    arena_empty(a);
    a->pool = pool;
    a->limit = limit;
}

static arena_chunk *chunk_take(arena *a, size_t size)
{
    if (size > a->limit || a->used > a->limit - size)
        return NULL;
    arena_pool *pool = a->pool;
    arena_chunk *chunk;
    if (size == LIMIT_ARENA_CHUNK && pool && pool->free) {
        chunk = pool->free;
        pool->free = chunk->next;
        pool->count--;
    } else {
        chunk = memory_alloc(size);
        if (!chunk)
            return NULL;
        chunk->size = size;
        ARENA_SHUT(chunk->bytes, size - sizeof *chunk);
    }
    chunk->next = a->chunks;
    a->chunks = chunk;
    a->used += size;
    return chunk;
}

static void chunk_free(arena_chunk *chunk)
{
    ARENA_OPEN(chunk->bytes, chunk->size - sizeof *chunk);
    memory_free(chunk);
}

static void chunk_give(arena_pool *pool, arena_chunk *chunk)
{
    if (!pool || chunk->size != LIMIT_ARENA_CHUNK || pool->count >= LIMIT_ARENA_POOLED) {
        chunk_free(chunk);
        return;
    }
    ARENA_SHUT(chunk->bytes, chunk->size - sizeof *chunk);
    chunk->next = pool->free;
    pool->free = chunk;
    pool->count++;
}

void *arena_alloc_slow(arena *a, size_t size)
{
    size_t rounded = rounded_up(size);
    if (rounded < size || rounded > SIZE_MAX - sizeof(arena_chunk))
        return NULL;
    bool large = rounded > LARGE;
    arena_chunk *chunk = chunk_take(a, large ? rounded + sizeof *chunk : LIMIT_ARENA_CHUNK);
    if (!chunk)
        return NULL;
    if (!large) {
        a->at = chunk->bytes + rounded;
        a->end = (char *)chunk + chunk->size;
    }
    ARENA_OPEN(chunk->bytes, size);
    return chunk->bytes;
}

/* A large piece has its chunk to itself, which malloc may well make longer without moving it. */
static void *large_resize(arena *a, arena_chunk **link, size_t rounded, size_t size)
{
    arena_chunk *chunk = *link;
    size_t others = a->used - chunk->size, whole = rounded + sizeof *chunk;
    if (whole > a->limit || others > a->limit - whole)
        return NULL;
    ARENA_OPEN(chunk->bytes, chunk->size - sizeof *chunk);
    arena_chunk *moved = memory_resize(chunk, whole);
    if (!moved)
        return NULL;
    moved->size = whole;
    *link = moved;
    a->used = others + whole;
    ARENA_SHUT(moved->bytes + size, whole - sizeof *moved - size);
    return moved->bytes;
}

void *arena_resize(arena *a, void *memory, size_t old, size_t size)
{
    size_t before = rounded_up(old), rounded = rounded_up(size);
    if (rounded < size)
        return NULL;
    if (rounded <= before) {
        ARENA_SHUT(memory, old);
        ARENA_OPEN(memory, size);
        return memory;
    }
    char *start = memory;
    if (start + before == a->at && (size_t)(a->end - start) >= rounded) {
        a->at = start + rounded;
        ARENA_OPEN(memory, size);
        return memory;
    }
    if (before > LARGE && rounded <= SIZE_MAX - sizeof(arena_chunk))
        for (arena_chunk **link = &a->chunks; *link; link = &(*link)->next)
            if ((*link)->bytes == start && (*link)->size - sizeof **link == before)
                return large_resize(a, link, rounded, size);
    void *moved = arena_alloc(a, size);
    if (moved)
        memcpy(moved, memory, old);
    return moved;
}

void arena_reset(arena *a)
{
    for (arena_chunk *chunk = a->chunks, *next; chunk; chunk = next) {
        next = chunk->next;
        chunk_give(a->pool, chunk);
    }
    arena_empty(a);
}

void arena_pool_clear(arena_pool *pool)
{
    for (arena_chunk *chunk = pool->free, *next; chunk; chunk = next) {
        next = chunk->next;
        chunk_free(chunk);
    }
    *pool = (arena_pool){0};
}
