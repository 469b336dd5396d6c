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
    size_t rounded = (size + ARENA_GAP + 15) & ~(size_t)15;
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
