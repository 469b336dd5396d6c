#include "core/unit.h"

#include "core/arena.h"
#include "core/failing.h"
#include "core/limits.h"

static void test_memory_is_aligned_and_apart(void **state)
{
    (void)state;
    arena a;
    char *pieces[200];
    arena_init(&a, NULL, 1 << 20);
    for (size_t i = 0; i < 200; i++) {
        pieces[i] = arena_alloc(&a, i);
        assert_non_null(pieces[i]);
        assert_int_equal((uintptr_t)pieces[i] % 16, 0);
        memset(pieces[i], (int)i, i);
    }
    for (size_t i = 0; i < 200; i++)
        for (size_t k = 0; k < i; k++)
            assert_int_equal((unsigned char)pieces[i][k], i);
    arena_reset(&a);
}

static void test_chunks_are_recycled_through_the_pool(void **state)
{
    (void)state;
    arena_pool pool = {0};
    arena a;
    arena_init(&a, &pool, 1 << 20);
    for (int i = 0; i < 100; i++)
        assert_non_null(arena_alloc(&a, 1000));
    arena_reset(&a);
    size_t kept = pool.count;
    assert_in_range(kept, 7, 9);
    fail_allocations_from(1); /* the second request needs nothing from malloc */
    for (int i = 0; i < 100; i++)
        assert_non_null(arena_alloc(&a, 1000));
    assert_int_equal(an_allocation_failed(), 0);
    fail_allocations_from(0);
    assert_int_equal(pool.count, 0);
    arena_reset(&a);
    assert_int_equal(pool.count, kept);
    arena_pool_clear(&pool);
    assert_int_equal(pool.count, 0);
}

static void test_the_pool_keeps_a_bounded_number_of_chunks(void **state)
{
    (void)state;
    arena_pool pool = {0};
    arena a;
    arena_init(&a, &pool, (size_t)64 << 20);
    for (int i = 0; i < 4 * (LIMIT_ARENA_POOLED + 50); i++)
        assert_non_null(arena_alloc(&a, 4000));
    arena_reset(&a);
    assert_int_equal(pool.count, LIMIT_ARENA_POOLED);
    arena_pool_clear(&pool);
}

static void test_a_large_piece_leaves_the_current_chunk_in_use(void **state)
{
    (void)state;
    arena_pool pool = {0};
    arena a;
    arena_init(&a, &pool, 1 << 20);
    char *first = arena_alloc(&a, 16), *large = arena_alloc(&a, 100000), *second = arena_alloc(&a, 16);
    memset(large, 1, 100000);
    assert_in_range(second - first, 16, 32);
    arena_reset(&a);
    assert_int_equal(pool.count, 1); /* the large chunk went back to malloc */
    arena_pool_clear(&pool);
}

static void test_the_limit_holds_and_a_reset_lifts_it(void **state)
{
    (void)state;
    arena a;
    arena_init(&a, NULL, 64 * 1024);
    for (int round = 0; round < 3; round++) {
        size_t got = 0;
        while (arena_alloc(&a, 1024))
            got += 1024;
        assert_in_range(got, 56 * 1024, 64 * 1024);
        assert_null(arena_alloc(&a, 32 * 1024));
        assert_true(a.used <= a.limit);
        arena_reset(&a);
        assert_int_equal(a.used, 0);
    }
}

static void test_absurd_sizes_are_refused(void **state)
{
    (void)state;
    arena a;
    arena_init(&a, NULL, (size_t)1 << 30);
    static const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 1, SIZE_MAX - 15, SIZE_MAX - 16, SIZE_MAX - 31, SIZE_MAX / 2 + 1};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        assert_null(arena_alloc(&a, sizes[i]));
    void *piece = arena_alloc(&a, 8);
    assert_non_null(piece);
    assert_null(arena_resize(&a, piece, 8, SIZE_MAX));
    arena_reset(&a);
}

static void test_without_memory_it_gives_null_and_stays_usable(void **state)
{
    (void)state;
    arena a;
    arena_init(&a, NULL, 1 << 20);
    fail_allocations_from(1);
    assert_null(arena_alloc(&a, 10));
    assert_null(arena_alloc(&a, 100000));
    fail_allocations_from(0);
    void *piece = arena_alloc(&a, 10000);
    assert_non_null(piece);
    fail_allocations_from(1);
    assert_null(arena_resize(&a, piece, 10000, 50000));
    fail_allocations_from(0);
    memset(piece, 7, 10000);
    arena_reset(&a);
}

static void test_resizing_keeps_the_bytes(void **state)
{
    (void)state;
    arena a;
    arena_init(&a, NULL, (size_t)16 << 20);
    size_t size = 1;
    unsigned char *piece = arena_alloc(&a, size), *other = NULL;
    piece[0] = 0;
    for (int step = 0; step < 20; step++) {
        size_t larger = size * 2;
        piece = arena_resize(&a, piece, size, larger);
        assert_non_null(piece);
        for (size_t i = 0; i < larger; i++) {
            if (i < size)
                assert_int_equal(piece[i], i % 251);
            else
                piece[i] = (unsigned char)(i % 251);
        }
        size = larger;
        if (step % 3 == 0) { /* something in the way */
            other = arena_alloc(&a, 24);
            memset(other, 0xff, 24);
        }
    }
    piece = arena_resize(&a, piece, size, 100);
    for (size_t i = 0; i < 100; i++)
        assert_int_equal(piece[i], i % 251);
    arena_reset(&a);
}

static void test_a_growing_large_piece_counts_once(void **state)
{
    (void)state;
    arena a;
    arena_init(&a, NULL, (size_t)12 << 20);
    size_t size = 8192;
    void *piece = arena_alloc(&a, size);
    for (; size < (size_t)8 << 20; size *= 2)
        assert_non_null(piece = arena_resize(&a, piece, size, size * 2));
    assert_in_range(a.used, size, size + 4096);
    assert_null(arena_resize(&a, piece, size, size * 2));
    memset(piece, 1, size);
    arena_reset(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_is_aligned_and_apart),
        cmocka_unit_test(test_chunks_are_recycled_through_the_pool),
        cmocka_unit_test(test_the_pool_keeps_a_bounded_number_of_chunks),
        cmocka_unit_test(test_a_large_piece_leaves_the_current_chunk_in_use),
        cmocka_unit_test(test_the_limit_holds_and_a_reset_lifts_it),
        cmocka_unit_test(test_absurd_sizes_are_refused),
        cmocka_unit_test(test_without_memory_it_gives_null_and_stays_usable),
        cmocka_unit_test(test_resizing_keeps_the_bytes),
        cmocka_unit_test(test_a_growing_large_piece_counts_once),
    };
    return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
