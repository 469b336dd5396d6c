/* Holds us to the document that FastAPI makes of the same application: fastapi.json, made by record.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "core/limits.h"
#include "openapi/openapi.h"

enum color { RED, GREEN };
ENUM_TYPE(color, "Color", VALUE(RED, "red"), VALUE(GREEN, "green"));
enum mood { GOOD, BAD };
ENUM_TYPE(mood, NULL, VALUE(GOOD, "good"), VALUE(BAD, "bad"));
enum only { ONE };
ENUM_TYPE(only, NULL, VALUE(ONE, "one"));

struct size {
    double width;
    apus_opt_double height;
};
MODEL(size, SCHEMA("Size", .forbid_extra = true), FIELD(width, .gt = 0), FIELD(height));

struct item {
    apus_str name;
    double price;
    int64_t count;
    enum color color;
    apus_opt_enum other_color;
    struct size size;
    struct size *box;
    LISTOF(apus_str) tags;
    LISTOF(struct size) parts;
    DICTOF(int64_t, double) weights;
    DICTOF(apus_uuid, struct size) by_id;
    apus_json anything;
    apus_uuid id;
    apus_opt_datetime at;
    bool active;
    apus_opt_str old;
    int64_t renamed;
    apus_str noted;
};
MODEL(item, SCHEMA("Item", .doc = "What is sold."),
    FIELD(name, .min_length = 1, .max_length = 80, .pattern = "^[a-z]+$", .title = "The name", .doc = "Unique",
        .examples_json = "[\"a\", \"b\"]"),
    FIELD(price, .gt = 0, .le = 1000.5L, .multiple_of = 0.5L),
    FIELD(count, .fallback = 1, .ge = 0, .lt = 10),
    ENUM(color, color, .fallback = RED),
    ENUM(other_color, color),
    OBJECT(size, size),
    OBJECT(box, size),
    LIST(tags, apus_str, .fallback_json = "[]", .min_length = 0, .max_length = 5),
    LIST(parts, size, .nullable = true),
    DICT(weights, int64_t, double, .nullable = true),
    DICT(by_id, apus_uuid, size),
    FIELD(anything),
    FIELD(id),
    FIELD(at),
    FIELD(active, .fallback = true),
    FIELD(old, .deprecated = true),
    FIELD(renamed, .alias = "some-name"),
    FIELD(noted, .fallback_str = "x", .schema_extra_json = "{\"x-note\": [1, {\"a\": 2}]}"));

struct user {
    apus_str login;
    struct user *parent;
};
DECLARE_MODEL(user);
MODEL(user, SCHEMA("User"), FIELD(login), OBJECT(parent, user));

struct message {
    apus_str detail;
};
MODEL(message, SCHEMA("Message"), FIELD(detail));

struct filters {
    int64_t limit;
    enum color order_by;
    LISTOF(apus_str) tags;
};
MODEL(filters, SCHEMA("Filters", .forbid_extra = true),
    FIELD(limit, .fallback = 100, .gt = 0, .le = 100),
    ENUM(order_by, color, .fallback = GREEN),
    LIST(tags, apus_str, .fallback_json = "[]"));

struct common_headers {
    bool save_data;
    apus_opt_str if_modified_since;
    LISTOF(apus_str) x_tag;
};
MODEL(common_headers, FIELD(save_data), FIELD(if_modified_since), LIST(x_tag, apus_str, .fallback_json = "[]"));

struct square_in {
    double side;
};
MODEL(square_in, SCHEMA("Square"), FIELD(side));
struct square {
    double side, area;
};
MODEL(square, SCHEMA("Square"),
    FIELD(side), FIELD(area, .schema_extra_json = "{\"readOnly\": true}"));
struct drawing_in {
    LISTOF(struct square_in) squares;
};
MODEL(drawing_in, SCHEMA("Drawing"), LIST(squares, square_in));
struct drawing {
    LISTOF(struct square) squares;
};
MODEL(drawing, SCHEMA("Drawing"), LIST(squares, square));

/* Handlers that nobody calls: only the tables count here. */
#define HANDLER(name, IN, OUT)                                              \
    static int name(apus_request *req, const IN *in, OUT *out)              \
    {                                                                       \
        (void)req, (void)in, (void)out;                                     \
        return 0;                                                           \
    }                                                                       \
    _Static_assert(1, "")

struct paging_in {
    int64_t limit;
    apus_opt_str q;
};
MODEL(paging_in, QUERY(limit, .fallback = 10), QUERY(q));
HANDLER(paging, struct paging_in, int64_t);
DEPENDENCY(paging, paging_in, int64_t);
struct strict_paging_in {
    apus_str q;
    int64_t limit;
};
MODEL(strict_paging_in, QUERY(q), DEPENDS(limit, paging));
HANDLER(strict_paging, struct strict_paging_in, int64_t);
DEPENDENCY(strict_paging, strict_paging_in, int64_t);

struct create_item_in {
    struct item item;
};
MODEL(create_item_in, BODY(item, item));
HANDLER(create_item, struct create_item_in, struct item);

struct replace_item_in {
    int64_t item_id;
    struct item item;
    int64_t importance;
    struct user *user;
    apus_opt_str q;
};
MODEL(replace_item_in,
    PATH(item_id, .ge = 1, .title = "The item", .doc = "Which"),
    BODY(item, item),
    BODY_FIELD(importance, .gt = 0),
    BODY(user, user),
    QUERY(q));
HANDLER(replace_item, struct replace_item_in, apus_none);

struct list_items_in {
    apus_str needy;
    LISTOF(apus_str) x_token;
    apus_opt_str session;
    int64_t skip;
    double share;
    enum color color;
    apus_opt_enum other;
    LISTOF(int64_t) ids;
    apus_str secret;
    apus_opt_str old;
    apus_opt_datetime since;
    bool flag;
};
MODEL(list_items_in,
    QUERY(needy),
    HEADER_LIST(x_token, apus_str, .nullable = true),
    COOKIE(session),
    QUERY(skip, .multiple_of = 5, .fallback = 0),
    QUERY(share, .ge = 0, .lt = 1.5L, .fallback = 0.25L),
    QUERY_ENUM(color, color, .fallback = GREEN),
    QUERY_ENUM(other, color),
    QUERY_LIST(ids, int64_t, .min_length = 2, .alias = "item-id", .fallback_json = "[1, 2]"),
    QUERY(secret, .hidden = true, .fallback_str = ""),
    QUERY(old, .deprecated = true, .doc = "Do not", .examples_json = "[\"x\"]"),
    QUERY(since),
    QUERY(flag, .fallback = true));
struct item_list {
    LISTOF(struct item) items;
};
MODEL(item_list, ROOT_LIST(items, item));
HANDLER(list_items, struct list_items_in, struct item_list);

struct filtered_in {
    struct filters filters;
    struct common_headers headers;
};
MODEL(filtered_in, QUERY_MODEL(filters, filters), HEADER_MODEL(headers, common_headers));
struct size_dict {
    DICTOF(apus_str, struct size) sizes;
};
MODEL(size_dict, ROOT_DICT(sizes, apus_str, size));
HANDLER(filtered, struct filtered_in, struct size_dict);

HANDLER(text, apus_none, apus_str);
HANDLER(page, apus_none, apus_str);
HANDLER(extra, apus_none, apus_none);

struct item_id_in {
    int64_t item_id;
};
MODEL(item_id_in, PATH(item_id));
HANDLER(delete_item, struct item_id_in, apus_none);

struct hidden_in {
    int64_t q;
};
MODEL(hidden_in, QUERY(q));
HANDLER(hidden, struct hidden_in, apus_none);

struct embedded_in {
    struct size item;
};
MODEL(embedded_in, BODY(item, size, .embed = true));
struct maybe_user {
    struct user *user;
};
MODEL(maybe_user, OBJECT(user, user, .root = true));
HANDLER(embedded, struct embedded_in, struct maybe_user);

struct maybe_in {
    struct size *item;
};
MODEL(maybe_in, BODY(item, size));
HANDLER(maybe, struct maybe_in, apus_none);

struct list_body_in {
    LISTOF(struct size) sizes;
};
MODEL(list_body_in, BODY_LIST(sizes, size));
HANDLER(list_body, struct list_body_in, apus_none);

struct dict_body_in {
    DICTOF(apus_str, int64_t) weights;
};
MODEL(dict_body_in, BODY_DICT(weights, apus_str, int64_t, .doc = "By name"));
HANDLER(dict_body, struct dict_body_in, apus_none);

struct paged_in {
    apus_str name;
    int64_t limit, again;
};
MODEL(paged_in, PATH(name), DEPENDS(limit, strict_paging), DEPENDS(again, paging));
HANDLER(paged, struct paged_in, apus_none);

struct draw_in {
    struct drawing_in drawing;
};
MODEL(draw_in, BODY(drawing, drawing_in));
HANDLER(draw, struct draw_in, struct drawing);

struct tagging {
    enum mood mood;
    enum only only;
    LISTOF(enum color) colors;
    LISTOF(enum mood) moods;
    DICTOF(enum color, enum mood) by_color;
    DICTOF(enum mood, enum color) by_mood;
    DICTOF(enum only, int64_t) by_only;
};
MODEL(tagging, SCHEMA("Tagging"),
    ENUM(mood, mood, .fallback = GOOD),
    ENUM(only, only),
    LIST(colors, color, .fallback_json = "[]"),
    LIST(moods, mood, .nullable = true),
    DICT(by_color, color, mood),
    DICT(by_mood, mood, color),
    DICT(by_only, only, int64_t));
struct tag_in {
    struct tagging tagging;
    enum mood mood;
    LISTOF(enum color) colors;
    LISTOF(enum mood) moods;
    apus_opt_enum only;
};
MODEL(tag_in,
    BODY(tagging, tagging),
    QUERY_ENUM(mood, mood),
    QUERY_LIST(colors, color),
    QUERY_LIST(moods, mood, .fallback_json = "[\"bad\"]"),
    QUERY_ENUM(only, only));
struct color_list {
    LISTOF(enum color) colors;
};
MODEL(color_list, ROOT_LIST(colors, color));
HANDLER(tag, struct tag_in, struct color_list);

struct login_in {
    apus_str login;
};
MODEL(login_in, PATH(login));
HANDLER(read_user, struct login_in, struct user);

ROUTES(shop,
    POST("/items/", create_item, create_item_in, item,
        .status = 201,
        .tags = TAGS("items", "new"),
        .responses = RESPONSES({404, "Gone", message_model}, {409, "Known"}),
        .response_description = "The item as it is kept",
        .description = "Keeps an item."),
    PUT("/items/{item_id}", replace_item, replace_item_in, apus_none, .summary = "Replace", .operation_id = "replace_it"),
    GET("/items/", list_items, list_items_in, item_list),
    GET("/filtered", filtered, filtered_in, size_dict),
    GET("/text", text, apus_none, apus_str),
    DELETE("/items/{item_id}", delete_item, item_id_in, apus_none, .status = 204, .deprecated = true),
    GET("/page", page, apus_none, apus_str, .media_type = "text/html; charset=utf-8"),
    GET("/hidden", hidden, hidden_in, apus_none, .hidden = true),
    GET("/extra", extra, apus_none, apus_none, .tags = TAGS("first"),
        .openapi_extra_json = "{\"x-one\": 1, \"responses\": {\"200\": {\"x-two\": 2}}, \"tags\": [\"more\"]}"),
    POST("/embedded", embedded, embedded_in, maybe_user),
    PATCH("/maybe", maybe, maybe_in, apus_none),
    POST("/list", list_body, list_body_in, apus_none),
    POST("/dict", dict_body, dict_body_in, apus_none),
    GET("/paged/{name:path}", paged, paged_in, apus_none),
    POST("/drawings", draw, draw_in, drawing),
    POST("/tagged", tag, tag_in, color_list));
ROUTES(people,
    GET("/users/{login}", read_user, login_in, user, .responses = RESPONSES({404, "No such user"})));

static arena memory;

static int set_up(void **state)
{
    (void)state;
    arena_init(&memory, NULL, (size_t)64 << 20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_reset(&memory);
    return 0;
}

static json_value *parse(apus_str text)
{
    json_value *value = NULL;
    json_error wrong;
    assert_int_equal(json_read(&memory, text, LIMIT_MODEL_DEPTH, &value, &wrong), JSON_OK);
    return value;
}

/* The document of an application; `*error` tells why there is none. */
static json_value *document_of(const apus_app *app, const char **error)
{
    static char words[512];
    words[0] = '\0';
    *error = words;
    router *r = router_build(app, openapi_routes(app, NULL), NULL, words, sizeof words);
    assert_string_equal(words, "");
    bool built = openapi_build(r, words, sizeof words);
    router_free(r);
    return built ? parse(openapi_document()) : NULL;
}

static apus_str text_of(const json_value *v)
{
    buffer b;
    buffer_init(&b, &memory, 256, (size_t)1 << 20);
    json_write_value(&b, v, JSON_PYTHON);
    return buffer_str(&b);
}

static bool is_number(const json_value *v)
{
    json_type type = json_type_of(v);
    return type == JSON_INT || type == JSON_DOUBLE;
}

/* Compares by value: the order of members does not count, and 1 is 1.0. `at` is the way to the values. */
static void compare(const char *at, const json_value *ours, const json_value *theirs)
{
    char deeper[512];
    if (is_number(ours) && is_number(theirs) && json_double(ours) >= json_double(theirs) && json_double(ours) <= json_double(theirs))
        return;
    json_type type = json_type_of(theirs);
    if (json_type_of(ours) != type || json_count(ours) != json_count(theirs))
        fail_msg("%s: %.*s, FastAPI: %.*s", at, APUS_ARG(text_of(ours)), APUS_ARG(text_of(theirs)));
    json_iterator mine = json_iterate(ours), its = json_iterate(theirs);
    apus_str key = {NULL, 0};
    size_t i = 0;
    if (type != JSON_OBJECT && type != JSON_ARRAY) {
        if (!apus_str_eq(text_of(ours), text_of(theirs)))
            fail_msg("%s: %.*s, FastAPI: %.*s", at, APUS_ARG(text_of(ours)), APUS_ARG(text_of(theirs)));
        return;
    }
    for (json_value *value = json_next(&its, &key); value; value = json_next(&its, &key), i++) {
        const json_value *own = type == JSON_OBJECT ? json_get(ours, key) : json_next(&mine, NULL);
        if (type == JSON_OBJECT)
            snprintf(deeper, sizeof deeper, "%s/%.*s", at, APUS_ARG(key));
        else
            snprintf(deeper, sizeof deeper, "%s/%zu", at, i);
        if (!own)
            fail_msg("%s is missing: %.*s", deeper, APUS_ARG(text_of(value)));
        compare(deeper, own, value);
    }
}

static apus_str recorded(void)
{
    static char text[1 << 17];
    char path[512];
    snprintf(path, sizeof path, "%.*s/fastapi.json", (int)(strrchr(__FILE__, '/') - __FILE__), __FILE__);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t len = fread(text, 1, sizeof text, file);
    fclose(file);
    assert_true(len > 0 && len < sizeof text);
    return (apus_str){text, len};
}

static void the_document_is_fastapis(void **state)
{
    (void)state;
    const char *error;
    json_value *ours = document_of(
        &(apus_app){
            .title = "Shop",
            .version = "1.2.3",
            .summary = "All of it",
            .description = "Sells <things>",
            .routes = shop,
            .routers = ROUTERS({people,
                                .prefix = "/v1",
                                .tags = TAGS("v1", "router"),
                                .deprecated = true,
                                .responses = RESPONSES({404, "Not found"}, {418, NULL, message_model})}),
        },
        &error);
    assert_string_equal(error, "");
    compare("", ours, parse(recorded()));
}

ROUTES(bare, GET("/", extra, apus_none, apus_none));

static void an_application_without_words_is_called_fastapi(void **state)
{
    (void)state;
    const char *error;
    json_value *ours = document_of(&(apus_app){.routes = bare, .root_path = "/api/v1/"}, &error);
    static const char expected[] =
        "{\"openapi\":\"3.1.0\",\"info\":{\"title\":\"FastAPI\",\"version\":\"0.1.0\"},\"servers\":[{\"url\":\"/api/v1\"}],"
        "\"paths\":{\"/\":{\"get\":{\"summary\":\"Extra\",\"operationId\":\"extra__get\",\"responses\":{\"200\":{\"description\":"
        "\"Successful Response\",\"content\":{\"application/json\":{\"schema\":{}}}}}}}}}";
    compare("", ours, parse(apus_cstr(expected)));
}

struct other_size {
    apus_str label;
};
MODEL(other_size, SCHEMA("Size"), FIELD(label));
struct same_size {
    double width;
    apus_opt_double height;
};
MODEL(same_size, SCHEMA("Size", .forbid_extra = true), FIELD(width, .gt = 0), FIELD(height));
HANDLER(give_size, apus_none, struct size);
HANDLER(give_other, apus_none, struct other_size);
HANDLER(give_same, apus_none, struct same_size);
ROUTES(clash, GET("/a", give_size, apus_none, size), GET("/b", give_other, apus_none, other_size));
ROUTES(no_clash, GET("/a", give_size, apus_none, size), GET("/b", give_same, apus_none, same_size));

static void two_models_of_one_name_are_refused_unless_they_are_equal(void **state)
{
    (void)state;
    const char *error;
    assert_null(document_of(&(apus_app){.routes = clash}, &error));
    assert_string_equal(error, "two models or enums that differ are called Size in the OpenAPI document; name one of them in its "
                               "SCHEMA row");
    assert_non_null(document_of(&(apus_app){.routes = no_clash}, &error));
}

ROUTES(wrong_extra, GET("/a", text, apus_none, apus_str, .openapi_extra_json = "{\"a\": }"));

static void wrong_json_in_a_table_is_refused(void **state)
{
    (void)state;
    const char *error;
    assert_null(document_of(&(apus_app){.routes = wrong_extra}, &error));
    assert_string_equal(error, "GET /a: .openapi_extra_json is no JSON object: Expecting value");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_document_is_fastapis, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_application_without_words_is_called_fastapi, set_up, tear_down),
        cmocka_unit_test_setup_teardown(two_models_of_one_name_are_refused_unless_they_are_equal, set_up, tear_down),
        cmocka_unit_test_setup_teardown(wrong_json_in_a_table_is_refused, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
