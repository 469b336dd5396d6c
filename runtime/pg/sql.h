/* SQL, as far as its lexical structure says what a text does: section 4.1 of Postgres's manual. */
#ifndef PG_SQL_H
#define PG_SQL_H

#include "apus_core.h"

typedef enum sql_kind {
    SQL_SPACE,  /* or a comment */
    SQL_WORD,   /* a key word, a name, a number */
    SQL_NAME,   /* in double quotes */
    SQL_STRING, /* in single quotes, with or without E */
    SQL_DOLLAR, /* between dollar quotes: often SQL itself */
    SQL_OTHER,  /* one character */
} sql_kind;

typedef struct sql_token {
    sql_kind kind;
    apus_str text; /* without its quotes */
} sql_token;

/** The token that begins `at`, which is before `end`. Returns where the next one begins. */
const char *sql_token_read(const char *at, const char *end, sql_token *token);
/** Whether a word is this one, which is in small letters. */
bool sql_word_is(apus_str word, const char *text);

/** A run through SQL, statement by statement. */
typedef struct sql_scan {
    const char *at, *end;
    int line;
} sql_scan;

/** The next statement without its semicolon, and the line where it begins; false at the end. Comments alone are no statement. */
bool sql_next(sql_scan *scan, apus_str *statement, int *line);
/** Its first word if it begins or ends a transaction (savepoints do neither), else empty. */
apus_str sql_transaction_word(apus_str statement);
/** The line of the `position`-th character (from 1, code points) of a text whose first line is `line`. */
int sql_line_at(apus_str sql, int line, size_t position);

#endif
