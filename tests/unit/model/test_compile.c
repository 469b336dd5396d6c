#include "model/fixture.h"

#include "model/rich.h"

/* rows override what the macros set */
#pragma GCC diagnostic ignored "-Woverride-init"

struct one {
    int64_t a;
};
struct two {
    int64_t a;
    apus_str b;
};
struct gap {
    int64_t a;
    bool hidden;
    apus_str b;
};
struct padded {
    bool a;
    int64_t b;
    bool c;
};
struct listing {
    LISTOF(int64_t) l;
};
struct optional {
    apus_opt_int a;
};
struct colored {
    enum color c;
};
struct moment {
    apus_datetime d;
    apus_uuid u;
};

enum color_again { AGAIN_RED, AGAIN_RED_TOO };
ENUM_TYPE(color_again, "Again", VALUE(AGAIN_RED, "red"), VALUE(AGAIN_RED_TOO, "red"));

/* A table of a struct, made on the spot. */
#define ROWS(T, ...)                                                                                              \
    __extension__({                                                                                               \
        typedef struct T self;                                                                                    \
        static const apus_field rows[] = {__VA_ARGS__};                                                           \
        static struct model_compiled *plan;                                                                       \
        static const apus_model made = {#T, sizeof(self), _Alignof(self), rows, sizeof rows / sizeof *rows, false, \
                                        &plan};                                                                   \
        &made;                                                                                                    \
    })

/* Compiles; the line that it is refused with. */
static const char *line_of(const apus_model *model)
{
    static char error[400];
    strcpy(error, "accepted");
    bool good = model_compile(model, error, sizeof error);
    assert_int_equal(good, strcmp(error, "accepted") == 0);
    assert_int_equal(good, *model->compiled != NULL);
    return error;
}

#define REFUSED_LINE(T, line, ...) assert_string_equal(line_of(ROWS(T, __VA_ARGS__)), line)
#define ACCEPTED(T, ...) assert_string_equal(line_of(ROWS(T, __VA_ARGS__)), "accepted")

static void a_forgotten_row_is_named(void **state)
{
    (void)state;
    REFUSED_LINE(two, "model two: the struct has a member behind a that has no row", FIELD(a));
    REFUSED_LINE(two, "model two, field b: the struct has a member before it that has no row", FIELD(b));
    REFUSED_LINE(gap, "model gap, field b: the struct has a member before it that has no row", FIELD(a), FIELD(b));
    ACCEPTED(two, FIELD(b), FIELD(a));
    ACCEPTED(padded, FIELD(a), FIELD(b), FIELD(c));
}

static void rows_that_meet_are_refused(void **state)
{
    (void)state;
    REFUSED_LINE(two, "model two, field a: it stands twice", FIELD(a), FIELD(b), FIELD(a));
    REFUSED_LINE(two, "model two, field b: its name outside is that of a too", FIELD(a), FIELD(b, .alias = "a"));
    REFUSED_LINE(two, "model two, field b: it lies over a in the struct", FIELD(a), FIELD(b, .offset = 4));
    REFUSED_LINE(two, "model two, field SCHEMA: SCHEMA stands twice", SCHEMA("A"), FIELD(a), FIELD(b), SCHEMA("B"));
    REFUSED_LINE(two, "model two, field b: a ROOT_ row must be the only one of its model", FIELD(a, .root = true), FIELD(b));
    ACCEPTED(two, FIELD(a), QUERY(b, .alias = "a"));
}

static void a_size_that_is_not_the_kinds_is_refused(void **state)
{
    (void)state;
    REFUSED_LINE(one, "model one, field a: the member's size is not that of a text: rows and struct disagree",
                 FIELD(a, .kind = APUS_KIND_STR));
    REFUSED_LINE(listing, "model listing, field l: its elements are not of the size of model apus_str",
                 LIST(l, int64_t, .model = apus_str_model));
}

static void options_of_another_kind_are_refused(void **state)
{
    (void)state;
    REFUSED_LINE(two, "model two, field b: .gt is for numbers, not for a text", FIELD(a), FIELD(b, .gt = 1));
    REFUSED_LINE(two, "model two, field b: .le is for numbers, not for a text", FIELD(a), FIELD(b, .le = 1));
    REFUSED_LINE(one, "model one, field a: .min_length and .max_length are for texts, lists and dicts, not for an integer",
                 FIELD(a, .max_length = 1));
    REFUSED_LINE(one, "model one, field a: .pattern is for texts, not for an integer", FIELD(a, .pattern = "a"));
    REFUSED_LINE(one, "model one, field a: .nullable is for lists, dicts and json; for an integer take an apus_opt_ type or a pointer",
                 FIELD(a, .nullable = true));
    REFUSED_LINE(two, "model two, field b: .min_length is above .max_length", FIELD(a), FIELD(b, .min_length = 3, .max_length = 2));
}

static void a_bound_that_an_integer_cannot_have_is_refused(void **state)
{
    (void)state;
    REFUSED_LINE(one, "model one, field a: .lt of an integer must be an integer within 64 bits", FIELD(a, .lt = 10.5));
    REFUSED_LINE(one, "model one, field a: .le of an integer must be an integer within 64 bits", FIELD(a, .le = 1e30));
    REFUSED_LINE(one, "model one, field a: .multiple_of must be above 0", FIELD(a, .multiple_of = 0));
    ACCEPTED(one, FIELD(a, .le = INT64_MAX, .ge = INT64_MIN));
}

static void a_default_that_does_not_fit_is_refused(void **state)
{
    (void)state;
    REFUSED_LINE(one, "model one, field a: .fallback is no integer within 64 bits", FIELD(a, .fallback = 1.5));
    REFUSED_LINE(one, "model one, field a: .fallback_str is for texts, uuids and date-times, not for an integer",
                 FIELD(a, .fallback_str = "1"));
    REFUSED_LINE(two, "model two, field b: .fallback is for numbers, bools and enums; for a text take .fallback_str", FIELD(a),
                 FIELD(b, .fallback = 1));
    REFUSED_LINE(one, "model one, field a: .required has no use for a fallback", FIELD(a, .required = true, .fallback = 1));
    REFUSED_LINE(one, "model one, field a: .required and .optional contradict each other", FIELD(a, .required = true, .optional = true));
    REFUSED_LINE(moment, "model moment, field d: .fallback_str is no date-time", FIELD(d, .fallback_str = "x"), FIELD(u));
    REFUSED_LINE(moment, "model moment, field u: .fallback_str is no UUID", FIELD(d), FIELD(u, .fallback_str = "x"));
    REFUSED_LINE(colored, "model colored, field c: .fallback is no constant of the enum", ENUM(c, color, .fallback = 9));
    REFUSED_LINE(listing, "model listing, field l: .fallback_json does not fit: Input should be a valid list at []",
                 LIST(l, int64_t, .fallback_json = "{}"));
    REFUSED_LINE(listing, "model listing, field l: .fallback_json is no JSON: Expecting value at character 1",
                 LIST(l, int64_t, .fallback_json = "["));
    REFUSED_LINE(one, "model one, field a: .examples_json must be a JSON array", FIELD(a, .examples_json = "{}"));
}

static void an_enum_that_says_something_twice_is_refused(void **state)
{
    (void)state;
    REFUSED_LINE(colored, "model colored, field c: its ENUM_TYPE says \"red\" twice, or its constant",
                 ENUM(c, color, .enum_type = color_again_enum));
}

static void what_a_pattern_cannot_do_is_refused_at_the_start(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *words;
    } rows[] = {
        {"a(?=b)", "look-around, conditions and flags other than i, m, s and U are not known"},
        {"(?<!a)b", "look-around, conditions and flags other than i, m, s and U are not known"},
        {"(a)\\1", "the escape \\1 is not known there (no look-around, no backreferences)"},
        {"(?P=a)", "look-around, conditions and flags other than i, m, s and U are not known"},
        {"(*UTF)a", "nothing to repeat after ("},
        {"a*+", "a repetition of nothing, or of a repetition (put it in a group)"},
        {"*a", "a repetition of nothing, or of a repetition (put it in a group)"},
        {"a{,3}", "{ opens no repetition: write it as \\{"},
        {"[a[b]]", "a class within a class: write [ as \\["},
        {"[a-z&&[aeiou]]", "set operations within a class"},
        {"a\\", "it ends with a backslash"},
        {"\\K", "the escape \\K is not known there (no look-around, no backreferences)"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        static struct model_compiled *compiled;
        apus_field field = apus_str_model()->fields[0];
        field.pattern = rows[i].pattern;
        apus_model model = {"text", sizeof(apus_str), _Alignof(apus_str), &field, 1, false, &compiled};
        char line[200];
        snprintf(line, sizeof line, "model text, field value: .pattern: %s", rows[i].words);
        assert_string_equal(line_of(&model), line);
    }
}

static void patterns_that_do_not_compile_are_refused(void **state)
{
    (void)state;
    REFUSED_LINE(two, "model two, field b: .pattern does not compile: missing closing parenthesis", FIELD(a), FIELD(b, .pattern = "(a"));
    REFUSED_LINE(two, "model two, field b: .pattern does not compile: range out of order in character class", FIELD(a),
                 FIELD(b, .pattern = "[b-a]"));
}

static void compiling_again_changes_nothing(void **state)
{
    (void)state;
    const apus_model *model = ROWS(two, FIELD(a), FIELD(b, .alias = "B"));
    assert_string_equal(line_of(model), "accepted");
    const struct model_compiled *first = compiled_of(model);
    assert_string_equal(line_of(model), "accepted");
    assert_ptr_equal(compiled_of(model), first);
    assert_int_equal(model_column(model, "b"), 1);
    assert_int_equal(model_column(model, "B"), -1);
    assert_true(apus_str_is(model_field_name(&model->fields[1]), "B"));
}

static void a_model_that_was_refused_is_refused_again_in_the_same_words(void **state)
{
    (void)state;
    const apus_model *model = ROWS(one, FIELD(a, .lt = 0.5));
    const char *line = "model one, field a: .lt of an integer must be an integer within 64 bits";
    assert_string_equal(line_of(model), line);
    assert_string_equal(line_of(model), line);
}

static void headers_get_dashes(void **state)
{
    (void)state;
    const apus_model *model = ROWS(two, HEADER(a, .alias = "X_a"), FIELD(b));
    struct underscored {
        apus_str x_token_b;
        apus_str y_z;
        apus_str in_query;
    };
    const apus_model *dashed = ROWS(underscored, HEADER(x_token_b), HEADER(y_z, .convert_underscores_off = true), QUERY(in_query));
    line_of(model);
    line_of(dashed);
    assert_true(apus_str_is(model_field_name(&model->fields[0]), "X_a"));
    assert_true(apus_str_is(model_field_name(&dashed->fields[0]), "x-token-b"));
    assert_true(apus_str_is(model_field_name(&dashed->fields[1]), "y_z"));
    assert_true(apus_str_is(model_field_name(&dashed->fields[2]), "in_query"));
    assert_true(apus_str_is(model_field_header_name(&dashed->fields[2]), "in-query"));
}

static void a_model_of_many_members_finds_them_all(void **state)
{
    (void)state;
    enum { MANY = 300 };
    static apus_field fields[MANY];
    static char names[MANY][8];
    static struct model_compiled *compiled;
    for (size_t i = 0; i < MANY; i++) {
        fields[i] = int64_t_model()->fields[0];
        snprintf(names[i], sizeof names[i], "m%zu", i);
        fields[i].name = names[i];
        fields[i].offset = i * 8;
    }
    const apus_model model = {"many", MANY * 8, 8, fields, MANY, false, &compiled};
    assert_string_equal(line_of(&model), "accepted");
    buffer b;
    buffer_init(&b, &test_memory, 64, 1 << 20);
    for (size_t i = MANY; i-- > 0;)
        buffer_printf(&b, "%c'm%zu':%zu", i == MANY - 1 ? '{' : ',', i, i);
    buffer_append(&b, "}", 2);
    int64_t out[MANY];
    assert_true(read_text(&model, b.ptr, out));
    for (size_t i = 0; i < MANY; i++) {
        assert_int_equal(out[i], i);
        assert_int_equal(model_column(&model, names[i]), i);
        assert_true(model_was_set(&test_reader, out, i * 8, 8));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_forgotten_row_is_named),
        TEST(rows_that_meet_are_refused),
        TEST(a_size_that_is_not_the_kinds_is_refused),
        TEST(options_of_another_kind_are_refused),
        TEST(a_bound_that_an_integer_cannot_have_is_refused),
        TEST(a_default_that_does_not_fit_is_refused),
        TEST(an_enum_that_says_something_twice_is_refused),
        TEST(what_a_pattern_cannot_do_is_refused_at_the_start),
        TEST(patterns_that_do_not_compile_are_refused),
        TEST(compiling_again_changes_nothing),
        TEST(a_model_that_was_refused_is_refused_again_in_the_same_words),
        TEST(headers_get_dashes),
        TEST(a_model_of_many_members_finds_them_all),
    };
    return cmocka_run_group_tests_name("model: compile", tests, NULL, NULL);
}
