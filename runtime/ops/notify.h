/* What the process tells whoever started it: systemd's sd_notify(3). */
#ifndef OPS_NOTIFY_H
#define OPS_NOTIFY_H

#include <stdbool.h>

/** Whether somebody listens: NOTIFY_SOCKET is set. */
bool notify_wanted(void);
/** Sends `READY=1`, `STOPPING=1`, `STATUS=…` to NOTIFY_SOCKET; nothing without one. */
void notify_send(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
