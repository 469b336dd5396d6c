#define _GNU_SOURCE /* struct ucred */
/* `app dev`: holds the listening sockets, builds, starts the server with them, and the next one when a source file has changed. */
#include "ops/dev.h"

#include "core/limits.h"
#include "core/log.h"
#include "ops/dev_share.h"
#include "ops/options.h"

#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

dev_child *dev_find(dev *d, dev_role role)
{
    for (size_t i = 0; i < DEV_CHILDREN; i++)
        if (d->children[i].role == role)
            return &d->children[i];
    return NULL;
}

static dev_child *find_pid(dev *d, pid_t pid)
{
    for (size_t i = 0; i < DEV_CHILDREN; i++)
        if (d->children[i].role != DEV_NONE && d->children[i].pid == pid)
            return &d->children[i];
    return NULL;
}

dev_child *dev_free_child(dev *d)
{
    dev_child *none = dev_find(d, DEV_NONE), *oldest = NULL;
    for (size_t i = 0; i < DEV_CHILDREN && !none; i++)
        if (d->children[i].role == DEV_LEAVING && (!oldest || d->children[i].began < oldest->began))
            oldest = &d->children[i];
    if (oldest)
        kill(oldest->pid, SIGKILL);
    return none;
}

/* ---- what is heard */

static void notice(dev *d, pid_t from, const char *text)
{
    dev_child *c = find_pid(d, from);
    if (!c)
        return;
    if (strncmp(text, "STATUS=", 7) == 0)
        snprintf(c->status, sizeof c->status, "%s", text + 7);
    else if (strcmp(text, "READY=1") == 0 && c->role == DEV_CANDIDATE && !d->ending)
        dev_server_ready(d, c);
}

/* The kernel says who sends. */
static void notices_ready(void *arg)
{
    dev *d = arg;
    char text[1024];
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(struct ucred))];
    } control;
    for (;;) {
        struct iovec part = {text, sizeof text - 1};
        struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
        ssize_t got = recvmsg(d->notices, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (got < 0)
            return;
        text[got] = '\0';
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        if (header && header->cmsg_type == SCM_CREDENTIALS)
            notice(d, ((struct ucred *)(void *)CMSG_DATA(header))->pid, text);
    }
}

static void stop_when_alone(dev *d)
{
    size_t running = 0;
    for (size_t i = 0; i < DEV_CHILDREN; i++)
        running += d->children[i].role != DEV_NONE;
    if (d->ending && !running)
        loop_stop(&d->loop);
}

static void reap(dev *d)
{
    int status;
    notices_ready(d); /* what it told before it ended */
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
        dev_child *c = find_pid(d, pid);
        if (!c)
            continue; /* as the first process of a container it gets others' children */
        dev_role was = c->role;
        dev_child_end(c);
        if (was == DEV_BUILD)
            dev_build_ended(d, c, pid, status);
        else
            dev_server_ended(d, was, c, status);
        dev_show(d);
    }
    stop_when_alone(d);
}

/* The first signal ends all in peace, the second cuts what servers wait for short, the third ends them at once. */
static void end(dev *d, int number)
{
    d->ending = true;
    d->signals_seen++;
    loop_timer_stop(&d->loop, &d->restart);
    loop_timer_stop(&d->loop, &d->patience);
    for (size_t i = 0; i < DEV_CHILDREN; i++) {
        dev_child *c = &d->children[i];
        if (c->role == DEV_BUILD && d->signals_seen > 1)
            kill(-c->pid, SIGKILL);
        else if (c->role == DEV_BUILD)
            dev_end_build(d, c);
        else if (c->role != DEV_NONE)
            kill(c->pid, d->signals_seen > 2 ? SIGKILL : number);
    }
    dev_show(d);
    stop_when_alone(d);
}

static void signals_ready(void *arg)
{
    dev *d = arg;
    struct signalfd_siginfo info;
    while (read(d->signals, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGCHLD)
            reap(d);
        else
            end(d, info.ssi_signo == SIGINT ? SIGINT : SIGTERM);
    }
}

/* ---- life */

static bool open_notices(dev *d)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    socklen_t length = sizeof address;
    d->notices = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (d->notices < 0 || bind(d->notices, (struct sockaddr *)&address, sizeof(sa_family_t)) < 0 ||
        getsockname(d->notices, (struct sockaddr *)&address, &length) < 0 ||
        setsockopt(d->notices, SOL_SOCKET, SO_PASSCRED, &(int){1}, sizeof(int)) < 0)
        return false;
    snprintf(d->notify_name, sizeof d->notify_name, "@%.*s", (int)(length - offsetof(struct sockaddr_un, sun_path) - 1),
             address.sun_path + 1);
    return (d->notices_watch = loop_watch_open(&d->loop, d->notices, notices_ready, NULL, d)) != NULL;
}

static bool open_signals(dev *d)
{
    sigset_t set;
    sigemptyset(&set);
    for (const int *number = (const int[]){SIGCHLD, SIGTERM, SIGINT, SIGHUP, 0}; *number; number++)
        sigaddset(&set, *number);
    signal(SIGPIPE, SIG_IGN);
    sigprocmask(SIG_BLOCK, &set, NULL);
    d->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return d->signals >= 0 && (d->signals_watch = loop_watch_open(&d->loop, d->signals, signals_ready, NULL, d)) != NULL;
}

static bool find_program(dev *d)
{
    ssize_t n = readlink("/proc/self/exe", d->program, sizeof d->program - 1);
    if (n < 0)
        return false;
    d->program[n] = '\0';
    return true;
}

static bool listen_all(dev *d, char *error, size_t error_size)
{
    for (int admin = 0; admin <= (http_options.admin_port != 0); admin++)
        if (http_listen(&d->listeners[d->listener_count++], admin ? http_options.admin_host : http_options.host,
                        admin ? http_options.admin_port : http_options.port, admin, error, error_size) < 0)
            return false;
    return true;
}

static bool open_all(dev *d, char *error, size_t error_size)
{
    const char *words = NULL;
    snprintf(error, error_size, "too few descriptors or too little memory");
    if (!find_program(d) || !listen_all(d, error, error_size) || loop_open(&d->loop, 0, &words) < 0)
        return false;
    d->share = dev_share_make();
    return d->share >= 0 && open_notices(d) && open_signals(d) && dev_open_responders(d, error, error_size) &&
           (d->watch = dev_watch_open(&d->loop, ops_options.dev_watch, dev_files_changed, d)) != NULL;
}

static void close_all(dev *d)
{
    dev_watch_close(d->watch);
    loop_timer_stop(&d->loop, &d->hurry);
    for (size_t i = 0; i < d->listener_count; i++) {
        http_server_close(d->responders[i]);
        close(d->listeners[i].fd);
    }
    loop_watch_close(d->notices_watch);
    loop_watch_close(d->signals_watch);
    close(d->notices);
    close(d->signals);
    close(d->share);
    for (size_t i = 0; i < DEV_CHILDREN; i++)
        dev_child_free(&d->children[i]);
    loop_close(&d->loop);
    router_free(d->router);
    dev_share_close();
    buffer_free(&d->build);
    buffer_free(&d->server);
}

int command_dev(const apus_app *app)
{
    static dev d;
    char error[512] = "";
    d.app = app;
    for (size_t i = 0; i < DEV_CHILDREN; i++)
        d.children[i].output = -1;
    buffer_init(&d.build, NULL, 0, LIMIT_DEV_OUTPUT + 2048);
    buffer_init(&d.server, NULL, 0, LIMIT_DEV_OUTPUT + 2048);
    if (!options_check(app, error, sizeof error) || !http_configure(error, sizeof error)) {
        fprintf(stderr, "%s\n", error);
        return EXIT_SETTING;
    }
    if (!open_all(&d, error, sizeof error)) {
        fprintf(stderr, "%s\n", error);
        return 1;
    }
    log_printf(LOG_INFO, "dev: http%s://localhost:%d, the build at /_dev; %zu files are watched in %s", *http_options.tls_cert ? "s" : "",
               d.listeners[0].port, dev_watch_count(d.watch), ops_options.dev_watch);
    dev_start_build(&d);
    dev_show(&d);
    loop_run(&d.loop);
    close_all(&d);
    log_printf(LOG_INFO, "dev: ended");
    return 0;
}
