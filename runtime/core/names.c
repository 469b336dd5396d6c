/* Small things of the public core: names of error codes, the environment. */
#include "apus_core.h"

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
