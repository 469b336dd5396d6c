/* Making a connection: names on the thread pool, the rest on the loop, one address after the other. */
#ifndef PG_DIAL_H
#define PG_DIAL_H

#include "fiber/fiber.h"
#include "pg/url.h"

#include <libpq-fe.h>

typedef struct dial dial;

/** Called once: with a connection, which then is the callee's, or with NULL and one line of words without secrets. */
typedef void (*dial_done)(void *arg, PGconn *pg, const char *error);

/** NULL without memory; `done` is called later, from the loop's stack. */
dial *dial_start(loop *l, const pg_target *target, dial_done done, void *arg);
/** Gives up; `done` is not called any more. */
void dial_cancel(dial *d);

#endif
