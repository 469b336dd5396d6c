/* The servers of `app dev`: one starts, takes over, and the one before leaves. */
#include "core/log.h"
#include "ops/dev.h"
#include "ops/dev_page.h"
#include "ops/dev_share.h"
#include "ops/options.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define DRAIN_DELAY_TEXT "0.5"            /* of servers that are followed by another */
#define PATIENCE_NANOSECONDS 15000000000u /* in which a server should become ready */
#define FIRST_RESTART_NANOSECONDS 1000000000u
#define MOST_DOUBLINGS 5                  /* of the time before a server that crashed is started again */
#define STEADY_NANOSECONDS 10000000000u   /* after which a crash counts as the first one again */
#define LINKED_NANOSECONDS 200000000u     /* how often a restart looks whether the build has ended */

static double seconds_since(uint64_t then)
{
    return (double)(clock_monotonic() - then) * 1e-9;
}

static void set_unless_given(const char *name, const char *value)
{
    if (settings_origin(name) == SETTING_DEFAULT)
        setenv(name, value, 1);
}

/* In the new process: flags become variables, and what sd_listen_fds(3) and sd_notify(3) say. */
static void prepare_server(void *arg)
{
    dev *d = arg;
    setting_table tables[OPTIONS_TABLES];
    size_t count = options_tables(d->app, tables);
    char text[32];
    for (size_t t = 0; t < count; t++)
        for (size_t i = 0; i < tables[t].count; i++)
            if (settings_origin(tables[t].rows[i].name) == SETTING_FLAG)
                setenv(tables[t].rows[i].name, settings_text(tables[t].rows[i].name), 1);
    set_unless_given("DRAIN_DELAY", DRAIN_DELAY_TEXT);
    if (d->app->database && *pg_options.url)
        set_unless_given("MIGRATE_ON_START", "1");
    snprintf(text, sizeof text, "%d", (int)getpid());
    setenv("LISTEN_PID", text, 1);
    snprintf(text, sizeof text, "%d", (int)d->listener_count + 1);
    setenv("LISTEN_FDS", text, 1);
    setenv("LISTEN_FDNAMES", d->listener_count > 1 ? "http:admin:" INHERITED_DEV : "http:" INHERITED_DEV, 1);
    setenv("NOTIFY_SOCKET", d->notify_name, 1);
}

static void dismiss(dev_child *c, int number)
{
    c->role = DEV_LEAVING;
    kill(c->pid, number);
}

static void patience_ends(loop_timer *timer);
static void restart_now(loop_timer *timer);

void dev_start_server(dev *d)
{
    int handed[PROCESS_LISTENERS + 1];
    size_t count = 0;
    for (; count < d->listener_count; count++)
        handed[count] = d->listeners[count].fd;
    handed[count++] = d->share;
    char *arguments[] = {d->program, NULL};
    dev_command command = {d->program, arguments, handed, count, prepare_server, d};
    dev_child *before = dev_find(d, DEV_CANDIDATE);
    if (before)
        dismiss(before, SIGTERM);
    loop_timer_stop(&d->loop, &d->restart);
    dev_child *c = dev_free_child(d);
    if (!c || stat(d->program, &d->started) < 0 || !dev_child_start(&d->loop, c, DEV_CANDIDATE, &command)) {
        loop_timer_start(&d->loop, &d->restart, clock_monotonic() + FIRST_RESTART_NANOSECONDS, restart_now);
        return;
    }
    d->migrations_changed = false;
    loop_timer_start(&d->loop, &d->patience, clock_monotonic() + PATIENCE_NANOSECONDS, patience_ends);
}

/* Not from a program that is just being linked. */
static void restart_now(loop_timer *timer)
{
    dev *d = DEV_OF(timer, restart);
    if (dev_find(d, DEV_BUILD)) {
        loop_timer_start(&d->loop, timer, clock_monotonic() + LINKED_NANOSECONDS, restart_now);
        return;
    }
    dev_start_server(d);
    dev_show(d);
}

/* Not ready for long: with another one that serves, it is given up. */
static void patience_ends(loop_timer *timer)
{
    dev *d = DEV_OF(timer, patience);
    dev_child *c = dev_find(d, DEV_CANDIDATE);
    if (!c)
        return;
    d->server.len = 0;
    buffer_printf(&d->server, "It is not ready after %u s%s%s\n", (unsigned)(PATIENCE_NANOSECONDS / 1000000000), *c->status ? ": " : "",
                  c->status);
    dev_plain(&d->server, buffer_str(&c->said));
    log_printf(LOG_ERROR, "dev: the new server is not ready after %u s", (unsigned)(PATIENCE_NANOSECONDS / 1000000000));
    if (dev_find(d, DEV_SERVING))
        dismiss(c, SIGKILL);
    dev_show(d);
}

void dev_server_ready(dev *d, dev_child *c)
{
    dev_child *before = dev_find(d, DEV_SERVING);
    if (before)
        dismiss(before, SIGTERM);
    c->role = DEV_SERVING;
    loop_timer_stop(&d->loop, &d->patience);
    d->server.len = 0;
    d->serving++;
    d->since = (int64_t)time(NULL);
    if (d->saved_at)
        log_printf(LOG_INFO, "dev: version %d serves, %.2f s after the change", d->serving, seconds_since(d->saved_at));
    else
        log_printf(LOG_INFO, "dev: version %d serves", d->serving);
    d->saved_at = 0;
    dev_show(d);
}

static void explain_end(dev *d, const dev_child *c, int status)
{
    d->server.len = 0;
    dev_child_explain(&d->server, status);
    log_printf(LOG_ERROR, "dev: the server %.*s%s%s", (int)d->server.len, d->server.ptr, *c->status ? ": " : "", c->status);
    if (*c->status)
        buffer_printf(&d->server, ": %s", c->status);
    buffer_printf(&d->server, "\n\n");
    dev_plain(&d->server, buffer_str(&c->said));
}

/* One that never became ready waits for a change. One that did is started again, later each time. */
void dev_server_ended(dev *d, dev_role was, const dev_child *c, int status)
{
    if (was == DEV_LEAVING || d->ending)
        return;
    explain_end(d, c, status);
    if (was == DEV_CANDIDATE) {
        loop_timer_stop(&d->loop, &d->patience);
        return;
    }
    if (clock_monotonic() - c->began > STEADY_NANOSECONDS)
        d->crashes = 0;
    uint64_t wait = FIRST_RESTART_NANOSECONDS << (d->crashes < MOST_DOUBLINGS ? d->crashes : MOST_DOUBLINGS);
    d->crashes++;
    if (!dev_find(d, DEV_CANDIDATE))
        loop_timer_start(&d->loop, &d->restart, clock_monotonic() + wait, restart_now);
}
