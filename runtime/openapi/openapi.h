/* The OpenAPI document and the docs pages, from the tables. */
#ifndef OPENAPI_OPENAPI_H
#define OPENAPI_OPENAPI_H

#include "route/router.h"

/**
 * The routes of /openapi.json, /docs, /docs/oauth2-redirect, /redoc and the pages' assets, as the application's URLs say (GET and
 * HEAD). `script` is the address of a script that the pages run besides their own, or NULL.
 */
const apus_routes *openapi_routes(const apus_app *app, const char *script);
/** Builds the document of a router, once, before listening. false with words in `error`. */
bool openapi_build(const router *r, char *error, size_t error_size);
/** The document's bytes. */
apus_str openapi_document(void);

#endif
