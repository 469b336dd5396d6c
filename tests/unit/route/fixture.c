#include "fixture.h"

#include <stdio.h>

#include "route/text.h"

#define MEMORY ((size_t)1 << 20)
#define MOST_HEADERS 64

char events[1024];
bool client_gone;
static loop test_loop;
static router *current;
static answer last;

void note(const char *word)
{
    size_t used = strlen(events);
    snprintf(events + used, sizeof events - used, "%s%s", used ? " " : "", word);
}

int route_set_up(void **state)
{
    (void)state;
    const char *error = NULL;
    return loop_open(&test_loop, 0, &error);
}

int route_tear_down(void **state)
{
    (void)state;
    router_free(current);
    current = NULL;
    loop_close(&test_loop);
    return 0;
}

static void request_failed(apus_request *req, const char *what)
{
    (void)req;
    snprintf(last.failed, sizeof last.failed, "%s", what);
}

router *serve_app(const apus_app *app)
{
    char error[512] = "";
    router_free(current);
    current = router_build(app, NULL, NULL, error, sizeof error);
    assert_string_equal(error, "");
    assert_non_null(current);
    current->hooks.failed = request_failed;
    return current;
}

const char *refusal_of(const apus_app *app)
{
    static char error[512];
    error[0] = '\0';
    router *r = router_build(app, NULL, NULL, error, sizeof error);
    router_free(r);
    assert_true(!r == (error[0] != '\0'));
    return error;
}

static void send_response(apus_request *req)
{
    note("sent");
    last.sent++;
    last.status = req->out.status;
    snprintf(last.type, sizeof last.type, "%.*s", APUS_ARG(req->out.content_type));
    snprintf(last.body, sizeof last.body, "%.*s", APUS_ARG(req->out.body));
    last.headers[0] = '\0';
    for (size_t i = 0; i < req->out.header_count; i++) {
        size_t used = strlen(last.headers);
        snprintf(last.headers + used, sizeof last.headers - used, "%.*s: %.*s\n", APUS_ARG(req->out.headers[i].name),
                 APUS_ARG(req->out.headers[i].value));
    }
}

static size_t split_headers(const char *text, http_field *out)
{
    size_t count = 0;
    while (text && *text) {
        const char *colon = strstr(text, ": "), *end = strchr(text, '\n');
        assert_non_null(colon);
        assert_true(count < MOST_HEADERS);
        size_t len = end ? (size_t)(end - text) : strlen(text), name = (size_t)(colon - text);
        out[count++] = (http_field){{text, name}, {colon + 2, len - name - 2}};
        text += end ? len + 1 : len;
    }
    return count;
}

static int ended;

static void request_done(apus_task *task)
{
    ended++;
    if (task->out_of_memory && ended == 1) {
        task->out_of_memory = 0;
        assert_int_equal(fiber_start(task, route_run_abandoned, request_done), 0);
        return;
    }
    loop_stop(&test_loop);
}

const answer *ask_within(size_t memory, const char *method, const char *target, const char *headers, const char *body)
{
    static const transport sender = {send_response};
    http_field fields[MOST_HEADERS];
    arena chunks;
    arena_init(&chunks, &test_loop.chunks, memory);
    apus_request req = {.router = current, .transport = &sender, .scheme = APUS_STR("http"), .host = APUS_STR("testserver")};
    task_init(&req.task, &test_loop, &chunks);
    req.task.is_request = true;
    req.method = apus_cstr(method);
    req.target = apus_cstr(target);
    const char *question = strchr(target, '?');
    req.query = apus_cstr(question ? question + 1 : "");
    req.path = text_decode(&req, (apus_str){target, question ? (size_t)(question - target) : strlen(target)}, false);
    req.body = apus_cstr(body);
    req.headers = fields;
    req.header_count = split_headers(headers, fields);
    req.task.cancel = client_gone ? APUS_ECANCELED : 0;
    last = (answer){0};
    events[0] = '\0';
    ended = 0;
    assert_int_equal(fiber_start(&req.task, route_run, request_done), 0);
    if (!ended || (ended == 1 && req.task.out_of_memory))
        loop_run(&test_loop);
    arena_reset(&chunks);
    return &last;
}

const answer *ask(const char *method, const char *target, const char *headers, const char *body)
{
    return ask_within(MEMORY, method, target, headers, body);
}

const answer *get(const char *target)
{
    return ask("GET", target, NULL, NULL);
}
