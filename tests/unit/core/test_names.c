#include "core/unit.h"

#include "core/digits.h"

#include <stdio.h>
#include <stdlib.h>

static void test_every_error_code_has_its_name(void **state)
{
    (void)state;
#define XX(name, value, status, text)                      \
    assert_int_equal(name, value);                         \
    assert_string_equal(apus_error_name(value), #name);
    APUS_ERROR_MAP(XX)
#undef XX
    assert_string_equal(apus_error_name(0), "unknown");
    assert_string_equal(apus_error_name(-9999), "unknown");
    assert_string_equal(apus_error_name(1), "unknown");
}

static void test_env_or_takes_an_empty_variable_as_unset(void **state)
{
    (void)state;
    unsetenv("UNIT_NAME");
    assert_string_equal(env_or("UNIT_NAME", "fallback"), "fallback");
    assert_null(env_or("UNIT_NAME", NULL));
    setenv("UNIT_NAME", "", 1);
    assert_string_equal(env_or("UNIT_NAME", "fallback"), "fallback");
    setenv("UNIT_NAME", "value", 1);
    assert_string_equal(env_or("UNIT_NAME", "fallback"), "value");
}

static void test_a_kept_copy_ends_where_its_slice_does(void **state)
{
    (void)state;
    const char text[] = {'k', '\0', 'y', 's'}; /* no NUL at the end: nothing may read past the slice */
    char *kept = apus_strdup((apus_str){text, 3});
    assert_memory_equal(kept, "k\0y", 4);
    free(kept);
    kept = apus_strdup((apus_str){NULL, 0});
    assert_string_equal(kept, "");
    free(kept);
}

static void test_digits_are_those_of_printf(void **state)
{
    (void)state;
    for (int bits = 0; bits <= 64; bits++)
        for (int64_t near = -2; near <= 2; near++) {
            uint64_t value = (bits == 64 ? 0 : (uint64_t)1 << bits) + (uint64_t)near;
            char ours[DIGITS_MAX + 1], theirs[32];
            ours[digits_put(ours, value)] = '\0';
            snprintf(theirs, sizeof theirs, "%llu", (unsigned long long)value);
            assert_string_equal(ours, theirs);
        }
    for (uint64_t power = 1; power < UINT64_MAX / 10; power *= 10)
        for (uint64_t value = power - 1; value <= power + 1; value++) {
            char ours[DIGITS_MAX + 1], theirs[32];
            ours[digits_put(ours, value)] = '\0';
            snprintf(theirs, sizeof theirs, "%llu", (unsigned long long)value);
            assert_string_equal(ours, theirs);
        }
}

static void test_padded_digits_fill_their_width(void **state)
{
    (void)state;
    char text[8] = "";
    digits_put_padded(text, 6, 42);
    assert_string_equal(text, "000042");
    digits_put_padded(text, 5, 98765);
    text[5] = '\0';
    assert_string_equal(text, "98765");
    digits_put_padded(text, 1, 7);
    text[1] = '\0';
    assert_string_equal(text, "7");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_error_code_has_its_name),
        cmocka_unit_test(test_env_or_takes_an_empty_variable_as_unset),
        cmocka_unit_test(test_a_kept_copy_ends_where_its_slice_does),
        cmocka_unit_test(test_digits_are_those_of_printf),
        cmocka_unit_test(test_padded_digits_fill_their_width),
    };
    return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
