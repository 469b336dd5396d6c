#include "core/scan.h"
#include "json/json.h"

bool json_utf8_valid(apus_str text)
{
    for (size_t i = 0; i < text.len;) {
        size_t left = text.len - i, length = 8;
        if (left < 8 || scan_load(text.ptr + i) & SCAN_HIGHS)
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
