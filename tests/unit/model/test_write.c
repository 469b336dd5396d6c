#include "model/fixture.h"

#include <math.h>
#include <stdlib.h>

#include "core/limits.h"
#include "model/cases.h"

struct outgoing {
    apus_str name;
    apus_opt_int opt;
    apus_str maybe;
    struct plain_sub *pointer;
    LISTOF(apus_str) tags;
    LISTOF(int64_t) nullable;
    int64_t number;
    apus_json raw;
};
MODEL(outgoing, FIELD(name), FIELD(opt), FIELD(maybe, .optional = true), OBJECT(pointer, plain_sub),
    LIST(tags, apus_str, .fallback_json = "[\"a\",\"b\"]"), LIST(nullable, int64_t, .nullable = true), FIELD(number, .fallback = 5),
    FIELD(raw, .nullable = true));

struct omitting {
    apus_opt_int unset;
    apus_opt_int null;
    apus_str text;
};
MODEL(omitting, FIELD(unset, .omit = WHEN_UNSET), FIELD(null, .omit = WHEN_NULL), FIELD(text, .optional = true, .omit = WHEN_NULL));

struct numbers {
    LISTOF(double) items;
};
MODEL(numbers, ROOT_LIST(items, double));

struct moments {
    LISTOF(apus_datetime) items;
};
MODEL(moments, ROOT_LIST(items, apus_datetime));

struct colored {
    enum color plain;
    apus_opt_enum opt;
};
MODEL(colored, ENUM(plain, color), ENUM(opt, color));

static int compile_all(void **state)
{
    (void)state;
    compile_rich();
    const apus_model *models[] = {outgoing_model(), omitting_model(), numbers_model(), moments_model(), colored_model()};
    char error[400] = "";
    for (size_t i = 0; i < sizeof models / sizeof *models; i++)
        if (!model_compile(models[i], error, sizeof error))
            print_error("%s\n", error);
    return *error != '\0';
}

#define WRITTEN(model, value, ...) written(model, value, (model_write_options){__VA_ARGS__})

static void zeroed_memory_is_a_valid_value(void **state)
{
    (void)state;
    struct outgoing out;
    memset(&out, 0, sizeof out);
    assert_json(WRITTEN(outgoing_model(), &out, .exclude_none = false),
                "{'name':'','opt':null,'maybe':null,'pointer':null,'tags':[],'nullable':null,'number':0,'raw':null}");
    assert_json(WRITTEN(outgoing_model(), &out, .exclude_none = true), "{'name':'','tags':[],'number':0}");
}

static void a_list_that_a_handler_fills_needs_no_presence(void **state)
{
    (void)state;
    int64_t items[] = {1, 2};
    struct outgoing out = {.nullable = {.items = items, .len = 2}, .number = 1};
    assert_json(WRITTEN(outgoing_model(), &out, .exclude_none = true),
                "{'name':'','tags':[],'nullable':[1,2],'number':1}");
}

static void defaults_can_be_left_out(void **state)
{
    (void)state;
    apus_str tags[] = {APUS_STR("a"), APUS_STR("b")};
    struct outgoing out = {.name = APUS_STR(""), .tags = {.items = tags, .len = 2}, .number = 5};
    assert_json(WRITTEN(outgoing_model(), &out, .exclude_defaults = true), "{'name':''}");
    out.tags.len = 1;
    out.number = 6;
    out.raw = APUS_JSON("{}");
    assert_json(WRITTEN(outgoing_model(), &out, .exclude_defaults = true),
                "{'name':'','tags':['a'],'number':6,'raw':{}}");
}

static void what_was_not_sent_can_be_left_out(void **state)
{
    (void)state;
    struct outgoing in;
    assert_true(read_text(outgoing_model(), "{'name':'n','number':5,'opt':null,'tags':['a','b']}", &in));
    assert_json(WRITTEN(outgoing_model(), &in, .exclude_unset = true, .reader = &test_reader),
                "{'name':'n','opt':null,'tags':['a','b'],'number':5}");
    in.maybe = APUS_STR("set by the handler");
    assert_json(WRITTEN(outgoing_model(), &in, .exclude_unset = true, .reader = &test_reader),
                "{'name':'n','opt':null,'maybe':'set by the handler','tags':['a','b'],'number':5}");
}

static void of_a_value_that_did_not_come_in_plain_members_count_as_set(void **state)
{
    (void)state;
    struct outgoing out;
    memset(&out, 0, sizeof out);
    assert_json(WRITTEN(outgoing_model(), &out, .exclude_unset = true, .reader = &test_reader),
                "{'name':'','maybe':null,'tags':[],'number':0,'raw':null}");
}

static void rows_say_when_a_member_is_omitted(void **state)
{
    (void)state;
    struct omitting out = {.null = {.is = APUS_NULL}};
    assert_json(WRITTEN(omitting_model(), &out, .exclude_none = false), "{}");
    out = (struct omitting){.unset = {.is = APUS_NULL}, .null = APUS_SOME(1), .text = APUS_STR("t")};
    assert_json(WRITTEN(omitting_model(), &out, .exclude_none = false), "{'unset':null,'null':1,'text':'t'}");
}

static void numbers_are_spelt_as_pydantic_and_as_python_do(void **state)
{
    (void)state;
    double values[] = {1, 0.1, 1e-7, 1e-5, 1e16, 1.5e16, 1e100, -0.0, 123456789012345680.0, NAN, INFINITY};
    struct numbers out = {.items = {.items = values, .len = sizeof values / sizeof *values}};
    assert_json(WRITTEN(numbers_model(), &out, .style = JSON_PYDANTIC),
                "[1.0,0.1,1e-7,0.00001,1e+16,1.5e+16,1e+100,-0.0,1.2345678901234568e+17,null,null]");
    out.items.len -= 2;
    assert_json(WRITTEN(numbers_model(), &out, .style = JSON_PYTHON),
                "[1.0,0.1,1e-07,1e-05,1e+16,1.5e+16,1e+100,-0.0,1.2345678901234568e+17]");
}

static void moments_are_spelt_as_pydantic_and_as_python_do(void **state)
{
    (void)state;
    apus_datetime values[] = {
        {0, 0}, {0, APUS_NAIVE}, {1704164645123456, 19800}, {-1, -3600}, {-62135596800000000, APUS_NAIVE}, {253402300799999999, 0},
    };
    struct moments out = {.items = {.items = values, .len = sizeof values / sizeof *values}};
    assert_json(WRITTEN(moments_model(), &out, .style = JSON_PYDANTIC),
                "['1970-01-01T00:00:00Z','1970-01-01T00:00:00','2024-01-02T08:34:05.123456+05:30',"
                "'1969-12-31T22:59:59.999999-01:00','0001-01-01T00:00:00','9999-12-31T23:59:59.999999Z']");
    out.items.len = 2;
    assert_json(WRITTEN(moments_model(), &out, .style = JSON_PYTHON),
                "['1970-01-01T00:00:00+00:00','1970-01-01T00:00:00']");
}

static void a_value_that_breaks_its_own_table_is_refused(void **state)
{
    (void)state;
    struct outgoing out = {.name = {"\xff", 1}};
    assert_json(WRITTEN(outgoing_model(), &out, .exclude_none = false),
                "refused: model outgoing, field name: the text is not UTF-8");
    struct colored colored = {.plain = (enum color)9};
    assert_json(WRITTEN(colored_model(), &colored, .exclude_none = false),
                "refused: model colored, field plain: 9 is no constant of its ENUM_TYPE");
    colored = (struct colored){COLOR_BLUE, {APUS_SET, -1}};
    assert_json(WRITTEN(colored_model(), &colored, .exclude_none = false),
                "refused: model colored, field opt: -1 is no constant of its ENUM_TYPE");
    out = (struct outgoing){.tags = {.is = APUS_NULL}};
    assert_json(WRITTEN(outgoing_model(), &out, .exclude_none = false),
                "refused: model outgoing, field tags: it is null, and its row is not .nullable");
    apus_datetime moment = {INT64_MAX, 0};
    struct moments moments = {.items = {.items = &moment, .len = 1}};
    assert_memory_equal(WRITTEN(moments_model(), &moments, .style = JSON_PYDANTIC), "refused: model apus_datetime", 28);
    moment = (apus_datetime){0, 86400};
    assert_memory_equal(WRITTEN(moments_model(), &moments, .style = JSON_PYDANTIC), "refused: model apus_datetime", 28);
}

static void a_circle_of_pointers_is_refused(void **state)
{
    (void)state;
    struct tree tree = {.name = APUS_STR("t")};
    tree.left = &tree;
    assert_json(WRITTEN(tree_model(), &tree, .exclude_none = false), "refused: model tree, field left: it is nested more than 64 deep");
}

static void a_buffer_that_is_full_is_told_from_a_wrong_value(void **state)
{
    (void)state;
    struct outgoing out;
    memset(&out, 0, sizeof out);
    buffer b;
    buffer_init(&b, &test_memory, 8, 16);
    assert_int_equal(model_write_json(&b, outgoing_model(), &out, NULL), APUS_ETOOLARGE);
}

static void what_is_written_is_read_back_equal(void **state)
{
    (void)state;
    struct rich out, again;
    assert_true(read_text(rich_model(),
                          "{'s':'a1','sw':'a@example.com','f':0.1,'any':{'x':[1.0,1e-7]},'dd':{'1':2},"
                          "'du':{'00000000-0000-0000-0000-00000000000a':"
                          "true},'lo':[null,1.5],'tree':{'name':'\\u0000\\'é😀','children':[{'name':''}]},'oc':'blue',"
                          "'od':'2024-02-29T23:59:59.5-11:30','ob':false,'os':null,'c2':'b'}",
                          &out));
    const char *first = WRITTEN(rich_model(), &out, .exclude_none = false);
    assert_true(read_text(rich_model(), first, &again));
    assert_json(WRITTEN(rich_model(), &again, .exclude_none = false), first);
}

static void texts_of_scalars_are_parsed_and_formatted(void **state)
{
    (void)state;
    int64_t integer;
    double number;
    bool flag;
    apus_uuid uuid;
    apus_datetime moment;
    char text[40];
    assert_true(model_parse_int(APUS_STR(" -9223372036854775808 "), &integer) && integer == INT64_MIN);
    assert_false(model_parse_int(APUS_STR("9223372036854775808"), &integer));
    assert_true(model_parse_double(APUS_STR("-1_0.5e1"), &number) && number == -105);
    assert_true(model_parse_double(APUS_STR("-Infinity"), &number) && isinf(number));
    assert_true(model_parse_bool(APUS_STR("oFf"), &flag) && !flag);
    assert_true(model_parse_uuid(APUS_STR("urn:uuid:ABCDEF00-0000-4000-8000-00000000000a"), &uuid));
    assert_int_equal(model_format_uuid(&uuid, text), 36);
    assert_memory_equal(text, "abcdef00-0000-4000-8000-00000000000a", 36);
    assert_true(model_parse_datetime(APUS_STR("2024-01-02 03:04:05.123456-05:30"), &moment));
    size_t len = model_format_datetime(&moment, JSON_PYTHON, text);
    assert_int_equal(len, 32);
    assert_memory_equal(text, "2024-01-02T03:04:05.123456-05:30", 32);
    assert_false(model_parse_datetime(APUS_STR("1704164645"), &moment));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(zeroed_memory_is_a_valid_value),
        TEST(a_list_that_a_handler_fills_needs_no_presence),
        TEST(defaults_can_be_left_out),
        TEST(what_was_not_sent_can_be_left_out),
        TEST(of_a_value_that_did_not_come_in_plain_members_count_as_set),
        TEST(rows_say_when_a_member_is_omitted),
        TEST(numbers_are_spelt_as_pydantic_and_as_python_do),
        TEST(moments_are_spelt_as_pydantic_and_as_python_do),
        TEST(a_value_that_breaks_its_own_table_is_refused),
        TEST(a_circle_of_pointers_is_refused),
        TEST(a_buffer_that_is_full_is_told_from_a_wrong_value),
        TEST(what_is_written_is_read_back_equal),
        TEST(texts_of_scalars_are_parsed_and_formatted),
    };
    return cmocka_run_group_tests_name("model: write", tests, compile_all, NULL);
}
