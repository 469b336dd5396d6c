#define _GNU_SOURCE /* posix_openpt and its like, strsignal */
#include "ops/dev_child.h"

#include "core/limits.h"
#include "core/log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define FIRST_HANDED 3
#define OUT_OF_THE_WAY 64 /* where descriptors stand that are to become 3, 4, … */
#define EXIT_NOT_FOUND 127

/* ---- output */

static void pass_on(const char *bytes, size_t length)
{
    while (length) {
        ssize_t written = write(STDERR_FILENO, bytes, length);
        if (written < 0 && errno != EINTR)
            return;
        if (written > 0) {
            bytes += written;
            length -= (size_t)written;
        }
    }
}

/* Of a build the first mistake matters, of a server its last words. */
static void keep(dev_child *c, const char *bytes, size_t length)
{
    if (c->said.len + length > LIMIT_DEV_OUTPUT) {
        if (c->role == DEV_BUILD)
            return;
        size_t half = c->said.len / 2;
        memmove(c->said.ptr, c->said.ptr + half, c->said.len - half);
        c->said.len -= half;
    }
    buffer_append(&c->said, bytes, length);
}

static void close_output(dev_child *c)
{
    if (c->watch)
        loop_watch_close(c->watch);
    if (c->output >= 0)
        close(c->output);
    c->watch = NULL;
    c->output = -1;
}

/* One piece; false when there is none now. */
static bool read_piece(dev_child *c)
{
    char bytes[8192];
    ssize_t got = c->output >= 0 ? read(c->output, bytes, sizeof bytes) : -1;
    if (got > 0) {
        pass_on(bytes, (size_t)got);
        keep(c, bytes, (size_t)got);
        return true;
    }
    if (got == 0 || errno != EAGAIN) /* a terminal whose last user has gone gives EIO */
        close_output(c);
    return false;
}

static void output_ready(void *arg)
{
    read_piece(arg);
}

/* A terminal of its own, when ours is one: then compilers show colours. It passes bytes through as they are. */
static int open_terminal(int *theirs)
{
    char name[64];
    struct termios settings;
    int ours = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (ours < 0)
        return -1;
    *theirs = grantpt(ours) == 0 && unlockpt(ours) == 0 && ptsname_r(ours, name, sizeof name) == 0
                  ? open(name, O_RDWR | O_NOCTTY | O_CLOEXEC)
                  : -1;
    if (*theirs < 0 || tcgetattr(*theirs, &settings) < 0) {
        close(ours);
        return -1;
    }
    settings.c_oflag &= (tcflag_t)~OPOST;
    tcsetattr(*theirs, TCSANOW, &settings);
    return ours;
}

static int open_output(dev_role role, int *theirs)
{
    int ends[2], terminal = role == DEV_BUILD && isatty(STDERR_FILENO) ? open_terminal(theirs) : -1;
    if (terminal < 0) {
        if (pipe2(ends, O_CLOEXEC) < 0)
            return -1;
        *theirs = ends[1];
        terminal = ends[0];
    }
    fcntl(terminal, F_SETFL, fcntl(terminal, F_GETFL) | O_NONBLOCK);
    return terminal;
}

/* ---- start */

static void become(const dev_command *command, int output, bool build)
{
    int handed[8];
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    int nothing = open("/dev/null", O_RDONLY);
    dup2(nothing, STDIN_FILENO);
    dup2(output, STDERR_FILENO);
    if (build)
        dup2(output, STDOUT_FILENO);
    for (size_t i = 0; i < command->handed_count; i++)
        handed[i] = fcntl(command->handed[i], F_DUPFD_CLOEXEC, OUT_OF_THE_WAY);
    for (size_t i = 0; i < command->handed_count; i++)
        dup2(handed[i], FIRST_HANDED + (int)i);
    if (command->prepare)
        command->prepare(command->arg);
    execvp(command->program, command->arguments);
    fprintf(stderr, "%s: %s\n", command->program, strerror(errno));
    _exit(EXIT_NOT_FOUND);
}

bool dev_child_start(loop *l, dev_child *c, dev_role role, const dev_command *command)
{
    int theirs = -1;
    pid_t parent = getpid();
    buffer_free(&c->said);
    *c = (dev_child){.role = role, .output = open_output(role, &theirs), .began = clock_monotonic()};
    buffer_init(&c->said, NULL, 4096, LIMIT_DEV_OUTPUT + 1);
    c->pid = c->output >= 0 ? fork() : -1;
    if (c->pid == 0) {
        setpgid(0, 0);
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (getppid() != parent)
            _exit(EXIT_NOT_FOUND);
        become(command, theirs, role == DEV_BUILD);
    }
    if (theirs >= 0)
        close(theirs);
    if (c->pid < 0) {
        log_printf(LOG_ERROR, "dev: cannot start %s: %s", command->program, strerror(errno));
        close_output(c);
        dev_child_free(c);
        return false;
    }
    setpgid(c->pid, c->pid); /* here too: whichever of the two comes first */
    c->watch = loop_watch_open(l, c->output, output_ready, NULL, c);
    return true;
}

/* ---- end */

void dev_child_end(dev_child *c)
{
    while (read_piece(c))
        ;
    close_output(c);
    c->role = DEV_NONE;
    c->pid = 0;
}

void dev_child_free(dev_child *c)
{
    buffer_free(&c->said);
    *c = (dev_child){.output = -1};
}

void dev_child_explain(buffer *out, int status)
{
    if (WIFSIGNALED(status))
        buffer_printf(out, "ended by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
    else
        buffer_printf(out, "ended with status %d", WEXITSTATUS(status));
}
