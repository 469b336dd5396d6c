/* Dependencies solved, parameters read, the handler called: an operation's own work. */
#ifndef ROUTE_SOLVE_H
#define ROUTE_SOLVE_H

#include "route/plan.h"

/**
 * Runs the matched operation. 0 with a response made; APUS_EVALIDATION when parameters were refused (the reader tells);
 * else what a dependency or the handler returned.
 */
int operation_run(apus_request *req);

#endif
