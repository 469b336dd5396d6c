#include "pg/circuit.h"
#include "pg/private.h"

#include "core/log.h"

#include <pthread.h>
#include <stdio.h>

#define PROBE_NANOSECONDS 1000000000u
#define PROBE_JITTER 100000000u /* either way */
#define POOLS 1024

/* The lock guards the list of pools and the reason; the request path reads the two atomics alone. */
static struct {
    pthread_mutex_t lock;
    _Atomic int state;
    _Atomic bool open; /* the last dial failed, and no connection lives */
    _Atomic int living;
    _Atomic uint64_t next_probe;
    pg_pool *pools[POOLS];
    size_t count;
    char reason[256];
} circuit = {.lock = PTHREAD_MUTEX_INITIALIZER};

void circuit_configure(bool used)
{
    atomic_store(&circuit.state, used ? PG_NEVER_REACHED : PG_UNUSED);
    atomic_store(&circuit.open, !used);
    atomic_store(&circuit.living, 0);
    atomic_store(&circuit.next_probe, 0);
    snprintf(circuit.reason, sizeof circuit.reason, "%s", used ? "not reached yet" : "DATABASE_URL is not set");
}

bool circuit_join(pg_pool *p)
{
    pthread_mutex_lock(&circuit.lock);
    bool room = circuit.count < POOLS;
    if (room)
        circuit.pools[circuit.count++] = p;
    pthread_mutex_unlock(&circuit.lock);
    return room;
}

void circuit_leave(pg_pool *p)
{
    pthread_mutex_lock(&circuit.lock);
    for (size_t i = 0; i < circuit.count; i++)
        if (circuit.pools[i] == p)
            circuit.pools[i] = circuit.pools[--circuit.count];
    pthread_mutex_unlock(&circuit.lock);
}

/* Under the lock, so that no pool leaves meanwhile; the post finds its pool by the loop's thread. */
static void tell_pools(void)
{
    pthread_mutex_lock(&circuit.lock);
    for (size_t i = 0; i < circuit.count; i++)
        loop_post(circuit.pools[i]->loop, pool_circuit_changed, NULL);
    pthread_mutex_unlock(&circuit.lock);
}

pg_state circuit_state(void)
{
    return (pg_state)atomic_load(&circuit.state);
}

bool circuit_open(void)
{
    return atomic_load_explicit(&circuit.open, memory_order_relaxed);
}

bool circuit_may_dial(uint64_t now, uint64_t *again)
{
    if (!circuit_open())
        return true;
    uint64_t due = atomic_load(&circuit.next_probe);
    uint64_t next = now + PROBE_NANOSECONDS - PROBE_JITTER + random_below(2 * PROBE_JITTER);
    if (now >= due && atomic_compare_exchange_strong(&circuit.next_probe, &due, next))
        return true;
    *again = due > now ? due : next;
    return false;
}

void circuit_reached(void)
{
    atomic_fetch_add(&circuit.living, 1);
    bool was_open = atomic_exchange(&circuit.open, false);
    atomic_store(&circuit.state, PG_UP);
    if (was_open) {
        log_printf(LOG_INFO, "database: reached again");
        tell_pools();
    }
}

void circuit_lost(void)
{
    atomic_fetch_sub(&circuit.living, 1);
}

void circuit_failed(const char *reason)
{
    pthread_mutex_lock(&circuit.lock);
    snprintf(circuit.reason, sizeof circuit.reason, "%s", reason);
    pthread_mutex_unlock(&circuit.lock);
    if (atomic_load(&circuit.living) > 0)
        return;
    int up = PG_UP;
    atomic_compare_exchange_strong(&circuit.state, &up, PG_DOWN);
    if (!atomic_exchange(&circuit.open, true)) {
        atomic_store(&circuit.next_probe, clock_monotonic() + PROBE_NANOSECONDS);
        log_printf(LOG_WARNING, "database: not reached: %s", reason);
        tell_pools();
    }
}

void circuit_reason(char *text, size_t size)
{
    pthread_mutex_lock(&circuit.lock);
    snprintf(text, size, "%s", circuit.reason);
    pthread_mutex_unlock(&circuit.lock);
}

pg_state pg_health(const char **reason)
{
    static _Thread_local char words[256];
    pg_state state = circuit_state();
    if (state == PG_UP)
        snprintf(words, sizeof words, "%s", "ok");
    else
        circuit_reason(words, sizeof words);
    if (reason)
        *reason = words;
    return state;
}
