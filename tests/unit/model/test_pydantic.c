/* Holds us to what Pydantic answered: pydantic.tsv, made by record.py. */
#include "model/fixture.h"

#include <stdlib.h>

#include "model/cases.h"

static FILE *open_cases(void)
{
    char path[1024];
    snprintf(path, sizeof path, "%.*s/pydantic.tsv", (int)(strrchr(__FILE__, '/') - __FILE__), __FILE__);
    const char *other = getenv("PYDANTIC_CASES");
    FILE *file = fopen(other ? other : path, "r");
    if (!file)
        fail_msg("%s cannot be opened: run from the repository's root", path);
    return file;
}

/* A line is target, input, answer. */
static bool same_answer(char *line)
{
    char *input = strchr(line, '\t'), *answer = input ? strchr(input + 1, '\t') : NULL;
    assert_non_null(answer);
    *input++ = *answer++ = '\0';
    arena memory;
    arena_init(&memory, NULL, (size_t)16 << 20);
    apus_str got = case_answer(&memory, line, apus_cstr(input));
    bool same = apus_str_is(got, answer);
    if (!same)
        print_error("%s %.200s\n  wanted %.500s\n  got    %.*s\n", line, input, answer, got.len < 500 ? (int)got.len : 500, got.ptr);
    arena_reset(&memory);
    return same;
}

static void every_recorded_input_gets_pydantics_answer(void **state)
{
    (void)state;
    compile_rich();
    FILE *file = open_cases();
    char *line = NULL;
    size_t size = 0, count = 0, differ = 0;
    for (ssize_t len; (len = getline(&line, &size, file)) > 0; count++) {
        line[len - 1] = '\0';
        differ += !same_answer(line);
    }
    free(line);
    fclose(file);
    assert_int_equal(differ, 0);
    assert_true(count > 3000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(every_recorded_input_gets_pydantics_answer)};
    return cmocka_run_group_tests_name("model: Pydantic", tests, NULL, NULL);
}
