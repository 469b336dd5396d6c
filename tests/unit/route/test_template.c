#include "fixture.h"

#include <stdio.h>

#include "route/template.h"

#define NO_MATCH "-"

static arena memory;

static int arena_set_up(void **state)
{
    (void)state;
    arena_init(&memory, NULL, (size_t)1 << 20);
    return 0;
}

static int arena_tear_down(void **state)
{
    (void)state;
    arena_reset(&memory);
    return 0;
}

/* What the template captures of the path, joined by `|`; NO_MATCH when it does not match. */
static const char *captures_of(const char *path_template, const char *path)
{
    static char text[256];
    char error[128] = "";
    template_segments *t = template_parse(&memory, path_template, error, sizeof error);
    assert_string_equal(error, "");
    apus_str captures[REQUEST_CAPTURES];
    if (!template_match(t, apus_cstr(path), captures))
        return NO_MATCH;
    text[0] = '\0';
    for (size_t i = 0; i < t->captures; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%.*s", i ? "|" : "", APUS_ARG(captures[i]));
    return text;
}

static void templates_match_what_starlette_matches(void **state)
{
    (void)state;
    static const struct {
        const char *path_template, *path, *captures;
    } rows[] = {
        {"/", "/", ""},
        {"/items/", "/items/", ""},
        {"/items/", "/items", NO_MATCH},
        {"/items/{item_id}", "/items/5", "5"},
        {"/items/{item_id}", "/items/", NO_MATCH},
        {"/items/{item_id}", "/items/a/b", NO_MATCH},
        {"/items/{item_id}", "/ITEMS/5", NO_MATCH},
        {"/a/{x}/b/{y}", "/a/1/b/2", "1|2"},
        {"/files/{name:path}", "/files/a/b.txt", "a/b.txt"},
        {"/files/{name:path}", "/files/", ""},
        {"/files/{name:path}", "/files//home/x", "/home/x"},
        {"/files/{name:path}/edit", "/files/a/edit/edit", "a/edit"},
        {"/n/{n:int}", "/n/007", "007"},
        {"/n/{n:int}", "/n/-7", NO_MATCH},
        {"/x/{x:float}", "/x/1.25", "1.25"},
        {"/x/{x:float}", "/x/1.", NO_MATCH},
        {"/x/{x:float}", "/x/7", "7"},
        {"/u/{u:uuid}", "/u/01234567-89ab-cdef-0123-456789ABCDEF", "01234567-89ab-cdef-0123-456789ABCDEF"},
        {"/u/{u:uuid}", "/u/0123456789abcdef0123456789abcdef", "0123456789abcdef0123456789abcdef"},
        {"/u/{u:uuid}", "/u/01234567-89ab-cdef-0123-456789ABCDE", NO_MATCH},
        {"/{name}.json", "/a.b.json", "a.b"},
        {"/{name}.json", "/.json", NO_MATCH},
        {"/{a}-{b}", "/x-y-z", "x-y|z"},
        {"/v{major:int}/x", "/v2/x", "2"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_string_equal(captures_of(rows[i].path_template, rows[i].path), rows[i].captures);
}

static void a_wrong_template_is_refused_with_words(void **state)
{
    (void)state;
    static const struct {
        const char *path_template, *words;
    } rows[] = {
        {"items", "a path starts with a slash"},
        {"/items/{item_id", "a brace is not closed"},
        {"/items/{item-id}", "a parameter's name in braces is letters, digits and underscores"},
        {"/items/{}", "a parameter's name in braces is letters, digits and underscores"},
        {"/items/{id:number}", "a convertor is one of str, path, int, float, uuid"},
        {"/items/{id}/{id}", "a parameter's name occurs twice"},
        {"/{a}{b}{c}{d}{e}{f}{g}{h}{i}{j}{k}{l}{m}{n}{o}{p}{q}", "a path has at most 16 parameters"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char error[128] = "";
        assert_null(template_parse(&memory, rows[i].path_template, error, sizeof error));
        assert_string_equal(error, rows[i].words);
    }
}

static void the_documented_path_has_no_convertors(void **state)
{
    (void)state;
    char error[128];
    template_segments *t = template_parse(&memory, "/files/{name:path}/{n:int}", error, sizeof error);
    assert_string_equal(t->format, "/files/{name}/{n}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(templates_match_what_starlette_matches, arena_set_up, arena_tear_down),
        cmocka_unit_test_setup_teardown(a_wrong_template_is_refused_with_words, arena_set_up, arena_tear_down),
        cmocka_unit_test_setup_teardown(the_documented_path_has_no_convertors, arena_set_up, arena_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
