#define _GNU_SOURCE /* CPU_COUNT */
#include "ops/options.h"

#include "core/limits.h"
#include "http/server.h"
#include "pg/pool.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

ops_settings ops_options;

static const setting rows[] = {
    {"WORKERS", SETTING_INT, &ops_options.workers, "0", .min = 0, .max = 256,
     .doc = "worker threads; 0: the CPUs that the cgroup grants, at most DB_POOL_MAX - 1"},
    {"APP_ENV", SETTING_TEXT, &ops_options.app_env, "local",
     .doc = "name of the environment; prod and production hide the docs"},
    {"APP_VERSION", SETTING_TEXT, &ops_options.app_version, "", .doc = "version shown by --version and build info"},
    {"DOCS", SETTING_CHOICE, &ops_options.docs, "auto", .choices = {"auto", "on", "off"},
     .doc = "/docs, /redoc and /openapi.json; auto: not in production"},
    {"MIGRATE_ON_START", SETTING_BOOL, &ops_options.migrate_on_start, "0",
     .doc = "apply the migrations before becoming ready"},
    {"READY_NEEDS_DATABASE", SETTING_BOOL, &ops_options.ready_needs_database, "on",
     .doc = "/readyz is 503 while the database is not reached"},
    {"JWT_SECRET", SETTING_TEXT, &ops_options.jwt_secret, "", .secret = true, .doc = "key that signs tokens"},
    {"SLOW_REQUEST_SECONDS", SETTING_SECONDS, &ops_options.slow_request_seconds, "1.0", .min = 0, .max = 86400,
     .doc = "requests slower than this are logged as SLOW REQUEST"},
    {"LOG_LEVEL", SETTING_CHOICE, &ops_options.log_level, "info", .choices = {"debug", "info", "warning", "error"},
     .doc = "least level that is logged"},
    {"LOG_FORMAT", SETTING_CHOICE, &ops_options.log_format, "auto", .choices = {"auto", "json", "text"},
     .doc = "auto: text on a terminal, else JSON lines"},
    {"ACCESS_LOG", SETTING_BOOL, &ops_options.access_log, "on", .doc = "one line per request"},
    {"DRAIN_DELAY", SETTING_SECONDS, &ops_options.drain_delay, "5", .min = 0, .max = 3600,
     .doc = "seconds after SIGTERM in which connections are still served (an inherited socket: open ones); 0 on SIGINT"},
    {"DRAIN_TIMEOUT", SETTING_SECONDS, &ops_options.drain_timeout, "20", .min = 0, .max = 3600,
     .doc = "seconds that requests under way, and then the application's own stop, are given to finish"},
    {"CORS_ORIGINS", SETTING_TEXT, &ops_options.cors_origins, "",
     .doc = "origins that browsers may call from, separated by commas, or *"},
    {"DEV_BUILD", SETTING_TEXT, &ops_options.dev_build, "make -s app", .doc = "what `dev` builds with, a line for the shell"},
    {"DEV_WATCH", SETTING_TEXT, &ops_options.dev_watch, ".",
     .doc = "folders and files that `dev` watches, separated by commas; build, node_modules and hidden ones are left out"},
};

/* The application's rows in the form of the other tables. */
static setting app_rows[LIMIT_APP_SETTINGS];

static setting_table application_table(const apus_app *app)
{
    size_t count = 0;
    for (const apus_setting *s = app->settings; s && s->name && count < LIMIT_APP_SETTINGS; s++)
        app_rows[count++] = (setting){.name = s->name,
                                      .kind = SETTING_TEXT,
                                      .value = s->value,
                                      .fallback = s->fallback ? s->fallback : "",
                                      .secret = s->secret,
                                      .doc = s->doc ? s->doc : ""};
    return (setting_table){app_rows, count};
}

size_t options_tables(const apus_app *app, setting_table tables[OPTIONS_TABLES])
{
    size_t count = 0;
    tables[count++] = http_setting_rows();
    tables[count++] = SETTING_TABLE(rows);
    if (app->database)
        tables[count++] = pg_setting_rows();
    tables[count++] = application_table(app);
    return count;
}

/* The application's row that takes the name of one of the server's own settings, or NULL. */
static const apus_setting *find_taken(const apus_app *app)
{
    const setting_table own[] = {http_setting_rows(), SETTING_TABLE(rows), pg_setting_rows()};
    for (const apus_setting *s = app->settings; s && s->name; s++)
        for (size_t i = 0; i < sizeof own / sizeof *own; i++)
            for (size_t j = 0; j < own[i].count; j++)
                if (strcmp(s->name, own[i].rows[j].name) == 0)
                    return s;
    return NULL;
}

bool options_fit(const apus_app *app, char *error, size_t error_size)
{
    size_t settings = 0, middleware = 0;
    const apus_setting *taken = find_taken(app);
    while (app->settings && app->settings[settings].name)
        settings++;
    while (app->middleware && app->middleware[middleware])
        middleware++;
    if (settings > LIMIT_APP_SETTINGS)
        snprintf(error, error_size, "the application declares %zu settings (expected at most %d)", settings, LIMIT_APP_SETTINGS);
    else if (middleware > LIMIT_MIDDLEWARE)
        snprintf(error, error_size, "the application has %zu middleware (expected at most %d)", middleware, LIMIT_MIDDLEWARE);
    else if (taken)
        snprintf(error, error_size, "the application's setting %s is one of the server's own (expected another name)", taken->name);
    else
        return true;
    return false;
}

static bool is_origin_list(const char *list)
{
    for (const char *at = list; *at; at += strcspn(at, ",")) {
        at += strspn(at, ", ");
        if (*at && strncmp(at, "http://", 7) != 0 && strncmp(at, "https://", 8) != 0)
            return false;
    }
    return true;
}

bool options_check(const apus_app *app, char *error, size_t error_size)
{
    const char *root = http_options.root_path, *origins = ops_options.cors_origins;
    if (*root && *root != '/')
        snprintf(error, error_size, "ROOT_PATH: \"%s\" does not begin with a slash (expected a path such as /api)", root);
    else if (strcmp(origins, "*") != 0 && !is_origin_list(origins))
        snprintf(error, error_size, "CORS_ORIGINS: \"%s\" is no list of origins (expected https://a.example,… or *)", origins);
    else if (app->database && ops_options.migrate_on_start && !*pg_options.url && !*pg_options.direct_url)
        snprintf(error, error_size, "MIGRATE_ON_START: \"1\" needs a database (expected DATABASE_URL to be set)");
    else
        return true;
    return false;
}

/* CPUs by a quota file that holds `QUOTA PERIOD`, or two files that hold one each; 0 when there is none. */
static double quota_of(const char *quota_file, const char *period_file)
{
    char text[64] = "";
    double quota = 0, period = 0;
    FILE *f = fopen(quota_file, "re");
    if (!f)
        return 0;
    int found = fgets(text, sizeof text, f) ? sscanf(text, "%lf %lf", &quota, &period) : 0;
    fclose(f);
    if (found == 1 && period_file && (f = fopen(period_file, "re"))) {
        if (fgets(text, sizeof text, f))
            found += sscanf(text, "%lf", &period);
        fclose(f);
    }
    return found == 2 && quota > 0 && period > 0 ? quota / period : 0;
}

int options_granted_cpus(void)
{
    cpu_set_t set;
    int cpus = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    double quota = quota_of("/sys/fs/cgroup/cpu.max", NULL);
    if (quota <= 0)
        quota = quota_of("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "/sys/fs/cgroup/cpu/cpu.cfs_period_us");
    int granted = quota > 0 ? (int)quota + (quota > (double)(int)quota) : cpus;
    if (granted > cpus)
        granted = cpus;
    return granted > 0 ? granted : 1;
}

int options_workers(const apus_app *app)
{
    int wanted = ops_options.workers > 0 ? (int)ops_options.workers : options_granted_cpus();
    int most = app->database && ops_options.workers == 0 ? (int)pg_options.pool_max - 1 : wanted;
    if (app->workers > 0 && most > app->workers)
        most = (int)app->workers;
    wanted = wanted > most ? most : wanted;
    return wanted > 0 ? wanted : 1;
}

bool options_docs_enabled(void)
{
    if (ops_options.docs != DOCS_AUTO)
        return ops_options.docs == DOCS_ON;
    return strcmp(ops_options.app_env, "prod") != 0 && strcmp(ops_options.app_env, "production") != 0;
}
