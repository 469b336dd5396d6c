/* What the process knows of its database: reached or not, and who may try again when. */
#ifndef PG_CIRCUIT_H
#define PG_CIRCUIT_H

#include "pg/pool.h"

/** Forgets everything; `used` is false without a DATABASE_URL. Before any pool is opened. */
void circuit_configure(bool used);
/** The pools that hear of changes, each by a post to its loop. */
bool circuit_join(pg_pool *p);
void circuit_leave(pg_pool *p);

pg_state circuit_state(void);
/** Statements are to fail at once: the database is known to be out of reach. */
bool circuit_open(void);
/**
 * Whether a pool may dial now. While the database is out of reach one dial per second of the whole process may, and `*again` is
 * when to ask next.
 */
bool circuit_may_dial(uint64_t now, uint64_t *again);
/** Asks all pools, at most every PG_LEND_AGE, to give back so many connections that they do not need. */
void circuit_ask_pools(uint64_t now, int count);
/** A connection was made: it lives until circuit_lost. */
void circuit_reached(void);
void circuit_lost(void);
/** A dial failed; `reason` is one line without secrets. */
void circuit_failed(const char *reason);
/** The last reason, copied. */
void circuit_reason(char *text, size_t size);

#endif
