/* Texts of a request: percent-decoding, repair of what is not UTF-8. */
#ifndef ROUTE_TEXT_H
#define ROUTE_TEXT_H

#include "route/request.h"

/** Percent-decoded (and `+` as space, when `plus`), bad UTF-8 as U+FFFD. The text itself when nothing changes. */
apus_str text_decode(apus_request *req, apus_str text, bool plus);
/** The text, with U+FFFD for each maximal part that is not UTF-8 (Unicode 3.9, as Python's "replace"). */
apus_str text_repair(apus_request *req, apus_str text);
/** A header's value: as it is when it is UTF-8, else read as Latin-1. */
apus_str text_header(apus_request *req, apus_str value);
/** The text, percent-encoded but for what may stand in a URL (`%` included). */
apus_str text_encode_url(apus_request *req, apus_str url);
/** Decodes percent escapes into `out`, which may be the text itself; the number of bytes. Bad escapes stay. */
size_t text_unescape(apus_str text, bool plus, char *out);

#endif
