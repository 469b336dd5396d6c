#include "core/unit.h"

#include "json/json.h"

#include <stdlib.h>

/* UTF-8 by the definition of RFC 3629: decode, then check range and shortest form. Returns the length or 0. */
static size_t decode(const unsigned char *p, size_t n)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t length = p[0] < 0x80 ? 1 : p[0] >> 5 == 6 ? 2 : p[0] >> 4 == 14 ? 3 : p[0] >> 3 == 30 ? 4 : 0;
    if (length == 0 || length > n)
        return 0;
    uint32_t code = length == 1 ? p[0] : p[0] & (0xffu >> (length + 1));
    for (size_t i = 1; i < length; i++) {
        if (p[i] >> 6 != 2)
            return 0;
        code = code << 6 | (p[i] & 63);
    }
    return code >= least[length] && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff) ? length : 0;
}

static bool valid(const unsigned char *p, size_t n, size_t *characters)
{
    *characters = 0;
    for (size_t length; n; p += length, n -= length, ++*characters)
        if ((length = decode(p, n)) == 0)
            return false;
    return true;
}

static const unsigned char edges[] = {0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1,
                                      0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xf8, 0xff};

static void assert_as_defined(const unsigned char *bytes, size_t n)
{
    size_t characters;
    bool expected = valid(bytes, n, &characters);
    char *copy = malloc(n ? n : 1);
    memcpy(copy, bytes, n);
    apus_str text = {copy, n};
    assert_int_equal(json_utf8_valid(text), expected);
    if (expected)
        assert_int_equal(json_utf8_length(text), characters);
    free(copy);
}

static void test_every_combination_of_edge_bytes_is_judged_as_rfc_3629_says(void **state)
{
    (void)state;
    size_t count = sizeof edges;
    for (size_t i = 0; i < count * count * count * count; i++) {
        unsigned char bytes[4] = {edges[i % count], edges[i / count % count], edges[i / count / count % count],
                                  edges[i / count / count / count]};
        for (size_t n = i < count ? 0 : 4; n <= 4; n++)
            assert_as_defined(bytes, n);
    }
}

static void test_a_wrong_byte_is_found_wherever_it_stands(void **state)
{
    (void)state;
    static const char *const pieces[] = {"a", "é", "日", "😀", "\xff", "\xc3"};
    for (size_t length = 0; length < 40; length++)
        for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++)
            for (size_t place = 0; place <= length; place++) {
                unsigned char bytes[64];
                size_t n = strlen(pieces[i]);
                memset(bytes, 'x', sizeof bytes);
                memcpy(bytes + place, pieces[i], n);
                assert_as_defined(bytes, length + n);
            }
}

static void test_characters_are_counted_in_long_texts(void **state)
{
    (void)state;
    buffer b;
    buffer_init(&b, NULL, 0, 1 << 20);
    for (size_t i = 1; i <= 1000; i++) {
        buffer_append_str(&b, APUS_STR("aé日😀"));
        assert_int_equal(json_utf8_length(buffer_str(&b)), 4 * i);
        assert_true(json_utf8_valid(buffer_str(&b)));
    }
    buffer_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_combination_of_edge_bytes_is_judged_as_rfc_3629_says),
        cmocka_unit_test(test_a_wrong_byte_is_found_wherever_it_stands),
        cmocka_unit_test(test_characters_are_counted_in_long_texts),
    };
    return cmocka_run_group_tests_name("utf8", tests, NULL, NULL);
}
