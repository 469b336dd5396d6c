/* The commands that do not serve. */
#include "core/limits.h"
#include "http/probe.h"
#include "http/server.h"
#include "ops/options.h"
#include "ops/process.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define HEALTHCHECK_SECONDS 4
#define STATUS_CEILING (1024 * 1024)

typedef struct migration_command {
    const char *name;
    const char *folder;
    int count;
    buffer listing;
} migration_command;

static int migrate_up(apus_task *task, void *arg)
{
    migration_command *m = arg;
    return pg_migrate_up(task, m->folder, &m->count);
}

static int migrate_down(apus_task *task, void *arg)
{
    migration_command *m = arg;
    return pg_migrate_down(task, m->folder, &m->count);
}

static int migrate_status(apus_task *task, void *arg)
{
    migration_command *m = arg;
    return pg_migrate_status(task, m->folder, &m->listing);
}

int command_migrate(const apus_app *app, int argc, char **argv)
{
    static const struct {
        const char *name, *past;
        int (*run)(apus_task *task, void *arg);
    } verbs[] = {{"up", "applied", migrate_up}, {"down", "taken back", migrate_down}, {"status", NULL, migrate_status}};
    const char *verb = argc > 1 ? argv[1] : "";
    char error[512] = "";
    if (!app->database) {
        fprintf(stderr, "migrate: this application uses no database\n");
        return EXIT_SETTING;
    }
    if (!pg_configure(1, error, sizeof error)) {
        fprintf(stderr, "%s\n", error);
        return EXIT_SETTING;
    }
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        if (strcmp(verb, verbs[i].name) != 0)
            continue;
        migration_command m = {.name = verb, .folder = migrations_folder(app)};
        buffer_init(&m.listing, NULL, 1024, STATUS_CEILING);
        int result = run_alone(verbs[i].run, &m, false, error, sizeof error);
        if (result < 0)
            fprintf(stderr, "migrate %s: %s\n", verb, error);
        else if (verbs[i].past)
            printf("%d %s\n", m.count, verbs[i].past);
        else
            fwrite(m.listing.ptr, 1, m.listing.len, stdout);
        buffer_free(&m.listing);
        return result < 0;
    }
    fprintf(stderr, "migrate: \"%s\" is not a verb (expected up, down or status)\n", verb);
    return EXIT_SETTING;
}

/* Where the probes are answered: the port itself, or, when that speaks TLS, the admin port if there is one. */
typedef struct probe_address {
    const char *host;
    int port;
    bool tls;
} probe_address;

static probe_address probe_of(void)
{
    bool admin = *http_options.tls_cert && http_options.admin_port > 0;
    const char *host = admin ? http_options.admin_host : http_options.host;
    return (probe_address){strcmp(host, "0.0.0.0") == 0 ? "127.0.0.1" : host,
                           (int)(admin ? http_options.admin_port : http_options.port), *http_options.tls_cert && !admin};
}

static int healthcheck_connect(const probe_address *at)
{
    const char *host = at->host;
    char port[16];
    snprintf(port, sizeof port, "%d", at->port);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV}, *found;
    if (getaddrinfo(strcmp(host, "::") == 0 ? "::1" : host, port, &hints, &found) != 0)
        return -1;
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct timeval limit = {.tv_sec = HEALTHCHECK_SECONDS};
    if (fd >= 0) {
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
        if (connect(fd, found->ai_addr, found->ai_addrlen) < 0) {
            close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(found);
    return fd;
}

int command_healthcheck(const apus_app *app, int argc, char **argv)
{
    (void)app;
    const char *path = argc > 1 ? argv[1] : "/healthz";
    char request[512], answer[64] = "";
    int length = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", path);
    probe_address at = probe_of();
    int fd = healthcheck_connect(&at);
    if (fd < 0 || length >= (int)sizeof request) {
        fprintf(stderr, "healthcheck: port %d: no connection\n", at.port);
        if (fd >= 0)
            close(fd);
        return 1;
    }
    signal(SIGPIPE, SIG_IGN); /* a server that hangs up is told in words */
    int got = http_probe(fd, at.tls, request, answer, sizeof answer - 1);
    close(fd);
    if (got > 12 && memcmp(answer, "HTTP/1.1 200", 12) == 0)
        return 0;
    fprintf(stderr, "healthcheck: %s: %.12s\n", path, got > 12 ? answer : "no answer");
    return 1;
}

int command_routes(const apus_app *given)
{
    apus_app app;
    char error[512];
    router *r = router_build(application_served(given, &app), NULL, given->health_routes ? probes_routes() : NULL, error,
                             sizeof error);
    if (!r) {
        fprintf(stderr, "%s\n", error);
        return 1;
    }
    for (size_t i = 0; i < r->count; i++) {
        const operation *op = &r->operations[i];
        printf("%-7s %-40s %s\n", op->route->method, op->path, op->hidden ? "(hidden)" : op->operation_id);
    }
    router_free(r);
    return 0;
}
