/* The processes that `app dev` starts, and what they say. */
#ifndef OPS_DEV_CHILD_H
#define OPS_DEV_CHILD_H

#include "core/buffer.h"
#include "fiber/loop.h"

#include <sys/types.h>

/** What a process is for. */
typedef enum dev_role {
    DEV_NONE,      /* no process */
    DEV_BUILD,
    DEV_CANDIDATE, /* a server that is starting */
    DEV_SERVING,
    DEV_LEAVING,   /* a server that was told to end, or a candidate that was given up */
} dev_role;

typedef struct dev_child {
    dev_role role;
    pid_t pid;
    int output;        /* its standard error, a build's standard output too; -1: closed */
    loop_watch *watch;
    buffer said;       /* of a build the beginning, of a server the end */
    char status[1024]; /* what it told by STATUS= */
    uint64_t began;
} dev_child;

/** How a process is started. */
typedef struct dev_command {
    const char *program;
    char *const *arguments;
    const int *handed; /* become descriptors 3, 4, … */
    size_t handed_count;
    void (*prepare)(void *arg); /* in the new process: its environment */
    void *arg;
} dev_command;

/**
 * Starts it in a process group of its own; it ends when this process does. What it says goes to standard error as well. false with
 * words logged.
 */
bool dev_child_start(loop *l, dev_child *c, dev_role role, const dev_command *command);
/** Reads what is left of its output and forgets it; after waitpid. What it said stays until the next start. */
void dev_child_end(dev_child *c);
/** Gives back what it said. */
void dev_child_free(dev_child *c);
/** How it ended, as `waitpid` told. */
void dev_child_explain(buffer *out, int status);

#endif
