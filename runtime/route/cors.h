/* Cross-origin resource sharing, as the Fetch standard's CORS protocol says and Starlette answers. */
#ifndef ROUTE_CORS_H
#define ROUTE_CORS_H

#include "apus_route.h"

/** The middleware that ops puts before the application's when `app.cors.origins` is set. */
int cors_middleware(apus_request *req, apus_next *next);

#endif
