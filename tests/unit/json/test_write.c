#include "core/unit.h"

#include "json/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Recorded from pydantic 2.14.3 (TypeAdapter(float).dump_json) and CPython 3.11 (repr). */
static const struct {
    double value;
    const char *pydantic, *python;
} doubles[] = {
    {0.0, "0.0", "0.0"},
    {-0.0, "-0.0", "-0.0"},
    {1.0, "1.0", "1.0"},
    {-1.0, "-1.0", "-1.0"},
    {0.1, "0.1", "0.1"},
    {12.34, "12.34", "12.34"},
    {100.0, "100.0", "100.0"},
    {1e-5, "0.00001", "1e-05"},
    {1.5e-5, "0.000015", "1.5e-05"},
    {9.999e-6, "9.999e-6", "9.999e-06"},
    {1e-6, "1e-6", "1e-06"},
    {1e-7, "1e-7", "1e-07"},
    {0.0001, "0.0001", "0.0001"},
    {0.00015, "0.00015", "0.00015"},
    {0.001, "0.001", "0.001"},
    {0.0009765625, "0.0009765625", "0.0009765625"},
    {0.3, "0.3", "0.3"},
    {0x1.5555555555555p-1, "0.6666666666666666", "0.6666666666666666"},
    {1e9, "1000000000.0", "1000000000.0"},
    {0x1.dcd6500400000p+29, "1000000000.5", "1000000000.5"},
    {123456789.125, "123456789.125", "123456789.125"},
    {999999999.999999, "999999999.999999", "999999999.999999"},
    {1000000000.000001, "1000000000.000001", "1000000000.000001"},
    {1e15, "1000000000000000.0", "1000000000000000.0"},
    {1e16, "1e+16", "1e+16"},
    {9999999999999998.0, "9999999999999998.0", "9999999999999998.0"},
    {1e17, "1e+17", "1e+17"},
    {1.5e16, "1.5e+16", "1.5e+16"},
    {123456789012345680.0, "1.2345678901234568e+17", "1.2345678901234568e+17"},
    {1e21, "1e+21", "1e+21"},
    {1e22, "1e+22", "1e+22"},
    {1e23, "1e+23", "1e+23"},
    {1e100, "1e+100", "1e+100"},
    {1.7976931348623157e308, "1.7976931348623157e+308", "1.7976931348623157e+308"},
    {5e-324, "5e-324", "5e-324"},
    {2.2250738585072014e-308, "2.2250738585072014e-308", "2.2250738585072014e-308"},
    {9007199254740991.0, "9007199254740991.0", "9007199254740991.0"},
    {9007199254740992.0, "9007199254740992.0", "9007199254740992.0"},
    {9007199254740994.0, "9007199254740994.0", "9007199254740994.0"},
    {0x1.3333333333334p-2, "0.30000000000000004", "0.30000000000000004"},
    {0x1.5555555555555p-2, "0.3333333333333333", "0.3333333333333333"},
    {4.35, "4.35", "4.35"},
    {0.07, "0.07", "0.07"},
    {1e-3, "0.001", "0.001"},
    {123456.7, "123456.7", "123456.7"},
    {3.14159, "3.14159", "3.14159"},
    {2.5e-8, "2.5e-8", "2.5e-08"},
    {-1e-7, "-1e-7", "-1e-07"},
    {-123.456, "-123.456", "-123.456"},
    {8.41e21, "8.41e+21", "8.41e+21"},
    {0x1.0000000000000p+70, "1.1805916207174113e+21", "1.1805916207174113e+21"},
    {4503599627370496.5, "4503599627370496.0", "4503599627370496.0"},
    {5e-5, "0.00005", "5e-05"},
    {0.000123, "0.000123", "0.000123"},
    {99999.999999, "99999.999999", "99999.999999"},
    {1.1, "1.1", "1.1"},
    {1.000001, "1.000001", "1.000001"},
    {1.0000001, "1.0000001", "1.0000001"},
};

static void assert_double(double value, json_style style, const char *expected)
{
    buffer b;
    buffer_init(&b, NULL, 0, 64);
    json_write_double(&b, value, style);
    assert_buffer(&b, expected);
    buffer_free(&b);
}

static void test_doubles_are_spelt_as_pydantic_and_as_python_spell_them(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof doubles / sizeof *doubles; i++) {
        assert_double(doubles[i].value, JSON_PYDANTIC, doubles[i].pydantic);
        assert_double(doubles[i].value, JSON_PYTHON, doubles[i].python);
    }
    assert_double(NAN, JSON_PYDANTIC, "null");
    assert_double(INFINITY, JSON_PYDANTIC, "null");
    assert_double(-INFINITY, JSON_PYTHON, "null");
}

static uint64_t next_random(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return *seed ^ *seed >> 29;
}

/* The spelling reads back as the same double and no spelling with fewer digits would. */
static void assert_shortest(double value)
{
    buffer b;
    char text[64], shorter[64];
    buffer_init(&b, NULL, 0, 64);
    json_write_double(&b, value, JSON_PYTHON);
    snprintf(text, sizeof text, "%.*s", (int)b.len, b.ptr);
    buffer_free(&b);
    assert_true(strtod(text, NULL) == value);
    int digits = 0, zeros = 0;
    for (const char *p = text; *p && *p != 'e'; p++) {
        digits += *p >= '0' && *p <= '9' && (digits || *p != '0');
        zeros = *p == '0' ? zeros + 1 : *p == '.' ? zeros : 0;
    }
    digits -= zeros < digits ? zeros : 0;
    if (digits > 1) {
        snprintf(shorter, sizeof shorter, "%.*e", digits - 2, value);
        if (strtod(shorter, NULL) == value)
            fail_msg("%s is longer than %s", text, shorter);
    }
}

static void test_any_double_is_spelt_shortest_and_reads_back(void **state)
{
    (void)state;
    uint64_t seed = 20260102;
    for (int i = 0; i < 100000; i++) {
        uint64_t bits = next_random(&seed);
        double value;
        memcpy(&value, &bits, sizeof value);
        if (isfinite(value) && value != 0)
            assert_shortest(value);
        assert_shortest((double)(bits % 1000000000) / pow(10, (double)(bits >> 40 & 7)) + 1e-9);
        assert_shortest((double)(bits >> 32) / 100 + 0.01);
        assert_shortest((double)(bits >> (bits & 63)) + 1);
    }
}

static void test_integers_are_written_over_their_whole_range(void **state)
{
    (void)state;
    static const struct {
        int64_t value;
        const char *text;
    } cases[] = {{0, "0"},     {-1, "-1"},   {42, "42"}, {100, "100"}, {INT64_MAX, "9223372036854775807"},
                 {INT64_MIN, "-9223372036854775808"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        buffer b;
        buffer_init(&b, NULL, 0, 64);
        json_write_int(&b, cases[i].value);
        assert_buffer(&b, cases[i].text);
        buffer_free(&b);
    }
}

static void test_strings_are_escaped_as_python_does_without_ensure_ascii(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", "\"\""},
        {"plain", "\"plain\""},
        {"\"\\/", "\"\\\"\\\\/\""},
        {"\b\f\n\r\t\x01\x0b\x1f", "\"\\b\\f\\n\\r\\t\\u0001\\u000b\\u001f\""},
        {"\x7f\xc2\x80\xe2\x80\xa8\xe2\x80\xa9\xf0\x9f\x98\x80", "\"\x7f\xc2\x80\xe2\x80\xa8\xe2\x80\xa9\xf0\x9f\x98\x80\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        buffer b;
        buffer_init(&b, NULL, 0, 1000);
        json_write_str(&b, apus_cstr(cases[i][0]));
        assert_buffer(&b, cases[i][1]);
        buffer_free(&b);
    }
    buffer b;
    buffer_init(&b, NULL, 0, 1000);
    json_write_str(&b, (apus_str){NULL, 0});
    json_write_str(&b, APUS_STR("\0"));
    assert_buffer(&b, "\"\"\"\\u0000\"");
    buffer_free(&b);
}

/* Every byte at every place of texts of every length about the widths at which text is scanned. */
static void test_an_escape_is_found_wherever_it_stands(void **state)
{
    (void)state;
    static const int bytes[] = {0, 1, 0x1f, 0x20, 0x21, 0x22, 0x23, 0x5b, 0x5c, 0x5d, 0x7f, 0x80, 0xa2, 0xdc, 0xff};
    for (size_t length = 1; length < 70; length++)
        for (size_t place = 0; place < length; place++)
            for (size_t i = 0; i < sizeof bytes / sizeof *bytes; i++) {
                char *text = malloc(length), expected[100];
                memset(text, 'x', length);
                text[place] = (char)bytes[i];
                const char *escape = bytes[i] == '"' ? "\\\"" : bytes[i] == '\\' ? "\\\\" : NULL;
                char rest[80] = "", hex[8];
                memset(rest, 'x', length - place - 1);
                snprintf(hex, sizeof hex, bytes[i] < 0x20 ? "\\u%04x" : "%c", bytes[i]);
                snprintf(expected, sizeof expected, "\"%.*s%s%s\"", (int)place, text, escape ? escape : hex, rest);
                buffer b;
                buffer_init(&b, NULL, 0, 200);
                json_write_str(&b, (apus_str){text, length});
                assert_buffer(&b, expected);
                buffer_free(&b);
                free(text);
            }
}

static void assert_rewritten(const char *text, const char *expected, json_style style)
{
    arena a;
    buffer b;
    json_value *root;
    json_error error;
    arena_init(&a, NULL, 1 << 20);
    buffer_init(&b, &a, 0, 1 << 20);
    assert_int_equal(json_read(&a, apus_cstr(text), 1000, &root, &error), JSON_OK);
    json_write_value(&b, root, style);
    assert_buffer(&b, expected);
    arena_reset(&a);
}

static void test_a_value_is_written_again_compact_and_in_order(void **state)
{
    (void)state;
    assert_rewritten(" { \"b\" : [ 1 , 2.50 , [ ] , { } , { \"x\" : null } ] , \"a\" : \"\\u00e9\" , \"b\" : true } ",
                     "{\"b\":[1,2.5,[],{},{\"x\":null}],\"a\":\"é\",\"b\":true}", JSON_PYTHON);
    assert_rewritten("[1e-7,1.0,1e3,-0,-0.0,1e400]", "[1e-7,1.0,1000.0,0,-0.0,null]", JSON_PYDANTIC);
    assert_rewritten("[1e-7,12345678901234567890123]", "[1e-07,12345678901234567890123]", JSON_PYTHON);
    assert_rewritten("[[[]],[[],[]],[{}]]", "[[[]],[[],[]],[{}]]", JSON_PYTHON);
    assert_rewritten("\"x\"", "\"x\"", JSON_PYTHON);
    assert_rewritten("{\"a\":{\"b\":{\"c\":1},\"d\":2},\"e\":3}", "{\"a\":{\"b\":{\"c\":1},\"d\":2},\"e\":3}", JSON_PYTHON);
    char deep[2001];
    memset(deep, '[', 1000);
    memset(deep + 1000, ']', 1000);
    deep[2000] = '\0';
    assert_rewritten(deep, deep, JSON_PYTHON);
}

static void test_a_part_of_a_document_is_written_alone(void **state)
{
    (void)state;
    arena a;
    buffer b;
    json_value *root;
    json_error error;
    arena_init(&a, NULL, 1 << 20);
    buffer_init(&b, &a, 0, 1 << 20);
    assert_int_equal(json_read(&a, APUS_STR("{\"x\":[1,{\"y\":2}],\"z\":{}}"), 64, &root, &error), JSON_OK);
    json_write_value(&b, json_get(root, APUS_STR("x")), JSON_PYTHON);
    json_write_value(&b, json_get(root, APUS_STR("z")), JSON_PYTHON);
    assert_buffer(&b, "[1,{\"y\":2}]{}");
    arena_reset(&a);
}

static void test_past_the_ceiling_writing_stops(void **state)
{
    (void)state;
    arena a;
    json_value *root;
    json_error error;
    arena_init(&a, NULL, 1 << 20);
    apus_str text = APUS_STR("{\"x\":[1,2.25,\"text\\n\",null,true,{\"y\":99999999999999999999}]}");
    assert_int_equal(json_read(&a, text, 64, &root, &error), JSON_OK);
    for (size_t ceiling = 0; ceiling < 60; ceiling++) {
        buffer b;
        buffer_init(&b, NULL, 0, ceiling);
        json_write_value(&b, root, JSON_PYTHON);
        assert_true(b.failed);
        assert_true(b.len <= ceiling);
        buffer_free(&b);
    }
    arena_reset(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_doubles_are_spelt_as_pydantic_and_as_python_spell_them),
        cmocka_unit_test(test_any_double_is_spelt_shortest_and_reads_back),
        cmocka_unit_test(test_integers_are_written_over_their_whole_range),
        cmocka_unit_test(test_strings_are_escaped_as_python_does_without_ensure_ascii),
        cmocka_unit_test(test_an_escape_is_found_wherever_it_stands),
        cmocka_unit_test(test_a_value_is_written_again_compact_and_in_order),
        cmocka_unit_test(test_a_part_of_a_document_is_written_alone),
        cmocka_unit_test(test_past_the_ceiling_writing_stops),
    };
    return cmocka_run_group_tests_name("json write", tests, NULL, NULL);
}
