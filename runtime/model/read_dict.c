/* Dicts: pairs in the document's order; of equal keys the last value counts, at the first one's place, as in Python. */
#include "model/plan.h"

#include <stdio.h>

/* `counted` is how many there are, in words and in JSON. */
static const refusal *wrong_count(model_reader *r, const field_plan *p, bool many, const char *counted, const char *length)
{
    const char *what = p->kind == APUS_KIND_LIST ? "List" : "Dictionary";
    long limit = many ? p->max_length : p->min_length;
    refusal *why = read_alloc(r, 1, sizeof *why);
    char *msg = read_alloc(r, 128, 1), *ctx = read_alloc(r, 128, 1);
    if (!why || !msg || !ctx)
        return REFUSED(LIST_TYPE);
    int len = snprintf(msg, 128, "%s should have at %s %ld item%s after validation, not %s", what, many ? "most" : "least", limit,
                       limit == 1 ? "" : "s", counted);
    why->type = many ? "too_long" : "too_short";
    why->msg = (apus_str){msg, (size_t)len};
    len = snprintf(ctx, 128, "{\"field_type\":\"%s\",\"%s\":%ld,\"actual_length\":%s}", what, many ? "max_length" : "min_length",
                   limit, length);
    why->ctx = (apus_str){ctx, (size_t)len};
    return why;
}

static const refusal *wrong_number(model_reader *r, const field_plan *p, bool many, size_t count)
{
    char digits[24];
    snprintf(digits, sizeof digits, "%zu", count);
    return wrong_count(r, p, many, digits, digits);
}

const refusal *list_too_long(model_reader *r, const field_plan *p, size_t count)
{
    return wrong_number(r, p, true, count);
}

const refusal *list_too_short(model_reader *r, const field_plan *p, size_t count)
{
    return wrong_number(r, p, false, count);
}

/* Places by key: open addressing over what a key is told by. */
typedef struct places {
    size_t *slots; /* place + 1; 0 is empty */
    size_t mask;
} places;

static bool places_init(model_reader *r, places *at, size_t count)
{
    size_t size = 8;
    while (size < count * 2)
        size *= 2;
    at->slots = read_alloc(r, size, sizeof *at->slots);
    at->mask = size - 1;
    if (at->slots)
        memset(at->slots, 0, size * sizeof *at->slots);
    return at->slots != NULL;
}

/* A pair as the document has it. */
typedef struct raw_pair {
    apus_str key;
    const json_value *value;
} raw_pair;

/* The document's pairs without duplicates: the last value at the first one's place. */
static size_t collect_pairs(const json_value *v, places *at, raw_pair *pairs)
{
    size_t count = 0;
    json_iterator it = json_iterate(v);
    raw_pair pair;
    while ((pair.value = json_next(&it, &pair.key))) {
        size_t slot = (size_t)names_hash(pair.key.ptr, pair.key.len) & at->mask;
        while (at->slots[slot] && !apus_str_eq(pairs[at->slots[slot] - 1].key, pair.key))
            slot = (slot + 1) & at->mask;
        if (!at->slots[slot])
            at->slots[slot] = ++count;
        pairs[at->slots[slot] - 1] = pair;
    }
    return count;
}

/* The bytes that two equal keys share: 0.0 and -0.0 are one key, as are two spellings of one moment. */
static apus_str key_bytes(const field_plan *key, const void *pair, scalar *value)
{
    memset(value, 0, sizeof *value);
    load_scalar(key->kind, const_member_of(pair, key->value_at), value);
    switch (key->kind) {
    case APUS_KIND_DOUBLE:
        value->number = value->number == 0 ? 0 : value->number;
        return (apus_str){(const char *)&value->number, sizeof value->number};
    case APUS_KIND_DATETIME:
        value->datetime.offset = value->datetime.offset == APUS_NAIVE;
        return (apus_str){(const char *)&value->datetime, offsetof(apus_datetime, offset) + sizeof value->datetime.offset};
    case APUS_KIND_UUID:
        return (apus_str){(const char *)&value->uuid, sizeof value->uuid};
    case APUS_KIND_BOOL:
        return (apus_str){(const char *)&value->boolean, sizeof value->boolean};
    default:
        return (apus_str){(const char *)&value->integer, sizeof value->integer};
    }
}

/* Where a pair's key stands among those before it: at the end, unless an equal one is there (`1` and `1.0` are one integer). */
static size_t place_of(places *at, const field_plan *p, const any_list *dict, const void *pair)
{
    scalar mine, theirs;
    if (p->key->root->kind == APUS_KIND_STR)
        return dict->len;
    apus_str bytes = key_bytes(p->key->root, pair, &mine);
    size_t size = p->field->element_size, slot = (size_t)names_hash(bytes.ptr, bytes.len) & at->mask;
    for (; at->slots[slot]; slot = (slot + 1) & at->mask) {
        size_t place = at->slots[slot] - 1;
        if (apus_str_eq(bytes, key_bytes(p->key->root, (char *)dict->items + place * size, &theirs)))
            return place;
    }
    at->slots[slot] = dict->len + 1;
    return dict->len;
}

/* A key's error has `[key]` behind its own text. */
__attribute__((noinline)) static bool read_key(model_reader *r, const field_plan *p, const raw_pair *raw, void *pair, const model_loc *at)
{
    const refusal *why = scalar_from_text(r, p->key->root, raw->key, member_of(pair, p->key->root->value_at));
    model_loc loc = {.parent = at, .name = APUS_STR("[key]")};
    return !why || refuse(r, &loc, why, (model_input){.is = INPUT_TEXT, .text = raw->key});
}

/* The pairs as they come, in memory for all of them, and cleared places; NULL without memory. */
__attribute__((noinline)) static raw_pair *find_pairs(model_reader *r, const json_value *v, places *at, size_t *count)
{
    raw_pair *pairs = read_alloc(r, json_count(v), sizeof *pairs);
    if (!pairs || !places_init(r, at, json_count(v)))
        return NULL;
    *count = collect_pairs(v, at, pairs);
    memset(at->slots, 0, (at->mask + 1) * sizeof *at->slots);
    return pairs;
}

/* A pair behind the last becomes the last, or the value of the one with an equal key. */
__attribute__((noinline)) static void keep_pair(places *at, const field_plan *p, any_list *dict, const char *pair)
{
    size_t place = place_of(at, p, dict, pair), size = p->field->element_size, value_at = p->field->value_offset;
    if (place < dict->len)
        memcpy((char *)dict->items + place * size + value_at, pair + value_at, size - value_at);
    else
        dict->len++;
}

static bool has_too_many(const field_plan *p, const any_list *dict)
{
    return p->max_length >= 0 && dict->len > (size_t)p->max_length;
}

/* Only whole pairs are kept, and counted; those behind the first too many are not read. */
static bool read_pairs(model_reader *r, const field_plan *p, const json_value *v, any_list *dict, const model_loc *loc)
{
    places places_of_keys;
    size_t count;
    raw_pair *pairs = find_pairs(r, v, &places_of_keys, &count);
    if (!pairs)
        return false;
    bool good = true;
    model_loc at = {.parent = loc};
    for (size_t i = 0; i < count && !has_too_many(p, dict); i++) {
        char *pair = (char *)dict->items + dict->len * p->field->element_size;
        at.name = (apus_str){pairs[i].key.ptr ? pairs[i].key.ptr : "", pairs[i].key.len};
        memset(pair, 0, p->field->element_size);
        bool whole = read_key(r, p, &pairs[i], pair, &at);
        whole &= read_value(r, p->nested, pairs[i].value, pair + p->field->value_offset, &at);
        if (whole)
            keep_pair(&places_of_keys, p, dict, pair);
        good &= whole;
    }
    return good;
}

bool read_dict(model_reader *r, const field_plan *p, const json_value *v, void *object, const model_loc *loc)
{
    if (json_type_of(v) != JSON_OBJECT)
        return refuse_json(r, loc, REFUSED(DICT_TYPE), v);
    any_list dict = {read_alloc(r, json_count(v), p->field->element_size), 0, APUS_SET};
    if (!dict.items || !read_deeper(r, v, loc))
        return false;
    model_errors before = r->errors;
    bool good = read_pairs(r, p, v, &dict, loc);
    r->depth--;
    memcpy(member_of(object, p->field->offset), &dict, sizeof dict);
    if (has_too_many(p, &dict)) { /* Pydantic has not counted the rest, and tells of nothing else */
        r->errors = before;
        return refuse_json(r, loc, wrong_count(r, p, true, "more", "null"), v);
    }
    if (good && p->min_length >= 0 && dict.len < (size_t)p->min_length)
        return refuse_json(r, loc, list_too_short(r, p, dict.len), v);
    return good;
}
