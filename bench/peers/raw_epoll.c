/*
 * The practical limit: one epoll loop that answers every request with the same bytes.
 * It finds the blank line that ends a request's head and looks at nothing else.
 * Every worker is a process with a listener of its own, between which the kernel spreads the connections.
 * Usage: raw-epoll PORT WORKERS
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FDS_MAX = 32768, EVENTS_MAX = 256, READ_MAX = 16384 };

static const char body[] = "{\"message\":\"hello from FastAPI\"}";
static const char blank_line[] = "\r\n\r\n";

static char response[256];
static size_t response_len;
static unsigned char matched[FDS_MAX]; /* how much of the blank line each connection has sent so far */

/* A short write would mean 64 KiB of answers that the client never read: such a client is let go. */
static int answer(int fd)
{
    return write(fd, response, response_len) == (ssize_t)response_len ? 0 : -1;
}

static int serve(int fd)
{
    char head[READ_MAX];
    ssize_t len = read(fd, head, sizeof head);

    if (len <= 0)
        return -1;
    for (ssize_t i = 0; i < len; i++) {
        if (head[i] == blank_line[matched[fd]])
            matched[fd]++;
        else
            matched[fd] = head[i] == '\r';
        if (matched[fd] == sizeof blank_line - 1) {
            matched[fd] = 0;
            if (answer(fd) < 0)
                return -1;
        }
    }
    return 0;
}

static void watch(int epoll_fd, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
        err(1, "epoll_ctl");
}

static void welcome(int epoll_fd, int listener)
{
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd < 0)
        return;
    if (fd >= FDS_MAX) {
        close(fd);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    matched[fd] = 0;
    watch(epoll_fd, fd);
}

static int listen_on(const char *port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((unsigned short)strtoul(port, NULL, 10)),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &(int){1}, sizeof(int));
    if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, SOMAXCONN) < 0)
        err(1, "listening on port %s", port);
    return fd;
}

/* All but the last, which this process is, end with it. */
static void start_others(long workers)
{
    for (long i = 1; i < workers; i++) {
        pid_t pid = fork();
        if (pid < 0)
            err(1, "fork");
        if (pid == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            return;
        }
    }
}

int main(int argc, char **argv)
{
    if (argc != 3)
        errx(2, "usage: raw-epoll PORT WORKERS");
    start_others(strtol(argv[2], NULL, 10));

    int listener = listen_on(argv[1]);
    int epoll_fd = epoll_create1(EPOLL_CLOEXEC);

    response_len = (size_t)snprintf(response, sizeof response,
                                    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %zu\r\n\r\n%s",
                                    strlen(body), body);
    watch(epoll_fd, listener);
    for (;;) {
        struct epoll_event events[EVENTS_MAX];
        int count = epoll_wait(epoll_fd, events, EVENTS_MAX, -1);

        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;

            if (fd == listener)
                welcome(epoll_fd, listener);
            else if (serve(fd) < 0)
                close(fd);
        }
    }
}
