/* Keeping libpq from sending at every sync point, so that what a loop turn asks for leaves in one write. */
#ifndef PG_HOLD_H
#define PG_HOLD_H

#include "apus_core.h"

/**
 * From hold_begin to hold_end, what this thread sends on the socket stays in libpq's buffer, as if the socket were full; PQflush
 * afterwards sends it. Works by `send` and `recv` of the executable, which a shared libpq binds to (exports.list); where it does
 * not (a static libpq), each statement is sent by itself. With libpq 17, whose sync point does not send, nothing is held.
 */
void hold_begin(int socket);
void hold_end(void);
/** How often this thread has sent, on all of its sockets. */
uint64_t hold_sends(void);
/** Bytes that this thread has received, on all of its sockets. */
uint64_t hold_received(void);

#endif
