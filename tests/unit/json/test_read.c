#include "core/unit.h"

#include "json/json.h"

#include <math.h>

static arena memory;

static int open_memory(void **state)
{
    (void)state;
    arena_init(&memory, NULL, (size_t)64 << 20);
    return 0;
}

static int close_memory(void **state)
{
    (void)state;
    arena_reset(&memory);
    return 0;
}

static json_value *read_text(const char *text)
{
    json_value *root;
    json_error error;
    json_status status = json_read(&memory, apus_cstr(text), 64, &root, &error);
    if (status != JSON_OK)
        fail_msg("%s: status %d, %s at %zu", text, status, error.error ? error.error : "", error.offset);
    return root;
}

static void test_every_type_is_told_apart(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        json_type type;
    } cases[] = {
        {"null", JSON_NULL},   {"true", JSON_BOOL},     {"false", JSON_BOOL},   {"0", JSON_INT},      {"-1", JSON_INT},
        {"1.0", JSON_DOUBLE},  {"1e2", JSON_DOUBLE},    {"\"\"", JSON_STR},     {"\"1\"", JSON_STR},  {"[]", JSON_ARRAY},
        {"[1]", JSON_ARRAY},   {"{}", JSON_OBJECT},     {"{\"a\":1}", JSON_OBJECT}, {"1e400", JSON_DOUBLE},
        {"9223372036854775807", JSON_INT},     {"9223372036854775808", JSON_BIGINT},  {"18446744073709551615", JSON_BIGINT},
        {"18446744073709551616", JSON_BIGINT}, {"-9223372036854775808", JSON_INT},    {"-9223372036854775809", JSON_BIGINT},
        {"-0", JSON_INT},      {"-0.0", JSON_DOUBLE},   {" \t\r\n 1 \t\r\n ", JSON_INT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (json_type_of(read_text(cases[i].text)) != cases[i].type)
            fail_msg("%s: type %d", cases[i].text, json_type_of(read_text(cases[i].text)));
    assert_true(json_bool(read_text("true")));
    assert_false(json_bool(read_text("false")));
}

static void test_integers_are_exact_within_64_bits_and_beyond(void **state)
{
    (void)state;
    assert_int_equal(json_int(read_text("9223372036854775807")), INT64_MAX);
    assert_int_equal(json_int(read_text("-9223372036854775808")), INT64_MIN);
    assert_int_equal(json_int(read_text("-0")), 0);
    assert_text(json_str(read_text("9223372036854775808")), "9223372036854775808");
    assert_text(json_str(read_text("18446744073709551615")), "18446744073709551615");
    assert_text(json_str(read_text("-123456789012345678901234567890")), "-123456789012345678901234567890");
    json_value *list = read_text("[1,18446744073709551615,2,99999999999999999999,3]");
    static const char *const digits[] = {NULL, "18446744073709551615", NULL, "99999999999999999999", NULL};
    json_iterator it = json_iterate(list);
    for (size_t i = 0; i < 5; i++) {
        json_value *v = json_next(&it, NULL);
        assert_int_equal(json_type_of(v), digits[i] ? JSON_BIGINT : JSON_INT);
        if (digits[i])
            assert_text(json_str(v), digits[i]);
        else
            assert_int_equal(json_int(v), i / 2 + 1);
    }
}

static void test_every_number_reads_as_a_double(void **state)
{
    (void)state;
    assert_true(json_double(read_text("5")) == 5.0);
    assert_true(json_double(read_text("-7")) == -7.0);
    assert_true(json_double(read_text("0.1")) == 0.1);
    assert_true(json_double(read_text("18446744073709551616")) == 18446744073709551616.0);
    assert_true(json_double(read_text("-9223372036854775809")) == -9223372036854775808.0);
    assert_true(json_double(read_text("1e400")) == INFINITY);
    assert_true(json_double(read_text("-1.5E+999")) == -INFINITY);
    assert_true(json_double(read_text("1e-400")) == 0.0);
    assert_true(signbit(json_double(read_text("-0.0"))));
    assert_true(json_double(read_text("2.2250738585072011e-308")) == 0x0.fffffffffffffp-1022);
    assert_true(json_double(read_text("123456789012345678901234567890.5")) == 123456789012345678901234567890.5);
}

static void test_strings_are_decoded(void **state)
{
    (void)state;
    assert_text(json_str(read_text("\"plain\"")), "plain");
    assert_text(json_str(read_text("\"\\u00e9\\ud83d\\ude00\\n\\\"\\\\\\/\\b\\f\\r\\t\"")), "é😀\n\"\\/\b\f\r\t");
    assert_text(json_str(read_text("\"é日😀\"")), "é日😀");
    assert_true(apus_str_eq(json_str(read_text("\"a\\u0000b\"")), APUS_STR("a\0b")));
    assert_text(json_str(read_text("\"\"")), "");
    assert_non_null(json_str(read_text("\"\"")).ptr);
    assert_text(json_str(read_text("\"\x7f\xc2\x80\"")), "\x7f\xc2\x80");
}

static void test_of_duplicate_keys_the_last_wins_and_iteration_shows_all(void **state)
{
    (void)state;
    json_value *object = read_text("{\"a\":1,\"b\":{\"a\":9},\"a\":2,\"\":3}");
    assert_int_equal(json_count(object), 4);
    assert_int_equal(json_int(json_get(object, APUS_STR("a"))), 2);
    assert_int_equal(json_int(json_get(object, APUS_STR(""))), 3);
    assert_null(json_get(object, APUS_STR("c")));
    assert_null(json_get(read_text("[1]"), APUS_STR("a")));
    assert_null(json_get(read_text("1"), APUS_STR("a")));
    json_iterator it = json_iterate(object);
    static const char *const keys[] = {"a", "b", "a", ""};
    apus_str key;
    for (size_t i = 0; i < 4; i++) {
        assert_non_null(json_next(&it, &key));
        assert_text(key, keys[i]);
    }
    assert_null(json_next(&it, &key));
    assert_null(json_next(&it, NULL));
}

static void test_iteration_steps_over_what_is_nested(void **state)
{
    (void)state;
    json_iterator it = json_iterate(read_text("[[1,[2,3]],{\"a\":[4]},[],5]"));
    static const json_type types[] = {JSON_ARRAY, JSON_OBJECT, JSON_ARRAY, JSON_INT};
    for (size_t i = 0; i < 4; i++) {
        json_value *v = json_next(&it, NULL);
        assert_non_null(v);
        assert_int_equal(json_type_of(v), types[i]);
    }
    assert_null(json_next(&it, NULL));
    it = json_iterate(read_text("\"scalar\""));
    assert_null(json_next(&it, NULL));
    it = json_iterate(read_text("{}"));
    assert_null(json_next(&it, NULL));
}

static void test_values_stay_when_the_arena_grows(void **state)
{
    (void)state;
    json_value *first = read_text("{\"name\":\"kept\",\"big\":18446744073709551615}");
    for (int i = 0; i < 1000; i++)
        memset(arena_alloc(&memory, 1000), 0xff, 1000);
    assert_text(json_str(json_get(first, APUS_STR("name"))), "kept");
    assert_text(json_str(json_get(first, APUS_STR("big"))), "18446744073709551615");
}

static void test_a_large_text_takes_bounded_memory(void **state)
{
    (void)state;
    size_t n = 1 << 20;
    char *text = arena_alloc(&memory, n);
    for (size_t i = 0; i < n; i++)
        text[i] = i == 0 ? '[' : i == n - 1 ? ']' : i % 2 ? '1' : ',';
    json_value *root;
    json_error error;
    assert_int_equal(json_read(&memory, (apus_str){text, n - 1}, 64, &root, &error), JSON_SYNTAX);
    size_t before = memory.used;
    text[n - 2] = '1';
    text[n - 3] = '1';
    assert_int_equal(json_read(&memory, (apus_str){text, n}, 64, &root, &error), JSON_OK);
    assert_true(memory.used - before < 16 * n);
    assert_int_equal(json_count(root), n / 2 - 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_memory, close_memory)
    const struct CMUnitTest tests[] = {
        TEST(test_every_type_is_told_apart),
        TEST(test_integers_are_exact_within_64_bits_and_beyond),
        TEST(test_every_number_reads_as_a_double),
        TEST(test_strings_are_decoded),
        TEST(test_of_duplicate_keys_the_last_wins_and_iteration_shows_all),
        TEST(test_iteration_steps_over_what_is_nested),
        TEST(test_values_stay_when_the_arena_grows),
        TEST(test_a_large_text_takes_bounded_memory),
    };
    return cmocka_run_group_tests_name("json read", tests, NULL, NULL);
}
