/* What `app dev` shows in the browser. */
#ifndef OPS_DEV_PAGE_H
#define OPS_DEV_PAGE_H

#include "core/buffer.h"

typedef struct dev_view {
    const char *title;      /* of the application */
    const char *script;     /* the script's address */
    const char *state;      /* one word: building, broken, failed, starting, serving */
    const char *headline;
    const char *explanation;
    apus_str build, server; /* what the compiler, and what the server said; empty: nothing is wrong with it */
    int generation;         /* grows with every change of what is shown */
    int serving;            /* grows with every server that begins to serve */
    int64_t since;          /* that one began to, seconds since 1970; 0: none serves */
} dev_view;

/** The page, for a browser without scripts too. */
void dev_page_write(buffer *out, const dev_view *view);
/** The same as JSON, for the script. */
void dev_state_write(buffer *out, const dev_view *view);
/** Keeps a page up to date: the page above is loaded anew, over any other a broken build is shown until it is mended. */
extern const apus_str dev_script_text;
/** Text for people without the escapes that a terminal draws colours by, and other controls. */
void dev_plain(buffer *out, apus_str text);

#endif
