/* Text, many bytes at a time. */
#ifndef CORE_SCAN_H
#define CORE_SCAN_H

#include "apus_core.h"

#define SCAN_ONES 0x0101010101010101u
#define SCAN_HIGHS 0x8080808080808080u

/** Eight bytes as a number, from any address. */
static inline uint64_t scan_load(const char *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

/** As memcpy, without its call for the few bytes that most pieces of text are. `n` of 0 allows null pointers. */
static inline void scan_copy(char *to, const char *from, size_t n)
{
    if (n > 16) {
        memcpy(to, from, n);
    } else if (n >= 8) {
        uint64_t head, tail;
        memcpy(&head, from, 8);
        memcpy(&tail, from + n - 8, 8);
        memcpy(to, &head, 8);
        memcpy(to + n - 8, &tail, 8);
    } else if (n >= 4) {
        uint32_t head, tail;
        memcpy(&head, from, 4);
        memcpy(&tail, from + n - 4, 4);
        memcpy(to, &head, 4);
        memcpy(to + n - 4, &tail, 4);
    } else if (n) {
        char first = from[0], middle = from[n / 2], last = from[n - 1];
        to[0] = first;
        to[n / 2] = middle;
        to[n - 1] = last;
    }
}

/** Not 0 when one of the eight bytes must be escaped inside a JSON string: a quote, a backslash, a control character. */
static inline uint64_t scan_json_special(uint64_t word)
{
    uint64_t quote = word ^ SCAN_ONES * '"', backslash = word ^ SCAN_ONES * '\\';
    uint64_t found = (word - SCAN_ONES * 0x20) | (quote - SCAN_ONES) | (backslash - SCAN_ONES);
    return found & ~word & SCAN_HIGHS;
}

typedef unsigned char scan_lanes __attribute__((vector_size(16)));

/** All bits of each of the sixteen bytes that must be escaped inside a JSON string, and of those from `high` on. */
static inline scan_lanes scan_json_special_lanes(const char *p, unsigned char high)
{
    scan_lanes v;
    memcpy(&v, p, sizeof v);
    return (scan_lanes)(v < 0x20) | (scan_lanes)(v == '"') | (scan_lanes)(v == '\\') | (scan_lanes)(v > high);
}

/** Fewer than eight bytes as a number, in no particular order, filled up with spaces. */
static inline uint64_t scan_load_short(const char *p, size_t n)
{
    const unsigned char *u = (const unsigned char *)p;
    uint32_t head, tail;
    if (n >= 4) {
        memcpy(&head, p, sizeof head);
        memcpy(&tail, p + n - 4, sizeof tail);
        return (uint64_t)tail << 32 | head;
    }
    if (n == 0)
        return SCAN_ONES * ' ';
    return (SCAN_ONES * ' ') << 24 | (uint64_t)u[n - 1] << 16 | (uint64_t)u[n / 2] << 8 | u[0];
}

/** Whether the text can stand inside a JSON string as it is; with `ascii`, whether it also is ASCII. Reads all of it. */
static inline bool scan_is_plain(const char *p, size_t n, bool ascii)
{
    uint64_t highs = ascii ? SCAN_HIGHS : 0;
    if (n < 8) {
        uint64_t word = scan_load_short(p, n);
        return !(scan_json_special(word) | (word & highs));
    }
    if (n < 16) {
        uint64_t head = scan_load(p), tail = scan_load(p + n - 8);
        return !(scan_json_special(head) | scan_json_special(tail) | ((head | tail) & highs));
    }
    unsigned char high = ascii ? 0x7f : 0xff;
    scan_lanes found = scan_json_special_lanes(p + n - 16, high);
    for (size_t i = 0; i + 16 <= n; i += 16)
        found |= scan_json_special_lanes(p + i, high);
    uint64_t halves[2];
    memcpy(halves, &found, sizeof halves);
    return !(halves[0] | halves[1]);
}

/** Length of the UTF-8 sequence that begins at `p` (RFC 3629: no overlong forms, no surrogates); 0 when none does. */
static inline size_t scan_utf8(const char *p, size_t n)
{
    const unsigned char *u = (const unsigned char *)p;
    if (n == 0)
        return 0;
    if (u[0] < 0x80)
        return 1;
    if (u[0] < 0xc2 || u[0] > 0xf4 || n < 2)
        return 0;
    if (u[0] < 0xe0)
        return (u[1] & 0xc0) == 0x80 ? 2 : 0;
    unsigned char least = u[0] == 0xe0 ? 0xa0 : u[0] == 0xf0 ? 0x90 : 0x80;
    unsigned char most = u[0] == 0xed ? 0x9f : u[0] == 0xf4 ? 0x8f : 0xbf;
    size_t length = u[0] < 0xf0 ? 3 : 4;
    if (n < length || u[1] < least || u[1] > most || (u[2] & 0xc0) != 0x80)
        return 0;
    return length == 3 || (u[3] & 0xc0) == 0x80 ? length : 0;
}

#endif
