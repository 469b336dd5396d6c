/* Names and values that a request carries beside its body: query, cookies. Parsed when a parameter first asks. */
#ifndef ROUTE_TEXTS_H
#define ROUTE_TEXTS_H

#include "route/request.h"

/** The query's pairs: `&` separates, `+` is a space, a name without `=` has an empty value. */
const request_texts *request_query(apus_request *req);
/** The cookies of all Cookie headers; of equal names the last counts. */
const request_texts *request_cookies(apus_request *req);

#endif
