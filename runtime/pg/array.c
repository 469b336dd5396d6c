#include "pg/array.h"

#include <strings.h>

bool array_begin(array_scan *scan, apus_str text)
{
    const char *at = text.ptr, *end = text.ptr + text.len;
    if (at < end && *at == '[') {
        at = memchr(at, '=', text.len);
        at = at ? at + 1 : end;
    }
    if (end - at < 2 || *at != '{' || end[-1] != '}')
        return false;
    *scan = (array_scan){at + 1, end - 1, true};
    return true;
}

size_t array_count(const array_scan *scan)
{
    size_t count = scan->at < scan->end;
    for (const char *at = scan->at; at < scan->end; at++)
        count += *at == ',';
    return count;
}

static int quoted(array_scan *scan, arena *memory, apus_str *element)
{
    char *out = arena_alloc(memory, (size_t)(scan->end - scan->at) + 1);
    if (!out)
        return -1;
    size_t length = 0;
    for (scan->at++; scan->at < scan->end && *scan->at != '"'; scan->at++) {
        if (*scan->at == '\\' && ++scan->at == scan->end)
            return -1;
        out[length++] = *scan->at;
    }
    if (scan->at++ >= scan->end)
        return -1;
    *element = (apus_str){out, length};
    return 1;
}

static int bare(array_scan *scan, apus_str *element)
{
    const char *start = scan->at;
    while (scan->at < scan->end && *scan->at != ',' && *scan->at != '{' && *scan->at != '"')
        scan->at++;
    *element = (apus_str){start, (size_t)(scan->at - start)};
    if (element->len == 0 || (scan->at < scan->end && *scan->at != ','))
        return -1;
    if (element->len == 4 && strncasecmp(start, "null", 4) == 0)
        *element = (apus_str){NULL, 0};
    return 1;
}

int array_next(array_scan *scan, arena *memory, apus_str *element)
{
    if (scan->at >= scan->end)
        return scan->at == scan->end && (scan->first || scan->at[-1] != ',') ? 0 : -1;
    if (!scan->first && *scan->at++ != ',')
        return -1;
    scan->first = false;
    if (scan->at >= scan->end)
        return -1;
    return *scan->at == '"' ? quoted(scan, memory, element) : bare(scan, element);
}

void array_write_text(buffer *b, apus_str text)
{
    if (!text.ptr) {
        buffer_append_str(b, APUS_STR("NULL"));
        return;
    }
    buffer_append_char(b, '"');
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '"' || text.ptr[i] == '\\')
            buffer_append_char(b, '\\');
        buffer_append_char(b, text.ptr[i]);
    }
    buffer_append_char(b, '"');
}
