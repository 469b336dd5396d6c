#include "model/names.h"

#include <string.h>
#include <sys/random.h>

static uint64_t seed = 0x9e3779b97f4a7c15u;

void names_seed(void)
{
    uint64_t drawn;
    if (getrandom(&drawn, sizeof drawn, GRND_NONBLOCK) == sizeof drawn)
        seed = drawn | 1;
}

static uint64_t fold(uint64_t a, uint64_t b)
{
    __extension__ typedef unsigned __int128 wide;
    wide product = (wide)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t load_up_to_8(const unsigned char *at, size_t len)
{
    uint64_t word = 0;
    memcpy(&word, at, len < sizeof word ? len : sizeof word);
    return word;
}

uint64_t names_hash(const void *bytes, size_t len)
{
    const unsigned char *at = bytes;
    uint64_t hash = seed ^ len;
    for (; len > 8; at += 8, len -= 8)
        hash = fold(hash ^ load_up_to_8(at, 8), 0xa0761d6478bd642fu);
    if (len)
        hash = fold(hash ^ load_up_to_8(at, len), 0xe7037ed1a0b428dbu);
    return fold(hash, seed ^ 0x8ebc6af09c88c6e3u);
}

/* Names are the program's own, so length and two bytes tell most of them apart. */
static size_t quick_hash(apus_str name)
{
    if (name.len == 0)
        return 0;
    unsigned char first = (unsigned char)name.ptr[0], last = (unsigned char)name.ptr[name.len - 1];
    unsigned char middle = (unsigned char)name.ptr[name.len / 2];
    return name.len + first * 7u + middle * 31u + last * 131u;
}

bool name_table_build(name_table *t, arena *memory, const apus_str *names, const uint16_t *values, size_t count)
{
    size_t size = 4;
    while (size < count * 2)
        size *= 2;
    *t = (name_table){.names = names, .values = values, .count = count, .mask = size - 1};
    t->slots = arena_alloc(memory, size * sizeof *t->slots);
    if (!t->slots)
        return false;
    memset(t->slots, 0, size * sizeof *t->slots);
    for (size_t i = 0; i < count; i++) {
        size_t slot = quick_hash(names[i]) & t->mask;
        while (t->slots[slot])
            slot = (slot + 1) & t->mask;
        t->slots[slot] = (uint16_t)(i + 1);
    }
    return true;
}

int name_table_find(const name_table *t, apus_str name, size_t *hint)
{
    if (*hint < t->count && apus_str_eq(t->names[*hint], name))
        return t->values[(*hint)++];
    for (size_t slot = quick_hash(name) & t->mask; t->slots[slot]; slot = (slot + 1) & t->mask) {
        size_t at = t->slots[slot] - 1u;
        if (!apus_str_eq(t->names[at], name))
            continue;
        *hint = at + 1;
        return t->values[at];
    }
    return -1;
}
