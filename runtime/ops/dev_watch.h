/* The source files below some folders, and which of them change. */
#ifndef OPS_DEV_WATCH_H
#define OPS_DEV_WATCH_H

#include "fiber/loop.h"

typedef struct dev_watch dev_watch;

/** A look at the files found others than the one before. */
typedef struct dev_change {
    const char *path; /* of one of the files */
    size_t count;     /* of files */
    bool migration;   /* a .sql file is among them */
    uint64_t at;      /* clock_monotonic of the first event */
} dev_change;

/**
 * Watches the .c, .h, .sql and make files in `roots`: folders with all that is below them, or single files, separated by commas.
 * Folders called build or node_modules and hidden ones are left out. `changed` is called when files were written, renamed or
 * removed and it is quiet again. NULL without memory.
 */
dev_watch *dev_watch_open(loop *l, const char *roots, void (*changed)(void *arg, const dev_change *change), void *arg);
void dev_watch_close(dev_watch *w);
/** How many files it looks at. */
size_t dev_watch_count(const dev_watch *w);
/**
 * Gives the files that changed since the last call the present time, where their own (nanoseconds since 1970) is not after
 * `since`: make, which goes by time, would take what was built from their old text for new.
 */
void dev_watch_touch(dev_watch *w, int64_t since);

#endif
