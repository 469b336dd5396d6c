/*
 * What `app dev` shows in the browser, shared with the servers that it starts: they serve the texts as they are, so that a server
 * built from newer sources than `app dev` itself, or from older ones, shows the same.
 */
#ifndef OPS_DEV_SHARE_H
#define OPS_DEV_SHARE_H

#include "core/buffer.h"

#define INHERITED_DEV "apus-dev" /* its name in LISTEN_FDNAMES */

enum dev_text { DEV_PAGE, DEV_STATE, DEV_SCRIPT, DEV_TEXTS };

/** Makes the shared memory. Its descriptor, or -1. */
int dev_share_make(void);
/** Takes over the memory behind a descriptor (not the descriptor, which may be -1). false: there is none. */
bool dev_share_open(int fd);
void dev_share_close(void);
/** Whether this process has one: it is `app dev`, or was started by it. */
bool dev_share_is_open(void);
void dev_share_write(const apus_str texts[DEV_TEXTS]);
/** Appends a text. false when it is just being written, or when it does not fit. */
bool dev_share_read(enum dev_text which, buffer *out);

#endif
