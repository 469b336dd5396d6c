#include "pg/migration_file.h"

#include <ctype.h>
#include <stdio.h>

static apus_str take_line(apus_str *rest)
{
    const char *newline = memchr(rest->ptr, '\n', rest->len);
    size_t length = newline ? (size_t)(newline - rest->ptr) : rest->len, taken = length + (newline != NULL);
    apus_str line = {rest->ptr, length};
    *rest = (apus_str){rest->ptr + taken, rest->len - taken};
    return line;
}

static apus_str trim(apus_str text)
{
    while (text.len && isspace((unsigned char)text.ptr[0]))
        text = (apus_str){text.ptr + 1, text.len - 1};
    while (text.len && isspace((unsigned char)text.ptr[text.len - 1]))
        text.len--;
    return text;
}

static bool take_prefix(apus_str *text, const char *prefix)
{
    size_t length = strlen(prefix);
    if (text->len < length || memcmp(text->ptr, prefix, length) != 0)
        return false;
    *text = (apus_str){text->ptr + length, text->len - length};
    return true;
}

/* `-- migrate:up transaction:false`: the options, or false when the line is no such marker. */
static bool is_marker(apus_str line, const char *which, apus_str *options)
{
    apus_str at = line;
    if (!take_prefix(&at, "--"))
        return false;
    at = trim(at);
    if (!take_prefix(&at, which) || (at.len && !isspace((unsigned char)*at.ptr)))
        return false;
    *options = trim(at);
    return true;
}

static bool take_options(apus_str options, int line, migration_section *section, char *error, size_t size)
{
    section->transaction = true;
    if (options.len == 0 || apus_str_is(options, "transaction:true"))
        return true;
    if (apus_str_is(options, "transaction:false")) {
        section->transaction = false;
        return true;
    }
    snprintf(error, size, "%d: unknown option \"%.*s\": expected transaction:false", line, (int)options.len, options.ptr);
    return false;
}

bool migration_parse(apus_str text, migration_file *out, char *error, size_t error_size)
{
    migration_section *now = NULL;
    apus_str rest = text, options;
    memset(out, 0, sizeof *out);
    for (int line = 1; rest.len; line++) {
        apus_str one = take_line(&rest);
        bool up = is_marker(one, "migrate:up", &options), down = !up && is_marker(one, "migrate:down", &options);
        apus_str content = trim(one);
        if (up || down) {
            now = up ? &out->up : &out->down;
            if (now->line) {
                snprintf(error, error_size, "%d: a second `-- migrate:%s`", line, up ? "up" : "down");
                return false;
            }
            *now = (migration_section){{rest.ptr, 0}, line + 1, true};
            if (!take_options(options, line, now, error, error_size))
                return false;
        } else if (now) {
            now->sql.len = (size_t)(one.ptr + one.len - now->sql.ptr);
        } else if (content.len && !take_prefix(&content, "--")) {
            snprintf(error, error_size, "%d: a statement before `-- migrate:up`", line);
            return false;
        }
    }
    if (!out->up.line)
        snprintf(error, error_size, "1: the file has no `-- migrate:up` line");
    return out->up.line;
}

/* ---- names ---- */

apus_str migration_version(const char *name)
{
    size_t digits = strspn(name, "0123456789"), length = strlen(name);
    bool is_sql = length > 4 && strcmp(name + length - 4, ".sql") == 0;
    return is_sql ? (apus_str){name, digits} : (apus_str){name, 0};
}

int migration_compare_versions(apus_str a, apus_str b)
{
    while (a.len > 1 && *a.ptr == '0')
        a = (apus_str){a.ptr + 1, a.len - 1};
    while (b.len > 1 && *b.ptr == '0')
        b = (apus_str){b.ptr + 1, b.len - 1};
    if (a.len != b.len)
        return a.len < b.len ? -1 : 1;
    return memcmp(a.ptr, b.ptr, a.len);
}
