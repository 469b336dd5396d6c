#include "core/failing.h"

#include "core/memory.h"

static size_t left;
static int failed;

static bool refuse(size_t size)
{
    (void)size;
    if (left > 1) {
        left--;
        return false;
    }
    failed = 1;
    return true;
}

void fail_allocations_from(size_t nth)
{
    left = nth;
    failed = 0;
    memory_refuse = nth ? refuse : NULL;
}

int an_allocation_failed(void)
{
    return failed;
}
