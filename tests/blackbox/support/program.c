/* An application whose start, handlers and stop do as the environment says; what they do is a line each in the file EVENTS. */
#include <apus.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *events, *at_start, *at_stop;

static void note(const char *event)
{
    int fd = open(events, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    dprintf(fd, "%s\n", event);
    close(fd);
}

static int hang(void *arg)
{
    (void)arg;
    sleep(60);
    return 0;
}

static int start(apus_task *task)
{
    if (strcmp(at_start, "fail") == 0)
        return apus_fail(task, APUS_EINVAL, "there is no such thing as START=%s", at_start);
    while (strcmp(at_start, "wait") == 0 && access(events, F_OK) != 0)
        if (apus_sleep(task, 0.01) < 0)
            return APUS_ECANCELED;
    note("started");
    return 0;
}

static void stop(apus_task *task)
{
    note("stops");
    if (strcmp(at_stop, "wait") == 0 && apus_sleep(task, 1000) == APUS_ECANCELED)
        note("cancelled");
    if (strcmp(at_stop, "hang") == 0)
        apus_offload(task, hang, NULL);
}

struct answer {
    apus_str text;
};
MODEL(answer, FIELD(text));

static int quick(apus_request *, const apus_none *, struct answer *out)
{
    out->text = APUS_STR("at once");
    return 0;
}

static int slow(apus_request *req, const apus_none *, struct answer *out)
{
    note("asked");
    apus_sleep(req, 0.5);
    note("answered");
    out->text = APUS_STR("after a wait");
    return 0;
}

static void keep_busy(double seconds)
{
    struct timespec now, end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_nsec += (long)(seconds * 1e9);
    end.tv_sec += end.tv_nsec / 1000000000;
    end.tv_nsec %= 1000000000;
    do
        clock_gettime(CLOCK_MONOTONIC, &now);
    while (now.tv_sec < end.tv_sec || (now.tv_sec == end.tv_sec && now.tv_nsec < end.tv_nsec));
}

/* Holds its loop. */
static int busy(apus_request *, const apus_none *, struct answer *out)
{
    note("busy");
    keep_busy(0.4);
    out->text = APUS_STR("after work");
    return 0;
}

/* The same before its first wait. */
static int busy_then_slow(apus_request *req, const apus_none *none, struct answer *out)
{
    busy(req, none, out);
    apus_sleep(req, 0.1);
    return 0;
}

ROUTES(routes,
    GET("/", quick, apus_none, answer),
    GET("/slow", slow, apus_none, answer),
    GET("/busy", busy, apus_none, answer),
    GET("/busy-then-slow", busy_then_slow, apus_none, answer));

#define MANY 80

static int pass(apus_request *req, apus_next *next)
{
    return apus_call_next(req, next);
}

/* The last `name` ones of a list that is MANY long and has one more, its end. */
static size_t many(const char *name, size_t fallback)
{
    const char *text = getenv(name);
    return MANY - (text ? strtoul(text, NULL, 10) : fallback);
}

int main(int argc, char **argv)
{
    static apus_middleware middleware[MANY + 1];
    static const char *value;
    static apus_setting settings[MANY + 1] = {
        [MANY - 3] = {"EVENTS", &events, "/dev/null", "file of what happens"},
        {"AT_START", &at_start, "", "fail; wait: until EVENTS is there"},
        {"AT_STOP", &at_stop, "", "wait: until it is cancelled; hang: whatever happens"}};
    for (size_t i = 0; i < MANY; i++) {
        middleware[i] = pass;
        if (!settings[i].name)
            settings[i] = (apus_setting){"SPARE", &value, "", "one of many"};
    }
    if (getenv("OWN_SETTING"))
        settings[MANY - 1].name = getenv("OWN_SETTING");
    return apus_main(argc, argv, &(apus_app){
        .routes = routes,
        .lifespan = {start, stop},
        .health_routes = true,
        .middleware = middleware + many("MIDDLEWARE", 0),
        .settings = settings + many("SETTINGS", 3)});
}
