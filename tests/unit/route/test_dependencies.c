#include "fixture.h"

#include <stdio.h>

static void note_clean_up(apus_task *task, void *arg)
{
    (void)task;
    note(arg);
}

/* Counts its own runs. */
static int runs;
static int counter(apus_request *req, const apus_none *in, int64_t *out)
{
    (void)req, (void)in;
    *out = ++runs;
    note("counter");
    return 0;
}
DEPENDENCY(counter, apus_none, int64_t);
static int fresh(apus_request *req, const apus_none *in, int64_t *out)
{
    return counter(req, in, out);
}
DEPENDENCY(fresh, apus_none, int64_t, .no_cache = true);

struct doubled_in {
    int64_t counter;
};
MODEL(doubled_in, DEPENDS(counter, counter));
static int doubled(apus_request *req, const struct doubled_in *in, int64_t *out)
{
    (void)req;
    note("doubled");
    *out = 2 * in->counter;
    return 0;
}
DEPENDENCY(doubled, doubled_in, int64_t);

struct numbers {
    int64_t first, second, twice;
};
struct numbers_in {
    int64_t first, second, twice;
};
MODEL(numbers, FIELD(first), FIELD(second), FIELD(twice));
MODEL(numbers_in, DEPENDS(first, counter), DEPENDS(second, counter), DEPENDS(twice, doubled));
static int cached(apus_request *req, const struct numbers_in *in, struct numbers *out)
{
    (void)req;
    note("handler");
    *out = (struct numbers){in->first, in->second, in->twice};
    return 0;
}

struct fresh_in {
    int64_t first, second, twice;
};
MODEL(fresh_in, DEPENDS(first, fresh), DEPENDS(second, fresh), DEPENDS(twice, fresh));
static int anew(apus_request *req, const struct fresh_in *in, struct numbers *out)
{
    (void)req;
    *out = (struct numbers){in->first, in->second, in->twice};
    return 0;
}

struct current {
    apus_str login;
};
MODEL(current, FIELD(login));
struct current_in {
    apus_str token;
};
MODEL(current_in, QUERY(token, .min_length = 2));
static int current_user(apus_request *req, const struct current_in *in, struct current *out)
{
    note("user");
    if (apus_str_is(in->token, "bad"))
        return http_error(req, 401, "Bad token");
    out->login = in->token;
    return 0;
}
DEPENDENCY(current_user, current_in, current);

struct limit_in {
    int64_t limit;
};
MODEL(limit_in, QUERY(limit));
static int limited(apus_request *req, const struct limit_in *in, int64_t *out)
{
    (void)req;
    note("limited");
    *out = in->limit;
    return 0;
}
DEPENDENCY(limited, limit_in, int64_t);

struct guarded_in {
    struct current *user;
    int64_t limit, again;
    int64_t own;
};
MODEL(guarded_in, DEPENDS(user, current_user), DEPENDS(limit, limited), DEPENDS(again, limited), QUERY(own));
static int guarded(apus_request *req, const struct guarded_in *in, apus_str *out)
{
    note("handler");
    *out = apus_printf(req, "%.*s %d %d %d", APUS_ARG(in->user->login), (int)in->limit, (int)in->again, (int)in->own);
    return 0;
}

static int session(apus_request *req, const apus_none *in, apus_none *out)
{
    (void)in, (void)out;
    static char word[] = "session-closed";
    note("session");
    apus_defer(req, note_clean_up, word);
    return 0;
}
DEPENDENCY(session, apus_none, apus_none);
static int early(apus_request *req, const apus_none *in, apus_none *out)
{
    (void)in, (void)out;
    static char first[] = "early-closed-1", second[] = "early-closed-2";
    note("early");
    apus_defer(req, note_clean_up, first);
    apus_defer(req, note_clean_up, second);
    return 0;
}
DEPENDENCY(early, apus_none, apus_none, .before_response = true);
static int late(apus_request *req, const apus_none *in, apus_none *out)
{
    (void)in, (void)out;
    static char word[] = "late-closed";
    note("late");
    apus_defer(req, note_clean_up, word);
    return 0;
}
DEPENDENCY(late, apus_none, apus_none);

struct fail_in {
    bool fail;
};
MODEL(fail_in, QUERY(fail, .fallback = 0));

static void in_background(apus_task *task, void *arg)
{
    (void)task;
    note(arg);
}

static int cleaned(apus_request *req, const struct fail_in *in, apus_none *out)
{
    static char word[] = "handler-closed", background[] = "background";
    (void)out;
    note("handler");
    apus_defer(req, note_clean_up, word);
    http_background(req, in_background, background);
    return in->fail ? http_error(req, 409, NULL) : 0;
}

static int router_wide(apus_request *req, const apus_none *in, apus_none *out)
{
    (void)req, (void)in, (void)out;
    note("router");
    return 0;
}
DEPENDENCY(router_wide, apus_none, apus_none);
static int app_wide(apus_request *req, const struct limit_in *in, apus_none *out)
{
    (void)req, (void)in, (void)out;
    note("app");
    return 0;
}
DEPENDENCY(app_wide, limit_in, apus_none);
static int denied(apus_request *req, const apus_none *in, apus_none *out)
{
    (void)in, (void)out;
    note("denied");
    return http_error(req, 403, "No");
}
DEPENDENCY(denied, apus_none, apus_none);
static int quiet(apus_request *req, const apus_none *in, apus_none *out)
{
    (void)req, (void)in, (void)out;
    note("handler");
    return 0;
}

ROUTES(plain,
    GET("/cached", cached, numbers_in, numbers),
    GET("/anew", anew, fresh_in, numbers),
    GET("/guarded", guarded, guarded_in, apus_str),
    GET("/cleaned", cleaned, fail_in, apus_none, .dependencies = DEPENDS_ON(session, early, late)));
ROUTES(wide,
    GET("/quiet", quiet, apus_none, apus_none, .dependencies = DEPENDS_ON(session)),
    GET("/denied", quiet, apus_none, apus_none, .dependencies = DEPENDS_ON(denied)));

static const apus_app app = {.routes = plain};

static void a_dependency_runs_once_for_all_its_uses(void **state)
{
    (void)state;
    serve_app(&app);
    runs = 0;
    assert_answer(get("/cached"), 200, "{\"first\":1,\"second\":1,\"twice\":2}");
    assert_string_equal(events, "counter doubled handler sent");
    assert_answer(get("/cached"), 200, "{\"first\":2,\"second\":2,\"twice\":4}");
}

static void without_cache_it_runs_for_each_use(void **state)
{
    (void)state;
    serve_app(&app);
    runs = 0;
    assert_answer(get("/anew"), 200, "{\"first\":1,\"second\":2,\"twice\":3}");
}

static void parameters_of_dependencies_are_validated_before_the_handlers_own(void **state)
{
    (void)state;
    serve_app(&app);
    const answer *a = get("/guarded?token=x&limit=y&own=z");
    assert_int_equal(a->status, 422);
    const char *token = strstr(a->body, "[\"query\",\"token\"]"), *limit = strstr(a->body, "[\"query\",\"limit\"]");
    const char *own = strstr(a->body, "[\"query\",\"own\"]");
    assert_true(token && limit && own && token < limit && limit < own);
    assert_string_equal(events, "sent");
}

static void a_wrong_dependency_that_is_used_twice_is_told_twice(void **state)
{
    (void)state;
    serve_app(&app);
    const char *at = strstr(get("/guarded?token=abc&limit=y&own=1")->body, "\"limit\"]");
    assert_non_null(at);
    assert_non_null(strstr(at + 1, "\"limit\"]"));
    assert_string_equal(events, "user sent");
}

static void an_error_made_by_a_dependency_comes_before_all_collected_ones(void **state)
{
    (void)state;
    serve_app(&app);
    assert_answer(get("/guarded?token=bad"), 401, "{\"detail\":\"Bad token\"}");
    assert_string_equal(events, "user sent");
    assert_answer(get("/guarded?token=joe&limit=1&own=2"), 200, "\"joe 1 1 2\"");
}

static void clean_ups_run_in_reverse_after_the_response_unless_asked_before_it(void **state)
{
    (void)state;
    serve_app(&app);
    assert_answer(get("/cleaned"), 200, "null");
    assert_string_equal(events, "session early late handler early-closed-2 early-closed-1 sent background "
                                "handler-closed late-closed session-closed");
}

static void clean_ups_run_after_an_error_too(void **state)
{
    (void)state;
    serve_app(&app);
    assert_answer(get("/cleaned?fail=1"), 409, "{\"detail\":\"Conflict\"}");
    assert_string_equal(events, "session early late handler early-closed-2 early-closed-1 sent "
                                "handler-closed late-closed session-closed");
}

static void the_applications_dependencies_run_before_the_routers_and_the_routes(void **state)
{
    (void)state;
    serve_app(&(apus_app){
        .dependencies = DEPENDS_ON(app_wide),
        .routers = ROUTERS({wide, .prefix = "/w", .dependencies = DEPENDS_ON(router_wide)}),
    });
    assert_answer(get("/w/quiet?limit=1"), 200, "null");
    assert_string_equal(events, "app router session handler sent session-closed");
    assert_int_equal(get("/w/quiet")->status, 422);
    assert_string_equal(events, "router session sent session-closed");
    assert_answer(get("/w/denied"), 403, "{\"detail\":\"No\"}");
    assert_string_equal(events, "router denied sent");
}

static int stand_in(apus_request *req, const apus_none *in, struct current *out)
{
    (void)req, (void)in;
    note("stand-in");
    out->login = APUS_STR("tester");
    return 0;
}
DEPENDENCY(stand_in, apus_none, current);

static void an_override_stands_for_the_dependency_everywhere(void **state)
{
    (void)state;
    apus_override(current_user_dependency, stand_in_dependency);
    serve_app(&app);
    assert_answer(get("/guarded?limit=1&own=2"), 200, "\"tester 1 1 2\"");
    assert_string_equal(events, "stand-in limited handler sent");
    apus_override(current_user_dependency, current_user_dependency);
    serve_app(&app);
    assert_answer(get("/guarded?token=bad"), 401, "{\"detail\":\"Bad token\"}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_dependency_runs_once_for_all_its_uses),
        cmocka_unit_test(without_cache_it_runs_for_each_use),
        cmocka_unit_test(parameters_of_dependencies_are_validated_before_the_handlers_own),
        cmocka_unit_test(a_wrong_dependency_that_is_used_twice_is_told_twice),
        cmocka_unit_test(an_error_made_by_a_dependency_comes_before_all_collected_ones),
        cmocka_unit_test(clean_ups_run_in_reverse_after_the_response_unless_asked_before_it),
        cmocka_unit_test(clean_ups_run_after_an_error_too),
        cmocka_unit_test(the_applications_dependencies_run_before_the_routers_and_the_routes),
        cmocka_unit_test(an_override_stands_for_the_dependency_everywhere),
    };
    return cmocka_run_group_tests(tests, route_set_up, route_tear_down);
}
