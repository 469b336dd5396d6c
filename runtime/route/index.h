/* Finding an operation by method and path: a tree of path segments, built once. */
#ifndef ROUTE_INDEX_H
#define ROUTE_INDEX_H

#include "route/router.h"

#define INDEX_METHODS 16 /* distinct methods of one path, at most */

/** What a path is good for. */
typedef struct index_methods {
    apus_str methods[INDEX_METHODS]; /* in order of registration */
    size_t count;
} index_methods;

/** Builds the tree of all operations; NULL when out of memory. */
struct router_index *index_build(arena *memory, const operation *operations, size_t count);
/** The first registered operation that serves method and path, or NULL. The path is without ROOT_PATH. */
const operation *index_find(const struct router_index *index, apus_str method, apus_str path);
/** The methods of all operations whose template matches. */
void index_allowed(const struct router_index *index, apus_str path, index_methods *out);

#endif
