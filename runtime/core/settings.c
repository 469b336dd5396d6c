#include "core/settings.h"

#include "core/limits.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define SHOWN_VALUE 60 /* characters of a wrong value that an error shows */
#define LONGEST_FLAG 64

/* What the last settings_load found set: rows by name, the others have their defaults. */
static struct {
    const char *name, *text;
    setting_origin origin;
} given[LIMIT_SETTINGS];
static size_t given_count;

setting_origin settings_origin(const char *name)
{
    for (size_t i = 0; i < given_count; i++)
        if (strcmp(given[i].name, name) == 0)
            return given[i].origin;
    return SETTING_DEFAULT;
}

const char *settings_text(const char *name)
{
    for (size_t i = 0; i < given_count; i++)
        if (strcmp(given[i].name, name) == 0)
            return given[i].text;
    return NULL;
}

static void remember(const setting *row, const char *text, setting_origin origin)
{
    size_t i = 0;
    while (i < given_count && strcmp(given[i].name, row->name) != 0)
        i++;
    if (i == LIMIT_SETTINGS)
        return;
    given[i].name = row->name;
    given[i].text = text;
    given[i].origin = origin;
    given_count += i == given_count;
}

static const struct size_unit {
    const char *name;
    int64_t bytes;
} units[] = {{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}, {"", 1}};

static const struct word {
    const char *name;
    bool value;
} words[] = {{"1", true},   {"0", false},  {"true", true}, {"false", false},
             {"yes", true}, {"no", false}, {"on", true},   {"off", false}};

static bool find_word(const char *text, bool *value)
{
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcasecmp(text, words[i].name) == 0) {
            *value = words[i].value;
            return true;
        }
    return false;
}

/* Whole digits with an optional sign; what follows is left to the caller. */
static bool read_whole(const char *text, int64_t *value, const char **rest)
{
    bool negative = *text == '-';
    int64_t sum = 0;
    const char *p = text + (negative || *text == '+');
    if (*p < '0' || *p > '9')
        return false;
    for (; *p >= '0' && *p <= '9'; p++)
        if (__builtin_mul_overflow(sum, 10, &sum) || __builtin_sub_overflow(sum, *p - '0', &sum))
            return false;
    if (!negative && __builtin_sub_overflow(0, sum, &sum)) /* summed as a negative number, which reaches further */
        return false;
    *value = sum;
    *rest = p;
    return true;
}

static bool read_int(const char *text, int64_t *value)
{
    const char *rest;
    return read_whole(text, value, &rest) && *rest == '\0';
}

static bool read_bytes(const char *text, int64_t *value)
{
    const char *rest;
    if (!read_whole(text, value, &rest))
        return false;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strcasecmp(rest, units[i].name) == 0)
            return !__builtin_mul_overflow(*value, units[i].bytes, value);
    return false;
}

static bool read_seconds(const char *text, double *value)
{
    const char *digits = text + (*text == '-');
    size_t n = strspn(digits, "0123456789."), whole = strcspn(digits, ".");
    if (n != strlen(digits) || n == (whole < n) || (whole < n && strchr(digits + whole + 1, '.')))
        return false;
    *value = strtod(text, NULL); /* setlocale is never called: the decimal sign is a point */
    return isfinite(*value);
}

static bool read_choice(const setting *row, const char *text, int *value)
{
    for (int i = 0; i < (int)(sizeof row->choices / sizeof *row->choices) && row->choices[i]; i++)
        if (strcasecmp(text, row->choices[i]) == 0) {
            *value = i;
            return true;
        }
    return false;
}

static bool bounded(const setting *row)
{
    return row->min != 0 || row->max != 0;
}

static bool in_range(const setting *row, double value)
{
    if (bounded(row))
        return value >= row->min && value <= row->max;
    return row->kind == SETTING_INT || value >= 0;
}

typedef enum outcome { GOOD, NOT_ONE, OUT_OF_RANGE } outcome;

#define STORE(type, result)                    \
    do {                                       \
        if (row->value)                        \
            *(type *)row->value = (result);    \
    } while (0)

/* Parses `text` as the row's kind; only a good value is stored. */
static outcome set_value(const setting *row, const char *text)
{
    int64_t whole;
    double number;
    bool flag;
    int choice;
    switch (row->kind) {
    case SETTING_INT:
    case SETTING_BYTES:
        if (!(row->kind == SETTING_INT ? read_int(text, &whole) : read_bytes(text, &whole)))
            return NOT_ONE;
        if (!in_range(row, (double)whole))
            return OUT_OF_RANGE;
        STORE(int64_t, whole);
        return GOOD;
    case SETTING_SECONDS:
        if (!read_seconds(text, &number))
            return NOT_ONE;
        if (!in_range(row, number))
            return OUT_OF_RANGE;
        STORE(double, number);
        return GOOD;
    case SETTING_BOOL:
        if (!find_word(text, &flag))
            return NOT_ONE;
        STORE(bool, flag);
        return GOOD;
    case SETTING_CHOICE:
        if (!read_choice(row, text, &choice))
            return NOT_ONE;
        STORE(int, choice);
        return GOOD;
    case SETTING_TEXT:
        STORE(const char *, text);
        return GOOD;
    }
    return NOT_ONE;
}

/* 1048576 as 1MiB. */
static void describe_bytes(double value, buffer *out)
{
    int64_t bytes = (int64_t)value;
    size_t unit = 0;
    while (bytes % units[unit].bytes != 0)
        unit++;
    buffer_printf(out, "%lld%s", (long long)(bytes / units[unit].bytes), bytes >= 1024 ? units[unit].name : "");
}

static void describe_number(const setting *row, double value, buffer *out)
{
    if (row->kind == SETTING_BYTES)
        describe_bytes(value, out);
    else
        buffer_printf(out, "%.15g", value);
}

static void describe_range(const setting *row, buffer *out)
{
    if (!bounded(row)) {
        buffer_append_str(out, row->kind == SETTING_INT ? APUS_STR("any") : APUS_STR("0 or more"));
        return;
    }
    describe_number(row, row->min, out);
    buffer_append_str(out, APUS_STR(" to "));
    describe_number(row, row->max, out);
}

static void describe_choices(const setting *row, buffer *out)
{
    for (int i = 0; i < (int)(sizeof row->choices / sizeof *row->choices) && row->choices[i]; i++) {
        bool last = i + 1 == (int)(sizeof row->choices / sizeof *row->choices) || !row->choices[i + 1];
        buffer_printf(out, "%s%s", i == 0 ? "" : last ? " or " : ", ", row->choices[i]);
    }
}

static void describe_expectation(const setting *row, buffer *out)
{
    switch (row->kind) {
    case SETTING_BOOL:
        buffer_append_str(out, APUS_STR("on or off, 1 or 0, true or false, yes or no"));
        break;
    case SETTING_CHOICE:
        describe_choices(row, out);
        break;
    case SETTING_BYTES:
        describe_range(row, out);
        buffer_append_str(out, APUS_STR(", in bytes, KiB, MiB or GiB"));
        break;
    case SETTING_SECONDS:
        describe_range(row, out);
        buffer_append_str(out, APUS_STR(" seconds"));
        break;
    case SETTING_INT:
        describe_range(row, out);
        break;
    case SETTING_TEXT:
        buffer_append_str(out, APUS_STR("a text"));
        break;
    }
}

static const char *kind_name(setting_kind kind)
{
    static const char *const names[] = {
        [SETTING_INT] = "a whole number", [SETTING_SECONDS] = "a number of seconds", [SETTING_BYTES] = "a size",
        [SETTING_BOOL] = "a switch",      [SETTING_TEXT] = "a text",                 [SETTING_CHOICE] = "a known value",
    };
    return names[kind];
}

/* A wrong value on one line: control characters as ?, a long one cut, a secret not at all. */
static void describe_value(const setting *row, const char *text, buffer *out)
{
    if (row->secret) {
        buffer_append_str(out, APUS_STR("the value"));
        return;
    }
    buffer_append_char(out, '"');
    size_t n = strlen(text), shown = n < SHOWN_VALUE ? n : SHOWN_VALUE;
    for (size_t i = 0; i < shown; i++)
        buffer_append_char(out, (unsigned char)text[i] < 0x20 || text[i] == 0x7f ? '?' : text[i]);
    buffer_append_str(out, shown < n ? APUS_STR("…\"") : APUS_STR("\""));
}

/* `DB_POOL_MAX: "abc" is not a whole number (expected 1 to 1000)` */
static bool wrong(const setting *row, const char *who, const char *text, outcome why, buffer *error)
{
    buffer_printf(error, "%s: ", who);
    describe_value(row, text, error);
    if (why == OUT_OF_RANGE)
        buffer_append_str(error, APUS_STR(" is out of range"));
    else
        buffer_printf(error, " is not %s", kind_name(row->kind));
    buffer_append_str(error, APUS_STR(" (expected "));
    describe_expectation(row, error);
    buffer_append_char(error, ')');
    return false;
}

static bool set(const setting *row, const char *who, const char *text, setting_origin origin, buffer *error)
{
    outcome result = set_value(row, text);
    if (result != GOOD)
        return wrong(row, who, text, result, error);
    if (origin != SETTING_DEFAULT)
        remember(row, text, origin);
    return true;
}

static char flag_character(char c)
{
    return c == '_' ? '-' : (char)(c >= 'A' && c <= 'Z' ? c + 'a' - 'A' : c);
}

/* Whether `flag` (of `n` characters, without the dashes) is the row's: db-pool-max for DB_POOL_MAX. */
static bool is_flag_of(const setting *row, const char *flag, size_t n)
{
    size_t i = 0;
    while (i < n && row->name[i] && flag_character(row->name[i]) == flag[i])
        i++;
    return i == n && !row->name[i];
}

static const setting *find_flag(const setting_table *tables, size_t count, const char *flag, size_t n)
{
    for (size_t t = 0; t < count; t++)
        for (size_t i = 0; i < tables[t].count; i++)
            if (is_flag_of(&tables[t].rows[i], flag, n))
                return &tables[t].rows[i];
    return NULL;
}

/* Takes the flag at argv[*at], and its value, or leaves an argument that is no flag of ours where it was. */
static bool take_flag(const setting_table *tables, size_t count, int argc, char **argv, int *at, int *kept, buffer *error)
{
    char *argument = argv[*at];
    size_t length = strcspn(argument, "=");
    const setting *row = strncmp(argument, "--", 2) == 0 ? find_flag(tables, count, argument + 2, length - 2) : NULL;
    if (!row) {
        argv[(*kept)++] = argument;
        return true;
    }
    char flag[LONGEST_FLAG];
    snprintf(flag, sizeof flag, "%.*s", (int)length, argument);
    if (row->secret) {
        buffer_printf(error, "%s: a secret is no flag, which everybody on the machine can read (expected the variable %s)", flag,
                      row->name);
        return false;
    }
    const char *next = *at + 1 < argc ? argv[*at + 1] : NULL;
    const char *value = argument[length] == '=' ? argument + length + 1 : next;
    bool unused;
    if (argument[length] != '=') {
        if (row->kind == SETTING_BOOL && !(next && find_word(next, &unused)))
            value = "on";
        else
            ++*at;
    }
    if (!value) {
        buffer_printf(error, "%s: the value is missing (expected ", flag);
        describe_expectation(row, error);
        buffer_append_char(error, ')');
        return false;
    }
    return set(row, flag, value, SETTING_FLAG, error);
}

static bool take_flags(const setting_table *tables, size_t count, int *argc, char **argv, buffer *error)
{
    int kept = *argc > 0 ? 1 : 0, i = kept;
    for (; i < *argc && strcmp(argv[i], "--") != 0; i++)
        if (!take_flag(tables, count, *argc, argv, &i, &kept, error))
            return false;
    while (i < *argc)
        argv[kept++] = argv[i++];
    *argc = kept;
    argv[kept] = NULL;
    return true;
}

static bool take_environment(const setting_table *tables, size_t count, buffer *error)
{
    for (size_t t = 0; t < count; t++)
        for (size_t i = 0; i < tables[t].count; i++) {
            const setting *row = &tables[t].rows[i];
            if (row->fallback && !set(row, row->name, row->fallback, SETTING_DEFAULT, error))
                return false;
            const char *value = getenv(row->name);
            if (value && *value && !set(row, row->name, value, SETTING_ENVIRONMENT, error))
                return false;
        }
    return true;
}

bool settings_load(const setting_table *tables, size_t count, int *argc, char **argv, char *error, size_t error_size)
{
    buffer text;
    buffer_init(&text, NULL, 256, 1024);
    given_count = 0;
    bool ok = take_environment(tables, count, &text) && take_flags(tables, count, argc, argv, &text);
    if (error_size)
        snprintf(error, error_size, "%.*s", (int)text.len, text.ptr);
    buffer_free(&text);
    return ok;
}
