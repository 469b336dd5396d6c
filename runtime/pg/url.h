/* DATABASE_URL in the forms people have it, as what libpq takes. */
#ifndef PG_URL_H
#define PG_URL_H

#include "apus_core.h"

#define PG_HOSTS 16      /* of one URL */
#define PG_PARAMETERS 64 /* of one connection */

/** One host of a URL. NULL members: libpq's default. A host that begins with `/` or `@` is a unix socket's folder. */
typedef struct pg_host {
    const char *name, *address, *port;
} pg_host;

/** A parsed URL: what PQconnectStartParams takes, the hosts apart. */
typedef struct pg_target {
    const char *keywords[PG_PARAMETERS + 1], *values[PG_PARAMETERS + 1];
    size_t count;
    pg_host hosts[PG_HOSTS];
    size_t host_count;
    double connect_timeout; /* seconds, for each address */
} pg_target;

typedef struct pg_target_options {
    const char *variable;      /* that errors name */
    double statement_timeout;  /* seconds; 0: none */
    bool session_settings;     /* false behind PgBouncer */
} pg_target_options;

/**
 * Parses `postgresql://`, `postgres://`, SQLAlchemy's `postgresql+driver://` (whose `ssl=` becomes sslmode) and libpq's
 * `keyword=value`. false with one line in `error`, without the URL: it may hold a password.
 */
bool pg_target_parse(pg_target *target, const char *url, const pg_target_options *options, char *error, size_t error_size);
void pg_target_free(pg_target *target);

/** A whole URL in libpq's form, malloced; NULL without memory. For the tests. */
char *pg_url_for_libpq(const char *url);

#endif
