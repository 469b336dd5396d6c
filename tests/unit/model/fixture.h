/* What every test of the models needs: cmocka, a reader in an arena, JSON in and out. */
#ifndef TESTS_MODEL_FIXTURE_H
#define TESTS_MODEL_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "model/plan.h"

static arena test_memory;
static model_reader test_reader;

__attribute__((unused)) static int begin_test(void **state)
{
    (void)state;
    arena_init(&test_memory, NULL, (size_t)16 << 20);
    model_reader_init(&test_reader, &test_memory, 64);
    return 0;
}

__attribute__((unused)) static int end_test(void **state)
{
    (void)state;
    arena_reset(&test_memory);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_test, end_test)

/* JSON as these tests write it: with single quotes, unless it has double ones. */
__attribute__((unused)) static const char *json(const char *text)
{
    if (strchr(text, '"'))
        return text;
    size_t len = strlen(text);
    char *copy = arena_alloc(&test_memory, len + 1);
    for (size_t i = 0; i <= len; i++)
        copy[i] = text[i] == '\'' ? '"' : text[i];
    return copy;
}

#define assert_json(got, expected) assert_string_equal(got, json(expected))

/* Reads JSON of that model; fails the test when it is no JSON. */
__attribute__((unused)) static bool read_text(const apus_model *model, const char *text, void *out)
{
    json_value *root;
    json_error error;
    assert_int_equal(json_read(&test_memory, apus_cstr(json(text)), 64, &root, &error), JSON_OK);
    model_loc body = {.name = APUS_STR("body")};
    return model_read_json(&test_reader, model, root, out, &body);
}

__attribute__((unused)) static const char *terminated(buffer *b)
{
    buffer_append_char(b, '\0');
    assert_false(b->failed);
    return b->ptr;
}

/* The JSON of a value, or the words of its refusal behind `refused: `. */
__attribute__((unused)) static const char *written(const apus_model *model, const void *value, model_write_options options)
{
    static char words[300];
    buffer b;
    buffer_init(&b, &test_memory, 64, (size_t)1 << 20);
    options.error = words + 9;
    options.error_size = sizeof words - 9;
    memcpy(words, "refused: ", 9);
    int code = model_write_json(&b, model, value, &options);
    if (code == 0)
        return terminated(&b);
    assert_int_equal(code, APUS_EVALIDATION);
    return words;
}

__attribute__((unused)) static const char *errors_text(void)
{
    buffer b;
    buffer_init(&b, &test_memory, 64, (size_t)1 << 20);
    model_write_errors(&b, &test_reader.errors);
    return terminated(&b);
}

#endif
