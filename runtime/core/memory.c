#include "core/memory.h"

#include <stdlib.h>

bool (*memory_refuse)(size_t size);

static bool refused(size_t size)
{
    return memory_refuse && memory_refuse(size);
}

void *memory_alloc(size_t size)
{
    return refused(size) ? NULL : malloc(size ? size : 1);
}

void *memory_resize(void *memory, size_t size)
{
    return refused(size) ? NULL : realloc(memory, size ? size : 1);
}

void memory_free(void *memory)
{
    free(memory);
}
