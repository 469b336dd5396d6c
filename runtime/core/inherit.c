#include "core/inherit.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIRST_INHERITED 3 /* SD_LISTEN_FDS_START */

/* Where a name stands in `one:two:three`, or -1. */
static int find_name(const char *names, const char *name)
{
    size_t length = strlen(name);
    int index = 0;
    for (const char *at = names; at && *at; index++) {
        size_t n = strcspn(at, ":");
        if (n == length && memcmp(at, name, n) == 0)
            return index;
        at += n + (at[n] == ':');
    }
    return -1;
}

int inherited_descriptor(const char *name, int position)
{
    const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS"), *names = getenv("LISTEN_FDNAMES");
    if (!count || (pid && *pid && atoi(pid) != getpid()))
        return -1;
    int index = find_name(names, name);
    if (index < 0 && find_name(names, INHERITED_HTTP) < 0 && find_name(names, INHERITED_ADMIN) < 0)
        index = position;
    return index >= 0 && index < atoi(count) ? FIRST_INHERITED + index : -1;
}
