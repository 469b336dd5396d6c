/* Permits: how many connections this process may have, over all workers, LISTEN and migrations. */
#ifndef PG_PERMIT_H
#define PG_PERMIT_H

#include "apus_core.h"

/** Which share a permit came from, and goes back to. */
typedef enum permit {
    PERMIT_NONE,
    PERMIT_OWN,   /* a worker's guaranteed one */
    PERMIT_SIDE,  /* the one kept for LISTEN and migrations */
    PERMIT_SPARE, /* first come, first served */
} permit;

/** `total` ≥ workers + 1: each worker is guaranteed one, LISTEN and migrations share one, the rest is spare. To be called first. */
void permits_configure(int total, int workers);
/** For a worker: its own one (`own_free`, which is then cleared), or a spare one, or PERMIT_NONE. */
permit permit_take(bool *own_free);
/** For LISTEN and migrations. */
permit permit_take_side(void);
/** Gives a permit of LISTEN or migrations back, or a worker's when `own_free` is not NULL. */
void permit_return(permit p, bool *own_free);
/** A pool is short of so many spare permits: who does not need one is to give it back. The last word counts. */
void permits_ask(int count);
/** Whether somebody still asks for one; who hears yes gives one back. */
bool permits_asked(void);
/** Spare permits left. */
int permits_spare(void);

#endif
