#include "pg/text.h"

#include "core/memory.h"
#include "pg/sql.h"

#include <stdio.h>
#include <strings.h>

/* The first word, behind comments, parentheses and empty statements. */
static apus_str first_word(const char *sql)
{
    const char *end = sql + strlen(sql);
    while (sql < end) {
        sql_token token;
        sql = sql_token_read(sql, end, &token);
        if (token.kind != SQL_SPACE && !apus_str_is(token.text, "(") && !apus_str_is(token.text, ";"))
            return token.text;
    }
    return (apus_str){"", 0};
}

pg_text_use text_classify(const char *sql)
{
    static const struct {
        const char *word;
        pg_text_use use;
    } words[] = {
        {"select", PG_TEXT_READS}, {"values", PG_TEXT_READS}, {"table", PG_TEXT_READS}, {"show", PG_TEXT_READS},
        {"begin", PG_TEXT_LEASED}, {"start", PG_TEXT_LEASED}, {"commit", PG_TEXT_LEASED}, {"end", PG_TEXT_LEASED},
        {"rollback", PG_TEXT_LEASED}, {"abort", PG_TEXT_LEASED}, {"savepoint", PG_TEXT_LEASED}, {"release", PG_TEXT_LEASED},
        {"prepare", PG_TEXT_LEASED}, {"execute", PG_TEXT_LEASED}, {"set", PG_TEXT_LEASED}, {"reset", PG_TEXT_LEASED},
        {"listen", PG_TEXT_LEASED}, {"unlisten", PG_TEXT_LEASED}, {"declare", PG_TEXT_LEASED}, {"fetch", PG_TEXT_LEASED},
        {"move", PG_TEXT_LEASED}, {"close", PG_TEXT_LEASED}, {"lock", PG_TEXT_LEASED}, {"load", PG_TEXT_LEASED},
        {"copy", PG_TEXT_REFUSED}, {"deallocate", PG_TEXT_REFUSED}, {"discard", PG_TEXT_REFUSED},
    };
    apus_str word = first_word(sql);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (sql_word_is(word, words[i].word))
            return words[i].use;
    return PG_TEXT_ANY;
}

static bool is_name(const sql_token *token)
{
    return token->kind == SQL_WORD || token->kind == SQL_NAME;
}

/* Whether these words, separated by spaces, are the next ones. */
static bool stand(const char *at, const char *end, const char *words)
{
    while (at < end) {
        sql_token token;
        at = sql_token_read(at, end, &token);
        if (token.kind == SQL_SPACE)
            continue;
        size_t length = strcspn(words, " ");
        if (!is_name(&token) || token.text.len != length || strncasecmp(token.text.ptr, words, length) != 0)
            return false;
        if (!words[length])
            return true;
        words += length + 1;
    }
    return false;
}

/* In code between dollar quotes, too: of a `do`, for example. */
static bool mentions(apus_str sql, const char *words)
{
    const char *end = sql.ptr + sql.len;
    for (const char *at = sql.ptr, *next; at < end; at = next) {
        sql_token token;
        next = sql_token_read(at, end, &token);
        if (is_name(&token) ? stand(at, end, words) : token.kind == SQL_DOLLAR && mentions(token.text, words))
            return true;
    }
    return false;
}

bool text_outlives(const char *sql, pg_text_use use)
{
    static const char *const words[] = {
        "set_config", "pg_advisory_lock", "pg_advisory_lock_shared", "pg_try_advisory_lock", "pg_try_advisory_lock_shared",
        "create temp", "create temporary", "create local temp", "create local temporary", "create global temp",
        "create global temporary", "create or replace temp", "create or replace temporary", "pg_temp",
    };
    apus_str text = apus_cstr(sql);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (mentions(text, words[i]))
            return true;
    /* Elsewhere "temp" may be the name of a table that lasts. */
    return use == PG_TEXT_READS && (mentions(text, "into temp") || mentions(text, "into temporary"));
}

static uint64_t hash_text(const char *sql, size_t length, uint64_t signature)
{
    uint64_t hash = signature ^ length;
    for (uint64_t word; length; length -= length < 8 ? length : 8, sql += 8) {
        word = 0;
        memcpy(&word, sql, length < 8 ? length : 8);
        hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
        hash ^= hash >> 29;
    }
    return hash;
}

static pg_text **bucket_of(pg_texts *t, uint64_t hash)
{
    return &t->buckets[hash % PG_TEXT_BUCKETS];
}

/* The upper bits of the product depend on all of the address. */
static pg_text **pointer_place(pg_texts *t, const char *sql)
{
    return &t->by_pointer[((uintptr_t)sql * 0x9e3779b97f4a7c15u) >> (64 - 10)];
}

static void unlink_by_use(pg_texts *t, pg_text *text)
{
    *(text->newer ? &text->newer->older : &t->newest) = text->older;
    *(text->older ? &text->older->newer : &t->oldest) = text->newer;
}

static void make_newest(pg_texts *t, pg_text *text)
{
    text->newer = NULL;
    text->older = t->newest;
    *(t->newest ? &t->newest->newer : &t->oldest) = text;
    t->newest = text;
}

static void text_free(pg_text *text)
{
    row_plans_free(text->plans);
    memory_free(text->types);
    memory_free(text->sql);
    memory_free(text);
}

static void forget(pg_texts *t, pg_text *text)
{
    pg_text **link = bucket_of(t, text->hash);
    while (*link != text)
        link = &(*link)->next;
    *link = text->next;
    for (size_t i = 0; i < PG_TEXT_BUCKETS; i++)
        if (t->by_pointer[i] == text)
            t->by_pointer[i] = NULL;
    unlink_by_use(t, text);
    t->count--;
}

/* A slot of its own, or that of the least used text which nobody runs now. */
static uint32_t make_room(pg_texts *t)
{
    if (t->count < LIMIT_PG_STATEMENTS)
        return (uint32_t)t->count;
    pg_text *victim = t->oldest;
    while (victim && victim->users)
        victim = victim->newer;
    if (!victim)
        return PG_NO_SLOT;
    uint32_t slot = victim->slot;
    forget(t, victim);
    text_free(victim);
    return slot;
}

static pg_text *text_new(const char *sql, size_t length, const pg_bound *bound)
{
    pg_text *text = memory_alloc(sizeof *text);
    char *copy = memory_alloc(length + 1);
    Oid *types = memory_alloc((size_t)bound->count * sizeof *types + 1);
    if (!text || !copy || !types) {
        memory_free(text);
        memory_free(copy);
        memory_free(types);
        return NULL;
    }
    memcpy(copy, sql, length + 1);
    if (bound->count)
        memcpy(types, bound->types, (size_t)bound->count * sizeof *types);
    *text = (pg_text){.sql = copy, .types = types, .type_count = bound->count, .signature = bound->signature, .slow = 1,
                      .use = text_classify(sql), .slot = PG_NO_SLOT};
    text->session = text->use == PG_TEXT_LEASED || text_outlives(sql, text->use);
    return text;
}

static void add(pg_texts *t, pg_text *text, uint32_t slot)
{
    pg_text **bucket = bucket_of(t, text->hash);
    text->slot = slot;
    text->serial = ++t->serial;
    snprintf(text->name, sizeof text->name, "s%u", text->serial);
    text->next = *bucket;
    *bucket = text;
    make_newest(t, text);
    t->count++;
}

/* When every record is in use, the text gets one that is forgotten with its last use. */
static pg_text *find_or_add(pg_texts *t, const char *sql, const pg_bound *bound)
{
    size_t length = strlen(sql);
    uint64_t hash = hash_text(sql, length, bound->signature);
    pg_text *text = *bucket_of(t, hash);
    while (text && (text->hash != hash || text->signature != bound->signature || strcmp(text->sql, sql) != 0))
        text = text->next;
    if (text || !(text = text_new(sql, length, bound)))
        return text;
    text->hash = hash;
    uint32_t slot = make_room(t);
    if (slot != PG_NO_SLOT)
        add(t, text, slot);
    return text;
}

pg_text *text_use(pg_texts *texts, const char *sql, const pg_bound *bound)
{
    pg_text **place = pointer_place(texts, sql), *text = *place;
    if (!text || text->pointer != sql || text->signature != bound->signature || strcmp(text->sql, sql) != 0) {
        text = find_or_add(texts, sql, bound);
        if (!text)
            return NULL;
        text->pointer = sql;
        if (text->slot != PG_NO_SLOT)
            *place = text;
    }
    if (text->slot != PG_NO_SLOT && texts->newest != text) {
        unlink_by_use(texts, text);
        make_newest(texts, text);
    }
    text->users++;
    return text;
}

void text_release(pg_texts *texts, pg_text *text)
{
    (void)texts;
    if (--text->users == 0 && text->slot == PG_NO_SLOT)
        text_free(text);
}

void texts_clear(pg_texts *texts)
{
    while (texts->newest) {
        pg_text *text = texts->newest;
        unlink_by_use(texts, text);
        text_free(text);
    }
    memset(texts, 0, sizeof *texts);
}
