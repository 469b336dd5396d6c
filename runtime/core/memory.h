/* Where the runtime's own memory comes from, so that a test can make any allocation fail. */
#ifndef CORE_MEMORY_H
#define CORE_MEMORY_H

#include "apus_core.h"

/** Asked before every allocation when set: true makes that one fail. For tests; set before other threads run. */
extern bool (*memory_refuse)(size_t size);

/** As malloc: aligned to 16, not zeroed; NULL when memory is out or refused. */
void *memory_alloc(size_t size);
/** As realloc; NULL leaves the old memory as it was. */
void *memory_resize(void *memory, size_t size);
/** As free. */
void memory_free(void *memory);

#endif
