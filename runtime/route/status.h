/* Statuses: their words, and the statuses of error codes. */
#ifndef ROUTE_STATUS_H
#define ROUTE_STATUS_H

#include "apus_core.h"

/** The reason phrase (RFC 9110 section 15 and IANA's registry), or "Unknown". */
apus_str status_phrase(int status);
/** Whether a response may have that status: it is no interim one, and of a class that RFC 9110 section 15 knows. */
bool status_is_final(int status);
/** Whether a response of that status has content (not 1xx, 204, 205, 304). */
bool status_has_body(int status);
/** What a handler's negative result is answered with, by APUS_ERROR_MAP; 500 for codes it does not have. */
int status_of_code(int code, apus_str *text);

#endif
