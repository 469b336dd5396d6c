#include "pg/failure.h"

#include <stdarg.h>
#include <stdio.h>

/* Appendix A of Postgres's manual; a row of two characters stands for its class, and comes after its members. */
static const struct {
    const char *sqlstate;
    int code;
} codes[] = {
    {"23505", APUS_EUNIQUE},        /* unique_violation */
    {"23P01", APUS_EUNIQUE},        /* exclusion_violation */
    {"23503", APUS_EFOREIGN_KEY},   /* foreign_key_violation */
    {"23001", APUS_EFOREIGN_KEY},   /* restrict_violation */
    {"23514", APUS_ECHECK},         /* check_violation */
    {"23502", APUS_ENOT_NULL},      /* not_null_violation */
    {"40001", APUS_ESERIALIZATION}, /* serialization_failure */
    {"40P01", APUS_EDEADLOCK},      /* deadlock_detected */
    {"55P03", APUS_ELOCK},          /* lock_not_available: lock_timeout, too */
    {"57014", APUS_ETIMEDOUT},      /* query_canceled: statement_timeout, too */
    {"53100", APUS_EDISK_FULL},     /* disk_full */
    {"22021", APUS_EVALIDATION},    /* character_not_in_repertoire */
    {"22P05", APUS_EVALIDATION},    /* untranslatable_character */
    {"25006", APUS_EUNAVAILABLE},   /* read_only_sql_transaction: a standby */
    {"25P03", APUS_EUNAVAILABLE},   /* idle_in_transaction_session_timeout */
    {"57P01", APUS_EUNAVAILABLE},   /* admin_shutdown */
    {"57P02", APUS_EUNAVAILABLE},   /* crash_shutdown */
    {"57P03", APUS_EUNAVAILABLE},   /* cannot_connect_now */
    {"57P05", APUS_EUNAVAILABLE},   /* idle_session_timeout */
    {"08", APUS_EUNAVAILABLE},      /* connection exceptions */
    {"53", APUS_EUNAVAILABLE},      /* insufficient resources */
};

int failure_code(const char *sqlstate)
{
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (strncmp(codes[i].sqlstate, sqlstate, strlen(codes[i].sqlstate)) == 0)
            return codes[i].code;
    return APUS_EQUERY;
}

static const char *copy(arena *memory, const char *text)
{
    size_t size = strlen(text) + 1;
    char *kept = arena_alloc(memory, size);
    return kept ? memcpy(kept, text, size) : "out of memory";
}

__attribute__((format(printf, 3, 0)))
static pg_failure failure_vprintf(arena *memory, int code, const char *format, va_list arguments)
{
    char text[512];
    vsnprintf(text, sizeof text, format, arguments);
    return failure_make(code, copy(memory, text));
}

pg_failure failure_printf(arena *memory, int code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    pg_failure f = failure_vprintf(memory, code, format, arguments);
    va_end(arguments);
    return f;
}

pg_failure failure_make(int code, const char *message)
{
    return (pg_failure){.code = code, .message = message};
}

void failure_first_line(const char *message, char *out, size_t size)
{
    size_t length = strcspn(message, "\r\n");
    snprintf(out, size, "%.*s", (int)(length < size ? length : size - 1), message);
}

bool failure_is_fatal(const PGresult *result)
{
    const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
    return severity && (strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0);
}

/* 08P01, protocol_violation: of a pooler that ends the connection, or of a statement that got another number of parameters. */
static int code_of(const PGresult *result, const char *sqlstate)
{
    return strcmp(sqlstate, "08P01") == 0 && !failure_is_fatal(result) ? APUS_EQUERY : failure_code(sqlstate);
}

pg_failure failure_of_result(const PGresult *result, arena *memory)
{
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    const char *hint = PQresultErrorField(result, PG_DIAG_MESSAGE_HINT);
    const char *constraint = PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME);
    pg_failure f = failure_printf(memory, code_of(result, sqlstate), hint ? "%s (%s)" : "%s", primary ? primary : "no words", hint);
    snprintf(f.sqlstate, sizeof f.sqlstate, "%s", sqlstate);
    f.constraint = constraint ? copy(memory, constraint) : NULL;
    return f;
}

bool failure_is_stale(const pg_failure *f)
{
    return f->taken || strcmp(f->sqlstate, "26000") == 0 ||
           (strcmp(f->sqlstate, "0A000") == 0 && strstr(f->message, "cached plan must not change result type"));
}
