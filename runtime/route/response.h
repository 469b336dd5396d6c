/* Making responses: what http_* and the router itself use. */
#ifndef ROUTE_RESPONSE_H
#define ROUTE_RESPONSE_H

#include "route/router.h"

/** Sets the response; headers added before stay. */
void response_make(apus_request *req, int status, apus_str content_type, apus_str body);
/** `{"detail": text}` and the mark that a handler for the status may answer instead. Allocates in the arena. */
void response_error(apus_request *req, int status, apus_str detail);
/** The same with the whole body given, for when there is no memory to write one. */
void response_error_body(apus_request *req, int status, apus_str body);
/** 500 as FastAPI's: plain text. Tells hooks.failed. */
void response_failed(apus_request *req, const char *what);
/** A handler's value as the operation says. 0, or a negative code. */
int response_result(apus_request *req, const operation *op, const void *value);
/** 422 with what the reader collected. */
void response_validation(apus_request *req);
/**
 * Compiles a model that no route knows, when it is first used; a thread asks once, then remembers. false with the words in
 * apus_error.
 */
bool response_model_ready(apus_request *req, const apus_model *model);
/** The `detail` of an error response as JSON. */
apus_str response_detail(const apus_request *req);

#endif
