#include "core/scan.h"
#include "json/json.h"

/* A run of ASCII at the start, found in one look: 32 or 8 bytes, or 0. */
static size_t skip_ascii(const char *p, size_t n)
{
    if (n >= 32 && !((scan_load(p) | scan_load(p + 8) | scan_load(p + 16) | scan_load(p + 24)) & SCAN_HIGHS))
        return 32;
    return n >= 8 && !(scan_load(p) & SCAN_HIGHS) ? 8 : 0;
}

bool json_utf8_valid(apus_str text)
{
    for (size_t i = 0; i < text.len;) {
        size_t left = text.len - i, length = skip_ascii(text.ptr + i, left);
        if (length == 0)
            length = scan_utf8(text.ptr + i, left);
        if (length == 0)
            return false;
        i += length;
    }
    return true;
}

size_t json_utf8_length(apus_str text)
{
    size_t continuations = 0, i = 0;
    for (; text.len - i >= 8; i += 8) {
        uint64_t word = scan_load(text.ptr + i);
        uint64_t marks = (word >> 7) & (~word >> 6) & SCAN_ONES;
        continuations += (size_t)((marks * SCAN_ONES) >> 56);
    }
    for (; i < text.len; i++)
        continuations += (text.ptr[i] & 0xc0) == 0x80;
    return text.len - continuations;
}
