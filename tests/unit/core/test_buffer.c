#include "core/unit.h"

#include "core/failing.h"

static void test_it_grows_as_text_comes(void **state)
{
    (void)state;
    buffer b;
    buffer_init(&b, NULL, 0, 1 << 20);
    for (int i = 0; i < 10000; i++)
        buffer_append_char(&b, (char)('a' + i % 26));
    assert_false(b.failed);
    assert_int_equal(b.len, 10000);
    for (size_t i = 0; i < b.len; i++)
        assert_int_equal(b.ptr[i], 'a' + i % 26);
    buffer_free(&b);
}

static void test_an_empty_one_is_an_empty_text_not_null(void **state)
{
    (void)state;
    buffer b;
    buffer_init(&b, NULL, 0, 10);
    assert_non_null(buffer_str(&b).ptr);
    buffer_append(&b, NULL, 0);
    buffer_append_str(&b, (apus_str){NULL, 0});
    assert_buffer(&b, "");
    assert_false(b.failed);
    buffer_free(&b);
    buffer_free(&b);
}

static void test_the_ceiling_can_be_reached_but_not_passed(void **state)
{
    (void)state;
    for (size_t ceiling = 1; ceiling < 300; ceiling++) {
        buffer b;
        buffer_init(&b, NULL, ceiling % 7, ceiling);
        for (size_t i = 0; i < ceiling; i++)
            buffer_append_char(&b, 'x');
        assert_false(b.failed);
        assert_int_equal(b.len, ceiling);
        buffer_append_char(&b, 'y');
        assert_true(b.failed);
        assert_int_equal(b.len, ceiling);
        assert_true(b.capacity <= ceiling);
        buffer_free(&b);
    }
}

static void test_after_a_failure_nothing_more_is_taken(void **state)
{
    (void)state;
    buffer b;
    buffer_init(&b, NULL, 64, 100);
    buffer_append_str(&b, APUS_STR("begin"));
    assert_null(buffer_reserve(&b, 200));
    buffer_append_str(&b, APUS_STR("x"));
    buffer_printf(&b, "%d", 5);
    assert_true(b.failed);
    assert_buffer(&b, "begin");
    assert_null(buffer_reserve(&b, SIZE_MAX));
    buffer_free(&b);
}

static void test_printf_makes_the_room_it_needs(void **state)
{
    (void)state;
    for (size_t capacity = 0; capacity < 20; capacity++) {
        buffer b;
        buffer_init(&b, NULL, capacity, 1000);
        buffer_printf(&b, "%s-%d", "abc", 12345);
        buffer_printf(&b, "%s", "");
        buffer_printf(&b, "!");
        assert_buffer(&b, "abc-12345!");
        buffer_free(&b);
    }
}

static void test_in_an_arena_it_lives_and_goes_with_it(void **state)
{
    (void)state;
    arena a;
    buffer b;
    arena_init(&a, NULL, (size_t)1 << 20);
    buffer_init(&b, &a, 16, (size_t)1 << 20);
    for (int i = 0; i < 50000; i++)
        buffer_append_str(&b, APUS_STR("0123456789"));
    assert_false(b.failed);
    assert_int_equal(b.len, 500000);
    for (size_t i = 0; i < b.len; i++)
        assert_int_equal(b.ptr[i], '0' + i % 10);
    for (int i = 0; i < 100000; i++) /* past the arena's limit */
        buffer_append_str(&b, APUS_STR("0123456789"));
    assert_true(b.failed);
    arena_reset(&a);
}

static void test_it_fails_at_whichever_allocation_fails(void **state)
{
    (void)state;
    bool done = false;
    for (size_t nth = 1; !done; nth++) {
        buffer b;
        fail_allocations_from(nth);
        buffer_init(&b, NULL, 10, 1 << 20);
        for (int i = 0; i < 3000; i++)
            buffer_append_str(&b, APUS_STR("word "));
        done = !an_allocation_failed();
        fail_allocations_from(0);
        assert_int_equal(b.failed, !done);
        assert_true(b.len <= 15000);
        buffer_free(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_grows_as_text_comes),
        cmocka_unit_test(test_an_empty_one_is_an_empty_text_not_null),
        cmocka_unit_test(test_the_ceiling_can_be_reached_but_not_passed),
        cmocka_unit_test(test_after_a_failure_nothing_more_is_taken),
        cmocka_unit_test(test_printf_makes_the_room_it_needs),
        cmocka_unit_test(test_in_an_arena_it_lives_and_goes_with_it),
        cmocka_unit_test(test_it_fails_at_whichever_allocation_fails),
    };
    return cmocka_run_group_tests_name("buffer", tests, NULL, NULL);
}
