#include "model/fixture.h"

#include <pthread.h>

#include "core/limits.h"
#include "core/memory.h"
#include "model/cases.h"

struct presence {
    int64_t plain;
    int64_t with_default;
    apus_str maybe;
    apus_opt_int opt;
    apus_opt_int opt_with_default;
    apus_opt_int opt_required;
    LISTOF(int64_t) list;
    apus_json json;
    struct plain_sub *pointer;
};
MODEL(presence, FIELD(plain), FIELD(with_default, .fallback = 7), FIELD(maybe, .optional = true), FIELD(opt),
    FIELD(opt_with_default, .fallback = 8), FIELD(opt_required, .required = true), LIST(list, int64_t, .nullable = true),
    FIELD(json, .nullable = true), OBJECT(pointer, plain_sub));

struct outer {
    struct plain_sub first;
    int64_t second;
};
MODEL(outer, OBJECT(first, plain_sub), FIELD(second, .fallback = 3));

struct aliased {
    int64_t a;
    apus_str b;
};
MODEL(aliased, FIELD(a, .alias = "odd \"name\"/é"), FIELD(b, .alias = "", .fallback_str = "none"));

struct keyed {
    DICTOF(double, int64_t) by_number;
    DICTOF(apus_datetime, int64_t) by_moment;
    DICTOF(bool, apus_opt_str) by_flag;
};
MODEL(keyed, DICT(by_number, double, int64_t, .fallback_json = "{}"), DICT(by_moment, apus_datetime, int64_t, .fallback_json = "{}"),
    DICT(by_flag, bool, apus_opt_str, .fallback_json = "{}"));

struct query_in {
    int64_t page;
    LISTOF(apus_str) tags;
    apus_opt_bool flag;
    struct plain_sub body;
    LISTOF(int64_t) numbers;
    struct sub_list root_list;
    struct sub_dict *root_dict;
    int64_t *root_number;
};
MODEL(query_in, QUERY(page, .fallback = 1), QUERY_LIST(tags, apus_str, .optional = true), QUERY(flag), BODY(body, plain_sub),
    BODY_LIST(numbers, int64_t), BODY(root_list, sub_list), BODY(root_dict, sub_dict), BODY(root_number, int64_t));


static int compile_all(void **state)
{
    (void)state;
    compile_rich();
    const apus_model *models[] = {presence_model(), outer_model(), aliased_model(), keyed_model(), query_in_model(), apus_none_model(),
                                  apus_opt_int_model(), apus_json_model(), color_model(), word_model()};
    char error[400] = "";
    for (size_t i = 0; i < sizeof models / sizeof *models; i++)
        if (!model_compile(models[i], error, sizeof error))
            print_error("%s\n", error);
    return *error != '\0';
}

#define WAS_SET(object, m) model_was_set(&test_reader, object, offsetof(__typeof__(*(object)), m), sizeof((object)->m))

static void what_was_not_sent_is_unset_and_has_its_default(void **state)
{
    (void)state;
    struct presence out;
    memset(&out, 0xaa, sizeof out);
    assert_true(read_text(presence_model(), "{'plain':1,'opt_required':null}", &out));
    assert_int_equal(out.plain, 1);
    assert_int_equal(out.with_default, 7);
    assert_null(out.maybe.ptr);
    assert_int_equal(out.opt.is, APUS_UNSET);
    assert_int_equal(out.opt_with_default.is, APUS_SET);
    assert_int_equal(out.opt_with_default.value, 8);
    assert_int_equal(out.opt_required.is, APUS_NULL);
    assert_int_equal(out.list.is, APUS_UNSET);
    assert_null(out.json.text.ptr);
    assert_null(out.pointer);
    assert_true(WAS_SET(&out, plain));
    assert_true(WAS_SET(&out, opt_required));
    assert_false(WAS_SET(&out, with_default));
    assert_false(WAS_SET(&out, maybe));
    assert_false(WAS_SET(&out, opt));
    assert_false(WAS_SET(&out, opt_with_default));
}

static void null_is_not_unset(void **state)
{
    (void)state;
    struct presence out;
    assert_true(read_text(presence_model(),
                          "{'plain':1,'opt_required':2,'maybe':null,'opt':null,'opt_with_default':null,'list':null,"
                          "'json':null,'pointer':null}",
                          &out));
    assert_null(out.maybe.ptr);
    assert_int_equal(out.opt.is, APUS_NULL);
    assert_int_equal(out.opt_with_default.is, APUS_NULL);
    assert_int_equal(out.list.is, APUS_NULL);
    assert_null(out.json.text.ptr);
    assert_null(out.pointer);
    assert_true(WAS_SET(&out, maybe) && WAS_SET(&out, opt) && WAS_SET(&out, list) && WAS_SET(&out, json) && WAS_SET(&out, pointer));
}

static void what_must_be_sent_is_missing_otherwise(void **state)
{
    (void)state;
    struct presence out;
    assert_false(read_text(presence_model(), "{'json':{'a':[1.0,'x']}}", &out));
    assert_json(errors_text(),
                "[{'type':'missing','loc':['body','plain'],'msg':'Field required','input':{'json':{'a':[1.0,'x']}}},"
                "{'type':'missing','loc':['body','opt_required'],'msg':'Field required','input':{'json':{'a':[1.0,"
                "'x']}}}]");
    assert_true(apus_str_is(out.json.text, json("{'a':[1.0,'x']}")));
}

static void an_inner_object_at_the_outers_address_has_presence_of_its_own(void **state)
{
    (void)state;
    struct outer out;
    assert_true(read_text(outer_model(), "{'first':{'x':1}}", &out));
    assert_true(WAS_SET(&out.first, x));
    assert_true(WAS_SET(&out, first));
    assert_false(WAS_SET(&out, second));
}

static void presence_of_ten_thousand_objects_is_kept(void **state)
{
    (void)state;
    enum { MANY = 10000 };
    buffer b;
    buffer_init(&b, &test_memory, 64, (size_t)1 << 20);
    for (int i = 0; i < MANY; i++)
        buffer_printf(&b, "%c{'first':{'x':%d}%s}", i ? ',' : '[', i, i % 3 ? "" : ",'second':9");
    buffer_append(&b, "]", 2);
    struct listed {
        LISTOF(struct outer) items;
    } out;
    typedef struct listed self;
    static const apus_field rows[] = {ROOT_LIST(items, outer)};
    static struct model_compiled *compiled;
    const apus_model model = {"listed", sizeof out, _Alignof(struct listed), rows, 1, false, &compiled};
    char error[200];
    assert_true(model_compile(&model, error, sizeof error));
    assert_true(read_text(&model, b.ptr, &out));
    assert_int_equal(out.items.len, MANY);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(out.items.items[i].first.x, i);
        assert_int_equal(WAS_SET(&out.items.items[i], second), i % 3 == 0);
    }
}

static void nothing_is_set_of_an_object_that_did_not_come_in(void **state)
{
    (void)state;
    struct outer made = {{1}, 2}, out;
    assert_false(WAS_SET(&made, second));
    assert_true(read_text(outer_model(), "{'first':{'x':1},'second':1}", &out));
    assert_false(WAS_SET(&made, second));
}

static void an_alias_is_the_only_name_outside(void **state)
{
    (void)state;
    struct aliased out;
    assert_true(read_text(aliased_model(), "{'odd \\'name\\'\\/\\u00e9':4,'':'empty'}", &out));
    assert_int_equal(out.a, 4);
    assert_true(apus_str_is(out.b, "empty"));
    assert_json(written(aliased_model(), &out, (model_write_options){0}), "{'odd \\'name\\'/é':4,'':'empty'}");
    assert_false(read_text(aliased_model(), "{'a':4,'':5}", &out));
    assert_json(errors_text(),
                "[{'type':'missing','loc':['body','odd \\'name\\'/é'],'msg':'Field required','input':{'a':4,'':5}},"
                "{'type':'string_type','loc':['body',''],'msg':'Input should be a valid string','input':5}]");
}

static void the_last_of_duplicate_members_counts(void **state)
{
    (void)state;
    struct closed_sub out;
    assert_true(read_text(closed_sub_model(), "{'a':'x','b':'1','a':2,'b':'3'}", &out));
    assert_int_equal(out.a, 2);
    assert_true(apus_str_is(out.b, "3"));
}

static void equal_keys_of_a_dict_are_one(void **state)
{
    (void)state;
    struct keyed out;
    assert_true(read_text(keyed_model(),
                          "{'by_number':{'0':1,'2':9,'-0.0':2,'2.0':3,'2':4,'1e-7':5},"
                          "'by_moment':{'2024-01-01T00:00:00Z':1,'2024-01-01T00:00:00':2,'2024-01-01T01:00:00+01:00':3},"
                          "'by_flag':{'on':'a','no':null,'1':'b'}}",
                          &out));
    assert_json(written(keyed_model(), &out, (model_write_options){0}),
                        "{'by_number':{'0.0':2,'2.0':3,'1e-07':5},"
                        "'by_moment':{'2024-01-01T00:00:00Z':3,'2024-01-01T00:00:00':2},"
                        "'by_flag':{'true':'b','false':null}}");
}

static void texts_fill_members_by_their_kind(void **state)
{
    (void)state;
    struct query_in in;
    memset(&in, 0, sizeof in);
    const apus_field *rows = query_in_model()->fields;
    model_loc loc = {.name = APUS_STR("query")};
    model_input none = {.is = INPUT_NULL};
    apus_str texts[] = {APUS_STR("2"), APUS_STR("3")};
    assert_true(model_read_field_texts(&test_reader, &rows[0], texts, 2, false, &in, &loc, none));
    assert_int_equal(in.page, 3);
    assert_true(model_read_field_texts(&test_reader, &rows[0], texts, 2, true, &in, &loc, none));
    assert_int_equal(in.page, 2);
    assert_true(model_read_field_texts(&test_reader, &rows[1], texts, 2, false, &in, &loc, none));
    assert_int_equal(in.tags.len, 2);
    assert_true(apus_str_is(in.tags.items[1], "3"));
    assert_true(model_read_field_texts(&test_reader, &rows[2], NULL, 0, false, &in, &loc, none));
    assert_int_equal(in.flag.is, APUS_UNSET);
    assert_true(WAS_SET(&in, page) && WAS_SET(&in, tags));
    assert_false(WAS_SET(&in, flag));
}

static void a_body_that_is_no_json_is_refused_with_its_text(void **state)
{
    (void)state;
    struct query_in in;
    memset(&in, 0, sizeof in);
    const apus_field *rows = query_in_model()->fields;
    model_loc loc = {.name = APUS_STR("body")};
    apus_str text = apus_cstr(json("{'x':1}"));
    assert_false(model_read_field_texts(&test_reader, &rows[3], &text, 1, false, &in, &loc, (model_input){.is = INPUT_NULL}));
    assert_false(model_read_field_texts(&test_reader, &rows[4], &text, 1, false, &in, &loc, (model_input){.is = INPUT_NULL}));
    assert_json(errors_text(),
                "[{'type':'model_attributes_type','loc':['body'],'msg':'Input should be a valid dictionary or object to "
                "extract fields from','input':'{\\'x\\':1}'},{'type':'list_type','loc':['body'],'msg':'Input should "
                "be a valid list','input':'{\\'x\\':1}'}]");
}

static void a_body_that_is_no_json_is_refused_as_what_its_model_is(void **state)
{
    (void)state;
    struct query_in in;
    memset(&in, 0, sizeof in);
    const apus_field *rows = query_in_model()->fields;
    model_loc loc = {.name = APUS_STR("body")};
    model_input none = {.is = INPUT_NULL};
    apus_str text = APUS_STR("5");
    assert_false(model_read_field_texts(&test_reader, &rows[5], &text, 1, false, &in, &loc, none));
    assert_false(model_read_field_texts(&test_reader, &rows[6], &text, 1, false, &in, &loc, none));
    assert_json(errors_text(), "[{'type':'list_type','loc':['body'],'msg':'Input should be a valid list','input':'5'},"
                               "{'type':'dict_type','loc':['body'],'msg':'Input should be a valid dictionary','input':'5'}]");
    assert_true(model_read_field_texts(&test_reader, &rows[7], &text, 1, false, &in, &loc, none));
    assert_int_equal(*in.root_number, 5);
}

static void an_enum_is_a_model_of_its_own(void **state)
{
    (void)state;
    enum color color = COLOR_RED;
    assert_true(read_text(color_model(), "'blue'", &color));
    assert_int_equal(color, COLOR_BLUE);
    assert_json(written(color_model(), &color, (model_write_options){0}), "'blue'");
    enum word word;
    assert_false(read_text(word_model(), "'blue'", &word));
    assert_json(errors_text(), "[{\"type\":\"literal_error\",\"loc\":[\"body\"],\"msg\":\"Input should be 'a' or \\\"it's\\\"\","
                               "\"input\":\"blue\",\"ctx\":{\"expected\":\"'a' or \\\"it's\\\"\"}}]");
}

static void errors_stop_at_their_limit(void **state)
{
    (void)state;
    buffer b;
    buffer_init(&b, &test_memory, 64, (size_t)1 << 20);
    for (int i = 0; i < 3000; i++)
        buffer_append_str(&b, i ? APUS_STR(",{}") : APUS_STR("[{}"));
    buffer_append(&b, "]", 2);
    struct sub_list out;
    assert_false(read_text(sub_list_model(), b.ptr, &out));
    assert_int_equal(test_reader.errors.count, LIMIT_VALIDATION_ERRORS);
    assert_false(test_reader.out_of_memory);
}

static char *nested_tree(size_t depth)
{
    buffer b;
    buffer_init(&b, &test_memory, 64, (size_t)1 << 20);
    for (size_t i = 0; i < depth; i++)
        buffer_append_str(&b, APUS_STR("{'name':'n','left':"));
    buffer_append_str(&b, APUS_STR("null"));
    for (size_t i = 0; i < depth; i++)
        buffer_append_char(&b, '}');
    buffer_append_char(&b, '\0');
    return b.ptr;
}

static bool read_tree(size_t depth, struct tree *out)
{
    json_value *root;
    json_error error;
    assert_int_equal(json_read(&test_memory, apus_cstr(json(nested_tree(depth))), 1000, &root, &error), JSON_OK);
    return model_read_json(&test_reader, tree_model(), root, out, NULL);
}

static void a_tree_is_read_to_the_limit_and_refused_beyond(void **state)
{
    (void)state;
    struct tree out;
    assert_true(read_tree(LIMIT_MODEL_DEPTH, &out));
    assert_json(written(tree_model(), &out, (model_write_options){.exclude_none = true, .exclude_defaults = true}),
                        written(tree_model(), &out, (model_write_options){.exclude_unset = true, .exclude_none = true,
                                                                         .reader = &test_reader}));
    assert_false(read_tree(LIMIT_MODEL_DEPTH + 1, &out));
    assert_int_equal(test_reader.errors.count, 1);
    assert_json(test_reader.errors.first->type, "recursion_loop");
    assert_int_equal(test_reader.depth, 0);
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(__clang__)
#define SMALL_STACK ((size_t)LIMIT_FIBER_STACK * 4)
#else
#define SMALL_STACK ((size_t)LIMIT_FIBER_STACK)
#endif

static const char *deepest_with_error(void)
{
    buffer b;
    buffer_init(&b, &test_memory, 64, (size_t)1 << 20);
    for (int i = 0; i < LIMIT_MODEL_DEPTH / 2 - 1; i++)
        buffer_append_str(&b, APUS_STR("{'name':'n','children':["));
    buffer_append_str(&b, APUS_STR("{'name':1,'left':{}}"));
    for (int i = 0; i < LIMIT_MODEL_DEPTH / 2 - 1; i++)
        buffer_append_str(&b, APUS_STR("]}"));
    buffer_append_char(&b, '\0');
    return b.ptr;
}

static void *read_and_write_the_deepest(void *arg)
{
    (void)arg;
    struct tree out;
    assert_true(read_tree(LIMIT_MODEL_DEPTH, &out));
    written(tree_model(), &out, (model_write_options){.exclude_unset = true, .exclude_defaults = true, .reader = &test_reader});
    assert_false(read_text(tree_model(), deepest_with_error(), &out));
    assert_int_equal(test_reader.errors.count, 2);
    return NULL;
}

static void the_deepest_document_fits_a_fibers_stack(void **state)
{
    (void)state;
    pthread_t thread;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    assert_int_equal(pthread_attr_setstacksize(&attributes, SMALL_STACK), 0);
    assert_int_equal(pthread_create(&thread, &attributes, read_and_write_the_deepest, NULL), 0);
    pthread_join(thread, NULL);
    pthread_attr_destroy(&attributes);
}

static const char rich_text[] =
    "{'s':'a1','sw':'é@example.com','dd':{'1':2,'3':4,'1.0':5},'dm':{'a':{'x':1}},'l':[1,2,3],'subs':[{'x':1},"
    "{'x':2}],'tree':{'name':'r','left':{'name':'l'},'children':[{'name':'c'},{'name':'d','children':[]}]},"
    "'any':{'deep':[1,2,{'x':null}]},'ext':{'a':1},'u':'x','d':'y','c':'pink','l1':[1,2],'zz':1}";

/* However little memory there is: an answer, or out_of_memory, and nothing else. */
static void a_reader_without_memory_says_so(void **state)
{
    (void)state;
    json_value *root;
    json_error error;
    assert_int_equal(json_read(&test_memory, apus_cstr(json(rich_text)), 64, &root, &error), JSON_OK);
    struct rich out;
    size_t refused = 0, complete = 0;
    for (size_t limit = 0; limit <= 64 * 1024; limit += 1024) {
        arena memory;
        model_reader r;
        arena_init(&memory, NULL, limit);
        model_reader_init(&r, &memory, 64);
        bool good = model_read_json(&r, rich_model(), root, &out, NULL);
        assert_false(good);
        refused += r.out_of_memory;
        complete += !r.out_of_memory && r.errors.count == 4;
        arena_reset(&memory);
    }
    assert_true(refused > 0);
    assert_true(complete > 0);
    assert_int_equal(refused + complete, 65);
}

static void *read_often(void *arg)
{
    size_t *answers = arg;
    for (int i = 0; i < 200; i++) {
        arena memory;
        arena_init(&memory, NULL, (size_t)1 << 20);
        apus_str good = case_answer(&memory, "rich", APUS_STR("{\"sw\":\"someone@example.com\",\"l\":[4,5]}"));
        apus_str bad = case_answer(&memory, "sw", APUS_STR("[\"nobody\"]"));
        *answers += apus_str_is(good, "{\"sw\":\"someone@example.com\",\"l\":[4,5]}") && bad.ptr[0] == '[';
        arena_reset(&memory);
    }
    return NULL;
}

/* Models that a handler names for the first time while others read. */
static void *compile_often(void *arg)
{
    size_t *answers = arg;
    enum { MODELS = 100 };
    static apus_field fields[2][MODELS];
    static struct model_compiled *compiled[2][MODELS];
    size_t side = *answers;
    for (size_t i = 0; i < MODELS; i++) {
        char error[200];
        fields[side][i] = plain_sub_model()->fields[0];
        apus_model model = *plain_sub_model();
        model.fields = &fields[side][i];
        model.compiled = &compiled[side][i];
        *answers += model_compile(&model, error, sizeof error) && plan_of(&fields[side][i])->field == &fields[side][i];
    }
    return NULL;
}

static void models_are_compiled_beside_readers(void **state)
{
    (void)state;
    pthread_t threads[3];
    size_t answers[3] = {0, 1, 0};
    assert_int_equal(pthread_create(&threads[0], NULL, compile_often, &answers[0]), 0);
    assert_int_equal(pthread_create(&threads[1], NULL, compile_often, &answers[1]), 0);
    assert_int_equal(pthread_create(&threads[2], NULL, read_often, &answers[2]), 0);
    for (size_t i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(answers[0], 100);
    assert_int_equal(answers[1], 101);
    assert_int_equal(answers[2], 200);
}

static void workers_read_beside_each_other(void **state)
{
    (void)state;
    pthread_t threads[4];
    size_t answers[4] = {0};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_often, &answers[i]), 0);
    for (size_t i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(answers[i], 200);
    }
}

static size_t allocations_left;

static bool refuse_after(size_t size)
{
    (void)size;
    return allocations_left == 0 || allocations_left-- == 0;
}

static void a_reader_survives_any_allocation_that_fails(void **state)
{
    (void)state;
    json_value *root;
    json_error error;
    assert_int_equal(json_read(&test_memory, apus_cstr(json(rich_text)), 64, &root, &error), JSON_OK);
    struct rich out;
    bool complete = false;
    for (size_t n = 0; n < 50 && !complete; n++) {
        arena memory;
        model_reader r;
        arena_init(&memory, NULL, (size_t)1 << 20);
        model_reader_init(&r, &memory, 64);
        allocations_left = n;
        memory_refuse = refuse_after;
        bool good = model_read_json(&r, rich_model(), root, &out, NULL);
        memory_refuse = NULL;
        assert_false(good);
        complete = !r.out_of_memory;
        arena_reset(&memory);
    }
    assert_true(complete);
}

static void a_model_without_members_takes_any_object(void **state)
{
    (void)state;
    apus_none out;
    assert_true(read_text(apus_none_model(), "{'a':1}", &out));
    assert_json(written(apus_none_model(), &out, (model_write_options){0}), "{}");
    assert_false(read_text(apus_none_model(), "1", &out));
}

static void single_values_are_models(void **state)
{
    (void)state;
    apus_opt_int opt;
    apus_json any;
    assert_true(read_text(apus_opt_int_model(), "null", &opt));
    assert_int_equal(opt.is, APUS_NULL);
    assert_true(read_text(apus_opt_int_model(), "'5'", &opt));
    assert_json(written(apus_opt_int_model(), &opt, (model_write_options){0}), "5");
    assert_true(read_text(apus_json_model(), " [1.50, null] ", &any));
    assert_json(written(apus_json_model(), &any, (model_write_options){0}), "[1.5,null]");
}

static void a_dict_keeps_all_of_its_twenty_thousand_keys(void **state)
{
    (void)state;
    enum { MANY = 20000 };
    buffer b;
    buffer_init(&b, &test_memory, 64, (size_t)2 << 20);
    for (int i = 0; i < MANY; i++)
        buffer_printf(&b, "%c'%c%05d%c':{'x':%d}", i ? ',' : '{', 'a', i, 'z', i);
    buffer_append(&b, "}", 2);
    struct {
        DICTOF(apus_str, struct plain_sub) items;
    } out;
    apus_field field = rich_model()->fields[model_column(rich_model(), "dm")];
    field.offset = 0;
    field.max_length = field.min_length = -1;
    field.root = true;
    field.fallback_json = NULL;
    struct model_compiled *compiled = NULL;
    const apus_model model = {"keys", sizeof out, 8, &field, 1, false, &compiled};
    char error[200];
    assert_true(model_compile(&model, error, sizeof error));
    assert_true(read_text(&model, b.ptr, &out));
    assert_int_equal(out.items.len, MANY);
    assert_int_equal(out.items.items[MANY - 1].value.x, MANY - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_not_sent_is_unset_and_has_its_default),
        TEST(null_is_not_unset),
        TEST(what_must_be_sent_is_missing_otherwise),
        TEST(an_inner_object_at_the_outers_address_has_presence_of_its_own),
        TEST(presence_of_ten_thousand_objects_is_kept),
        TEST(nothing_is_set_of_an_object_that_did_not_come_in),
        TEST(an_alias_is_the_only_name_outside),
        TEST(the_last_of_duplicate_members_counts),
        TEST(equal_keys_of_a_dict_are_one),
        TEST(texts_fill_members_by_their_kind),
        TEST(a_body_that_is_no_json_is_refused_with_its_text),
        TEST(a_body_that_is_no_json_is_refused_as_what_its_model_is),
        TEST(an_enum_is_a_model_of_its_own),
        TEST(errors_stop_at_their_limit),
        TEST(a_tree_is_read_to_the_limit_and_refused_beyond),
        TEST(the_deepest_document_fits_a_fibers_stack),
        TEST(workers_read_beside_each_other),
        TEST(models_are_compiled_beside_readers),
        TEST(a_reader_without_memory_says_so),
        TEST(a_reader_survives_any_allocation_that_fails),
        TEST(a_model_without_members_takes_any_object),
        TEST(single_values_are_models),
        TEST(a_dict_keeps_all_of_its_twenty_thousand_keys),
    };
    return cmocka_run_group_tests_name("model: read", tests, compile_all, NULL);
}
