#include "fixture.h"

#include <stdio.h>

struct name_out {
    apus_str name;
};
MODEL(name_out, FIELD(name));

struct id_in {
    apus_str id;
};
MODEL(id_in, PATH(id));

#define NAMED(handler)                                                                     \
    static int handler(apus_request *req, const apus_none *in, struct name_out *out)       \
    {                                                                                      \
        (void)req, (void)in;                                                               \
        out->name = APUS_STR(#handler);                                                    \
        return 0;                                                                          \
    }
NAMED(root)
NAMED(me)
NAMED(list)
NAMED(create)
NAMED(slashed)
NAMED(early)
NAMED(late)

static int by_id(apus_request *req, const struct id_in *in, struct name_out *out)
{
    out->name = apus_printf(req, "by_id %.*s", APUS_ARG(in->id));
    return 0;
}

static int file(apus_request *req, const struct id_in *in, struct name_out *out)
{
    out->name = apus_printf(req, "file %.*s", APUS_ARG(in->id));
    return 0;
}

ROUTES(matching,
    GET("/", root, apus_none, name_out),
    GET("/users/me", me, apus_none, name_out),
    GET("/users/{id}", by_id, id_in, name_out),
    GET("/users/late", late, apus_none, name_out),
    GET("/items", list, apus_none, name_out),
    POST("/items", create, apus_none, name_out),
    GET("/slashed/", slashed, apus_none, name_out),
    GET("/both/{id}.json", file, id_in, name_out),
    GET("/both/{id}", by_id, id_in, name_out, .operation_id = "both"),
    GET("/files/{id:path}", file, id_in, name_out, .operation_id = "files"),
    DELETE("/files/{id:path}", file, id_in, name_out, .operation_id = "delete_file", .max_body = 7),
    GET("/shadow/{id:int}", by_id, id_in, name_out, .operation_id = "shadow_int"),
    GET("/shadow/x", early, apus_none, name_out));

static const apus_app app = {.routes = matching, .max_body = 100};

static void the_first_registered_operation_that_matches_answers(void **state)
{
    (void)state;
    static const struct {
        const char *target, *name;
    } rows[] = {
        {"/", "root"},
        {"/users/me", "me"},
        {"/users/7", "by_id 7"},
        {"/users/late", "by_id late"},
        {"/both/a.json", "file a"},
        {"/both/a.txt", "by_id a.txt"},
        {"/files/", "file "},
        {"/files/a/b", "file a/b"},
        {"/files//a", "file /a"},
        {"/shadow/12", "by_id 12"},
        {"/shadow/x", "early"},
        {"/users/a%20b%zz+c", "by_id a b%zz+c"},
        {"/users/%ff%c3%a9", "by_id \xef\xbf\xbd\xc3\xa9"},
    };
    serve_app(&app);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char body[128];
        snprintf(body, sizeof body, "{\"name\":\"%s\"}", rows[i].name);
        assert_answer(get(rows[i].target), 200, body);
    }
}

static void what_no_operation_serves_is_404(void **state)
{
    (void)state;
    static const char *const targets[] = {"/nope", "/users/a%2Fb", "/Users/me", "//", "/shadow/y", "/users/me/x"};
    serve_app(&app);
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++)
        assert_answer(get(targets[i]), 404, "{\"detail\":\"Not Found\"}");
}

static void another_method_is_405_with_all_methods_of_the_path(void **state)
{
    (void)state;
    static const struct {
        const char *method, *target, *allow;
    } rows[] = {
        {"POST", "/", "allow: GET\n"},
        {"HEAD", "/", "allow: GET\n"},
        {"OPTIONS", "/users/me", "allow: GET\n"},
        {"PUT", "/items", "allow: GET, POST\n"},
        {"PATCH", "/files/x", "allow: GET, DELETE\n"},
    };
    serve_app(&app);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const answer *a = ask(rows[i].method, rows[i].target, NULL, NULL);
        assert_answer(a, 405, "{\"detail\":\"Method Not Allowed\"}");
        assert_string_equal(a->headers, rows[i].allow);
    }
}

static void a_slash_too_many_or_too_few_is_redirected(void **state)
{
    (void)state;
    static const struct {
        const char *method, *target, *location;
    } rows[] = {
        {"GET", "/slashed", "location: http://testserver/slashed/\n"},
        {"GET", "/slashed?a=1&b=%20c", "location: http://testserver/slashed/?a=1&b=%20c\n"},
        {"POST", "/slashed", "location: http://testserver/slashed/\n"},
        {"GET", "/items/", "location: http://testserver/items\n"},
        {"GET", "/items//", "location: http://testserver/items\n"},
        {"GET", "/users/a%20%3Fb/", "location: http://testserver/users/a%20%3Fb\n"},
        {"GET", "/files", "location: http://testserver/files/\n"},
    };
    serve_app(&app);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const answer *a = ask(rows[i].method, rows[i].target, NULL, NULL);
        assert_answer(a, 307, "");
        assert_string_equal(a->headers, rows[i].location);
        assert_string_equal(a->type, "");
    }
}

static void redirects_can_be_turned_off(void **state)
{
    (void)state;
    static const apus_app plain = {.routes = matching, .redirect_slashes = APUS_OFF};
    serve_app(&plain);
    assert_int_equal(get("/slashed")->status, 404);
}

static void the_proxys_root_path_is_taken_off(void **state)
{
    (void)state;
    static const apus_app behind = {.routes = matching, .root_path = "/api/v1"};
    serve_app(&behind);
    assert_answer(get("/api/v1/users/7"), 200, "{\"name\":\"by_id 7\"}");
    assert_answer(get("/users/7"), 200, "{\"name\":\"by_id 7\"}");
    assert_int_equal(get("/api/v1x/users/7")->status, 404);
    assert_string_equal(get("/api/v1/slashed")->headers, "location: http://testserver/api/v1/slashed/\n");
}

static void the_nearest_body_limit_counts(void **state)
{
    (void)state;
    router *r = serve_app(&app);
    r->max_body = 50;
    assert_int_equal(router_body_limit(r, APUS_STR("DELETE"), APUS_STR("/files/a%2Fb")), 7);
    assert_int_equal(router_body_limit(r, APUS_STR("GET"), APUS_STR("/files/x")), 100);
    assert_int_equal(router_body_limit(r, APUS_STR("GET"), APUS_STR("/nope")), 50);
}

#define MANY 3000

static void thousands_of_routes_are_told_apart(void **state)
{
    (void)state;
    static apus_route rows[2 * MANY];
    static char paths[2 * MANY][40], ids[2 * MANY][24];
    static const apus_route fixed = GET("", me, apus_none, name_out), open = GET("", by_id, id_in, name_out);
    for (int i = 0; i < 2 * MANY; i++) {
        snprintf(paths[i], sizeof paths[i], i % 2 ? "/section%d/{id}" : "/section%d/me", i / 2);
        snprintf(ids[i], sizeof ids[i], "route%d", i);
        rows[i] = i % 2 ? open : fixed;
        rows[i].path = paths[i];
        rows[i].operation_id = ids[i];
    }
    const apus_routes many = {rows, 2 * MANY};
    serve_app(&(apus_app){.routes = &many});
    for (int i = 0; i < MANY; i += 97) {
        char target[40], body[64];
        snprintf(target, sizeof target, "/section%d/%d", i, i);
        snprintf(body, sizeof body, "{\"name\":\"by_id %d\"}", i);
        assert_answer(get(target), 200, body);
        snprintf(target, sizeof target, "/section%d/me", i);
        assert_answer(get(target), 200, "{\"name\":\"me\"}");
    }
    assert_int_equal(get("/section3000/me")->status, 404);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_registered_operation_that_matches_answers),
        cmocka_unit_test(what_no_operation_serves_is_404),
        cmocka_unit_test(another_method_is_405_with_all_methods_of_the_path),
        cmocka_unit_test(a_slash_too_many_or_too_few_is_redirected),
        cmocka_unit_test(redirects_can_be_turned_off),
        cmocka_unit_test(the_proxys_root_path_is_taken_off),
        cmocka_unit_test(the_nearest_body_limit_counts),
        cmocka_unit_test(thousands_of_routes_are_told_apart),
    };
    return cmocka_run_group_tests(tests, route_set_up, route_tear_down);
}
