#include "openapi/tree.h"

#include "core/limits.h"

#include <stdarg.h>
#include <stdio.h>

#define TREE_TEXT_CEILING ((size_t)1 << 24)

static tree *make(tree_maker *m)
{
    tree *t = arena_alloc(&m->memory, sizeof *t);
    if (!t) {
        m->failed = true;
        t = &m->spare;
    }
    *t = (tree){0};
    return t;
}

tree *tree_object(tree_maker *m)
{
    tree *t = make(m);
    t->is = TREE_OBJECT;
    return t;
}

tree *tree_array(tree_maker *m)
{
    tree *t = make(m);
    t->is = TREE_ARRAY;
    return t;
}

static buffer text_buffer(tree_maker *m)
{
    buffer b;
    buffer_init(&b, &m->memory, 32, TREE_TEXT_CEILING);
    return b;
}

static tree *raw(tree_maker *m, const buffer *b)
{
    tree *t = make(m);
    m->failed |= b->failed;
    t->text = buffer_str(b);
    return t;
}

tree *tree_str(tree_maker *m, apus_str text)
{
    buffer b = text_buffer(m);
    json_write_str(&b, text);
    return raw(m, &b);
}

tree *tree_int(tree_maker *m, int64_t value)
{
    buffer b = text_buffer(m);
    json_write_int(&b, value);
    return raw(m, &b);
}

tree *tree_double(tree_maker *m, double value)
{
    buffer b = text_buffer(m);
    json_write_double(&b, value, JSON_PYDANTIC);
    return raw(m, &b);
}

tree *tree_bool(tree_maker *m, bool value)
{
    buffer b = text_buffer(m);
    json_write_bool(&b, value);
    return raw(m, &b);
}

tree *tree_of(tree_maker *m, const json_value *value)
{
    json_type type = json_type_of(value);
    if (type != JSON_OBJECT && type != JSON_ARRAY) {
        buffer b = text_buffer(m);
        json_write_value(&b, value, JSON_PYDANTIC);
        return raw(m, &b);
    }
    tree *t = type == JSON_OBJECT ? tree_object(m) : tree_array(m);
    json_iterator it = json_iterate(value);
    apus_str key;
    for (json_value *item = json_next(&it, &key); item; item = json_next(&it, &key)) {
        if (type == JSON_OBJECT)
            tree_put(m, t, key, tree_of(m, item));
        else
            tree_add(t, tree_of(m, item));
    }
    return t;
}

tree *tree_parse(tree_maker *m, const char *text, json_error *error)
{
    json_value *value;
    *error = (json_error){"it is not UTF-8, or nested too deep", 0};
    if (json_read(&m->memory, apus_cstr(text), LIMIT_MODEL_DEPTH, &value, error) != JSON_OK)
        return NULL;
    return tree_of(m, value);
}

tree *tree_get(const tree *object, apus_str key)
{
    for (tree *t = object->first; t; t = t->next) {
        if (apus_str_eq(t->key, key))
            return t;
    }
    return NULL;
}

static void append(tree *parent, tree *value)
{
    if (parent == value) /* both are the spare one */
        return;
    if (parent->last)
        parent->last->next = value;
    else
        parent->first = value;
    parent->last = value;
    value->next = NULL;
}

tree *tree_put(tree_maker *m, tree *object, apus_str key, tree *value)
{
    if (m->failed)
        return value;
    tree *old = tree_get(object, key);
    if (old) {
        tree *next = old->next;
        *old = *value;
        old->next = next;
        old->key = key;
        return old;
    }
    value->key = key;
    append(object, value);
    return value;
}

tree *tree_set(tree_maker *m, tree *object, const char *key, tree *value)
{
    return tree_put(m, object, apus_cstr(key), value);
}

tree *tree_open(tree_maker *m, tree *object, const char *key)
{
    tree *found = tree_get(object, apus_cstr(key));
    return found ? found : tree_set(m, object, key, tree_object(m));
}

void tree_add(tree *array, tree *value)
{
    append(array, value);
}

void tree_merge(tree_maker *m, tree *object, tree *other)
{
    for (tree *t = other->first, *next; t && !m->failed; t = next) {
        next = t->next;
        tree *own = tree_get(object, t->key);
        if (own && own->is == TREE_OBJECT && t->is == TREE_OBJECT) {
            tree_merge(m, own, t);
        } else if (own && own->is == TREE_ARRAY && t->is == TREE_ARRAY) {
            while (t->first) {
                tree *item = t->first;
                t->first = item->next;
                append(own, item);
            }
        } else {
            tree_put(m, object, t->key, t);
        }
    }
}

bool tree_equal(const tree *a, const tree *b)
{
    if (a->is != b->is || !apus_str_eq(a->text, b->text))
        return false;
    const tree *x = a->first, *y = b->first;
    for (; x && y; x = x->next, y = y->next) {
        if (!apus_str_eq(x->key, y->key) || !tree_equal(x, y))
            return false;
    }
    return !x && !y;
}

void tree_write(buffer *b, const tree *t)
{
    if (t->is == TREE_RAW) {
        buffer_append_str(b, t->text);
        return;
    }
    buffer_append_char(b, t->is == TREE_OBJECT ? '{' : '[');
    for (const tree *item = t->first; item; item = item->next) {
        if (item != t->first)
            buffer_append_char(b, ',');
        if (t->is == TREE_OBJECT) {
            json_write_str(b, item->key);
            buffer_append_char(b, ':');
        }
        tree_write(b, item);
    }
    buffer_append_char(b, t->is == TREE_OBJECT ? '}' : ']');
}

apus_str tree_printf(tree_maker *m, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    size_t size = len < 0 ? 1 : (size_t)len + 1;
    char *text = arena_alloc(&m->memory, size);
    if (!text) {
        m->failed = true;
        return APUS_STR("");
    }
    va_start(args, format);
    vsnprintf(text, size, format, args);
    va_end(args);
    return (apus_str){text, size - 1};
}
