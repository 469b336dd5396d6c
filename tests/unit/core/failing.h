/* Allocations that fail on purpose. */
#ifndef UNIT_FAILING_H
#define UNIT_FAILING_H

#include <stddef.h>

/** From now on the nth allocation (1 is the next) and all after it fail; 0 ends that. */
void fail_allocations_from(size_t nth);
/** Whether an allocation has failed since. */
int an_allocation_failed(void);

#endif
