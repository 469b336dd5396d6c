/* The glue to libh2o: listeners, limits, requests in, responses out, draining. One server per worker. */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include "core/settings.h"
#include "route/router.h"

/** HTTP's part of the settings: HOST, PORT, ADMIN_HOST, ADMIN_PORT, HTTP2, TLS_CERT, TLS_KEY, time-outs, limits, ROOT_PATH, FORWARDED_ALLOW_IPS. */
typedef struct http_settings {
    const char *host, *admin_host, *tls_cert, *tls_key, *root_path, *forwarded_allow_ips;
    int64_t port, admin_port, max_body, max_header, max_connections, max_depth;
    double request_timeout, header_timeout, keep_alive_timeout, write_timeout;
    bool http2;
} http_settings;
extern http_settings http_options;
setting_table http_setting_rows(void);

/** Process-wide counts. */
typedef struct http_stats {
    _Atomic uint64_t connections, accepted, refused_cap, refused_descriptors, bad_requests, timeouts, in_flight;
} http_stats;
extern http_stats http_counts;

/**
 * Listening sockets of the process: inherited ones (LISTEN_FDS, systemd's sd_listen_fds(3): the first is HTTP, the second admin)
 * or bound here. `port` is the one bound. Negative with one line in `error`.
 */
typedef struct http_listener {
    int fd;
    int port;
    bool admin;
} http_listener;
int http_listen(http_listener *out, const char *host, int64_t port, bool admin, char *error, size_t error_size);

typedef struct http_server http_server;
/** A worker's server on its loop; sockets are shared with the other workers' servers. */
http_server *http_server_open(loop *l, const router *r, const http_listener *listeners, size_t count, char *error, size_t error_size);
/** From now on every answer carries `connection: close`. */
void http_server_drain(http_server *s);
/** Accepts what is in the backlog, then stops accepting; idle connections close. `http_server_busy` tells what is left. */
void http_server_stop_accepting(http_server *s);
/** Open connections with a request under way. */
size_t http_server_busy(const http_server *s);
/** Cancels the requests that are left. */
void http_server_cancel(http_server *s);
void http_server_close(http_server *s);

#endif
