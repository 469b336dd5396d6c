/* FastAPI's rules for names that are not given. */
#ifndef ROUTE_NAMING_H
#define ROUTE_NAMING_H

#include "core/arena.h"

/** `item_id` is `Item Id`, `x-token` is `X-Token`: Python's str.title, underscores as spaces. NULL when out of memory. */
char *naming_title(arena *memory, apus_str name);
/** `read_item`, `/items/{item_id}`, `GET`: `read_item_items__item_id__get`. NULL when out of memory. */
char *naming_operation_id(arena *memory, const char *function, const char *path, const char *method);

#endif
