/* What CPython's json would say about a text. */
#ifndef JSON_EXPLAIN_H
#define JSON_EXPLAIN_H

#include "json/json.h"

/**
 * Judges the text as json.loads does: JSON_OK, JSON_SYNTAX with its words and offset in characters, or JSON_REFUSED for what
 * we do not take: see json_status, and lone surrogates in escapes. Slower than json_read and meant for texts that it refused.
 */
json_status json_explain(apus_str text, size_t max_depth, json_error *error);

#endif
