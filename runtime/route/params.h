/* Reading what a dependant declares: path, query, headers, cookies, body. Errors go to the request's reader. */
#ifndef ROUTE_PARAMS_H
#define ROUTE_PARAMS_H

#include "route/plan.h"

/** Path, query, header and cookie parameters into `in`, in FastAPI's order. false when one was refused. */
bool params_read(apus_request *req, const dependant *d, void *in);

/**
 * Reads the request's body as the operation's content types say, before anything else is looked at. 0, or APUS_ERESPONDED with
 * 400 or 413 made, or APUS_EVALIDATION with `json_invalid` in the reader.
 */
int body_decode(apus_request *req);
/** The dependant's body rows into `in`. false when one was refused. */
bool body_read(apus_request *req, const dependant *d, void *in);

#endif
