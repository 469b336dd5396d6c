/* Listening sockets: bound here or inherited; shared by the workers' servers. */
#include "http/private.h"

#include "core/inherit.h"
#include "core/log.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define BACKLOG 4096 /* the kernel cuts it to net.core.somaxconn */

/* How many servers accept from each socket: the last one closes it. */
static struct {
    int fd;
    int users;
} shared[HTTP_LISTENERS];
static pthread_mutex_t shared_lock = PTHREAD_MUTEX_INITIALIZER;

void listener_share(int fd)
{
    pthread_mutex_lock(&shared_lock);
    size_t i = 0;
    while (i + 1 < HTTP_LISTENERS && shared[i].users && shared[i].fd != fd)
        i++;
    shared[i].fd = fd;
    shared[i].users++;
    pthread_mutex_unlock(&shared_lock);
}

bool listener_unshare(int fd)
{
    bool last = false;
    pthread_mutex_lock(&shared_lock);
    for (size_t i = 0; i < HTTP_LISTENERS; i++)
        if (shared[i].users && shared[i].fd == fd) {
            last = --shared[i].users == 0;
            break;
        }
    pthread_mutex_unlock(&shared_lock);
    return last;
}

descriptor_room http_room = {.connections = UINT64_MAX, .lingerers = SIZE_MAX};

/* As many as are allowed without asking. */
static rlim_t raise_descriptor_limit(rlim_t wanted)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return wanted;
    rlim_t before = limit.rlim_cur;
    if (before >= wanted)
        return before;
    limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
    return setrlimit(RLIMIT_NOFILE, &limit) < 0 ? before : limit.rlim_cur;
}

/* Who is refused for want of room lingers: an eighth is kept for those, else they would take what is reserved. */
void http_fit_descriptors(size_t reserved)
{
    size_t wanted = (size_t)http_options.max_connections;
    size_t limit = raise_descriptor_limit(wanted + LINGERERS + reserved);
    size_t room = limit > reserved ? limit - reserved : 0;
    size_t lingerers = room / 8 < LINGERERS ? room / 8 : LINGERERS;
    size_t most = room > lingerers ? room - lingerers : 1;
    http_room.connections = most < wanted ? most : wanted;
    http_room.lingerers = room > http_room.connections ? room - http_room.connections : 1;
    if (most < wanted)
        log_printf(LOG_WARNING,
                   "MAX_CONNECTIONS=%zu is lowered to %zu: of the %zu descriptors that the system grants, the process itself and "
                   "Postgres need %zu; raise the limit (ulimit -n, LimitNOFILE=) or lower MAX_CONNECTIONS or DB_POOL_MAX",
                   wanted, most, limit, reserved);
}

static int port_of(int fd)
{
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &length) < 0)
        return 0;
    int32_t port = h2o_socket_getport((struct sockaddr *)&address);
    return port < 0 ? 0 : port;
}

/* Accepted sockets inherit these from the one that listens: nothing to be set for each of them. */
static void set_up(int fd)
{
    unsigned milliseconds = (unsigned)(http_options.write_timeout * 1000);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &milliseconds, sizeof milliseconds);
}

/* The inherited socket for HTTP or for admin, or -1. */
static int find_inherited(bool admin)
{
    int fd = inherited_descriptor(admin ? INHERITED_ADMIN : INHERITED_HTTP, admin ? 1 : 0), accepts = 0;
    socklen_t length = sizeof accepts;
    if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &accepts, &length) < 0 || !accepts)
        return -1;
    return fd;
}

static int bind_one(const struct addrinfo *address)
{
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    if (address->ai_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &(int){0}, sizeof(int));
    if (bind(fd, address->ai_addr, address->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0) {
        int why = errno;
        close(fd);
        errno = why;
        return -1;
    }
    return fd;
}

static int bind_address(const char *host, int64_t port, bool admin, char *error, size_t error_size)
{
    static const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    const char *prefix = admin ? "ADMIN_" : "";
    struct addrinfo *found;
    char service[16];
    snprintf(service, sizeof service, "%d", (int)port);
    int failed = getaddrinfo(*host ? host : NULL, service, &hints, &found);
    if (failed) {
        snprintf(error, error_size, "%sHOST=%s: expected an address of this machine: %s", prefix, host, gai_strerror(failed));
        return APUS_EINVAL;
    }
    int fd = bind_one(found);
    if (fd < 0)
        snprintf(error, error_size, "cannot listen on %sHOST=%s %sPORT=%d: %s", prefix, host, prefix, (int)port,
                 strerror(errno));
    freeaddrinfo(found);
    return fd < 0 ? APUS_EIO : fd;
}

int http_listen(http_listener *out, const char *host, int64_t port, bool admin, char *error, size_t error_size)
{
    int fd = find_inherited(admin);
    *out = (http_listener){.fd = fd, .admin = admin, .inherited = fd >= 0};
    if (fd < 0)
        out->fd = bind_address(host, port, admin, error, error_size);
    if (out->fd < 0)
        return out->fd;
    set_up(out->fd);
    out->port = port_of(out->fd);
    return 0;
}
