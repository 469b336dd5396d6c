#include "core/unit.h"

#include "core/settings.h"

#include <stdlib.h>

static struct {
    int64_t pool_max, max_body, any;
    double timeout;
    bool http2;
    const char *url, *key, *greeting;
    int docs;
} options;

static const setting rows[] = {
    {"UNIT_POOL_MAX", SETTING_INT, &options.pool_max, "15", .min = 1, .max = 1000, .doc = "most connections"},
    {"UNIT_MAX_BODY", SETTING_BYTES, &options.max_body, "1MiB", .min = 0, .max = 1 << 30, .doc = "largest body"},
    {"UNIT_TIMEOUT", SETTING_SECONDS, &options.timeout, "2.5", .min = 0, .max = 3600, .doc = "how long"},
    {"UNIT_HTTP2", SETTING_BOOL, &options.http2, "off", .doc = "HTTP/2"},
    {"UNIT_URL", SETTING_TEXT, &options.url, "", .doc = "where the database is"},
    {"UNIT_KEY", SETTING_TEXT, &options.key, "", .secret = true, .doc = "a secret"},
};
static const setting more_rows[] = {
    {"UNIT_DOCS", SETTING_CHOICE, &options.docs, "auto", .choices = {"auto", "on", "off"}, .doc = "docs"},
    {"UNIT_GREETING", SETTING_TEXT, &options.greeting, NULL, .doc = "a text"},
    {"UNIT_ANY", SETTING_INT, &options.any, "-3", .doc = "any number"},
};
static const setting_table tables[] = {SETTING_TABLE(rows), SETTING_TABLE(more_rows)};

#define MOST_ARGUMENTS 12

static char error[300];
static char *arguments[MOST_ARGUMENTS + 1];
static int argument_count;

static bool load(char **argv)
{
    error[0] = '\0';
    for (argument_count = 0; argv[argument_count]; argument_count++)
        arguments[argument_count] = argv[argument_count];
    arguments[argument_count] = NULL;
    return settings_load(tables, 2, &argument_count, arguments, error, sizeof error);
}

static char program[] = "app";
#define LOAD(...) load((char *[]){program, __VA_ARGS__ __VA_OPT__(,) NULL})
#define ARG(text) ((char[]){text})

static int clean(void **state)
{
    (void)state;
    memset(&options, 0, sizeof options);
    for (size_t t = 0; t < 2; t++)
        for (size_t i = 0; i < tables[t].count; i++)
            unsetenv(tables[t].rows[i].name);
    return 0;
}

static void test_defaults_hold_when_nothing_is_given(void **state)
{
    (void)state;
    options.greeting = "kept";
    assert_true(LOAD());
    assert_int_equal(options.pool_max, 15);
    assert_int_equal(options.max_body, 1048576);
    assert_true(options.timeout == 2.5);
    assert_false(options.http2);
    assert_string_equal(options.url, "");
    assert_int_equal(options.docs, 0);
    assert_string_equal(options.greeting, "kept");
    assert_int_equal(options.any, -3);
    assert_int_equal(settings_origin("UNIT_POOL_MAX"), SETTING_DEFAULT);
}

static void test_the_environment_wins_over_defaults_and_flags_over_both(void **state)
{
    (void)state;
    setenv("UNIT_POOL_MAX", "7", 1);
    setenv("UNIT_DOCS", "off", 1);
    setenv("UNIT_TIMEOUT", "", 1); /* empty is unset */
    assert_true(LOAD(ARG("--unit-pool-max"), ARG("9"), ARG("--unit-greeting=a=b")));
    assert_int_equal(options.pool_max, 9);
    assert_int_equal(options.docs, 2);
    assert_true(options.timeout == 2.5);
    assert_string_equal(options.greeting, "a=b");
    assert_int_equal(settings_origin("UNIT_POOL_MAX"), SETTING_FLAG);
    assert_int_equal(settings_origin("UNIT_DOCS"), SETTING_ENVIRONMENT);
    assert_int_equal(settings_origin("UNIT_TIMEOUT"), SETTING_DEFAULT);
    assert_true(LOAD());
    assert_int_equal(settings_origin("UNIT_POOL_MAX"), SETTING_ENVIRONMENT);
}

static void test_flags_leave_argv_and_commands_stay(void **state)
{
    (void)state;
    assert_true(LOAD(ARG("migrate"), ARG("--unit-pool-max=3"), ARG("up"), ARG("--help"), ARG("--unit-any"), ARG("-5"),
                     ARG("--"), ARG("--unit-pool-max=4")));
    assert_int_equal(argument_count, 6);
    static const char *const left[] = {"app", "migrate", "up", "--help", "--", "--unit-pool-max=4"};
    for (int i = 0; i < argument_count; i++)
        assert_string_equal(arguments[i], left[i]);
    assert_null(arguments[argument_count]);
    assert_int_equal(options.pool_max, 3);
    assert_int_equal(options.any, -5);
}

static void test_a_switch_may_stand_alone(void **state)
{
    (void)state;
    assert_true(LOAD(ARG("--unit-http2"), ARG("migrate")));
    assert_true(options.http2);
    assert_int_equal(argument_count, 2);
    assert_true(LOAD(ARG("--unit-http2"), ARG("no")));
    assert_false(options.http2);
    assert_int_equal(argument_count, 1);
    assert_true(LOAD(ARG("--unit-http2=YES")));
    assert_true(options.http2);
}

static void test_sizes_take_units(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t bytes;
    } sizes[] = {{"0", 0},           {"4096", 4096},       {"32KiB", 32768}, {"2MiB", 2097152},
                 {"1GiB", 1 << 30}, {"3mib", 3145728}, {"12B", 12}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        setenv("UNIT_MAX_BODY", sizes[i].text, 1);
        assert_true(LOAD());
        assert_int_equal(options.max_body, sizes[i].bytes);
    }
}

/* Variable, value, and the line that the user sees. */
static void test_an_error_names_variable_value_and_expectation(void **state)
{
    (void)state;
    static const struct {
        const char *name, *value, *line;
    } wrong[] = {
        {"UNIT_POOL_MAX", "abc", "UNIT_POOL_MAX: \"abc\" is not a whole number (expected 1 to 1000)"},
        {"UNIT_POOL_MAX", "5000", "UNIT_POOL_MAX: \"5000\" is out of range (expected 1 to 1000)"},
        {"UNIT_POOL_MAX", "1.5", "UNIT_POOL_MAX: \"1.5\" is not a whole number (expected 1 to 1000)"},
        {"UNIT_POOL_MAX", " 1", "UNIT_POOL_MAX: \" 1\" is not a whole number (expected 1 to 1000)"},
        {"UNIT_POOL_MAX", "99999999999999999999",
         "UNIT_POOL_MAX: \"99999999999999999999\" is not a whole number (expected 1 to 1000)"},
        {"UNIT_MAX_BODY", "1MB", "UNIT_MAX_BODY: \"1MB\" is not a size (expected 0 to 1GiB, in bytes, KiB, MiB or GiB)"},
        {"UNIT_MAX_BODY", "2GiB", "UNIT_MAX_BODY: \"2GiB\" is out of range (expected 0 to 1GiB, in bytes, KiB, MiB or GiB)"},
        {"UNIT_MAX_BODY", "9999999999999GiB",
         "UNIT_MAX_BODY: \"9999999999999GiB\" is not a size (expected 0 to 1GiB, in bytes, KiB, MiB or GiB)"},
        {"UNIT_MAX_BODY", "-1", "UNIT_MAX_BODY: \"-1\" is out of range (expected 0 to 1GiB, in bytes, KiB, MiB or GiB)"},
        {"UNIT_TIMEOUT", "5s", "UNIT_TIMEOUT: \"5s\" is not a number of seconds (expected 0 to 3600 seconds)"},
        {"UNIT_TIMEOUT", "1.2.3", "UNIT_TIMEOUT: \"1.2.3\" is not a number of seconds (expected 0 to 3600 seconds)"},
        {"UNIT_TIMEOUT", ".", "UNIT_TIMEOUT: \".\" is not a number of seconds (expected 0 to 3600 seconds)"},
        {"UNIT_TIMEOUT", "-0.5", "UNIT_TIMEOUT: \"-0.5\" is out of range (expected 0 to 3600 seconds)"},
        {"UNIT_TIMEOUT", "nan", "UNIT_TIMEOUT: \"nan\" is not a number of seconds (expected 0 to 3600 seconds)"},
        {"UNIT_HTTP2", "maybe",
         "UNIT_HTTP2: \"maybe\" is not a switch (expected on or off, 1 or 0, true or false, yes or no)"},
        {"UNIT_DOCS", "maybe", "UNIT_DOCS: \"maybe\" is not a known value (expected auto, on or off)"},
        {"UNIT_ANY", "x\ny", "UNIT_ANY: \"x?y\" is not a whole number (expected any)"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        setenv(wrong[i].name, wrong[i].value, 1);
        assert_false(LOAD());
        assert_string_equal(error, wrong[i].line);
        unsetenv(wrong[i].name);
    }
}

static void test_a_wrong_flag_is_named_as_it_was_typed(void **state)
{
    (void)state;
    assert_false(LOAD(ARG("--unit-pool-max"), ARG("abc")));
    assert_string_equal(error, "--unit-pool-max: \"abc\" is not a whole number (expected 1 to 1000)");
    assert_false(LOAD(ARG("--unit-pool-max="), ARG("5")));
    assert_string_equal(error, "--unit-pool-max: \"\" is not a whole number (expected 1 to 1000)");
    assert_false(LOAD(ARG("--unit-docs")));
    assert_string_equal(error, "--unit-docs: the value is missing (expected auto, on or off)");
}

static void test_a_secret_is_no_flag_and_never_shown(void **state)
{
    (void)state;
    assert_false(LOAD(ARG("--unit-key=hunter2")));
    assert_non_null(strstr(error, "UNIT_KEY"));
    assert_null(strstr(error, "hunter2"));
    setenv("UNIT_KEY", "hunter2", 1);
    assert_true(LOAD());
    assert_string_equal(options.key, "hunter2");
    buffer out;
    buffer_init(&out, NULL, 0, 10000);
    settings_print(tables, 2, &out);
    buffer_append_char(&out, '\0');
    assert_non_null(strstr(out.ptr, "UNIT_KEY=***  (environment)\n"));
    assert_null(strstr(out.ptr, "hunter2"));
    buffer_free(&out);
}

static void test_a_wrong_secret_is_told_without_its_value(void **state)
{
    (void)state;
    static int64_t pin;
    static const setting secret[] = {{"UNIT_PIN", SETTING_INT, &pin, "0", .min = 0, .max = 9999, .secret = true, .doc = "a pin"}};
    static const setting_table table[] = {SETTING_TABLE(secret)};
    int argc = 1;
    char *argv[] = {program, NULL};
    setenv("UNIT_PIN", "12x4", 1);
    assert_false(settings_load(table, 1, &argc, argv, error, sizeof error));
    assert_string_equal(error, "UNIT_PIN: the value is not a whole number (expected 0 to 9999)");
    unsetenv("UNIT_PIN");
}

static void test_an_overlong_value_and_a_small_error_buffer_are_no_harm(void **state)
{
    (void)state;
    char value[5000], small[8] = "";
    memset(value, 'x', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    setenv("UNIT_POOL_MAX", value, 1);
    assert_false(LOAD());
    assert_true(strlen(error) < 200);
    int argc = 1;
    char *argv[] = {program, NULL};
    assert_false(settings_load(tables, 2, &argc, argv, small, sizeof small));
    assert_string_equal(small, "UNIT_PO");
    assert_false(settings_load(tables, 2, &argc, argv, NULL, 0));
}

static void test_print_shows_effective_values_and_where_they_come_from(void **state)
{
    (void)state;
    setenv("UNIT_MAX_BODY", "32KiB", 1);
    options.greeting = "hi";
    assert_true(LOAD(ARG("--unit-http2")));
    buffer out;
    buffer_init(&out, NULL, 0, 10000);
    settings_print(tables, 2, &out);
    assert_buffer(&out, "UNIT_POOL_MAX=15  (default)\nUNIT_MAX_BODY=32768  (environment)\nUNIT_TIMEOUT=2.5  (default)\n"
                        "UNIT_HTTP2=on  (flag)\nUNIT_URL=  (default)\nUNIT_KEY=  (default)\nUNIT_DOCS=auto  (default)\n"
                        "UNIT_GREETING=hi  (default)\nUNIT_ANY=-3  (default)\n");
    buffer_free(&out);
}

static void test_passwords_in_urls_are_masked(void **state)
{
    (void)state;
    static const char *const urls[][2] = {
        {"postgresql://user:secret@host:5432/db", "postgresql://user:***@host:5432/db"},
        {"postgres://user:p@ss:w/ord?@host/db", "postgres://user:***@host/db"},
        {"postgres://:secret@host", "postgres://:***@host"},
        {"postgres://user@host:5432/db", "postgres://user@host:5432/db"},
        {"http://host:8000/path", "http://host:8000/path"},
        {"postgres://host/db?user=u&password=secret&sslmode=require", "postgres://host/db?user=u&password=***&sslmode=require"},
        {"host=h PASSWORD='a b\\'c' user=u", "host=h PASSWORD=*** user=u"},
        {"host=h sslpassword=secret", "host=h sslpassword=***"},
        {"password=", "password=***"},
        {"://", "://"},
        {"plain text", "plain text"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        buffer out;
        buffer_init(&out, NULL, 0, 1000);
        settings_mask(apus_cstr(urls[i][0]), &out);
        assert_buffer(&out, urls[i][1]);
        buffer_free(&out);
    }
}

static void test_help_lists_every_setting_with_flag_and_default(void **state)
{
    (void)state;
    buffer out;
    buffer_init(&out, NULL, 0, 10000);
    settings_help(tables, 2, &out);
    buffer_append_char(&out, '\0');
    static const char *const parts[] = {
        "UNIT_POOL_MAX",           "--unit-pool-max N",      "most connections (15)", "--unit-max-body SIZE",
        "--unit-docs auto|on|off", "--unit-timeout SECONDS", "--unit-greeting TEXT",  "(no flag: secret)"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        assert_non_null(strstr(out.ptr, parts[i]));
    assert_null(strstr(out.ptr, "--unit-key"));
    buffer_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_defaults_hold_when_nothing_is_given, clean),
        cmocka_unit_test_setup(test_the_environment_wins_over_defaults_and_flags_over_both, clean),
        cmocka_unit_test_setup(test_flags_leave_argv_and_commands_stay, clean),
        cmocka_unit_test_setup(test_a_switch_may_stand_alone, clean),
        cmocka_unit_test_setup(test_sizes_take_units, clean),
        cmocka_unit_test_setup(test_an_error_names_variable_value_and_expectation, clean),
        cmocka_unit_test_setup(test_a_wrong_flag_is_named_as_it_was_typed, clean),
        cmocka_unit_test_setup(test_a_secret_is_no_flag_and_never_shown, clean),
        cmocka_unit_test_setup(test_a_wrong_secret_is_told_without_its_value, clean),
        cmocka_unit_test_setup(test_an_overlong_value_and_a_small_error_buffer_are_no_harm, clean),
        cmocka_unit_test_setup(test_print_shows_effective_values_and_where_they_come_from, clean),
        cmocka_unit_test_setup(test_passwords_in_urls_are_masked, clean),
        cmocka_unit_test_setup(test_help_lists_every_setting_with_flag_and_default, clean),
    };
    return cmocka_run_group_tests_name("settings", tests, NULL, NULL);
}
