#include "pg/circuit.h"
#include "pg/permit.h"
#include "pg/pool.h"
#include "pg/private.h"

#include <stdio.h>

#define POOL_LARGE 20 /* refused above, unless asked for twice: a pod of many makes Postgres run out of connections */

pg_settings pg_options = {.pool_min = 5, .pool_max = 15, .acquire_timeout = 5, .statement_timeout = 30, .max_lifetime = 3600,
                          .prepare = true};
pg_stats pg_counts;
pg_target pg_main_target, pg_direct_target;
static size_t worker_count = 1;

static const setting rows[] = {
    {.name = "DATABASE_URL", .kind = SETTING_TEXT, .value = &pg_options.url, .fallback = "", .secret = true,
     .doc = "Postgres: postgresql://user:password@host:port/database?sslmode=require"},
    {.name = "DATABASE_DIRECT_URL", .kind = SETTING_TEXT, .value = &pg_options.direct_url, .fallback = "", .secret = true,
     .doc = "Postgres past PgBouncer, for migrations and LISTEN; default: DATABASE_URL"},
    {.name = "DB_POOL_MIN", .kind = SETTING_INT, .value = &pg_options.pool_min, .fallback = "5", .min = 0, .max = 1000,
     .doc = "connections kept open, of the whole process"},
    {.name = "DB_POOL_MAX", .kind = SETTING_INT, .value = &pg_options.pool_max, .fallback = "15", .min = 2, .max = 1000,
     .doc = "most connections of the whole process, LISTEN and migrations included"},
    {.name = "DB_POOL_ALLOW_LARGE", .kind = SETTING_BOOL, .value = &pg_options.allow_large, .fallback = "off",
     .doc = "lets DB_POOL_MAX be more than 20"},
    {.name = "DB_ACQUIRE_TIMEOUT", .kind = SETTING_SECONDS, .value = &pg_options.acquire_timeout, .fallback = "5", .min = 0.001,
     .max = 3600, .doc = "longest wait for a connection; then 503"},
    {.name = "DB_STATEMENT_TIMEOUT", .kind = SETTING_SECONDS, .value = &pg_options.statement_timeout, .fallback = "30", .min = 0,
     .max = 86400, .doc = "longest run of a statement in Postgres; 0: no limit"},
    {.name = "DB_MAX_LIFETIME", .kind = SETTING_SECONDS, .value = &pg_options.max_lifetime, .fallback = "3600", .min = 1,
     .max = 1e7, .doc = "age at which a connection is replaced, give or take 10 %"},
    {.name = "DB_PREPARE", .kind = SETTING_BOOL, .value = &pg_options.prepare, .fallback = "on",
     .doc = "prepared statements and session settings; off behind PgBouncer in transaction mode"},
};

setting_table pg_setting_rows(void)
{
    return SETTING_TABLE(rows);
}

static bool check_numbers(int workers, char *error, size_t size)
{
    if (pg_options.pool_max > POOL_LARGE && !pg_options.allow_large)
        snprintf(error, size, "DB_POOL_MAX=%lld is more than %d: every pod takes as many of Postgres's connections; set "
                              "DB_POOL_ALLOW_LARGE=1 if it has them", (long long)pg_options.pool_max, POOL_LARGE);
    else if (workers > pg_options.pool_max - 1)
        snprintf(error, size, "WORKERS=%d needs DB_POOL_MAX of at least %d (one connection each and one for LISTEN and "
                              "migrations), and it is %lld", workers, workers + 1, (long long)pg_options.pool_max);
    else if (pg_options.pool_min > pg_options.pool_max && settings_origin("DB_POOL_MIN") != SETTING_DEFAULT)
        snprintf(error, size, "DB_POOL_MIN=%lld is more than DB_POOL_MAX=%lld (expected at most as many)",
                 (long long)pg_options.pool_min, (long long)pg_options.pool_max);
    else
        return true;
    return false;
}

size_t pool_share(int worker)
{
    int64_t least = pg_options.pool_min < pg_options.pool_max ? pg_options.pool_min : pg_options.pool_max - 1;
    size_t total = (size_t)least, share = total / worker_count + ((size_t)worker % worker_count < total % worker_count);
    return share ? share : 1;
}

bool pg_configure(int workers, char *error, size_t error_size)
{
    const char *url = pg_options.url, *direct = pg_options.direct_url;
    bool used = url && *url;
    worker_count = workers > 0 ? (size_t)workers : 1;
    pg_target_options options = {"DATABASE_URL", pg_options.statement_timeout, pg_options.prepare};
    pg_target_options direct_options = {"DATABASE_DIRECT_URL", 0, false};
    pg_target_free(&pg_main_target);
    pg_target_free(&pg_direct_target);
    circuit_configure(used);
    direct = direct && *direct ? direct : url;
    if (!check_numbers(workers, error, error_size) ||
        (used && !pg_target_parse(&pg_main_target, url, &options, error, error_size)) ||
        (direct && *direct && !pg_target_parse(&pg_direct_target, direct, &direct_options, error, error_size)))
        return false;
    if (used)
        permits_configure((int)pg_options.pool_max, workers);
    return true;
}
