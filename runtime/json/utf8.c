#include "core/scan.h"
#include "json/json.h"

bool json_utf8_valid(apus_str text)
{
    const char *p = text.ptr, *end = p + text.len;
    while (p < end) {
        if (end - p >= 8 && !(scan_load(p) & SCAN_HIGHS)) {
            p += 8;
            continue;
        }
        size_t length = scan_utf8(p, (size_t)(end - p));
        if (length == 0)
            return false;
        p += length;
    }
    return true;
}

size_t json_utf8_length(apus_str text)
{
    const char *p = text.ptr, *end = p + text.len;
    size_t continuations = 0;
    for (; end - p >= 8; p += 8) {
        uint64_t word = scan_load(p);
        uint64_t marks = (word >> 7) & (~word >> 6) & SCAN_ONES;
        continuations += (size_t)((marks * SCAN_ONES) >> 56);
    }
    for (; p < end; p++)
        continuations += (*p & 0xc0) == 0x80;
    return text.len - continuations;
}
