/* The Postgres side as ops sees it: settings, pool, state, migrations. */
#ifndef PG_POOL_H
#define PG_POOL_H

#include "apus_pg.h"
#include "core/settings.h"
#include "fiber/fiber.h"

typedef struct pg_settings {
    const char *url, *direct_url;
    int64_t pool_min, pool_max;
    double acquire_timeout, statement_timeout, max_lifetime;
    bool prepare, allow_large;
} pg_settings;
extern pg_settings pg_options;
setting_table pg_setting_rows(void);

/** Process-wide counts and gauges, for ops. Wait in nanoseconds. */
typedef struct pg_stats {
    _Atomic uint64_t size, in_use, waiting, acquires, wait_nanoseconds, timeouts, dials, dial_failures, closed, statements,
        errors, events_dropped;
} pg_stats;
extern pg_stats pg_counts;

/** Checks the URL and the pool's numbers against the workers; once per process. false with one line in `error`. */
bool pg_configure(int workers, char *error, size_t error_size);

typedef struct pg_pool pg_pool;
/** A worker's pool on its loop: dials its share of DB_POOL_MIN at once. */
pg_pool *pg_pool_open(loop *l);
/** Closes idle connections; refuses new statements once `now`; otherwise those under way finish. */
void pg_pool_drain(pg_pool *p, bool now);
void pg_pool_close(pg_pool *p);

/** What readiness asks. */
typedef enum pg_state { PG_UNUSED, PG_NEVER_REACHED, PG_UP, PG_DOWN } pg_state;
/** `reason`: words without secrets, static or valid until the next call on this thread. */
pg_state pg_health(const char **reason);

/** Migrations in dbmate's format. 0, or negative with apus_error(task): file and line named. `applied` counts. */
int pg_migrate_up(apus_task *task, const char *folder, int *applied);
int pg_migrate_down(apus_task *task, const char *folder, int *reverted);
/** `[X] 20240101_create_items.sql` lines. */
int pg_migrate_status(apus_task *task, const char *folder, buffer *out);

#endif
