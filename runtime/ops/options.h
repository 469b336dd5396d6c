/* The process's settings: the rooms' rows joined, and those that are ops' own. */
#ifndef OPS_OPTIONS_H
#define OPS_OPTIONS_H

#include "apus.h"
#include "core/log.h"
#include "core/settings.h"

/** Settings of the process as a whole. */
typedef struct ops_settings {
    int64_t workers; /* 0: as many as the cgroup grants CPUs */
    const char *app_env, *app_version, *cors_origins, *jwt_secret, *dev_build, *dev_watch;
    int docs, log_level, log_format;
    bool access_log, migrate_on_start, ready_needs_database;
    double drain_delay, drain_timeout, slow_request_seconds;
} ops_settings;
extern ops_settings ops_options;

enum { DOCS_AUTO, DOCS_ON, DOCS_OFF };

#define OPTIONS_TABLES 4

/** All tables of this application: ops', HTTP's, Postgres's (when it uses one), the application's own. The count. */
size_t options_tables(const apus_app *app, setting_table tables[OPTIONS_TABLES]);
/**
 * Whether the application keeps to LIMIT_APP_SETTINGS and LIMIT_MIDDLEWARE, and its settings to names of their own. false with
 * one line that says what is too many, or taken.
 */
bool options_fit(const apus_app *app, char *error, size_t error_size);
/** Looks at what one row cannot see of itself. false with one line that names variable, value and expectation. */
bool options_check(const apus_app *app, char *error, size_t error_size);
/** CPUs that affinity and the cgroup (v1 or v2) grant, rounded up, at least 1. */
int options_granted_cpus(void);
/** How many workers to run: WORKERS, or the granted CPUs, at most DB_POOL_MAX - 1 where there is a pool. */
int options_workers(const apus_app *app);
/** Whether /docs, /redoc and /openapi.json are served: not in production, unless DOCS says so. */
bool options_docs_enabled(void);

#endif
