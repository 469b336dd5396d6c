/* Tables as JSON Schema (2020-12), as Pydantic writes it; models and enums are components that the document refers to. */
#ifndef OPENAPI_SCHEMA_H
#define OPENAPI_SCHEMA_H

#include "openapi/tree.h"
#include "route/router.h"

typedef struct component component;

/** The document's components. */
typedef struct components {
    tree_maker *m;
    component *first, **last;
    bool outgoing; /* what is met now goes out */
    char *error;
    size_t error_size;
} components;

void components_init(components *c, tree_maker *m, char *error, size_t error_size);
/**
 * Whether a model's struct is written in place rather than referred to: roots without a name of their own, single values.
 */
bool schema_is_inline(const apus_model *model);
/** The model's schema or a reference to it. */
tree *schema_of_model(components *c, const apus_model *model);
/**
 * A member's schema with its title, default and documentation. `top` is FastAPI's rule for parameters and bodies: a title
 * unless it is a mere reference; else Pydantic's for members: a title unless it refers to a component.
 */
tree *schema_of_field(components *c, const apus_field *field, apus_str name, bool top);
/** A result's: a model's, with a title when it is no reference. */
tree *schema_of_result(components *c, const apus_model *model, apus_str name);
/**
 * Names the components, after all were met: the document is gone through once to meet them, and once to be written. What comes in
 * and goes out under one name is NAME-Input and NAME-Output where the two differ. false with one line in `error`.
 */
bool components_name(components *c);
/** Adds the components to `schemas`, sorted by name. */
void components_write(components *c, tree *schemas);

#endif
