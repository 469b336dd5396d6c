/* The glue to libh2o: listeners, limits, requests in, responses out, draining. One server per worker. */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include "core/settings.h"
#include "route/router.h"

/** HTTP's part of the settings: addresses and ports, HTTP/2, TLS, time-outs, limits, what a proxy in front means. */
typedef struct http_settings {
    const char *host, *admin_host, *tls_cert, *tls_key, *root_path, *forwarded_allow_ips;
    int64_t port, admin_port, max_body, max_header, max_connections, max_depth;
    double request_timeout, header_timeout, keep_alive_timeout, write_timeout;
    bool http2;
} http_settings;
extern http_settings http_options;
setting_table http_setting_rows(void);

/**
 * Checks what settings_load cannot see: FORWARDED_ALLOW_IPS, certificate and key. Once per process, before http_server_open.
 * false with one line in `error` that names the variable, its value and what was expected.
 */
bool http_configure(char *error, size_t error_size);

/** Process-wide counts: connections are open ones, in_flight requests without an answer so far; the others only grow. */
typedef struct http_stats {
    _Atomic uint64_t connections, accepted, refused_cap, refused_descriptors, bad_requests, timeouts, in_flight;
} http_stats;
extern http_stats http_counts;

/**
 * Listening sockets of the process: inherited ones (LISTEN_FDS, systemd's sd_listen_fds(3): named http and admin in
 * LISTEN_FDNAMES, else the first is HTTP, the second admin) or bound here. `port` is the one bound. Negative with one line in
 * `error`. The servers that share a socket close it: the last one to stop accepting.
 */
typedef struct http_listener {
    int fd;
    int port;
    bool admin;
    bool inherited; /* others may go on accepting from it */
    bool held;      /* its connections wait for http_server_accept */
} http_listener;
int http_listen(http_listener *out, const char *host, int64_t port, bool admin, char *error, size_t error_size);

/**
 * Raises the limit on descriptors as far as the system lets it. Where it leaves less than MAX_CONNECTIONS beside `reserved`
 * descriptors for all else, connections are refused at what it leaves, and the log says so. Once per process, before http_listen.
 */
void http_fit_descriptors(size_t reserved);

typedef struct http_server http_server;
/** A worker's server on its loop; sockets are shared with the other workers' servers. */
http_server *http_server_open(loop *l, const router *r, const http_listener *listeners, size_t count, char *error, size_t error_size);
/** Begins to accept from sockets that are held. */
void http_server_accept(http_server *s);
/** Leaves new connections to others until http_server_accept; each of its own closes when it is idle. */
void http_server_hold(http_server *s);
/** From now on every answer carries `connection: close`, and inherited sockets are left to those who share them. */
void http_server_drain(http_server *s);
/**
 * Accepts what is in the backlog, then stops accepting; idle connections close, new ones when their first request was served or
 * does not come within a second. `http_server_busy` tells what is left.
 */
void http_server_stop_accepting(http_server *s);
/** Open connections with a request under way; while stopping, also those whose first request is awaited. */
size_t http_server_busy(const http_server *s);
/** Cancels the requests that are left: they end as if their deadline had passed. */
void http_server_cancel(http_server *s);
/** Closes all connections; turns the loop for at most a second meanwhile. Not within loop_run. */
void http_server_close(http_server *s);

#endif
