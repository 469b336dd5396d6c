/* Path templates: `/items/{item_id}`, `/files/{name:path}`. */
#ifndef ROUTE_TEMPLATE_H
#define ROUTE_TEMPLATE_H

#include "core/arena.h"

typedef enum part_kind { PART_TEXT, PART_STR, PART_PATH, PART_INT, PART_FLOAT, PART_UUID } part_kind;

typedef struct template_part {
    part_kind kind;
    apus_str text; /* TEXT: the literal; else the parameter's name */
} template_part;

typedef struct template_segments {
    size_t count, captures;
    const char *format; /* without convertors */
    template_part parts[];
} template_segments;

/** Parses a template into the arena; NULL with words in `error`. `path` must outlive it. */
template_segments *template_parse(arena *memory, const char *path, char *error, size_t error_size);
/** Whether the whole path matches; the captures go to `captures`, of which there are `template->captures`. */
bool template_match(const template_segments *template, apus_str path, apus_str *captures);
/** The capture of that name, or -1. */
int template_capture(const template_segments *template, apus_str name);

#endif
