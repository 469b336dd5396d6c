#include "route/index.h"

#include "route/template.h"

typedef struct node node;

typedef struct child {
    apus_str segment;
    node *node;
} child;

/* Operations in order of registration. */
typedef struct operation_list {
    const operation **items;
    size_t count, capacity;
} operation_list;

/*
 * A node stands for the segments before it. `children` are those that follow as literal text, sorted; `any` follows a segment
 * that is one whole `{parameter}`. Templates with other shapes hang where their literal segments end and are matched whole.
 */
struct node {
    child *children;
    size_t count, capacity;
    node *any;
    operation_list here, shapes;
};

struct router_index {
    node root;
    arena *memory;
};

static bool list_add(arena *memory, operation_list *list, const operation *op)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? 2 * list->capacity : 4;
        const operation **items = arena_alloc(memory, capacity * sizeof *items);
        if (!items)
            return false;
        if (list->count)
            memcpy(items, list->items, list->count * sizeof *items);
        list->items = items;
        list->capacity = capacity;
    }
    list->items[list->count++] = op;
    return true;
}

static int compare(apus_str a, apus_str b)
{
    if (a.len != b.len)
        return a.len < b.len ? -1 : 1;
    return a.len ? memcmp(a.ptr, b.ptr, a.len) : 0;
}

/* The child's place: where it is, or where it belongs. */
static size_t child_place(const node *n, apus_str segment, bool *found)
{
    size_t low = 0, high = n->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = compare(n->children[middle].segment, segment);
        if (order == 0) {
            *found = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *found = false;
    return low;
}

static node *node_new(arena *memory)
{
    node *n = arena_alloc(memory, sizeof *n);
    if (n)
        *n = (node){0};
    return n;
}

static node *child_make(arena *memory, node *n, apus_str segment)
{
    bool found;
    size_t place = child_place(n, segment, &found);
    if (found)
        return n->children[place].node; /* NOLINT(clang-analyzer-core.NullDereference): found says so */
    if (n->count == n->capacity) {
        size_t capacity = n->capacity ? 2 * n->capacity : 4;
        child *children = arena_alloc(memory, capacity * sizeof *children);
        if (!children)
            return NULL;
        if (n->count)
            memcpy(children, n->children, n->count * sizeof *children);
        n->children = children;
        n->capacity = capacity;
    }
    node *made = node_new(memory);
    if (!made)
        return NULL;
    memmove(n->children + place + 1, n->children + place, (n->count - place) * sizeof *n->children);
    n->children[place] = (child){segment, made};
    n->count++;
    return made;
}

/* The segment at the start of a path whose leading slash is gone; `*rest` is what follows its slash, ptr NULL at the end. */
static apus_str first_segment(apus_str path, apus_str *rest)
{
    const char *slash = path.len ? memchr(path.ptr, '/', path.len) : NULL;
    if (!slash) {
        *rest = (apus_str){NULL, 0};
        return path;
    }
    size_t len = (size_t)(slash - path.ptr);
    *rest = (apus_str){slash + 1, path.len - len - 1};
    return (apus_str){path.ptr, len};
}

/* Whether the segment is one `{name}` and nothing else. */
static bool is_parameter(apus_str segment)
{
    return segment.len > 2 && segment.ptr[0] == '{' && memchr(segment.ptr, '}', segment.len) == segment.ptr + segment.len - 1 &&
           !memchr(segment.ptr, ':', segment.len);
}

static bool insert(struct router_index *index, const operation *op)
{
    node *at = &index->root;
    apus_str rest = {op->path + 1, strlen(op->path) - 1};
    do {
        apus_str segment = first_segment(rest, &rest);
        if (is_parameter(segment)) {
            if (!at->any && !(at->any = node_new(index->memory)))
                return false;
            at = at->any;
        } else if (memchr(segment.ptr, '{', segment.len)) {
            return list_add(index->memory, &at->shapes, op);
        } else if (!(at = child_make(index->memory, at, segment))) {
            return false;
        }
    } while (rest.ptr);
    return list_add(index->memory, &at->here, op);
}

struct router_index *index_build(arena *memory, const operation *operations, size_t count)
{
    struct router_index *index = arena_alloc(memory, sizeof *index);
    if (!index)
        return NULL;
    *index = (struct router_index){.memory = memory};
    for (size_t i = 0; i < count; i++) {
        if (!insert(index, &operations[i]))
            return NULL;
    }
    return index;
}

typedef struct search {
    apus_str method, path;
    const operation *found;
    index_methods *allowed; /* not NULL: all methods are collected instead */
} search;

static void collect(index_methods *out, const operation *op)
{
    for (size_t i = 0; i < out->count; i++) {
        if (apus_str_eq(out->methods[i], op->method))
            return;
    }
    if (out->count < INDEX_METHODS)
        out->methods[out->count++] = op->method;
}

static void consider(search *s, const operation *op)
{
    if (s->allowed)
        collect(s->allowed, op);
    else if ((!s->found || op->index < s->found->index) && apus_str_eq(op->method, s->method))
        s->found = op;
}

static void consider_shapes(search *s, const node *n)
{
    apus_str captures[REQUEST_CAPTURES];
    for (size_t i = 0; i < n->shapes.count; i++) {
        if (template_match(n->shapes.items[i]->segments, s->path, captures))
            consider(s, n->shapes.items[i]);
    }
}

static void visit(search *s, const node *n, apus_str path)
{
    apus_str rest, segment = first_segment(path, &rest);
    bool found;
    size_t place = child_place(n, segment, &found);
    const node *next[2] = {found ? n->children[place].node : NULL, segment.len ? n->any : NULL};
    for (size_t i = 0; i < 2; i++) {
        if (!next[i])
            continue;
        if (rest.ptr)
            visit(s, next[i], rest);
        else
            for (size_t j = 0; j < next[i]->here.count; j++)
                consider(s, next[i]->here.items[j]);
    }
    consider_shapes(s, n);
}

static void run_search(const struct router_index *index, search *s)
{
    if (s->path.len && s->path.ptr[0] == '/')
        visit(s, &index->root, (apus_str){s->path.ptr + 1, s->path.len - 1});
}

const operation *index_find(const struct router_index *index, apus_str method, apus_str path)
{
    search s = {.method = method, .path = path};
    run_search(index, &s);
    return s.found;
}

void index_allowed(const struct router_index *index, apus_str path, index_methods *out)
{
    search s = {.path = path, .allowed = out};
    out->count = 0;
    run_search(index, &s);
}
