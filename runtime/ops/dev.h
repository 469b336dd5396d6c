/* `app dev` within: what its files share. */
#ifndef OPS_DEV_H
#define OPS_DEV_H

#include "ops/dev_child.h"
#include "ops/dev_watch.h"
#include "ops/process.h"

#include <limits.h>
#include <sys/stat.h>

#define DEV_CHILDREN 16 /* a build, servers that start, serve, and finish their requests */

/**
 * It is one thread and one loop. What it decides by are the processes there are, and what the last build and the last server
 * said; what it shows is derived from these anew after each event.
 */
typedef struct dev {
    loop loop; /* first */
    const apus_app *app;
    http_listener listeners[PROCESS_LISTENERS];
    size_t listener_count;
    router *router;
    http_server *responders[PROCESS_LISTENERS]; /* answer while no server serves */
    bool answering;
    int share, notices, signals;
    loop_watch *notices_watch, *signals_watch;
    dev_watch *watch;
    dev_child children[DEV_CHILDREN];
    loop_timer restart, patience, hurry;
    char program[PATH_MAX], notify_name[128];
    struct stat started;    /* the program's file as it was started last */
    buffer build, server;   /* what is wrong, for people; empty: nothing */
    bool build_again, migrations_changed, ending;
    uint64_t saved_at;      /* when the change was seen that the next server comes from; 0: none */
    int64_t build_ended;    /* nanoseconds since 1970 */
    int generation, serving, crashes, signals_seen;
    int64_t since;
} dev;

#define DEV_OF(timer, member) ((dev *)(void *)((char *)(timer) - offsetof(dev, member)))

/* dev.c */
/** A process of that role, or NULL. */
dev_child *dev_find(dev *d, dev_role role);
/** Room for one more process, or NULL; then the server that has been leaving for longest is ended at once. */
dev_child *dev_free_child(dev *d);

/* dev_show.c */
/** Opens the servers by which `app dev` answers itself, while something is wrong and no server serves. */
bool dev_open_responders(dev *d, char *error, size_t error_size);
/** After every event: renews the page, and begins or ends to answer the ports. */
void dev_show(dev *d);

/* dev_server.c */
void dev_start_server(dev *d);
/** It has told READY=1: it takes over. */
void dev_server_ready(dev *d, dev_child *c);
/** It has ended, as waitpid told by `status`; `was` is the role that it had. */
void dev_server_ended(dev *d, dev_role was, const dev_child *c, int status);

/* dev_build.c */
void dev_start_build(dev *d);
/** Tells it, and all that it has started, to end. */
void dev_end_build(dev *d, const dev_child *build);
void dev_build_ended(dev *d, const dev_child *c, pid_t group, int status);
/** Files have changed: for dev_watch_open. */
void dev_files_changed(void *arg, const dev_change *change);

#endif
