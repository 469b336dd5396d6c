#define _GNU_SOURCE /* memmem */
#include "pg/migration_file.h"

#include <ctype.h>
#include <stdio.h>
#include <strings.h>

/* ---- sections ---- */

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

/* ---- statements: lexical structure, section 4.1 of Postgres's manual ---- */

typedef enum token { TOKEN_SPACE, TOKEN_WORD, TOKEN_OTHER } token;

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '$' || (unsigned char)c >= 0x80;
}

static const char *past_block_comment(const char *at, const char *end)
{
    int depth = 0;
    do {
        int step = end - at < 2 ? 0 : memcmp(at, "/*", 2) == 0 ? 1 : memcmp(at, "*/", 2) == 0 ? -1 : 0;
        depth += step;
        at += step ? 2 : 1;
    } while (at < end && depth);
    return at;
}

static const char *past_quote(const char *at, const char *end, bool escapes)
{
    char quote = *at++;
    for (; at < end && *at != quote; at++)
        if (escapes && *at == '\\' && at + 1 < end)
            at++;
    return at < end ? at + 1 : end;
}

/* `$$…$$`, `$tag$…$tag$`; else past the dollar sign. */
static const char *past_dollar(const char *at, const char *end)
{
    const char *tag = at + 1;
    if (tag < end && isdigit((unsigned char)*tag))
        return tag;
    while (tag < end && *tag != '$' && is_word(*tag))
        tag++;
    if (tag >= end || *tag != '$')
        return at + 1;
    size_t length = (size_t)(tag + 1 - at);
    const char *close = memmem(tag + 1, (size_t)(end - tag - 1), at, length);
    return close ? close + length : end;
}

static const char *past_token(const char *at, const char *end, token *kind)
{
    *kind = TOKEN_SPACE;
    if (isspace((unsigned char)*at))
        return at + 1;
    if (end - at > 1 && at[0] == '-' && at[1] == '-') {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        return newline ? newline : end;
    }
    if (end - at > 1 && at[0] == '/' && at[1] == '*')
        return past_block_comment(at, end);
    *kind = TOKEN_OTHER;
    if (*at == '\'' || *at == '"')
        return past_quote(at, end, false);
    if (end - at > 1 && (*at == 'e' || *at == 'E') && at[1] == '\'')
        return past_quote(at + 1, end, true);
    if (*at == '$')
        return past_dollar(at, end);
    if (!is_word(*at))
        return at + 1;
    *kind = TOKEN_WORD;
    while (at < end && is_word(*at))
        at++;
    return at;
}

static bool word_is(apus_str word, const char *text)
{
    return word.len == strlen(text) && strncasecmp(word.ptr, text, word.len) == 0;
}

/** What decides whether a semicolon ends the statement: `BEGIN ATOMIC … END` of a function's body holds some. */
typedef struct nesting {
    int words, parentheses, blocks;
    bool creates, routine, begins;
} nesting;

static void count_word(nesting *n, apus_str word)
{
    n->words++;
    if (n->words == 1)
        n->creates = word_is(word, "create");
    if (n->creates && n->words <= 4 && (word_is(word, "function") || word_is(word, "procedure")))
        n->routine = true;
    if (!n->routine)
        return;
    if (n->blocks ? word_is(word, "case") : n->begins && word_is(word, "atomic"))
        n->blocks++;
    else if (n->blocks && word_is(word, "end"))
        n->blocks--;
    n->begins = word_is(word, "begin");
}

static int count_lines(const char *from, const char *to)
{
    int lines = 0;
    for (; from < to; from++)
        lines += *from == '\n';
    return lines;
}

bool sql_next(sql_scan *scan, apus_str *statement, int *line)
{
    nesting n = {0};
    const char *start = NULL, *at = scan->at, *last = at;
    while (at < scan->end) {
        token kind;
        const char *next = past_token(at, scan->end, &kind);
        bool ends = *at == ';' && !n.parentheses && !n.blocks;
        if (kind == TOKEN_WORD)
            count_word(&n, (apus_str){at, (size_t)(next - at)});
        n.parentheses += *at == '(' && kind == TOKEN_OTHER ? 1 : *at == ')' && n.parentheses ? -1 : 0;
        if (ends && start)
            break;
        if (kind != TOKEN_SPACE && !ends) {
            start = start ? start : at;
            last = next;
        }
        at = next;
    }
    if (!start)
        return false;
    *line = scan->line + count_lines(scan->at, start);
    *statement = (apus_str){start, (size_t)(last - start)};
    const char *rest = at < scan->end ? at + 1 : scan->end;
    scan->line += count_lines(scan->at, rest);
    scan->at = rest;
    return true;
}

static size_t first_words(apus_str statement, apus_str *words, size_t size)
{
    const char *at = statement.ptr, *end = at + statement.len;
    size_t count = 0;
    token kind = TOKEN_SPACE;
    for (const char *next; at < end && count < size; at = next) {
        next = past_token(at, end, &kind);
        if (kind == TOKEN_OTHER)
            break;
        if (kind == TOKEN_WORD)
            words[count++] = (apus_str){at, (size_t)(next - at)};
    }
    return count;
}

apus_str sql_transaction_word(apus_str statement)
{
    static const char *const commands[] = {"begin", "start", "commit", "end", "rollback", "abort", "prepare"};
    apus_str words[3] = {{"", 0}, {"", 0}, {"", 0}};
    size_t count = first_words(statement, words, 3);
    if (word_is(words[0], "rollback") && (word_is(words[1], "to") || word_is(words[2], "to")))
        return (apus_str){"", 0}; /* a savepoint */
    if (word_is(words[0], "prepare") && (count != 2 || !word_is(words[1], "transaction")))
        return (apus_str){"", 0}; /* a statement */
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (word_is(words[0], commands[i]))
            return words[0];
    return (apus_str){"", 0};
}

int sql_line_at(apus_str sql, int line, size_t position)
{
    for (size_t i = 0; i < sql.len && position > 1; i++) {
        line += sql.ptr[i] == '\n';
        position -= i + 1 == sql.len || ((unsigned char)sql.ptr[i + 1] & 0xc0) != 0x80;
    }
    return line;
}
