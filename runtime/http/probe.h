/* What a command asks of a running server, in a blocking manner. */
#ifndef HTTP_PROBE_H
#define HTTP_PROBE_H

#include <stdbool.h>
#include <stddef.h>

/**
 * Sends a request over a connected, blocking socket and reads the beginning of the answer; `tls`: in TLS, whoever answers. The
 * socket's own time limits hold for each step. How many bytes came; 0 or negative: none.
 */
int http_probe(int fd, bool tls, const char *request, char *answer, size_t size);

#endif
