/* Structured log: a line per event, JSON or text, to standard error and standard output; never blocks, drops and counts instead. */
#ifndef CORE_LOG_H
#define CORE_LOG_H

#include "core/buffer.h"

typedef enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR } log_level;
typedef enum log_format { LOG_AUTO, LOG_JSON, LOG_TEXT } log_format; /* AUTO: text on a terminal */

/** One named value of a line: made by the macros below. */
typedef struct log_pair {
    const char *name;
    size_t length; /* of the name */
    enum { LOG_STR, LOG_INT, LOG_DOUBLE } kind;
    apus_str text;
    int64_t integer;
    double number;
} log_pair;

#define LOG_TEXT_PAIR(n, value) ((log_pair){.name = (n), .length = strlen(n), .kind = LOG_STR, .text = (value)})
#define LOG_INT_PAIR(n, value) ((log_pair){.name = (n), .length = strlen(n), .kind = LOG_INT, .integer = (int64_t)(value)})
#define LOG_DOUBLE_PAIR(n, value) ((log_pair){.name = (n), .length = strlen(n), .kind = LOG_DOUBLE, .number = (value)})

/**
 * Starts the thread that writes to `fd` (which stays the caller's and as it is): only that thread ever waits for the reader, and
 * what is logged meanwhile waits in memory, then is dropped and counted. 0, or a negative errno. Outside of log_open and
 * log_close, lines go to standard error as text.
 */
int log_open(int fd, log_level least, log_format format);
/** Writes what waits, for at most `seconds`, and stops the thread. At exit that happens by itself. */
void log_close(double seconds);
bool log_enabled(log_level level);
/** `{"time":…,"level":…,"message":…,pairs…}`. Safe from any thread; allocates nothing after log_open. */
void log_pairs(log_level level, const char *message, const log_pair *pairs, size_t count);
void log_printf(log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** Lines dropped since the start because the sink was full or gone. */
uint64_t log_dropped(void);

/** Writes `text` as the inside of a JSON string (RFC 8259 section 7; bytes that are not UTF-8 become U+FFFD). */
void log_escape(buffer *b, apus_str text);

#endif
