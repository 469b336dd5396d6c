#include "fixture.h"

#include <stdio.h>

#include "core/clock.h"

struct query_in {
    apus_str a;
    apus_opt_str b;
    int64_t n;
    LISTOF(apus_str) many;
    LISTOF(int64_t) ids;
};
MODEL(query_in,
    QUERY(a),
    QUERY(b),
    QUERY(n, .fallback = 3, .ge = 1),
    QUERY_LIST(many, apus_str, .nullable = true),
    QUERY_LIST(ids, int64_t, .fallback_json = "[]"));
struct query_out {
    apus_str a;
    apus_opt_str b;
    int64_t n;
    LISTOF(apus_str) many;
    LISTOF(int64_t) ids;
};
MODEL(query_out, FIELD(a), FIELD(b), FIELD(n), LIST(many, apus_str, .nullable = true), LIST(ids, int64_t));

static int query(apus_request *req, const struct query_in *in, struct query_out *out)
{
    (void)req;
    *out = (struct query_out){in->a, in->b, in->n, APUS_LIST(in->many), APUS_LIST(in->ids)};
    return 0;
}

struct header_in {
    apus_str x_token;
    apus_opt_str plain_name;
    LISTOF(apus_str) x_many;
    apus_opt_str session;
};
MODEL(header_in,
    HEADER(x_token),
    HEADER(plain_name, .convert_underscores_off = true),
    HEADER_LIST(x_many, apus_str, .nullable = true, .alias = "X-Many"),
    COOKIE(session));
struct header_out {
    apus_str token;
    apus_opt_str plain;
    LISTOF(apus_str) many;
    apus_opt_str session;
};
MODEL(header_out, FIELD(token), FIELD(plain), LIST(many, apus_str, .nullable = true), FIELD(session));

static int headers(apus_request *req, const struct header_in *in, struct header_out *out)
{
    (void)req;
    *out = (struct header_out){in->x_token, in->plain_name, APUS_LIST(in->x_many), in->session};
    return 0;
}

struct filters {
    int64_t limit;
    apus_str order;
    LISTOF(apus_str) tags;
};
MODEL(filters, SCHEMA("Filters", .forbid_extra = true),
    FIELD(limit, .fallback = 100, .gt = 0), FIELD(order), LIST(tags, apus_str, .fallback_json = "[]"));
struct filters_in {
    struct filters filters;
};
MODEL(filters_in, QUERY_MODEL(filters, filters));
static int filtered(apus_request *req, const struct filters_in *in, struct filters *out)
{
    (void)req;
    *out = in->filters;
    return 0;
}

struct common {
    apus_str x_kind;
    apus_opt_str x_more;
};
MODEL(common, FIELD(x_kind), FIELD(x_more));
struct common_in {
    struct common *headers;
};
MODEL(common_in, HEADER_MODEL(headers, common));
struct common_out {
    apus_opt_str kind;
};
MODEL(common_out, FIELD(kind));
static int commons(apus_request *req, const struct common_in *in, struct common_out *out)
{
    (void)req;
    if (in->headers)
        out->kind = apus_some(in->headers->x_kind);
    return 0;
}

struct closed {
    apus_str x_kind;
};
MODEL(closed, SCHEMA("Closed", .forbid_extra = true), FIELD(x_kind));
struct closed_in {
    struct closed headers;
};
MODEL(closed_in, HEADER_MODEL(headers, closed));
static int closed(apus_request *req, const struct closed_in *in, struct closed *out)
{
    (void)req;
    *out = in->headers;
    return 0;
}
struct closed_or_none_in {
    struct closed *headers;
};
MODEL(closed_or_none_in, HEADER_MODEL(headers, closed));
static int closed_or_none(apus_request *req, const struct closed_or_none_in *in, bool *out)
{
    (void)req;
    *out = in->headers != NULL;
    return 0;
}

struct order_in {
    apus_str last_header;
    int64_t q;
    int64_t p;
    int64_t c;
    struct filters *body;
};
MODEL(order_in, HEADER(last_header), BODY(body, filters, .required = true), COOKIE(c), QUERY(q), PATH(p));
static int ordered(apus_request *req, const struct order_in *in, apus_none *out)
{
    (void)req, (void)in, (void)out;
    return 0;
}

ROUTES(reading,
    GET("/query", query, query_in, query_out),
    GET("/headers", headers, header_in, header_out),
    GET("/filters", filtered, filters_in, filters),
    GET("/common", commons, common_in, common_out),
    GET("/closed", closed, closed_in, closed),
    GET("/closed-or-none", closed_or_none, closed_or_none_in, bool),
    POST("/order/{p}", ordered, order_in, apus_none));
static const apus_app app = {.routes = reading};

static int set_up(void **state)
{
    if (route_set_up(state) != 0)
        return -1;
    serve_app(&app);
    return 0;
}

static void queries_are_read_as_starlette_reads_them(void **state)
{
    (void)state;
    static const struct {
        const char *target, *body;
    } rows[] = {
        {"/query?a=1", "{\"a\":\"1\",\"b\":null,\"n\":3,\"many\":null,\"ids\":[]}"},
        {"/query?a=1&a=2", "{\"a\":\"2\",\"b\":null,\"n\":3,\"many\":null,\"ids\":[]}"},
        {"/query?a", "{\"a\":\"\",\"b\":null,\"n\":3,\"many\":null,\"ids\":[]}"},
        {"/query?a=&b=", "{\"a\":\"\",\"b\":\"\",\"n\":3,\"many\":null,\"ids\":[]}"},
        {"/query?a=1;b=2", "{\"a\":\"1;b=2\",\"b\":null,\"n\":3,\"many\":null,\"ids\":[]}"},
        {"/query?a=x+y%20z%2B&b=%zz", "{\"a\":\"x y z+\",\"b\":\"%zz\",\"n\":3,\"many\":null,\"ids\":[]}"},
        {"/query?&&a=1&&", "{\"a\":\"1\",\"b\":null,\"n\":3,\"many\":null,\"ids\":[]}"},
        {"/query?%61=1&a=b=c", "{\"a\":\"b=c\",\"b\":null,\"n\":3,\"many\":null,\"ids\":[]}"},
        {"/query?a=%ff%e2%82x", "{\"a\":\"\xef\xbf\xbd\xef\xbf\xbdx\",\"b\":null,\"n\":3,\"many\":null,\"ids\":[]}"},
        {"/query?a=1&n=7&many=x&many=&ids=1&ids=2", "{\"a\":\"1\",\"b\":null,\"n\":7,\"many\":[\"x\",\"\"],\"ids\":[1,2]}"},
        {"/query?a=1&many[]=x", "{\"a\":\"1\",\"b\":null,\"n\":3,\"many\":null,\"ids\":[]}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_answer(get(rows[i].target), 200, rows[i].body);
}

static void every_wrong_parameter_is_told_at_once(void **state)
{
    (void)state;
    assert_answer(get("/query?n=0&ids=1&ids=x&ids=y"), 422,
                  "{\"detail\":[{\"type\":\"missing\",\"loc\":[\"query\",\"a\"],\"msg\":\"Field required\",\"input\":null},"
                  "{\"type\":\"greater_than_equal\",\"loc\":[\"query\",\"n\"],\"msg\":\"Input should be greater than or equal to 1\","
                  "\"input\":\"0\",\"ctx\":{\"ge\":1}},"
                  "{\"type\":\"int_parsing\",\"loc\":[\"query\",\"ids\",1],\"msg\":\"Input should be a valid integer, unable to parse "
                  "string as an integer\",\"input\":\"x\"},"
                  "{\"type\":\"int_parsing\",\"loc\":[\"query\",\"ids\",2],\"msg\":\"Input should be a valid integer, unable to parse "
                  "string as an integer\",\"input\":\"y\"}]}");
}

static void headers_and_cookies_are_read_as_starlette_reads_them(void **state)
{
    (void)state;
    static const struct {
        const char *headers, *body;
    } rows[] = {
        {"x-token: a\nx-token: b", "{\"token\":\"a\",\"plain\":null,\"many\":null,\"session\":null}"},
        {"x-token: a\nplain_name: p\nx-many: 1,2\nx-many: 3",
         "{\"token\":\"a\",\"plain\":\"p\",\"many\":[\"1,2\",\"3\"],\"session\":null}"},
        {"x-token: caf\xe9", "{\"token\":\"caf\xc3\xa9\",\"plain\":null,\"many\":null,\"session\":null}"},
        {"x-token: a\ncookie: session=1; session=2", "{\"token\":\"a\",\"plain\":null,\"many\":null,\"session\":\"2\"}"},
        {"x-token: a\ncookie: session=1\ncookie: other=x", "{\"token\":\"a\",\"plain\":null,\"many\":null,\"session\":\"1\"}"},
        {"x-token: a\ncookie: a=b;session = \"x\\\"\\054y\" ",
         "{\"token\":\"a\",\"plain\":null,\"many\":null,\"session\":\"x\\\",y\"}"},
        {"x-token: a\ncookie: session", "{\"token\":\"a\",\"plain\":null,\"many\":null,\"session\":null}"},
        {"x-token: a\ncookie: session=a=b", "{\"token\":\"a\",\"plain\":null,\"many\":null,\"session\":\"a=b\"}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_answer(ask("GET", "/headers", rows[i].headers, NULL), 200, rows[i].body);
    assert_answer(get("/headers"), 422,
                  "{\"detail\":[{\"type\":\"missing\",\"loc\":[\"header\",\"x-token\"],\"msg\":\"Field required\",\"input\":null}]}");
}

static void a_parameter_model_reads_its_members_each(void **state)
{
    (void)state;
    assert_answer(get("/filters?order=x&tags=a&tags=b"), 200, "{\"limit\":100,\"order\":\"x\",\"tags\":[\"a\",\"b\"]}");
    assert_answer(get("/filters?limit=5"), 422,
                  "{\"detail\":[{\"type\":\"missing\",\"loc\":[\"query\",\"order\"],\"msg\":\"Field required\","
                  "\"input\":{\"limit\":\"5\"}}]}");
    assert_answer(get("/filters?order=x&tool=1&tool=2"), 422,
                  "{\"detail\":[{\"type\":\"extra_forbidden\",\"loc\":[\"query\",\"tool\"],"
                  "\"msg\":\"Extra inputs are not permitted\",\"input\":[\"1\",\"2\"]}]}");
}

static void thousands_of_names_beside_a_parameter_model_are_told_apart_in_time(void **state)
{
    (void)state;
    static char target[120000];
    size_t len = (size_t)snprintf(target, sizeof target, "/filters?order=x");
    for (int i = 0; i < 15000; i++)
        len += (size_t)snprintf(target + len, sizeof target - len, "&k%d", i);
    uint64_t start = clock_monotonic();
    const answer *a = ask_within((size_t)32 << 20, "GET", target, NULL, NULL);
    assert_int_equal(a->status, 422);
    assert_non_null(strstr(a->body, "\"loc\":[\"query\",\"k0\"]"));
    assert_true(clock_monotonic() - start < 1000000000u);
}

static void a_parameter_model_that_may_be_absent_is_null_without_its_names(void **state)
{
    (void)state;
    assert_answer(ask("GET", "/common", "accept: */*", NULL), 200, "{\"kind\":null}");
    assert_answer(ask("GET", "/common", "x-kind: k", NULL), 200, "{\"kind\":\"k\"}");
    assert_answer(ask("GET", "/common", "x-more: m", NULL), 422,
                  "{\"detail\":[{\"type\":\"missing\",\"loc\":[\"header\",\"x-kind\"],\"msg\":\"Field required\","
                  "\"input\":{\"x_more\":\"m\"}}]}");
}

static void a_header_by_a_members_own_name_is_neither_the_member_nor_an_extra_one(void **state)
{
    (void)state;
    assert_answer(ask("GET", "/closed", "x-kind: k\nx_kind: other", NULL), 200, "{\"x_kind\":\"k\"}");
    assert_answer(ask("GET", "/closed", "x_kind: other", NULL), 422,
                  "{\"detail\":[{\"type\":\"missing\",\"loc\":[\"header\",\"x-kind\"],\"msg\":\"Field required\",\"input\":{}}]}");
    assert_answer(ask("GET", "/closed", "x-kind: k\ny_kind: other", NULL), 422,
                  "{\"detail\":[{\"type\":\"extra_forbidden\",\"loc\":[\"header\",\"y_kind\"],"
                  "\"msg\":\"Extra inputs are not permitted\",\"input\":\"other\"}]}");
    assert_answer(ask("GET", "/closed-or-none", "x_kind: other", NULL), 200, "false");
}

static void errors_come_by_path_query_header_cookie_body_whatever_the_rows_order(void **state)
{
    (void)state;
    const answer *a = ask("POST", "/order/x?q=y", "content-type: application/json\ncookie: c=z", "{\"limit\":0,\"order\":\"o\"}");
    assert_int_equal(a->status, 422);
    static const char *const order[] = {"[\"path\",\"p\"]", "[\"query\",\"q\"]", "[\"header\",\"last-header\"]",
                                        "[\"cookie\",\"c\"]", "[\"body\",\"limit\"]"};
    const char *at = a->body;
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        at = strstr(at, order[i]);
        assert_non_null(at);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(queries_are_read_as_starlette_reads_them),
        cmocka_unit_test(every_wrong_parameter_is_told_at_once),
        cmocka_unit_test(headers_and_cookies_are_read_as_starlette_reads_them),
        cmocka_unit_test(a_parameter_model_reads_its_members_each),
        cmocka_unit_test(thousands_of_names_beside_a_parameter_model_are_told_apart_in_time),
        cmocka_unit_test(a_parameter_model_that_may_be_absent_is_null_without_its_names),
        cmocka_unit_test(a_header_by_a_members_own_name_is_neither_the_member_nor_an_extra_one),
        cmocka_unit_test(errors_come_by_path_query_header_cookie_body_whatever_the_rows_order),
    };
    return cmocka_run_group_tests(tests, set_up, route_tear_down);
}
