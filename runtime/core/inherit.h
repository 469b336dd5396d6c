/* Descriptors that a supervisor has opened for this process: systemd's sd_listen_fds(3). */
#ifndef CORE_INHERIT_H
#define CORE_INHERIT_H

#define INHERITED_HTTP "http"
#define INHERITED_ADMIN "admin"

/**
 * The descriptor of that name in LISTEN_FDNAMES; where none of the names there is http or admin (or there are no names), the one
 * at `position`, counted from 0. -1: none, or they were meant for another process (LISTEN_PID). A negative position: by name only.
 */
int inherited_descriptor(const char *name, int position);

#endif
