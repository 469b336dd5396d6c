/* The components of a document: which models and enums are referred to, and under which names. */
#ifndef OPENAPI_COMPONENTS_H
#define OPENAPI_COMPONENTS_H

#include "openapi/schema.h"

/* A model or an enum that is referred to. */
struct component {
    component *next;
    const apus_model *model; /* or */
    const apus_enum *values;
    apus_str base;           /* the name that tables give it */
    apus_str name;           /* the name in the document */
    bool outgoing;           /* it is one of what goes out */
    bool spare;              /* another of that name is its equal */
    tree *schema;
};

/** The component of a model or an enum in the direction that is met now; `*is_new` when it was not met before. NULL: no memory. */
component *component_of(components *c, const apus_model *model, const apus_enum *values, const char *name, bool *is_new);
/** Writes its schema anew, with the names of now. */
void component_describe(components *c, component *of);

#endif
