#include "fiber/private.h"

#include <sys/mman.h>

/*
 * Room for as many timers as there can be: fibers have two each and are limited by the mappings that a process may have
 * (vm.max_map_count, two for each stack). The pages are taken when they are first written.
 */
#define TIMERS ((size_t)1 << 20)
#define CHILDREN 4

bool timers_open(struct loop_private *p)
{
    void *memory = mmap(NULL, TIMERS * sizeof(timer_slot), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                        -1, 0);
    p->timers = memory == MAP_FAILED ? NULL : memory;
    return p->timers;
}

void timers_close(struct loop_private *p)
{
    if (p->timers)
        munmap(p->timers, TIMERS * sizeof(timer_slot));
    p->timers = NULL;
}

static void put(struct loop_private *p, size_t index, timer_slot slot)
{
    p->timers[index] = slot;
    slot.timer->heap_index = index;
}

static void sift_up(struct loop_private *p, size_t index, timer_slot slot)
{
    while (index) {
        size_t parent = (index - 1) / CHILDREN;
        if (p->timers[parent].at <= slot.at)
            break;
        put(p, index, p->timers[parent]);
        index = parent;
    }
    put(p, index, slot);
}

static size_t least_child(const struct loop_private *p, size_t index)
{
    size_t first = index * CHILDREN + 1, least = first;
    for (size_t i = first + 1; i < first + CHILDREN && i < p->timer_count; i++)
        if (p->timers[i].at < p->timers[least].at)
            least = i;
    return least;
}

static void sift_down(struct loop_private *p, size_t index, timer_slot slot)
{
    for (size_t child; (child = least_child(p, index)) < p->timer_count && p->timers[child].at < slot.at; index = child)
        put(p, index, p->timers[child]);
    put(p, index, slot);
}

void loop_timer_start(loop *l, loop_timer *timer, uint64_t at, void (*run)(loop_timer *self))
{
    struct loop_private *p = l->private;
    loop_timer_stop(l, timer);
    timer->at = at > p->timers_due ? at : p->timers_due + 1;
    timer->run = run;
    if (p->timer_count == TIMERS)
        h2o_fatal("more timers than fibers can have");
    sift_up(p, p->timer_count++, (timer_slot){timer->at, timer});
}

void loop_timer_stop(loop *l, loop_timer *timer)
{
    if (!timer->at)
        return;
    struct loop_private *p = l->private;
    size_t index = timer->heap_index;
    timer_slot last = p->timers[--p->timer_count];
    timer->at = 0;
    if (last.timer == timer)
        return;
    if (index && p->timers[(index - 1) / CHILDREN].at > last.at)
        sift_up(p, index, last);
    else
        sift_down(p, index, last);
}

uint64_t timers_next(const struct loop_private *p)
{
    return p->timer_count ? p->timers[0].at : UINT64_MAX;
}

/* What a timer arms is for a later turn, however long this one has taken: it cannot keep the loop here. */
void timers_run(loop *l)
{
    struct loop_private *p = l->private;
    if (timers_next(p) == UINT64_MAX)
        return;
    l->now = l->latest = p->timers_due = clock_monotonic();
    while (timers_next(p) <= p->timers_due) {
        loop_timer *timer = p->timers[0].timer;
        loop_timer_stop(l, timer);
        timer->run(timer);
    }
}
