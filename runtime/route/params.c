#include "route/params.h"

#include "core/limits.h"
#include "route/text.h"
#include "route/texts.h"

#include <stdlib.h>
#include <strings.h>

static const model_input no_input = {.is = INPUT_NULL};

/* The pairs a parameter is looked up in. */
typedef struct source {
    const http_field *pairs;
    size_t count;
    bool header; /* the first of equal names counts, and values may be Latin-1 */
} source;

static source source_of(apus_request *req, apus_source in)
{
    const request_texts *texts;
    switch (in) {
    case APUS_IN_HEADER:
        return (source){req->headers, req->header_count, true};
    case APUS_IN_COOKIE:
        texts = request_cookies(req);
        break;
    default:
        texts = request_query(req);
        break;
    }
    return (source){texts->pairs, texts->count, false};
}

/* The texts found under one name. */
typedef struct found {
    apus_str one;
    const apus_str *texts;
    size_t count;
} found;

static apus_str value_of(apus_request *req, const source *s, size_t i)
{
    return s->header ? text_header(req, s->pairs[i].value) : s->pairs[i].value;
}

static void find_all(apus_request *req, const source *s, apus_str key, found *f)
{
    size_t count = 0;
    for (size_t i = 0; i < s->count; i++)
        count += apus_str_eq(s->pairs[i].name, key);
    if (count == 0)
        return;
    apus_str *texts = apus_alloc(req, count * sizeof *texts);
    for (size_t i = 0; i < s->count; i++) {
        if (apus_str_eq(s->pairs[i].name, key))
            texts[f->count++] = value_of(req, s, i);
    }
    f->texts = texts;
}

static void find_one(apus_request *req, const source *s, apus_str key, found *f)
{
    for (size_t i = 0; i < s->count; i++) {
        size_t at = s->header ? i : s->count - 1 - i;
        if (!apus_str_eq(s->pairs[at].name, key))
            continue;
        f->one = value_of(req, s, at);
        f->texts = &f->one;
        f->count = 1;
        return;
    }
}

/* `f->texts` may point into `f`: it must stay where it is. */
static void find(apus_request *req, const source *s, const parameter *p, found *f)
{
    *f = (found){0};
    if (p->field->kind == APUS_KIND_LIST)
        find_all(req, s, p->key, f);
    else
        find_one(req, s, p->key, f);
}

static bool is_member(const parameter *p, apus_str key)
{
    for (size_t i = 0; i < p->member_count; i++) {
        if (apus_str_eq(p->members[i].key, key))
            return true;
    }
    return false;
}

/* A header `x_tag` is neither the member x_tag, which is `x-tag`, nor an extra one: proxies may have made it of that. */
static bool is_unconverted(const parameter *p, const source *s, apus_str key)
{
    for (size_t i = 0; s->header && i < p->member_count; i++) {
        apus_str name = model_field_name(p->members[i].field);
        if (name.len == key.len && strncasecmp(name.ptr, key.ptr, key.len) == 0)
            return true;
    }
    return false;
}

static bool is_extra(const parameter *p, const source *s, apus_str key)
{
    return !is_member(p, key) && !is_unconverted(p, s, key);
}

static void write_texts(buffer *b, const found *f, bool list)
{
    if (!list) {
        json_write_str(b, f->texts[f->count - 1]);
        return;
    }
    for (size_t i = 0; i < f->count; i++) {
        buffer_append_char(b, i ? ',' : '[');
        json_write_str(b, f->texts[i]);
    }
    buffer_append_char(b, ']');
}

static void write_pair(buffer *b, apus_str name, const found *f, bool list)
{
    buffer_append_char(b, b->len ? ',' : '{');
    json_write_str(b, name);
    buffer_append_char(b, ':');
    write_texts(b, f, list);
}

/* The values of one name beside the members, in the order they came. */
typedef struct extra {
    apus_str name;
    size_t index; /* of the first */
    found values;
} extra;

static int compare_names(const void *a, const void *b)
{
    const extra *x = a, *y = b;
    size_t len = x->name.len < y->name.len ? x->name.len : y->name.len;
    int order = len ? memcmp(x->name.ptr, y->name.ptr, len) : 0;
    if (order == 0)
        order = (x->name.len > y->name.len) - (x->name.len < y->name.len);
    return order ? order : (x->index > y->index) - (x->index < y->index);
}

static int compare_indexes(const void *a, const void *b)
{
    const extra *x = a, *y = b;
    return (x->index > y->index) - (x->index < y->index);
}

/* All names beside the members, by first occurrence. Sorted, not searched: a query may hold thousands of them. */
static size_t find_extras(apus_request *req, const parameter *p, const source *s, extra **out)
{
    extra *all = apus_alloc(req, (s->count + 1) * sizeof *all);
    apus_str *texts = apus_alloc(req, (s->count + 1) * sizeof *texts);
    size_t count = 0, groups = 0;
    for (size_t i = 0; i < s->count; i++) {
        if (is_extra(p, s, s->pairs[i].name))
            all[count++] = (extra){.name = s->pairs[i].name, .index = i};
    }
    qsort(all, count, sizeof *all, compare_names);
    for (size_t i = 0; i < count; i++) {
        texts[i] = value_of(req, s, all[i].index);
        if (groups == 0 || !apus_str_eq(all[groups - 1].name, all[i].name)) {
            all[groups] = all[i];
            all[groups++].values.texts = &texts[i];
        }
        all[groups - 1].values.count++;
    }
    qsort(all, groups, sizeof *all, compare_indexes);
    *out = all;
    return groups;
}

/* What FastAPI gives a parameter model: its members by name, then everything else. */
static model_input whole_input(apus_request *req, const parameter *p, const source *s)
{
    buffer b;
    buffer_init(&b, req->task.arena, 256, LIMIT_REQUEST_MEMORY);
    for (size_t i = 0; i < p->member_count; i++) {
        found f;
        find(req, s, &p->members[i], &f);
        if (f.count)
            write_pair(&b, model_field_name(p->members[i].field), &f, p->members[i].field->kind == APUS_KIND_LIST);
    }
    extra *extras;
    size_t count = find_extras(req, p, s, &extras);
    for (size_t i = 0; i < count; i++)
        write_pair(&b, text_repair(req, extras[i].name), &extras[i].values, extras[i].values.count > 1);
    if (b.len == 0)
        buffer_append_char(&b, '{');
    buffer_append_char(&b, '}');
    req->reader.out_of_memory |= b.failed;
    return (model_input){.is = INPUT_RAW, .text = buffer_str(&b)};
}

static bool refuse_extras(apus_request *req, const parameter *p, const source *s)
{
    extra *extras;
    size_t count = find_extras(req, p, s, &extras);
    for (size_t i = 0; i < count; i++) {
        const found *f = &extras[i].values;
        model_loc loc = {.parent = p->loc.parent, .name = text_repair(req, extras[i].name)};
        model_input input = {.is = INPUT_TEXT, .text = f->texts[0]};
        if (f->count > 1)
            input = (model_input){.is = INPUT_TEXTS, .texts = f->texts, .count = f->count};
        model_add_error(&req->reader, &loc, "extra_forbidden", APUS_STR("Extra inputs are not permitted"), input,
                        (apus_str){NULL, 0});
    }
    return count == 0;
}

/* Whether a parameter model that may be absent is: none of its names came. */
static bool is_absent(const parameter *p, const source *s)
{
    for (size_t i = 0; i < s->count; i++) {
        if (is_member(p, s->pairs[i].name) || (p->forbid_extra && is_extra(p, s, s->pairs[i].name)))
            return false;
    }
    return true;
}

static bool read_members(apus_request *req, const parameter *p, void *object)
{
    source s = source_of(req, p->field->in);
    model_input whole = no_input;
    bool valid = true;
    found f;
    for (size_t i = 0; i < p->member_count; i++) {
        const parameter *member = &p->members[i];
        find(req, &s, member, &f);
        if (f.count == 0 && whole.is == INPUT_NULL && model_field_required(member->field))
            whole = whole_input(req, p, &s);
        valid &= model_read_field_texts(&req->reader, member->field, f.texts, f.count, s.header, object, &member->loc, whole);
    }
    if (p->forbid_extra)
        valid &= refuse_extras(req, p, &s);
    return valid;
}

static bool read_model(apus_request *req, const parameter *p, void *in)
{
    char *member = (char *)in + p->field->offset;
    if (p->field->shape != APUS_POINTER)
        return read_members(req, p, member);
    source s = source_of(req, p->field->in);
    void *object = NULL;
    bool valid = true;
    if (!is_absent(p, &s)) {
        object = apus_alloc(req, p->field->model()->size);
        valid = read_members(req, p, object);
    }
    memcpy(member, &object, sizeof object);
    return valid;
}

static bool read_parameter(apus_request *req, const parameter *p, void *in)
{
    if (p->members)
        return read_model(req, p, in);
    if (p->field->in == APUS_IN_PATH)
        return model_read_field_texts(&req->reader, p->field, &req->captures[p->capture], 1, false, in, &p->loc, no_input);
    source s = source_of(req, p->field->in);
    found f;
    find(req, &s, p, &f);
    return model_read_field_texts(&req->reader, p->field, f.texts, f.count, s.header, in, &p->loc, no_input);
}

bool params_read(apus_request *req, const dependant *d, void *in)
{
    bool valid = true;
    for (size_t i = 0; i < d->parameter_count; i++)
        valid &= read_parameter(req, &d->parameters[i], in);
    return valid;
}
