#define _GNU_SOURCE /* memmem */
#include "pg/sql.h"

#include <ctype.h>
#include <strings.h>

/* ---- tokens ---- */

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '$' || (unsigned char)c >= 0x80;
}

static apus_str between(const char *from, const char *to)
{
    return (apus_str){from, (size_t)(to - from)};
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

/* A quote that is doubled inside ends one token and begins the next. */
static const char *past_quote(const char *at, const char *end, bool escapes, sql_token *token)
{
    char quote = *at++;
    const char *inside = at;
    for (; at < end && *at != quote; at++)
        if (escapes && *at == '\\' && at + 1 < end)
            at++;
    *token = (sql_token){quote == '"' ? SQL_NAME : SQL_STRING, between(inside, at)};
    return at < end ? at + 1 : end;
}

/* `$$…$$`, `$tag$…$tag$`; else past the dollar sign of a parameter. */
static const char *past_dollar(const char *at, const char *end, sql_token *token)
{
    const char *tag = at + 1;
    *token = (sql_token){SQL_OTHER, between(at, tag)};
    if (tag < end && isdigit((unsigned char)*tag))
        return tag;
    while (tag < end && *tag != '$' && is_word(*tag))
        tag++;
    if (tag >= end || *tag != '$')
        return at + 1;
    size_t length = (size_t)(tag + 1 - at);
    const char *close = memmem(tag + 1, (size_t)(end - tag - 1), at, length);
    *token = (sql_token){SQL_DOLLAR, between(tag + 1, close ? close : end)};
    return close ? close + length : end;
}

const char *sql_token_read(const char *at, const char *end, sql_token *token)
{
    const char *next = at + 1, *newline;
    *token = (sql_token){SQL_SPACE, between(at, next)};
    if (isspace((unsigned char)*at))
        return next;
    if (next < end && at[0] == '-' && at[1] == '-')
        return (newline = memchr(at, '\n', (size_t)(end - at))) ? newline : end;
    if (next < end && at[0] == '/' && at[1] == '*')
        return past_block_comment(at, end);
    if (*at == '\'' || *at == '"')
        return past_quote(at, end, false, token);
    if (next < end && (*at == 'e' || *at == 'E') && at[1] == '\'')
        return past_quote(next, end, true, token);
    if (*at == '$')
        return past_dollar(at, end, token);
    token->kind = is_word(*at) ? SQL_WORD : SQL_OTHER;
    while (token->kind == SQL_WORD && next < end && is_word(*next))
        next++;
    token->text = between(at, next);
    return next;
}

bool sql_word_is(apus_str word, const char *text)
{
    return word.len == strlen(text) && strncasecmp(word.ptr, text, word.len) == 0;
}

/* ---- statements ---- */

/** What decides whether a semicolon ends the statement: `BEGIN ATOMIC … END` of a function's body holds some. */
typedef struct nesting {
    int words, parentheses, blocks;
    bool creates, routine, begins;
} nesting;

static void count_word(nesting *n, apus_str word)
{
    n->words++;
    if (n->words == 1)
        n->creates = sql_word_is(word, "create");
    if (n->creates && n->words <= 4 && (sql_word_is(word, "function") || sql_word_is(word, "procedure")))
        n->routine = true;
    if (!n->routine)
        return;
    if (n->blocks ? sql_word_is(word, "case") : n->begins && sql_word_is(word, "atomic"))
        n->blocks++;
    else if (n->blocks && sql_word_is(word, "end"))
        n->blocks--;
    n->begins = sql_word_is(word, "begin");
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
        sql_token token;
        const char *next = sql_token_read(at, scan->end, &token);
        bool ends = *at == ';' && !n.parentheses && !n.blocks;
        if (token.kind == SQL_WORD)
            count_word(&n, token.text);
        n.parentheses += *at == '(' ? 1 : *at == ')' && n.parentheses ? -1 : 0;
        if (ends && start)
            break;
        if (token.kind != SQL_SPACE && !ends) {
            start = start ? start : at;
            last = next;
        }
        at = next;
    }
    if (!start)
        return false;
    *line = scan->line + count_lines(scan->at, start);
    *statement = between(start, last);
    const char *rest = at < scan->end ? at + 1 : scan->end;
    scan->line += count_lines(scan->at, rest);
    scan->at = rest;
    return true;
}

static size_t first_words(apus_str statement, apus_str *words, size_t size)
{
    const char *at = statement.ptr, *end = at + statement.len;
    size_t count = 0;
    while (at < end && count < size) {
        sql_token token;
        at = sql_token_read(at, end, &token);
        if (token.kind == SQL_WORD)
            words[count++] = token.text;
        else if (token.kind != SQL_SPACE)
            break;
    }
    return count;
}

apus_str sql_transaction_word(apus_str statement)
{
    static const char *const commands[] = {"begin", "start", "commit", "end", "rollback", "abort", "prepare"};
    apus_str words[3] = {{"", 0}, {"", 0}, {"", 0}};
    size_t count = first_words(statement, words, 3);
    if (sql_word_is(words[0], "rollback") && (sql_word_is(words[1], "to") || sql_word_is(words[2], "to")))
        return (apus_str){"", 0}; /* a savepoint */
    if (sql_word_is(words[0], "prepare") && (count != 2 || !sql_word_is(words[1], "transaction")))
        return (apus_str){"", 0}; /* a statement */
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (sql_word_is(words[0], commands[i]))
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
