/* Apus: typed HTTP services in C. The one header that an application includes. */
#ifndef APUS_H
#define APUS_H

#include "apus_core.h"
#include "apus_model.h"
#include "apus_pg.h"
#include "apus_route.h"
#include "apus_task.h"

/* A compiler then says where in the application a mistake stands, not which macro met it. */
#pragma GCC system_header

#pragma GCC visibility push(default)

/**
 * What runs around serving: `start` before the first request is served (until it has ended all but the probes get 503), `stop`
 * after the last. Both may wait; `stop` for what is left of DRAIN_TIMEOUT, a second at least, then it is cancelled.
 */
typedef struct apus_lifespan {
    int (*start)(apus_task *task); /* 0, or negative: the start stops with apus_error's words */
    void (*stop)(apus_task *task);
} apus_lifespan;

/** A setting of the application's own: an environment variable and (unless secret) a flag, listed by --help and `config`. */
typedef struct apus_setting {
    const char *name;   /* of the environment variable: "GREETING", the flag is --greeting */
    const char **value; /* set before the lifespan starts; lives as long as the process */
    const char *fallback;
    const char *doc;    /* one line for --help */
    bool secret;        /* no flag, masked by `config` */
} apus_setting;
/** `.settings = SETTINGS({"GREETING", &greeting, "hello", "Text of GET /"})` */
#define SETTINGS(...)               \
    (const apus_setting[])          \
    {                               \
        __VA_ARGS__, {.name = NULL} \
    }

/** An application. All members are optional. */
typedef struct apus_app {
    const char *title;       /* default "FastAPI" */
    const char *version;     /* default "0.1.0" */
    const char *summary, *description;
    const apus_routes *routes;   /* the application's own routes, before those of its routers */
    const apus_router *routers;  /* ROUTERS(…) */
    const char *tags[APUS_LIMIT_LISTED];
    apus_dependency_fn dependencies[APUS_LIMIT_LISTED];
    apus_response_doc responses[APUS_LIMIT_LISTED];
    const apus_exception_row *exception_handlers; /* HANDLERS(…) */
    const apus_middleware *middleware;            /* MIDDLEWARE(…) */
    apus_cors cors;
    apus_lifespan lifespan;
    const apus_setting *settings;                 /* SETTINGS(…) */
    const char *migrations;  /* the folder of the migration files, default "migrations" beside the program or the working folder */
    bool database;           /* uses Postgres: readiness follows it */
    const char *docs_url, *redoc_url, *openapi_url; /* default /docs, /redoc, /openapi.json; "" turns one off */
    const char *openapi_extra_json; /* a JSON object merged into the document: contact, license, servers, descriptions of tags */
    const char *root_path;
    int64_t workers;         /* threads at most; 0: as WORKERS says; 1 where the state is in memory that one thread may touch */
    size_t max_body;
    apus_tristate strict_content_type, redirect_slashes;
    bool health_routes;      /* /healthz, /health, /readyz, /startupz outside the document */
} apus_app;

/**
 * The program: reads flags and environment, builds the tables, serves until SIGTERM. Returns the exit status: 0 after a clean
 * stop, 1 when the start failed, 2 for a wrong setting.
 */
int apus_main(int argc, char **argv, const apus_app *app);

/** Keeps a pointer for http_state: called in lifespan's start. */
void apus_set_state(apus_task *task, void *state);

/** Replaces a dependency by another of the same result, everywhere. For tests, before apus_main. */
void apus_override(apus_dependency_fn original, apus_dependency_fn replacement);

#pragma GCC visibility pop

#endif
