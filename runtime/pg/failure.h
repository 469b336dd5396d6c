/* What went wrong, as a code that a handler can act on. */
#ifndef PG_FAILURE_H
#define PG_FAILURE_H

#include "core/arena.h"

#include <libpq-fe.h>

/** A failure of a statement or of its connection. Texts are static or in the task's arena. */
typedef struct pg_failure {
    int code;          /* APUS_E…; 0: none */
    char sqlstate[6];
    bool taken;        /* the name under which a statement was to be prepared: the next run frees it */
    const char *message, *constraint; /* constraint: NULL for none */
} pg_failure;

/** The code of a SQLSTATE. */
int failure_code(const char *sqlstate);
/** From a result with an error of the server's (it has a SQLSTATE); texts are copied into the arena. */
pg_failure failure_of_result(const PGresult *result, arena *memory);
/** Without a SQLSTATE; `message` must be static or in the arena. */
pg_failure failure_make(int code, const char *message);
/** Formats into the arena. */
pg_failure failure_printf(arena *memory, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));
/** The prepared statement is not there any more, its result changed, or its name is taken: nothing ran, preparing again helps. */
bool failure_is_stale(const pg_failure *f);
/** The server ends the connection with this error. */
bool failure_is_fatal(const PGresult *result);
/** The first line of a message, into `out`. */
void failure_first_line(const char *message, char *out, size_t size);

#endif
