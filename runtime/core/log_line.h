/* One line of the log. */
#ifndef CORE_LOG_LINE_H
#define CORE_LOG_LINE_H

#include "core/log.h"

/**
 * Writes the line and its line feed into `text`, of LIMIT_LOG_LINE bytes; returns its length. Long values are cut, pairs that
 * do not fit are left out, and the line says so.
 */
size_t log_line_make(char *text, log_level level, apus_str message, const log_pair *pairs, size_t count, bool json);

#endif
