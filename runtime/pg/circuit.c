#include "pg/circuit.h"
#include "pg/private.h"

#include "core/log.h"

#include <pthread.h>
#include <stdio.h>

#define PROBE_NANOSECONDS 1000000000u
#define PROBE_JITTER 100000000u /* either way */
#define POOLS 1024

/* Under the lock the list of pools, the reason, and every change of state; the request path reads the two atomics alone. */
static struct {
    pthread_mutex_t lock;
    _Atomic int state;
    _Atomic bool open; /* the last dial failed, and no connection lives */
    _Atomic int living;
    _Atomic uint64_t next_probe, next_ask;
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
    atomic_store(&circuit.next_ask, 0);
    snprintf(circuit.reason, sizeof circuit.reason, "%s", used ? "not reached yet" : "DATABASE_URL is not set");
    if (!used)
        log_printf(LOG_WARNING, "database: not reached: %s", circuit.reason);
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

/* Called under the lock, so that no pool leaves meanwhile; the post finds its pool by the loop's thread. */
static void tell_pools(void (*what)(void *unused))
{
    for (size_t i = 0; i < circuit.count; i++)
        loop_post(circuit.pools[i]->loop, what, NULL);
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

void circuit_ask_pools(uint64_t now, int count)
{
    uint64_t due = atomic_load(&circuit.next_ask);
    if (now < due || !atomic_compare_exchange_strong(&circuit.next_ask, &due, now + PG_LEND_AGE))
        return;
    permits_ask(count);
    pthread_mutex_lock(&circuit.lock);
    tell_pools(pool_lend);
    pthread_mutex_unlock(&circuit.lock);
}

void circuit_reached(void)
{
    pthread_mutex_lock(&circuit.lock);
    atomic_fetch_add(&circuit.living, 1);
    bool was_open = atomic_exchange(&circuit.open, false);
    atomic_store(&circuit.state, PG_UP);
    if (was_open)
        tell_pools(pool_circuit_changed);
    pthread_mutex_unlock(&circuit.lock);
    if (was_open)
        log_printf(LOG_INFO, "database: reached again");
}

void circuit_lost(void)
{
    atomic_fetch_sub(&circuit.living, 1);
}

void circuit_failed(const char *reason)
{
    pthread_mutex_lock(&circuit.lock);
    snprintf(circuit.reason, sizeof circuit.reason, "%s", reason);
    bool opens = atomic_load(&circuit.living) <= 0 && !atomic_load(&circuit.open);
    if (opens) {
        int up = PG_UP;
        atomic_compare_exchange_strong(&circuit.state, &up, PG_DOWN);
        atomic_store(&circuit.next_probe, clock_monotonic() + PROBE_NANOSECONDS);
        atomic_store(&circuit.open, true);
        tell_pools(pool_circuit_changed);
    }
    pthread_mutex_unlock(&circuit.lock);
    if (opens)
        log_printf(LOG_WARNING, "database: not reached: %s", reason);
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
