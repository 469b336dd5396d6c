/* Statement texts that a worker knows: one record for each text and types of its parameters. */
#ifndef PG_TEXT_H
#define PG_TEXT_H

#include "core/limits.h"
#include "pg/params.h"
#include "pg/rows.h"

#define PG_NO_SLOT UINT32_MAX
#define PG_TEXT_BUCKETS 1024 /* 2 to the power of 10 */

/** What a text's first word says of it. */
typedef enum pg_text_use {
    PG_TEXT_ANY,      /* may run beside strangers' statements */
    PG_TEXT_READS,    /* the same, and changes nothing itself */
    PG_TEXT_LEASED,   /* transaction or session state: on a lease only */
    PG_TEXT_REFUSED,  /* COPY and what would pull prepared statements from under us */
} pg_text_use;

typedef struct pg_text {
    struct pg_text *next;          /* in its bucket */
    struct pg_text *newer, *older; /* by last use */
    const char *pointer;           /* where the text was last seen */
    char *sql;                     /* a copy */
    uint64_t hash, signature;
    Oid *types;
    int type_count;
    uint32_t slot;   /* of a connection's prepared statements; PG_NO_SLOT: runs unprepared */
    uint32_t serial; /* names it: never used again for another text */
    uint32_t users;  /* statements under way */
    pg_text_use use;
    bool session;    /* leaves something behind in its session or transaction: on a lease only */
    uint8_t slow;    /* more than 0: ran long lately, or never yet: gets a connection without others where there is one */
    row_plan *plans;
    char name[16];
} pg_text;

/** One worker's texts: at most LIMIT_PG_STATEMENTS, the least used makes room. */
typedef struct pg_texts {
    pg_text *buckets[PG_TEXT_BUCKETS], *by_pointer[PG_TEXT_BUCKETS];
    pg_text *newest, *oldest;
    size_t count;
    uint32_t serial;
} pg_texts;

/**
 * The text's record, used once more; NULL without memory. A text's bytes are compared, so that one which is not static works too,
 * only slower.
 */
pg_text *text_use(pg_texts *texts, const char *sql, const pg_bound *bound);
/** Undoes a text_use. */
void text_release(pg_texts *texts, pg_text *text);
void texts_clear(pg_texts *texts);
/** What the first word says. */
pg_text_use text_classify(const char *sql);
/** Whether a text of this use also leaves something behind in its session: a setting, a lock, a temporary table. */
bool text_outlives(const char *sql, pg_text_use use);

#endif
