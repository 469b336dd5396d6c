#include "core/log.h"

#include "core/limits.h"
#include "core/log_line.h"
#include "core/log_sink.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#define LONGEST_MESSAGE 2048 /* of log_printf */

static _Atomic int least_level = LOG_INFO;
static atomic_bool as_json;
static _Thread_local char line[LIMIT_LOG_LINE];

bool log_enabled(log_level level)
{
    return (int)level >= atomic_load_explicit(&least_level, memory_order_relaxed);
}

uint64_t log_dropped(void)
{
    return log_sink_dropped();
}

/* Called by the sink's thread, which logs nothing else. */
static apus_str dropped_line(uint64_t count)
{
    log_pair pair = LOG_INT_PAIR("count", count);
    return (apus_str){line, log_line_make(line, LOG_WARNING, APUS_STR("log lines dropped"), &pair, 1, atomic_load(&as_json))};
}

/* Before log_open and after log_close, when nothing serves and waiting is no harm. */
static void write_now(const char *text, size_t n)
{
    while (n) {
        ssize_t written = write(STDERR_FILENO, text, n);
        if (written < 0 && errno != EINTR)
            return;
        if (written > 0) {
            text += written;
            n -= (size_t)written;
        }
    }
}

static void log_line(log_level level, apus_str message, const log_pair *pairs, size_t count)
{
    int before = errno;
    bool open = log_sink_is_open(), json = open && atomic_load_explicit(&as_json, memory_order_relaxed);
    size_t n = log_line_make(line, level, message, pairs, count, json);
    if (open)
        log_sink_put(line, n);
    else
        write_now(line, n);
    errno = before;
}

void log_pairs(log_level level, const char *message, const log_pair *pairs, size_t count)
{
    if (log_enabled(level))
        log_line(level, apus_cstr(message), pairs, count);
}

void log_printf(log_level level, const char *format, ...)
{
    if (!log_enabled(level))
        return;
    char message[LONGEST_MESSAGE];
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    size_t length = n < 0 ? 0 : (size_t)n < sizeof message ? (size_t)n : sizeof message - 1;
    log_line(level, (apus_str){message, length}, NULL, 0);
}

int log_open(int fd, log_level least, log_format format)
{
    atomic_store(&as_json, format == LOG_JSON || (format == LOG_AUTO && !isatty(fd)));
    atomic_store(&least_level, (int)least);
    return log_sink_open(fd, dropped_line);
}

void log_close(double seconds)
{
    log_sink_close(seconds);
}
