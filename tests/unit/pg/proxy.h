/* A proxy before the test's Postgres, in a thread of its own, that can do what networks and servers do. */
#ifndef TESTS_PG_PROXY_H
#define TESTS_PG_PROXY_H

#include <stdbool.h>

typedef enum proxy_mode {
    PROXY_PASS,
    PROXY_REFUSE, /* nobody listens, as if Postgres were stopped */
    PROXY_SLAM,   /* connections are accepted, counted and closed */
    PROXY_FREEZE, /* connections stay, and nothing passes */
} proxy_mode;

/** Starts it, passing. */
void proxy_open(void);
void proxy_close(void);
int proxy_port(void);
/** Returns when the thread acts by it. REFUSE and SLAM cut what is connected. */
void proxy_set(proxy_mode mode);
/** Cuts what is connected, and goes on. */
void proxy_cut(void);
/** Connections accepted since the start. */
int proxy_accepted(void);

#endif
