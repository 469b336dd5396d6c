/* Small things of the public core: names of error codes, the environment, copies that outlive a request. */
#include "core/memory.h"

#include <stdlib.h>

const char *apus_error_name(int code)
{
    switch (code) {
#define XX(name, value, status, text) \
    case name:                        \
        return #name;
        APUS_ERROR_MAP(XX)
#undef XX
    default:
        return "unknown";
    }
}

const char *env_or(const char *name, const char *fallback)
{
    const char *value = getenv(name);
    return value && *value ? value : fallback;
}

char *apus_strdup(apus_str text)
{
    char *copy = memory_alloc(text.len + 1);
    if (!copy)
        return NULL;
    if (text.len)
        memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    return copy;
}
