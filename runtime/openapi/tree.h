/* A JSON document under construction: members can be looked up, replaced and merged before it is written. */
#ifndef OPENAPI_TREE_H
#define OPENAPI_TREE_H

#include "json/json.h"

typedef struct tree tree;
struct tree {
    enum { TREE_RAW, TREE_OBJECT, TREE_ARRAY } is;
    apus_str text; /* RAW: JSON */
    apus_str key;  /* in an object */
    tree *first, *last, *next;
};

/** What trees are made in. Without memory `failed` is set, and what was made is not to be used. */
typedef struct tree_maker {
    arena memory;
    bool failed;
    tree spare; /* handed out when there is no memory */
} tree_maker;

tree *tree_object(tree_maker *m);
tree *tree_array(tree_maker *m);
tree *tree_str(tree_maker *m, apus_str text);
tree *tree_int(tree_maker *m, int64_t value);
tree *tree_double(tree_maker *m, double value);
tree *tree_bool(tree_maker *m, bool value);
tree *tree_of(tree_maker *m, const json_value *value);
/** Parses JSON text; NULL with `error` set when it is none. */
tree *tree_parse(tree_maker *m, const char *text, json_error *error);

/** The member, or NULL. */
tree *tree_get(const tree *object, apus_str key);
/** Sets a member, in place of that of the same key; returns the value. */
tree *tree_put(tree_maker *m, tree *object, apus_str key, tree *value);
tree *tree_set(tree_maker *m, tree *object, const char *key, tree *value);
/** The member as an object, made when there is none. */
tree *tree_open(tree_maker *m, tree *object, const char *key);
void tree_add(tree *array, tree *value);
/** Objects are merged member by member, arrays are joined, all else is replaced: FastAPI's deep_dict_update. */
void tree_merge(tree_maker *m, tree *object, tree *other);
bool tree_equal(const tree *a, const tree *b);
void tree_write(buffer *b, const tree *t);

/** Text that lives as long as the trees. */
apus_str tree_printf(tree_maker *m, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
