/* LISTEN for the whole process: one connection, on the loop of whichever worker asked first, fanned out to all. */
#ifndef PG_LISTEN_H
#define PG_LISTEN_H

#include "pg/private.h"

/** A notification on its way to a worker, and then to that worker's subscriptions. */
typedef struct notification {
    unsigned uses;
    size_t channel_length, payload_length;
    char text[]; /* channel, payload, NUL */
} notification;

/** The worker wants the channel (a name of at most 63 bytes). false without memory. Once for each worker and channel. */
bool listen_join(pg_pool *p, apus_str channel);
void listen_leave(pg_pool *p, apus_str channel);
/** The worker goes: another one takes the connection over. */
void listen_pool_closes(pg_pool *p);

/** Posted to a worker's loop: takes over the notification. */
void events_deliver(void *arg);
/** Ends this worker's subscriptions. */
void events_pool_closes(void);

#endif
