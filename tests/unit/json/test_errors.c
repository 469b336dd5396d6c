#include "core/unit.h"

#include "core/memory.h"
#include "json/explain.h"

#include <stdlib.h>

/* Recorded from json.loads of CPython 3.11: text, words, offset in characters. */
static const struct {
    apus_str text;
    const char *error;
    size_t offset;
} wrong[] = {
    {APUS_STR(""), "Expecting value", 0},
    {APUS_STR("   "), "Expecting value", 3},
    {APUS_STR("{"), "Expecting property name enclosed in double quotes", 1},
    {APUS_STR("["), "Expecting value", 1},
    {APUS_STR("{\"name\": \"a\",}"), "Expecting property name enclosed in double quotes", 13},
    {APUS_STR("{\"name\": \"a\", \"price\""), "Expecting ':' delimiter", 21},
    {APUS_STR("{'name': 'a'}"), "Expecting property name enclosed in double quotes", 1},
    {APUS_STR("{name: 1}"), "Expecting property name enclosed in double quotes", 1},
    {APUS_STR("{\"name\":\"a"), "Unterminated string starting at", 8},
    {APUS_STR("{\"price\":01}"), "Expecting ',' delimiter", 10},
    {APUS_STR("{\"a\" 1}"), "Expecting ':' delimiter", 5},
    {APUS_STR("{\"a\":1 \"b\":2}"), "Expecting ',' delimiter", 7},
    {APUS_STR("[1,]"), "Expecting value", 3},
    {APUS_STR("{\"price\":+1}"), "Expecting value", 9},
    {APUS_STR("{\n \"name\": \"a\",\n \"price\": x\n}"), "Expecting value", 26},
    {APUS_STR("True"), "Expecting value", 0},
    {APUS_STR("nul"), "Expecting value", 0},
    {APUS_STR("[1 2]"), "Expecting ',' delimiter", 3},
    {APUS_STR("[1,2"), "Expecting ',' delimiter", 4},
    {APUS_STR("{\"a\":1"), "Expecting ',' delimiter", 6},
    {APUS_STR("{\"a\":"), "Expecting value", 5},
    {APUS_STR("{\"a\""), "Expecting ':' delimiter", 4},
    {APUS_STR("{\"a\":1,"), "Expecting property name enclosed in double quotes", 7},
    {APUS_STR("[1] x"), "Extra data", 4},
    {APUS_STR("1 2"), "Extra data", 2},
    {APUS_STR("1."), "Extra data", 1},
    {APUS_STR("1.e5"), "Extra data", 1},
    {APUS_STR(".5"), "Expecting value", 0},
    {APUS_STR("-"), "Expecting value", 0},
    {APUS_STR("-x"), "Expecting value", 0},
    {APUS_STR("1e"), "Extra data", 1},
    {APUS_STR("1e+"), "Extra data", 1},
    {APUS_STR("--1"), "Expecting value", 0},
    {APUS_STR("[01]"), "Expecting ',' delimiter", 2},
    {APUS_STR("\"a\nb\""), "Invalid control character at", 2},
    {APUS_STR("\"a\tb"), "Invalid control character at", 2},
    {APUS_STR("\"\x01\""), "Invalid control character at", 1},
    {APUS_STR("\"\\x\""), "Invalid \\escape", 1},
    {APUS_STR("\"a\\"), "Unterminated string starting at", 0},
    {APUS_STR("\"\\u12\""), "Invalid \\uXXXX escape", 2},
    {APUS_STR("\"\\u12"), "Invalid \\uXXXX escape", 2},
    {APUS_STR("\"\\u12g4\""), "Invalid \\uXXXX escape", 2},
    {APUS_STR("\"\\ud83d\\u12\""), "Invalid \\uXXXX escape", 8},
    {APUS_STR("\"\\ud83d\\x\""), "Invalid \\escape", 7},
    {APUS_STR("\"\xc3\xa9\xe6\x97\xa5\xf0\x9f\x98\x80"), "Unterminated string starting at", 0},
    {APUS_STR("\"\xc3\xa9\xe6\x97\xa5\xf0\x9f\x98\x80\" x"), "Extra data", 6},
    {APUS_STR("[\"\xc3\xa9\", \xe6\x97\xa5]"), "Expecting value", 6},
    {APUS_STR("{\"\xc3\xa9\":1,}"), "Expecting property name enclosed in double quotes", 7},
    {APUS_STR("{\"a\":1}}"), "Extra data", 7},
    {APUS_STR("]"), "Expecting value", 0},
    {APUS_STR("}"), "Expecting value", 0},
    {APUS_STR(","), "Expecting value", 0},
    {APUS_STR(":"), "Expecting value", 0},
    {APUS_STR("\"a\":1"), "Extra data", 3},
    {APUS_STR("[}"), "Expecting value", 1},
    {APUS_STR("{]"), "Expecting property name enclosed in double quotes", 1},
    {APUS_STR("[1}"), "Expecting ',' delimiter", 2},
    {APUS_STR("{\"a\":1]"), "Expecting ',' delimiter", 6},
    {APUS_STR("\x0b" "1"), "Expecting value", 0},
    {APUS_STR("1\x0c"), "Extra data", 1},
    {APUS_STR("{\"a\":nulL}"), "Expecting value", 5},
    {APUS_STR("[NaN, x]"), "Expecting value", 6},
    {APUS_STR("[\"\\ud800\", x]"), "Expecting value", 11},
    {APUS_STR("[-Infinity"), "Expecting ',' delimiter", 10},
    {APUS_STR("{\"a\":\"b\"c}"), "Expecting ',' delimiter", 8},
    {APUS_STR("[[[["), "Expecting value", 4},
    {APUS_STR("[[1,2],[3,4]"), "Expecting ',' delimiter", 12},
    {APUS_STR("//"), "Expecting value", 0},
    {APUS_STR("[1, /* */ 2]"), "Expecting value", 4},
    {APUS_STR("\"abc\\/\\b\\f\\n\\r\\t\\\"\\\\\" 1"), "Extra data", 22},
    {APUS_STR("undefined"), "Expecting value", 0},
    {APUS_STR("{\"a\":1, \"b\"}"), "Expecting ':' delimiter", 11},
    {APUS_STR("{\"a\":1,,}"), "Expecting property name enclosed in double quotes", 7},
    {APUS_STR("[,1]"), "Expecting value", 1},
    {APUS_STR("[1,,2]"), "Expecting value", 3},
    {APUS_STR("{1:2}"), "Expecting property name enclosed in double quotes", 1},
    {APUS_STR("{\"a\":}"), "Expecting value", 5},
    {APUS_STR("{:1}"), "Expecting property name enclosed in double quotes", 1},
    {APUS_STR("1e5.5"), "Extra data", 3},
    {APUS_STR("0x10"), "Extra data", 1},
    {APUS_STR("1_000"), "Extra data", 1},
    {APUS_STR("tru"), "Expecting value", 0},
    {APUS_STR("\"\x7f\" \""), "Extra data", 4},
    {APUS_STR("\x00"), "Expecting value", 0},
    {APUS_STR("[1,\x00]"), "Expecting value", 3},
    {APUS_STR("[ 1 , 2 , ]  "), "Expecting value", 10},
    {APUS_STR("infinity"), "Expecting value", 0},
    {APUS_STR("-inf"), "Expecting value", 0},
    {APUS_STR("Nan"), "Expecting value", 0},
    {APUS_STR("+Infinity"), "Expecting value", 0},
};

static json_status read_text(apus_str text, json_error *error)
{
    arena a;
    json_value *root;
    char *copy = malloc(text.len ? text.len : 1); /* of just that length, so that reading past it is found */
    assert_non_null(copy);
    memcpy(copy, text.ptr, text.len);
    arena_init(&a, NULL, (size_t)16 << 20);
    json_status status = json_read(&a, (apus_str){copy, text.len}, 64, &root, error);
    assert_int_equal(status == JSON_OK, root != NULL);
    arena_reset(&a);
    free(copy);
    return status;
}

static void test_a_syntax_error_has_the_words_and_the_offset_of_cpython(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        json_error error;
        json_status status = read_text(wrong[i].text, &error);
        if (status != JSON_SYNTAX || strcmp(error.error, wrong[i].error) != 0 || error.offset != wrong[i].offset)
            fail_msg("%.*s: status %d, %s at %zu, not %s at %zu", (int)wrong[i].text.len, wrong[i].text.ptr, status,
                     error.error ? error.error : "nothing", error.offset, wrong[i].error, wrong[i].offset);
    }
}

static void assert_refused(apus_str text)
{
    json_error error;
    json_status status = read_text(text, &error);
    if (status != JSON_REFUSED || error.error)
        fail_msg("%.*s: status %d", (int)text.len, text.ptr, status);
    assert_int_equal(json_explain(text, 64, &error), JSON_REFUSED);
}

static void test_what_is_json_for_others_is_refused(void **state)
{
    (void)state;
    assert_refused(APUS_STR("NaN"));
    assert_refused(APUS_STR("[1, Infinity]"));
    assert_refused(APUS_STR("{\"a\":-Infinity}"));
    assert_refused(APUS_STR("\xef\xbb\xbf{}"));                /* byte order mark */
    assert_refused(APUS_STR("\xff\xfe{\0}\0"));                /* UTF-16 with a mark */
    assert_refused(APUS_STR("{\0}\0"));                        /* UTF-16 without */
    assert_refused(APUS_STR("\0{\0}"));
    assert_refused(APUS_STR("\"\xff\""));                      /* not UTF-8 */
    assert_refused(APUS_STR("\"\xc0\x80\""));                  /* overlong */
    assert_refused(APUS_STR("\"\xed\xa0\x80\""));              /* a surrogate */
    assert_refused(APUS_STR("\"\xf4\x90\x80\x80\""));          /* above U+10FFFF */
    assert_refused(APUS_STR("\"cut \xe6\x97"));
    assert_refused(APUS_STR("{\"a\": \"\xff\", ]"));           /* decoding comes before syntax */
    assert_refused(APUS_STR("\"\\ud83d\""));
    assert_refused(APUS_STR("\"\\ude00\\ud83d\""));
    assert_refused(APUS_STR("{\"\\ud800\":1}"));
}

/* `n` times `open`, then `middle`, then `n` times `close`. */
static apus_str nest(arena *a, const char *open, const char *middle, const char *close, size_t n)
{
    buffer b;
    buffer_init(&b, a, 0, (size_t)8 << 20);
    for (size_t i = 0; i < n; i++)
        buffer_append_str(&b, apus_cstr(open));
    buffer_append_str(&b, apus_cstr(middle));
    for (size_t i = 0; i < n; i++)
        buffer_append_str(&b, apus_cstr(close));
    assert_false(b.failed);
    return buffer_str(&b);
}

static void test_depth_is_limited_where_it_is_passed(void **state)
{
    (void)state;
    arena a;
    json_error error;
    arena_init(&a, NULL, (size_t)64 << 20);
    static const struct {
        const char *open, *middle, *close;
    } shapes[] = {{"[", "1", "]"}, {"{\"a\":", "1", "}"}, {"[ [", "", "] ]"}, {"[0,{\"[{\":", "[]", "}]"}};
    static const size_t steps[] = {64, 64, 32, 31};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(read_text(nest(&a, shapes[i].open, shapes[i].middle, shapes[i].close, steps[i]), &error), JSON_OK);
        assert_refused(nest(&a, shapes[i].open, shapes[i].middle, shapes[i].close, steps[i] + 1));
        assert_refused(nest(&a, shapes[i].open, shapes[i].middle, shapes[i].close, 10000));
        assert_refused(nest(&a, shapes[i].open, "", "", 100000)); /* never closed */
    }
    arena_reset(&a);
}

static void test_depth_counts_nesting_not_brackets(void **state)
{
    (void)state;
    arena a;
    json_error error;
    arena_init(&a, NULL, (size_t)64 << 20);
    assert_int_equal(read_text(nest(&a, "[],", "1", "", 0), &error), JSON_OK);
    buffer b;
    buffer_init(&b, &a, 0, 1 << 20);
    buffer_append_str(&b, APUS_STR("[\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\""));
    for (int i = 0; i < 5000; i++)
        buffer_append_str(&b, APUS_STR(",[{\"a\":[]},[]]"));
    buffer_append_char(&b, ']');
    assert_int_equal(read_text(buffer_str(&b), &error), JSON_OK);
    arena_reset(&a);
}

static void test_an_early_syntax_error_comes_before_depth_and_a_late_one_after(void **state)
{
    (void)state;
    arena a;
    json_error error;
    arena_init(&a, NULL, (size_t)64 << 20);
    assert_int_equal(read_text(nest(&a, "[", "", "", 1000), &error), JSON_REFUSED);
    apus_str early = nest(&a, "[", "x", "", 10);
    assert_int_equal(read_text(early, &error), JSON_SYNTAX);
    assert_int_equal(error.offset, 10);
    assert_int_equal(read_text(nest(&a, "[", "x", "", 65), &error), JSON_REFUSED);
    arena_reset(&a);
}

static void test_integers_have_at_most_4300_digits(void **state)
{
    (void)state;
    arena a;
    json_error error;
    arena_init(&a, NULL, 1 << 20);
    assert_int_equal(read_text(nest(&a, "1", "", "", 4300), &error), JSON_OK);
    assert_refused(nest(&a, "1", "", "", 4301));
    buffer b;
    buffer_init(&b, &a, 8000, 8000);
    buffer_append_str(&b, APUS_STR("[-"));
    buffer_append_str(&b, nest(&a, "9", "", "", 4300));
    buffer_append_char(&b, ']');
    assert_int_equal(read_text(buffer_str(&b), &error), JSON_OK);
    b.ptr[b.len - 1] = '9';
    buffer_append_char(&b, ']');
    assert_refused(buffer_str(&b));
    b.len--;
    buffer_append_str(&b, APUS_STR(" x")); /* the digits come first */
    assert_refused(buffer_str(&b));
    b.ptr[b.len - 2] = '.';
    b.ptr[b.len - 1] = '5';
    buffer_append_char(&b, ']');
    assert_int_equal(read_text(buffer_str(&b), &error), JSON_OK); /* a decimal may be as long as it likes */
    arena_reset(&a);
}

static size_t refuse_after;

static bool refuse(size_t size)
{
    (void)size;
    return refuse_after == 0 || --refuse_after == 0;
}

static void test_without_memory_it_says_so_at_whichever_allocation(void **state)
{
    (void)state;
    arena text_arena;
    arena_init(&text_arena, NULL, (size_t)8 << 20);
    apus_str text = nest(&text_arena, "[18446744073709551615,1,2,\"x\",", "1", "]", 60);
    apus_str large = nest(&text_arena, "18446744073709551615 ,", "", "", 5000);
    buffer b;
    buffer_init(&b, &text_arena, 0, 1 << 20);
    buffer_printf(&b, "[%.*s%.*s]", (int)large.len, large.ptr, (int)text.len, text.ptr);
    json_status status = JSON_NO_MEMORY;
    for (size_t nth = 1; status == JSON_NO_MEMORY; nth++) {
        arena a;
        json_value *root;
        json_error error;
        arena_init(&a, NULL, (size_t)16 << 20);
        refuse_after = nth;
        memory_refuse = refuse;
        status = json_read(&a, buffer_str(&b), 64, &root, &error);
        memory_refuse = NULL;
        assert_true(nth < 1000);
        assert_true(status == JSON_OK ? nth > 3 && root : status == JSON_NO_MEMORY && !root);
        arena_reset(&a);
    }
    assert_int_equal(status, JSON_OK);
    arena_reset(&text_arena);
}

static void test_past_the_arenas_limit_it_says_so(void **state)
{
    (void)state;
    arena a, text_arena;
    json_value *root;
    json_error error;
    arena_init(&text_arena, NULL, 1 << 20);
    apus_str text = nest(&text_arena, "1,", "1", "", 50000);
    buffer b;
    buffer_init(&b, &text_arena, 0, 1 << 20);
    buffer_printf(&b, "[%.*s]", (int)text.len, text.ptr);
    arena_init(&a, NULL, 256 * 1024);
    assert_int_equal(json_read(&a, buffer_str(&b), 64, &root, &error), JSON_NO_MEMORY);
    assert_true(a.used <= a.limit);
    arena_reset(&a);
    arena_reset(&text_arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_syntax_error_has_the_words_and_the_offset_of_cpython),
        cmocka_unit_test(test_what_is_json_for_others_is_refused),
        cmocka_unit_test(test_depth_is_limited_where_it_is_passed),
        cmocka_unit_test(test_depth_counts_nesting_not_brackets),
        cmocka_unit_test(test_an_early_syntax_error_comes_before_depth_and_a_late_one_after),
        cmocka_unit_test(test_integers_have_at_most_4300_digits),
        cmocka_unit_test(test_without_memory_it_says_so_at_whichever_allocation),
        cmocka_unit_test(test_past_the_arenas_limit_it_says_so),
    };
    return cmocka_run_group_tests_name("json errors", tests, NULL, NULL);
}
