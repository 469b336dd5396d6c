/* Groups in their queues: what waits, what was withdrawn, what is done. */
#include "pg/private.h"

static void link_group(group_list *list, pg_group *g, group_place place)
{
    *(g->previous ? &g->previous->next : &list->first) = g;
    *(g->next ? &g->next->previous : &list->last) = g;
    g->list = list;
    g->place = place;
    list->count++;
}

void group_append(group_list *list, pg_group *g, group_place place)
{
    g->previous = list->last;
    g->next = NULL;
    link_group(list, g, place);
}

void group_prepend(group_list *list, pg_group *g, group_place place)
{
    g->previous = NULL;
    g->next = list->first;
    link_group(list, g, place);
}

void group_unlink(pg_group *g)
{
    group_list *list = g->list;
    *(g->previous ? &g->previous->next : &list->first) = g->next;
    *(g->next ? &g->next->previous : &list->last) = g->previous;
    g->next = g->previous = NULL;
    g->list = NULL;
    g->place = GROUP_NOWHERE;
    list->count--;
}

void pool_submit(pg_pool *p, pg_group *g)
{
    g->queued_at = clock_monotonic();
    group_append(g->leased ? &p->direct : g->grant ? &p->leases : &p->waiting, g, GROUP_QUEUED);
    pool_wake(p);
}

void pool_withdraw(pg_group *g)
{
    switch (g->place) {
    case GROUP_QUEUED:
    case GROUP_DONE: group_unlink(g); break;
    case GROUP_SENT: connection_abandon(g->connection, g); break;
    case GROUP_NOWHERE: break;
    }
}

void pool_done(pg_pool *p, pg_group *g)
{
    if (g->taken_at)
        g->task->times.database += p->now > g->taken_at ? p->now - g->taken_at : 0;
    p->tally.errors += g->failure.code != 0;
    group_append(&p->done, g, GROUP_DONE);
    pool_wake(p);
}

/* A fiber that goes on may end others' waits: the list is looked at afresh each time. */
void pool_finish(pg_pool *p)
{
    while (p->done.first) {
        pg_group *g = p->done.first;
        group_unlink(g);
        fiber_wake(&g->wait, 0);
    }
}

void pool_fail_first(pg_pool *p, group_list *list, int code, const char *words, const char *reason)
{
    pg_group *g = list->first;
    group_unlink(g);
    g->failure = failure_printf(g->task->arena, code, "%s%s", words, reason);
    pool_done(p, g);
}

void pool_fail_queued(pg_pool *p, const char *words, const char *reason)
{
    while (p->waiting.first)
        pool_fail_first(p, &p->waiting, APUS_EUNAVAILABLE, words, reason);
    while (p->leases.first)
        pool_fail_first(p, &p->leases, APUS_EUNAVAILABLE, words, reason);
}
