/* Which members of the objects that came in were sent: a table in the request's arena, by object and model. */
#include "model/plan.h"

typedef struct record {
    const void *object;
    const struct model_compiled *model;
    uint64_t few;   /* the bits of a model of up to 64 members */
    uint64_t *many; /* of a larger one */
} record;

struct model_presence {
    record *records; /* open addressing */
    size_t mask, count;
};

#define FIRST_RECORDS 8

static uint64_t *bits_of(record *it)
{
    return it->many ? it->many : &it->few;
}

/* An object and its first member share their address: only the model tells them apart. */
static size_t slot_of(const model_presence *t, const void *object)
{
    return (size_t)(((uintptr_t)object >> 3) * 0x9e3779b97f4a7c15u >> 20) & t->mask;
}

static record *find(const model_presence *t, const void *object, const struct model_compiled *m)
{
    size_t slot = slot_of(t, object);
    while (t->records[slot].object && (t->records[slot].object != object || t->records[slot].model != m))
        slot = (slot + 1) & t->mask;
    return &t->records[slot];
}

static bool resize(model_reader *r, model_presence *t, size_t size)
{
    record *old = t->records;
    size_t old_size = t->records ? t->mask + 1 : 0;
    record *records = read_alloc(r, size, sizeof *records);
    if (!records)
        return false;
    memset(records, 0, size * sizeof *records);
    t->records = records;
    t->mask = size - 1;
    for (size_t i = 0; i < old_size; i++)
        if (old[i].object)
            *find(t, old[i].object, old[i].model) = old[i];
    return true;
}

static model_presence *table(model_reader *r)
{
    if (r->presence)
        return r->presence;
    model_presence *t = read_alloc(r, 1, sizeof *t);
    if (!t)
        return NULL;
    *t = (model_presence){NULL, 0, 0};
    if (!resize(r, t, FIRST_RECORDS))
        return NULL;
    return r->presence = t;
}

uint64_t *presence_record(model_reader *r, const void *object, const struct model_compiled *m)
{
    model_presence *t = table(r);
    if (!t || ((t->count + 1) * 2 > t->mask && !resize(r, t, (t->mask + 1) * 2)))
        return NULL;
    record *found = find(t, object, m);
    size_t words = (m->count + 63) / 64;
    if (!found->object) {
        uint64_t *many = words > 1 ? read_alloc(r, words, sizeof *many) : NULL;
        if (words > 1 && !many)
            return NULL;
        *found = (record){object, m, 0, many};
        t->count++;
    }
    uint64_t *bits = bits_of(found);
    memset(bits, 0, (words ? words : 1) * sizeof *bits);
    return bits;
}

const uint64_t *presence_find(const model_reader *r, const void *object, const struct model_compiled *m)
{
    record *found = r && r->presence ? find(r->presence, object, m) : NULL;
    return found && found->object ? bits_of(found) : NULL;
}

void presence_mark(model_reader *r, const void *object, const field_plan *p)
{
    record *found = r->presence ? find(r->presence, object, p->owner) : NULL;
    uint64_t *bits = found && found->object ? bits_of(found) : presence_record(r, object, p->owner);
    if (bits)
        bits[p->index / 64] |= (uint64_t)1 << p->index % 64;
}

static const field_plan *plan_at(const struct model_compiled *m, size_t offset, size_t size)
{
    for (size_t i = 0; i < m->count; i++)
        if (m->plans[i].field->offset == offset && m->plans[i].field->size == size)
            return &m->plans[i];
    return NULL;
}

/* Of two objects at one address the size of the member tells which is meant, or else the smaller one is, which is the inner. */
bool model_was_set(const model_reader *r, const void *object, size_t offset, size_t size)
{
    if (!r->presence)
        return false;
    const model_presence *t = r->presence;
    record *best = NULL;
    const field_plan *plan = NULL;
    for (size_t slot = slot_of(t, object); t->records[slot].object; slot = (slot + 1) & t->mask) {
        record *it = &t->records[slot];
        const field_plan *p = it->object == object ? plan_at(it->model, offset, size) : NULL;
        if (p && (!best || it->model->model->size < best->model->model->size)) {
            best = it;
            plan = p;
        }
    }
    return best && presence_has(bits_of(best), plan);
}

static void copy_presence(model_reader *r, const struct model_compiled *m, void *to, const void *from);

/* What lists and pointers lead to is shared, and has its own. */
static void copy_presence_within(model_reader *r, const field_plan *p, void *to, const void *from)
{
    if (p->kind == APUS_KIND_OBJECT && p->shape == APUS_PLAIN)
        copy_presence(r, p->nested, member_of(to, p->field->offset), const_member_of(from, p->field->offset));
}

/* The bits of an object, and of those within it, for its copy. */
static void copy_presence(model_reader *r, const struct model_compiled *m, void *to, const void *from)
{
    uint64_t *bits = presence_find(r, from, m) ? presence_record(r, to, m) : NULL;
    if (!bits)
        return;
    memcpy(bits, presence_find(r, from, m), (m->count + 63) / 64 * sizeof *bits); /* found again: the table may have moved */
    for (size_t i = 0; i < m->count; i++)
        copy_presence_within(r, &m->plans[i], to, from);
}

void model_assign(model_reader *r, const apus_model *model, void *to, const void *from)
{
    if (to == from)
        return;
    memcpy(to, from, model->size);
    copy_presence(r, compiled_of(model), to, from);
}

void model_update(model_reader *r, const apus_model *model, void *to, const void *from)
{
    const struct model_compiled *m = compiled_of(model);
    bool known = presence_find(r, to, m);
    if (!presence_find(r, from, m))
        return;
    for (size_t i = 0; i < m->count; i++) {
        const field_plan *p = &m->plans[i];
        if (!presence_has(presence_find(r, from, m), p))
            continue;
        memcpy(member_of(to, p->field->offset), const_member_of(from, p->field->offset), p->field->size);
        if (known)
            presence_mark(r, to, p);
        copy_presence_within(r, p, to, from);
    }
}
