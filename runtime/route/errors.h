/* What becomes of results that are no responses: exceptions, refused parameters, error codes. */
#ifndef ROUTE_ERRORS_H
#define ROUTE_ERRORS_H

#include "route/router.h"

/**
 * Whatever an operation or a middleware returned becomes a response, by the application's exception handlers or the default:
 * APUS_ERESPONDED. APUS_ECANCELED when the client is gone: then nothing is to be sent.
 */
int errors_settle(apus_request *req, int result);

#endif
