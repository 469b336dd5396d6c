/* The OpenAPI 3.1.0 document of a router's operations. */
#ifndef OPENAPI_DOCUMENT_H
#define OPENAPI_DOCUMENT_H

#include "openapi/schema.h"

/** The whole document, in the maker's memory; NULL with one line in `error`. */
tree *document_build(tree_maker *m, const router *r, char *error, size_t error_size);

#endif
