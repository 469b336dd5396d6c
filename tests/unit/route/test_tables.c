#include "fixture.h"

/* A table's mistake stops the start with one line that names the route and the field. */

static int handler(apus_request *req, const apus_none *in, apus_none *out)
{
    (void)req, (void)in, (void)out;
    return 0;
}

#define INPUT(T, type, row)                                                                      \
    struct T {                                                                                   \
        type id;                                                                                 \
    };                                                                                           \
    MODEL(T, row);                                                                               \
    static int T##_handler(apus_request *req, const struct T *in, apus_none *out)                \
    {                                                                                            \
        (void)req, (void)in, (void)out;                                                          \
        return 0;                                                                                \
    }                                                                                            \
    _Static_assert(1, "")

struct item {
    int64_t id;
};
MODEL(item, FIELD(id));
struct nested {
    struct item item;
};
MODEL(nested, OBJECT(item, item));

INPUT(path_in, int64_t, PATH(id));
INPUT(path_default_in, int64_t, PATH(id, .fallback = 1));
INPUT(path_optional_in, apus_opt_int, PATH(id));
INPUT(field_in, int64_t, FIELD(id));
INPUT(body_in, struct item, BODY(id, item));
INPUT(json_query_in, apus_json, QUERY(id));
INPUT(nested_query_in, struct nested, QUERY_MODEL(id, nested));
INPUT(pattern_in, apus_str, QUERY(id, .pattern = "("));

struct loop_in;
static int loops(apus_request *req, const struct loop_in *in, int64_t *out);
DECLARE_DEPENDENCY(loops, int64_t);
struct loop_in {
    int64_t again;
};
MODEL(loop_in, DEPENDS(again, loops));
static int loops(apus_request *req, const struct loop_in *in, int64_t *out)
{
    (void)req, (void)in, (void)out;
    return 0;
}
DEPENDENCY(loops, loop_in, int64_t);

struct out_with_query {
    int64_t id;
};
MODEL(out_with_query, QUERY(id));
static int strange(apus_request *req, const apus_none *in, struct out_with_query *out)
{
    (void)req, (void)in, (void)out;
    return 0;
}

static int no_result(apus_request *req, const apus_none *in, int64_t *out)
{
    (void)req, (void)in, (void)out;
    return 0;
}
DEPENDENCY(no_result, apus_none, int64_t);
static int other_result(apus_request *req, const apus_none *in, apus_str *out)
{
    (void)req, (void)in, (void)out;
    return 0;
}
DEPENDENCY(other_result, apus_none, apus_str);
struct uses_in {
    int64_t id;
};
MODEL(uses_in, DEPENDS(id, no_result));
static int uses(apus_request *req, const struct uses_in *in, apus_none *out)
{
    (void)req, (void)in, (void)out;
    return 0;
}

#define LARGEST_BODY ((size_t)32 * 1024 * 1024)

#define ONE(name, row) ROUTES(name, row)
ONE(not_in_path, GET("/items", path_in_handler, path_in, apus_none));
ONE(not_taken, GET("/items/{item_id}", handler, apus_none, apus_none));
ONE(path_default, GET("/items/{id}", path_default_in_handler, path_default_in, apus_none));
ONE(path_optional, GET("/items/{id}", path_optional_in_handler, path_optional_in, apus_none));
ONE(field_row, GET("/items", field_in_handler, field_in, apus_none));
ONE(body_of_get, GET("/items", body_in_handler, body_in, apus_none));
ONE(json_query, GET("/items", json_query_in_handler, json_query_in, apus_none));
ONE(nested_query, GET("/items", nested_query_in_handler, nested_query_in, apus_none));
ONE(wrong_pattern, GET("/items", pattern_in_handler, pattern_in, apus_none));
ONE(self_dependent, GET("/items", handler, apus_none, apus_none, .dependencies = DEPENDS_ON(loops)));
ONE(wrong_result, GET("/items", strange, apus_none, out_with_query));
ONE(wrong_status, GET("/items", handler, apus_none, apus_none, .status = 99));
ONE(empty_result, GET("/items", strange, apus_none, out_with_query, .status = 204));
ONE(large_body, POST("/items", handler, apus_none, apus_none, .max_body = LARGEST_BODY + 1));
ONE(wrong_path, GET("items", handler, apus_none, apus_none));
ONE(wrong_convertor, GET("/items/{id:number}", handler, apus_none, apus_none));
ONE(good, GET("/items", handler, apus_none, apus_none));
ONE(overridden, GET("/uses", uses, uses_in, apus_none));
ROUTES(same_id, GET("/a-b", handler, apus_none, apus_none), GET("/a_b", handler, apus_none, apus_none));
ROUTES(same_id_hidden, GET("/a-b", handler, apus_none, apus_none), GET("/a_b", handler, apus_none, apus_none, .hidden = true));

static void a_wrong_table_is_refused_in_one_line(void **state)
{
    (void)state;
    const struct {
        const apus_routes *routes;
        const char *line;
    } rows[] = {
        {not_in_path, "GET /items (path_in_handler), field id: the path has no {id}"},
        {not_taken, "GET /items/{item_id} (handler): no PATH row of apus_none takes {item_id}"},
        {path_default, "GET /items/{id} (path_default_in_handler), field id: a path parameter is a single value, without default"},
        {path_optional, "GET /items/{id} (path_optional_in_handler), field id: a path parameter is a single value, without default"},
        {field_row, "GET /items (field_in_handler), field id: a row of the input field_in says where it comes from: PATH, QUERY, "
                    "HEADER, COOKIE, BODY, DEPENDS"},
        {body_of_get, "GET /items (body_in_handler), field id: a GET request has no body; use POST, PUT or PATCH"},
        {json_query, "GET /items (json_query_in_handler), field id: a query parameter is a single value or a list of such"},
        {nested_query, "GET /items (nested_query_in_handler), field id: member item of the parameter model nested must be a FIELD, "
                       "LIST or ENUM of single values"},
        {self_dependent, "GET /items (handler), field again: dependency loops depends on itself, or is nested too deep"},
        {wrong_result, "GET /items (strange), field id: the result out_with_query has FIELD, OBJECT, LIST, DICT and ENUM rows only"},
        {wrong_status, "GET /items (handler): status 99 is none of a result (200 to 599)"},
        {empty_result, "GET /items (strange): status 204 has no content: the result is apus_none, not out_with_query"},
        {large_body, "POST /items (handler): max_body is 33554433: a body has at most 33554432 bytes"},
        {wrong_path, "GET items (handler): a path starts with a slash"},
        {wrong_convertor, "GET /items/{id:number} (handler): a convertor is one of str, path, int, float, uuid"},
        {same_id, "GET /a_b (handler): its operationId handler_a_b_get is that of GET /a-b (handler); give one of them .operation_id"},
        {same_id_hidden, ""},
        {good, ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_string_equal(refusal_of(&(apus_app){.routes = rows[i].routes}), rows[i].line);
}

static void a_models_own_mistake_names_the_route_too(void **state)
{
    (void)state;
    const char *line = refusal_of(&(apus_app){.routes = wrong_pattern});
    static const char start[] = "GET /items (pattern_in_handler): model pattern_in, field id: ";
    assert_memory_equal(line, start, sizeof start - 1);
    assert_null(strchr(line, '\n'));
}

static int on_error(apus_request *req, const void *value)
{
    (void)value;
    return http_text(req, 500, APUS_STR("error"));
}

static void an_exception_handler_that_is_forgotten_is_refused(void **state)
{
    (void)state;
    const apus_exception_row *rows = HANDLERS({.http = true, .run = on_error}, {.status = 404}, {.validation = true, .run = on_error});
    assert_string_equal(refusal_of(&(apus_app){.routes = good, .exception_handlers = rows}),
                        "row 2 of the exception handlers has no .run");
    rows = HANDLERS({.http = true, .run = on_error}, {.status = 404, .run = on_error});
    assert_string_equal(refusal_of(&(apus_app){.routes = good, .exception_handlers = rows}), "");
}

static void a_routers_wrong_prefix_is_refused(void **state)
{
    (void)state;
    assert_string_equal(refusal_of(&(apus_app){.routers = ROUTERS({good, .prefix = "x"})}),
                        "router prefix \"x\": it starts with a slash");
    assert_string_equal(refusal_of(&(apus_app){.routers = ROUTERS({good, .prefix = "/x/"})}),
                        "router prefix \"/x/\": it does not end with a slash, since the routes' paths start with one");
}

static void routes_of_routers_carry_the_whole_path(void **state)
{
    (void)state;
    const apus_router *inner = ROUTERS({not_in_path, .prefix = "/v2"});
    assert_string_equal(refusal_of(&(apus_app){.routers = ROUTERS({.routers = inner, .prefix = "/api"})}),
                        "GET /api/v2/items (path_in_handler), field id: the path has no {id}");
}

static void a_body_larger_than_a_request_can_hold_is_refused_wherever_it_is_asked_for(void **state)
{
    (void)state;
    static const char line[] = "GET /items (handler): max_body is 67108864: a body has at most 33554432 bytes";
    size_t large = 2 * LARGEST_BODY;
    const apus_router *inner = ROUTERS({.routers = ROUTERS({good}), .max_body = large});
    assert_string_equal(refusal_of(&(apus_app){.routes = good, .max_body = large}), line);
    assert_string_equal(refusal_of(&(apus_app){.routers = ROUTERS({good, .max_body = large})}), line);
    assert_string_equal(refusal_of(&(apus_app){.routers = inner}), line);
    assert_string_equal(refusal_of(&(apus_app){.routes = good, .max_body = LARGEST_BODY}), "");
}

static void an_override_of_another_result_is_refused(void **state)
{
    (void)state;
    apus_override(no_result_dependency, other_result_dependency);
    assert_string_equal(refusal_of(&(apus_app){.routes = overridden}),
                        "GET /uses (uses), field id: the override other_result has another result than no_result");
    apus_override(no_result_dependency, no_result_dependency);
    assert_string_equal(refusal_of(&(apus_app){.routes = overridden}), "");
}

ROUTES(inner_routes,
    GET("/one", handler, apus_none, apus_none, .tags = TAGS("route"), .max_body = 1, .strict_content_type = APUS_ON,
        .responses = RESPONSES({404, "route"})),
    GET("/two", handler, apus_none, apus_none));

static void settings_of_app_and_routers_go_to_their_routes_the_nearest_first(void **state)
{
    (void)state;
    const apus_router *inner = ROUTERS({inner_routes, .prefix = "/in", .tags = TAGS("inner"), .max_body = 2, .deprecated = true});
    router *r = serve_app(&(apus_app){
        .tags = TAGS("app"),
        .max_body = 3,
        .strict_content_type = APUS_OFF,
        .responses = RESPONSES({418, "app"}),
        .routers = ROUTERS({.routers = inner, .prefix = "/out", .tags = TAGS("outer"), .hidden = true}, {good}),
    });
    assert_int_equal(r->count, 3);
    const operation *one = &r->operations[0], *two = &r->operations[1], *last = &r->operations[2];
    assert_string_equal(one->path, "/out/in/one");
    assert_int_equal(one->tag_count, 4);
    assert_string_equal(one->tags[0], "app");
    assert_string_equal(one->tags[1], "outer");
    assert_string_equal(one->tags[2], "inner");
    assert_string_equal(one->tags[3], "route");
    assert_true(one->hidden && one->deprecated && two->hidden && two->deprecated && !last->hidden && !last->deprecated);
    assert_true(one->strict_content_type && !two->strict_content_type);
    assert_int_equal(one->max_body, 1);
    assert_int_equal(two->max_body, 2);
    assert_int_equal(last->max_body, 3);
    assert_int_equal(one->response_count, 2);
    assert_int_equal(two->response_count, 1);
    assert_string_equal(two->operation_id, "handler_out_in_two_get");
    assert_string_equal(two->summary, "Handler");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wrong_table_is_refused_in_one_line),
        cmocka_unit_test(a_models_own_mistake_names_the_route_too),
        cmocka_unit_test(an_exception_handler_that_is_forgotten_is_refused),
        cmocka_unit_test(a_routers_wrong_prefix_is_refused),
        cmocka_unit_test(routes_of_routers_carry_the_whole_path),
        cmocka_unit_test(a_body_larger_than_a_request_can_hold_is_refused_wherever_it_is_asked_for),
        cmocka_unit_test(an_override_of_another_result_is_refused),
        cmocka_unit_test(settings_of_app_and_routers_go_to_their_routes_the_nearest_first),
    };
    return cmocka_run_group_tests(tests, route_set_up, route_tear_down);
}
