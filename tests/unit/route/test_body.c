#include "fixture.h"

#include <stdio.h>

#define JSON_TYPE "content-type: application/json"

struct item {
    apus_str name;
    double price;
};
MODEL(item, SCHEMA("Item"), FIELD(name), FIELD(price));
struct user {
    apus_str login;
};
MODEL(user, SCHEMA("User"), FIELD(login));

struct one_in {
    struct item item;
};
MODEL(one_in, BODY(item, item));
static int one(apus_request *req, const struct one_in *in, struct item *out)
{
    (void)req;
    *out = in->item;
    return 0;
}

struct maybe_in {
    struct item *item;
};
MODEL(maybe_in, BODY(item, item));
static int maybe(apus_request *req, const struct maybe_in *in, apus_opt_str *out)
{
    (void)req;
    if (in->item)
        *out = apus_some(in->item->name);
    return 0;
}

struct embedded_in {
    struct item item;
};
MODEL(embedded_in, BODY(item, item, .embed = true));
static int embedded(apus_request *req, const struct embedded_in *in, struct item *out)
{
    (void)req;
    *out = in->item;
    return 0;
}

struct several_in {
    struct item item;
    struct user *user;
    int64_t importance;
};
MODEL(several_in, BODY(item, item), BODY(user, user), BODY_FIELD(importance, .gt = 0));
struct several_out {
    apus_str name;
    apus_opt_str login;
    int64_t importance;
};
MODEL(several_out, FIELD(name), FIELD(login), FIELD(importance));
static int several(apus_request *req, const struct several_in *in, struct several_out *out)
{
    (void)req;
    *out = (struct several_out){.name = in->item.name, .importance = in->importance};
    if (in->user)
        out->login = apus_some(in->user->login);
    return 0;
}

struct text_in {
    apus_str text;
};
MODEL(text_in, BODY_FIELD(text));
static int text(apus_request *req, const struct text_in *in, apus_str *out)
{
    (void)req;
    *out = in->text;
    return 0;
}

struct list_in {
    LISTOF(int64_t) numbers;
};
MODEL(list_in, BODY_LIST(numbers, int64_t));
static int sum(apus_request *req, const struct list_in *in, int64_t *out)
{
    (void)req;
    for (size_t i = 0; i < in->numbers.len; i++)
        *out += in->numbers.items[i];
    return 0;
}

struct place {
    int64_t row;
    int64_t seat;
};
MODEL(place, FIELD(row), FIELD(seat, .fallback = 1));
struct ticket {
    apus_str name;
    double price;
    struct place place;
};
MODEL(ticket, FIELD(name, .fallback_str = "guest"), FIELD(price, .fallback = 10.5), OBJECT(place, place, .fallback_json = "{\"row\": 3}"));
struct ticket_in {
    struct ticket ticket;
};
MODEL(ticket_in, BODY(ticket, ticket));
static int assigned(apus_request *req, const struct ticket_in *in, struct ticket *out)
{
    apus_assign(req, ticket_model, out, &in->ticket);
    return 0;
}

static int asked(apus_request *req, const struct ticket_in *in, apus_str *out)
{
    *out = apus_printf(req, "%d %d %d", apus_was_set(req, in, ticket), apus_was_set(req, &in->ticket, name),
                       apus_was_set(req, &in->ticket, price));
    return 0;
}

static int updated(apus_request *req, const struct ticket_in *in, struct ticket *out)
{
    if (apus_load(req, ticket_model, out, APUS_STR("{\"name\": \"stored\", \"place\": {\"row\": 7, \"seat\": 8}}")) < 0)
        return APUS_EINVAL;
    apus_update(req, ticket_model, out, &in->ticket);
    return 0;
}

ROUTES(bodies,
    POST("/assigned", assigned, ticket_in, ticket, .exclude_unset = true),
    POST("/asked", asked, ticket_in, apus_str),
    POST("/updated", updated, ticket_in, ticket, .exclude_unset = true),
    POST("/one", one, one_in, item),
    POST("/lenient", one, one_in, item, .operation_id = "lenient", .strict_content_type = APUS_OFF),
    POST("/maybe", maybe, maybe_in, apus_opt_str),
    POST("/embedded", embedded, embedded_in, item),
    POST("/several", several, several_in, several_out),
    POST("/text", text, text_in, apus_str),
    POST("/sum", sum, list_in, int64_t));
static const apus_app app = {.routes = bodies};

static int set_up(void **state)
{
    if (route_set_up(state) != 0)
        return -1;
    serve_app(&app);
    return 0;
}

#define GOOD "{\"name\":\"a\",\"price\":1.5}"
#define NOT_AN_OBJECT(input)                                                                                     \
    "{\"detail\":[{\"type\":\"model_attributes_type\",\"loc\":[\"body\"],\"msg\":\"Input should be a valid dictionary or " \
    "object to extract fields from\",\"input\":" input "}]}"
#define MISSING(loc) "{\"type\":\"missing\",\"loc\":" loc ",\"msg\":\"Field required\",\"input\":null}"

static void the_content_type_decides_whether_the_body_is_json(void **state)
{
    (void)state;
    static const struct {
        const char *type;
        bool json;
    } rows[] = {
        {"content-type: application/json", true},
        {"content-type: Application/JSON; charset=utf-8", true},
        {"content-type:  application/geo+json ", true},
        {"content-type: application/vnd.x+JSON;a=b", true},
        {"content-type: application/geo+json-seq", false},
        {"content-type: application/not-really-json", false},
        {"content-type: application/json/x", false},
        {"content-type: text/json", false},
        {"content-type: json", false},
        {NULL, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const answer *a = ask("POST", "/one", rows[i].type, GOOD);
        if (rows[i].json)
            assert_answer(a, 200, GOOD);
        else
            assert_answer(a, 422, NOT_AN_OBJECT("\"{\\\"name\\\":\\\"a\\\",\\\"price\\\":1.5}\""));
    }
    assert_answer(ask("POST", "/lenient", NULL, GOOD), 200, GOOD);
}

static void a_body_that_is_no_object_is_told_with_what_came(void **state)
{
    (void)state;
    assert_answer(ask("POST", "/one", JSON_TYPE, "null"), 422, NOT_AN_OBJECT("null"));
    assert_answer(ask("POST", "/one", JSON_TYPE, "[1, 2]"), 422, NOT_AN_OBJECT("[1,2]"));
    assert_answer(ask("POST", "/one", JSON_TYPE, NULL), 422, "{\"detail\":[" MISSING("[\"body\"]") "]}");
    assert_answer(ask("POST", "/one", "content-type: text/plain", "\xff\xfe"), 422, NOT_AN_OBJECT("\"\xef\xbf\xbd\xef\xbf\xbd\""));
}

static void broken_json_is_told_with_its_offset_before_anything_else(void **state)
{
    (void)state;
    assert_answer(ask("POST", "/one", JSON_TYPE, "{\"\xc3\xa9\": 1,}"), 422,
                  "{\"detail\":[{\"type\":\"json_invalid\",\"loc\":[\"body\",8],\"msg\":\"JSON decode error\",\"input\":{},"
                  "\"ctx\":{\"error\":\"Expecting property name enclosed in double quotes\"}}]}");
    assert_answer(ask("POST", "/one", JSON_TYPE, "{\"a\":\"\xff\"}"), 400, "{\"detail\":\"There was an error parsing the body\"}");
}

static void an_optional_body_may_be_absent_or_null(void **state)
{
    (void)state;
    assert_answer(ask("POST", "/maybe", NULL, NULL), 200, "null");
    assert_answer(ask("POST", "/maybe", JSON_TYPE, "null"), 200, "null");
    assert_answer(ask("POST", "/maybe", JSON_TYPE, GOOD), 200, "\"a\"");
}

static void an_embedded_body_is_under_its_name(void **state)
{
    (void)state;
    assert_answer(ask("POST", "/embedded", JSON_TYPE, "{\"item\":" GOOD "}"), 200, GOOD);
    assert_answer(ask("POST", "/embedded", JSON_TYPE, GOOD), 422, "{\"detail\":[" MISSING("[\"body\",\"item\"]") "]}");
}

static void several_bodies_are_one_object_with_their_names(void **state)
{
    (void)state;
    assert_answer(ask("POST", "/several", JSON_TYPE, "{\"item\":" GOOD ",\"importance\":2,\"user\":{\"login\":\"u\"}}"), 200,
                  "{\"name\":\"a\",\"login\":\"u\",\"importance\":2}");
    assert_answer(ask("POST", "/several", JSON_TYPE, "{\"item\":" GOOD ",\"importance\":2,\"user\":null}"), 200,
                  "{\"name\":\"a\",\"login\":null,\"importance\":2}");
    assert_answer(ask("POST", "/several", JSON_TYPE, NULL), 422,
                  "{\"detail\":[" MISSING("[\"body\",\"item\"]") "," MISSING("[\"body\",\"importance\"]") "]}");
    assert_answer(ask("POST", "/several", JSON_TYPE, "[]"), 422,
                  "{\"detail\":[" MISSING("[\"body\",\"item\"]") "," MISSING("[\"body\",\"user\"]") "," MISSING(
                      "[\"body\",\"importance\"]") "]}");
}

static void single_values_and_lists_can_be_bodies(void **state)
{
    (void)state;
    assert_answer(ask("POST", "/text", JSON_TYPE, "\"x\""), 200, "\"x\"");
    assert_answer(ask("POST", "/text", "content-type: text/plain", "x"), 200, "\"x\"");
    assert_answer(ask("POST", "/sum", JSON_TYPE, "[1,\"2\",3.0]"), 200, "6");
    assert_answer(ask("POST", "/sum", "content-type: text/plain", "[1]"), 422,
                  "{\"detail\":[{\"type\":\"list_type\",\"loc\":[\"body\"],\"msg\":\"Input should be a valid list\",\"input\":\"[1]\"}]}");
}

static int on_invalid(apus_request *req, const void *value)
{
    (void)value;
    return http_json_text(req, 400, http_body_json(req).text);
}

static void a_handler_of_validation_can_show_the_body_whatever_it_is(void **state)
{
    (void)state;
    serve_app(&(apus_app){.routes = bodies, .exception_handlers = HANDLERS({.validation = true, .run = on_invalid})});
    assert_answer(ask("POST", "/one", JSON_TYPE, " {\"name\": [1.50, \"\\u00e9\"]} "), 400, "{\"name\":[1.5,\"\xc3\xa9\"]}");
    assert_answer(ask("POST", "/one", JSON_TYPE, "{\"name\": "), 400, "\"{\\\"name\\\": \"");
    assert_answer(ask("POST", "/one", "content-type: text/plain", "a\xff"), 400, "\"a\xef\xbf\xbd\"");
    assert_answer(ask("POST", "/one", JSON_TYPE, NULL), 400, "null");
    serve_app(&app);
}

static void a_copy_of_what_came_in_knows_what_was_sent(void **state)
{
    (void)state;
    assert_answer(ask("POST", "/assigned", JSON_TYPE, "{\"price\":10.5}"), 200, "{\"price\":10.5}");
    assert_answer(ask("POST", "/assigned", JSON_TYPE, "{\"place\":{\"row\":1}}"), 200, "{\"place\":{\"row\":1}}");
    assert_answer(ask("POST", "/assigned", JSON_TYPE, "{\"name\":\"a\",\"place\":{\"seat\":1,\"row\":2}}"), 200,
                  "{\"name\":\"a\",\"place\":{\"row\":2,\"seat\":1}}");
    assert_answer(ask("POST", "/assigned", JSON_TYPE, "{}"), 200, "{}");
}

static void an_object_and_its_first_member_are_not_taken_for_each_other(void **state)
{
    (void)state;
    assert_answer(ask("POST", "/asked", JSON_TYPE, "{\"price\":10.5}"), 200, "\"1 0 1\"");
    assert_answer(ask("POST", "/asked", JSON_TYPE, "{\"name\":\"a\"}"), 200, "\"1 1 0\"");
}

static void an_updated_object_knows_what_was_sent_before_and_now(void **state)
{
    (void)state;
    assert_answer(ask("POST", "/updated", JSON_TYPE, "{\"price\":10.5}"), 200,
                  "{\"name\":\"stored\",\"price\":10.5,\"place\":{\"row\":7,\"seat\":8}}");
    assert_answer(ask("POST", "/updated", JSON_TYPE, "{\"place\":{\"row\":1}}"), 200,
                  "{\"name\":\"stored\",\"place\":{\"row\":1}}");
}

static void a_body_that_needs_more_memory_than_the_request_may_have_is_413(void **state)
{
    (void)state;
    static char body[200000];
    size_t len = 1;
    body[0] = '[';
    while (len < sizeof body - 4)
        len += (size_t)snprintf(body + len, 4, "1,");
    strcpy(body + len, "1]");
    assert_answer(ask("POST", "/sum", JSON_TYPE, "[1,2]"), 200, "3");
    assert_answer(ask_within(100000, "POST", "/sum", JSON_TYPE, body), 413, "{\"detail\":\"Content Too Large\"}");
    assert_answer(ask_within((size_t)32 << 20, "POST", "/sum", JSON_TYPE, body), 200, "99999");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_content_type_decides_whether_the_body_is_json),
        cmocka_unit_test(a_body_that_is_no_object_is_told_with_what_came),
        cmocka_unit_test(broken_json_is_told_with_its_offset_before_anything_else),
        cmocka_unit_test(an_optional_body_may_be_absent_or_null),
        cmocka_unit_test(an_embedded_body_is_under_its_name),
        cmocka_unit_test(several_bodies_are_one_object_with_their_names),
        cmocka_unit_test(single_values_and_lists_can_be_bodies),
        cmocka_unit_test(a_handler_of_validation_can_show_the_body_whatever_it_is),
        cmocka_unit_test(a_copy_of_what_came_in_knows_what_was_sent),
        cmocka_unit_test(an_object_and_its_first_member_are_not_taken_for_each_other),
        cmocka_unit_test(an_updated_object_knows_what_was_sent_before_and_now),
        cmocka_unit_test(a_body_that_needs_more_memory_than_the_request_may_have_is_413),
    };
    return cmocka_run_group_tests(tests, set_up, route_tear_down);
}
