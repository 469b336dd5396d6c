/* From the threads that log to the file, pipe or terminal: a ring of bytes per thread and one thread that writes. */
#ifndef CORE_LOG_SINK_H
#define CORE_LOG_SINK_H

#include "apus_core.h"

/** Makes the line that tells of `count` dropped lines. */
typedef apus_str log_sink_note(uint64_t count);

/** 0, or a negative errno. */
int log_sink_open(int fd, log_sink_note *note);
/** Flushes for at most `seconds`, then stops; what could not be written counts as dropped. */
void log_sink_close(double seconds);
bool log_sink_is_open(void);
/** Hands over a line of at most LIMIT_LOG_LINE bytes that ends in a line feed. Never waits: without room it is dropped. */
void log_sink_put(const char *line, size_t n);
uint64_t log_sink_dropped(void);

#endif
