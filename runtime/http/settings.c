#include "http/server.h"

#include "http/private.h"

#include <stdio.h>

http_settings http_options;

#define YEAR (366.0 * 86400)

static const setting rows[] = {
    {"HOST", SETTING_TEXT, &http_options.host, "0.0.0.0",
     .doc = "address to listen on; a socket that is handed over (LISTEN_FDS) goes before it"},
    {"PORT", SETTING_INT, &http_options.port, "8000", .min = 0, .max = 65535, .doc = "port to listen on; 0: any free one"},
    {"ADMIN_HOST", SETTING_TEXT, &http_options.admin_host, "127.0.0.1", .doc = "address of the metrics"},
    {"ADMIN_PORT", SETTING_INT, &http_options.admin_port, "9090", .min = 0, .max = 65535, .doc = "port of the metrics; 0: off"},
    {"HTTP2", SETTING_BOOL, &http_options.http2, "off", .doc = "serve HTTP/2 too; for networks that are trusted"},
    {"TLS_CERT", SETTING_TEXT, &http_options.tls_cert, "", .doc = "file of the certificate chain (PEM); with TLS_KEY: serve TLS"},
    {"TLS_KEY", SETTING_TEXT, &http_options.tls_key, "", .doc = "file of the private key (PEM)"},
    {"REQUEST_TIMEOUT", SETTING_SECONDS, &http_options.request_timeout, "30", .min = 0, .max = YEAR,
     .doc = "seconds that a request may take; 0: no limit"},
    {"HEADER_TIMEOUT", SETTING_SECONDS, &http_options.header_timeout, "10", .min = 0.1, .max = YEAR,
     .doc = "seconds in which a request's head must be complete; a body may take longer at 1 KiB per second, but not pause so long"},
    {"KEEP_ALIVE_TIMEOUT", SETTING_SECONDS, &http_options.keep_alive_timeout, "75", .min = 0.1, .max = YEAR,
     .doc = "seconds that an idle connection is kept; above those of a load balancer"},
    {"WRITE_TIMEOUT", SETTING_SECONDS, &http_options.write_timeout, "30", .min = 0.1, .max = 86400,
     .doc = "seconds that a client may take to read a response; a large one longer, at 1 KiB per second"},
    {"MAX_BODY", SETTING_BYTES, &http_options.max_body, "1MiB", .min = 0, .max = (double)LIMIT_BODY,
     .doc = "largest body of a request"},
    {"MAX_HEADER", SETTING_BYTES, &http_options.max_header, "32KiB", .min = 1024, .max = 256.0 * 1024,
     .doc = "largest head of a request, in bytes; it has 100 headers at most"},
    {"MAX_CONNECTIONS", SETTING_INT, &http_options.max_connections, "10000", .min = 1, .max = 1000000,
     .doc = "connections open at once, as far as there are descriptors; above it: 503"},
    {"MAX_DEPTH", SETTING_INT, &http_options.max_depth, "64", .min = 1, .max = 1000, .doc = "deepest nesting of JSON"},
    {"ROOT_PATH", SETTING_TEXT, &http_options.root_path, "", .doc = "path prefix that a proxy strips"},
    {"FORWARDED_ALLOW_IPS", SETTING_TEXT, &http_options.forwarded_allow_ips, "127.0.0.1",
     .doc = "addresses and networks of proxies whose X-Forwarded-For and -Proto hold, separated by commas; *: all"},
};

setting_table http_setting_rows(void)
{
    return SETTING_TABLE(rows);
}

bool http_configure(char *error, size_t error_size)
{
    return trust_configure(http_options.forwarded_allow_ips, error, error_size) && tls_configure(error, error_size);
}
