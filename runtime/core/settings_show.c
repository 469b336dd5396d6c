/* Settings as people read them: --help and `app config`. */
#include "core/settings.h"

#include <stdio.h>
#include <strings.h>

#define FLAG_COLUMN 34

static void show_flag(const setting *row, char *text, size_t size)
{
    static const char *const arguments[] = {
        [SETTING_INT] = " N",     [SETTING_SECONDS] = " SECONDS", [SETTING_BYTES] = " SIZE",
        [SETTING_BOOL] = " on|off", [SETTING_TEXT] = " TEXT",     [SETTING_CHOICE] = "",
    };
    if (row->secret) {
        snprintf(text, size, "(no flag: secret)");
        return;
    }
    size_t n = (size_t)snprintf(text, size, "--%s%s", row->name, arguments[row->kind]);
    for (size_t i = 2; i < size && i < 2 + strlen(row->name); i++)
        text[i] = text[i] == '_' ? '-' : (char)(text[i] >= 'A' && text[i] <= 'Z' ? text[i] + 'a' - 'A' : text[i]);
    for (int i = 0; row->kind == SETTING_CHOICE && n < size && i < 8 && row->choices[i]; i++)
        n += (size_t)snprintf(text + n, size - n, "%c%s", i ? '|' : ' ', row->choices[i]);
}

void settings_help(const setting_table *tables, size_t count, buffer *out)
{
    for (size_t t = 0; t < count; t++)
        for (size_t i = 0; i < tables[t].count; i++) {
            const setting *row = &tables[t].rows[i];
            char flag[160];
            show_flag(row, flag, sizeof flag);
            buffer_printf(out, "  %-24s %-*s %s", row->name, FLAG_COLUMN, flag, row->doc ? row->doc : "");
            if (row->fallback && *row->fallback)
                buffer_printf(out, " (%s)", row->fallback);
            buffer_append_char(out, '\n');
        }
}

/* The end of a password that begins at `at` inside a `password=` parameter, quoted or not. */
static size_t parameter_end(apus_str value, size_t at)
{
    char quote = at < value.len && value.ptr[at] == '\'' ? '\'' : 0;
    for (at += quote != 0; at < value.len; at++) {
        char c = value.ptr[at];
        if (c == '\\' && at + 1 < value.len)
            at++;
        else if (quote ? c == quote : strchr("&; \t\r\n", c) != NULL)
            break;
    }
    return at + (quote && at < value.len);
}

/* A password may hold any character, so that of a URL reaches to the last @: rather too much is hidden than too little. */
static size_t url_password_end(apus_str value, size_t at)
{
    size_t end = value.len;
    while (end > at && value.ptr[end - 1] != '@')
        end--;
    return end > at ? end - 1 : at;
}

/* Where the user's name of a URL ends, if the `://` at `at` begins an authority with a password; else 0. */
static size_t password_colon(apus_str value, size_t at)
{
    size_t i = at + 3;
    while (i < value.len && !strchr(":/?#@", value.ptr[i]))
        i++;
    return i < value.len && value.ptr[i] == ':' && url_password_end(value, i + 1) > i + 1 ? i : 0;
}

static bool begins(apus_str value, size_t at, apus_str what)
{
    return value.len - at >= what.len && strncasecmp(value.ptr + at, what.ptr, what.len) == 0;
}

void settings_mask(apus_str value, buffer *out)
{
    size_t at = 0;
    while (at < value.len) {
        size_t colon = begins(value, at, APUS_STR("://")) ? password_colon(value, at) : 0;
        size_t from = colon ? colon + 1 : begins(value, at, APUS_STR("password=")) ? at + 9 : 0;
        if (!from) {
            buffer_append_char(out, value.ptr[at++]);
            continue;
        }
        buffer_append(out, value.ptr + at, from - at);
        at = colon ? url_password_end(value, from) : parameter_end(value, from);
        buffer_append_str(out, APUS_STR("***"));
    }
}

static void show_value(const setting *row, buffer *out)
{
    switch (row->kind) {
    case SETTING_INT:
    case SETTING_BYTES:
        buffer_printf(out, "%lld", (long long)*(const int64_t *)row->value);
        break;
    case SETTING_SECONDS:
        buffer_printf(out, "%.15g", *(const double *)row->value);
        break;
    case SETTING_BOOL:
        buffer_append_str(out, *(const bool *)row->value ? APUS_STR("on") : APUS_STR("off"));
        break;
    case SETTING_CHOICE:
        buffer_append_str(out, apus_cstr(row->choices[*(const int *)row->value]));
        break;
    case SETTING_TEXT:
        settings_mask(apus_cstr(*(const char *const *)row->value), out);
        break;
    }
}

static bool is_empty(const setting *row)
{
    const char *text = row->kind == SETTING_TEXT ? *(const char *const *)row->value : "set";
    return !text || !*text;
}

void settings_print(const setting_table *tables, size_t count, buffer *out)
{
    static const char *const origins[] = {
        [SETTING_DEFAULT] = "default", [SETTING_ENVIRONMENT] = "environment", [SETTING_FLAG] = "flag"};
    for (size_t t = 0; t < count; t++)
        for (size_t i = 0; i < tables[t].count; i++) {
            const setting *row = &tables[t].rows[i];
            buffer_printf(out, "%s=", row->name);
            if (row->value && row->secret && !is_empty(row))
                buffer_append_str(out, APUS_STR("***"));
            else if (row->value)
                show_value(row, out);
            buffer_printf(out, "  (%s)\n", origins[settings_origin(row->name)]);
        }
}
