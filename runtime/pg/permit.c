#include "pg/permit.h"

#include <stdatomic.h>

static _Atomic int spare;
static _Atomic int asked;
static _Atomic bool side_free;

void permits_configure(int total, int workers)
{
    atomic_store(&spare, total - workers - 1);
    atomic_store(&asked, 0);
    atomic_store(&side_free, true);
}

static bool take_one(_Atomic int *of)
{
    int left = atomic_load(of);
    while (left > 0)
        if (atomic_compare_exchange_weak(of, &left, left - 1))
            return true;
    return false;
}

permit permit_take(bool *own_free)
{
    if (*own_free) {
        *own_free = false;
        return PERMIT_OWN;
    }
    return take_one(&spare) ? PERMIT_SPARE : PERMIT_NONE;
}

permit permit_take_side(void)
{
    bool expected = true;
    if (atomic_compare_exchange_strong(&side_free, &expected, false))
        return PERMIT_SIDE;
    return take_one(&spare) ? PERMIT_SPARE : PERMIT_NONE;
}

void permit_return(permit p, bool *own_free)
{
    switch (p) {
    case PERMIT_OWN: *own_free = true; break;
    case PERMIT_SIDE: atomic_store(&side_free, true); break;
    case PERMIT_SPARE: atomic_fetch_add(&spare, 1); break;
    case PERMIT_NONE: break;
    }
}

void permits_ask(int count)
{
    atomic_store(&asked, count);
}

bool permits_asked(void)
{
    return take_one(&asked);
}

int permits_spare(void)
{
    return atomic_load(&spare);
}
