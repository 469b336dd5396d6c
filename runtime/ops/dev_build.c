/* The builds of `app dev`. */
#include "core/log.h"
#include "ops/dev.h"
#include "ops/dev_page.h"
#include "ops/options.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define HURRY_NANOSECONDS 2000000000u /* that a build is given to end */
#define TIME_SLACK 10000000           /* nanoseconds by which a file's time may be coarse */

static void hurry(loop_timer *timer)
{
    dev *d = DEV_OF(timer, hurry);
    dev_child *build = dev_find(d, DEV_BUILD);
    if (build)
        kill(-build->pid, SIGKILL);
}

void dev_end_build(dev *d, const dev_child *build)
{
    kill(-build->pid, SIGTERM);
    loop_timer_start(&d->loop, &d->hurry, clock_monotonic() + HURRY_NANOSECONDS, hurry);
}

void dev_start_build(dev *d)
{
    char shell[] = "/bin/sh", flag[] = "-c", *text = strdup(ops_options.dev_build);
    char *arguments[] = {shell, flag, text, NULL};
    dev_command command = {.program = shell, .arguments = arguments};
    dev_child *c = dev_free_child(d);
    d->build_again = false;
    dev_watch_touch(d->watch, d->build_ended + TIME_SLACK);
    if (!text || !c || !dev_child_start(&d->loop, c, DEV_BUILD, &command))
        buffer_printf(&d->build, "The build cannot be started: too many processes, or too little memory\n");
    free(text);
}

static bool program_changed(const dev *d)
{
    struct stat now;
    if (stat(d->program, &now) < 0)
        return false;
    return now.st_ino != d->started.st_ino || now.st_size != d->started.st_size ||
           now.st_mtim.tv_sec != d->started.st_mtim.tv_sec || now.st_mtim.tv_nsec != d->started.st_mtim.tv_nsec;
}

static void build_succeeded(dev *d, const dev_child *c)
{
    d->build.len = 0;
    d->crashes = 0;
    if (access(d->program, X_OK) < 0) {
        buffer_printf(&d->build, "The build left no %s: %s\n", d->program, strerror(errno));
        return;
    }
    bool none = !dev_find(d, DEV_SERVING) && !dev_find(d, DEV_CANDIDATE);
    if (program_changed(d) || d->migrations_changed || none) {
        log_printf(LOG_INFO, "dev: built in %.2f s", (double)(clock_monotonic() - c->began) * 1e-9);
        dev_start_server(d);
    } else {
        log_printf(LOG_INFO, "dev: nothing to do");
        d->saved_at = 0;
    }
}

static void build_failed(dev *d, const dev_child *c, int status)
{
    d->build.len = 0;
    d->saved_at = 0;
    dev_plain(&d->build, buffer_str(&c->said));
    if (!d->build.len || WIFSIGNALED(status))
        dev_child_explain(&d->build, status);
    log_printf(LOG_ERROR, "dev: the build failed%s",
               dev_find(d, DEV_SERVING) ? "; the version before it is still serving" : "; nothing is serving");
}

static int64_t now_realtime(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void dev_build_ended(dev *d, const dev_child *c, pid_t group, int status)
{
    kill(-group, SIGKILL); /* what it may have left behind */
    loop_timer_stop(&d->loop, &d->hurry);
    d->build_ended = now_realtime();
    if (d->ending)
        return;
    if (d->build_again)
        dev_start_build(d);
    else if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        build_succeeded(d, c);
    else
        build_failed(d, c, status);
}

void dev_files_changed(void *arg, const dev_change *change)
{
    dev *d = arg;
    if (d->ending)
        return;
    if (change->count > 1)
        log_printf(LOG_INFO, "dev: %s and %zu more changed", change->path, change->count - 1);
    else
        log_printf(LOG_INFO, "dev: %s changed", change->path);
    d->saved_at = change->at;
    d->migrations_changed |= change->migration;
    dev_child *build = dev_find(d, DEV_BUILD);
    d->build_again = build != NULL;
    if (build)
        dev_end_build(d, build);
    else
        dev_start_build(d);
    dev_show(d);
}
