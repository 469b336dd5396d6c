#define _GNU_SOURCE /* usleep */
/* Migrations: on the thread pool, over a blocking connection of their own. */
#include "pg/circuit.h"
#include "pg/migration_folder.h"
#include "pg/private.h"
#include "pg/sql.h"

#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define LOCK_KEY "4706832143250551072" /* any number that nobody else is likely to choose */
#define LOCK_NANOSECONDS (120 * (uint64_t)PG_SECOND) /* longest wait for another process's migrations */
#define LOCK_POLL_MICROSECONDS 100000
#define HANG_UP_MILLISECONDS 3000

/** One call, while it is on the thread pool. */
typedef struct migrate_job {
    int (*action)(struct migrate_job *j);
    const char *path;
    migration_folder folder;
    PGconn *pg;
    bool has_table;
    uint64_t lock_by;
    _Atomic bool stop; /* nobody wants it any more: it ends as soon as nothing is half done */
    int changed;
    buffer lines; /* what `status` tells: not in the arena, which belongs to the loop's thread */
    char error[1024];
} migrate_job;

static int fail(migrate_job *j, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

static int fail(migrate_job *j, int code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(j->error, sizeof j->error, format, arguments);
    va_end(arguments);
    return code;
}

/* ---- the connection ---- */

static void join_hosts(const pg_target *t, const char *keyword, char *out, size_t size)
{
    size_t n = 0;
    out[0] = '\0';
    for (size_t i = 0; i < t->host_count && n < size; i++) {
        const pg_host *h = &t->hosts[i];
        const char *part = *keyword == 'p' ? h->port : keyword[4] ? h->address : h->name;
        n += (size_t)snprintf(out + n, size - n, "%s%s", i ? "," : "", part ? part : "");
    }
}

static PGconn *connect_blocking(const pg_target *t)
{
    static const char *const places[] = {"host", "hostaddr", "port"};
    const char *keywords[PG_PARAMETERS + 5], *values[PG_PARAMETERS + 5];
    char joined[3][2048], timeout[32];
    size_t n = t->count;
    memcpy(keywords, t->keywords, n * sizeof *keywords);
    memcpy(values, t->values, n * sizeof *values);
    for (size_t i = 0; i < 3; i++) {
        join_hosts(t, places[i], joined[i], sizeof joined[i]);
        keywords[n] = places[i];
        values[n] = joined[i];
        n += strspn(joined[i], ",") < strlen(joined[i]);
    }
    snprintf(timeout, sizeof timeout, "%.0f", t->connect_timeout < 2 ? 2 : t->connect_timeout);
    keywords[n] = "connect_timeout";
    values[n++] = timeout;
    keywords[n] = values[n] = NULL;
    return PQconnectdbParams(keywords, values, 0);
}

static void drop_notice(void *arg, const PGresult *notice)
{
    (void)arg;
    (void)notice;
}

/* Until Postgres has hung up too: then the permit is free in its tables as well. */
static void disconnect(PGconn *pg)
{
    int fd = PQsocket(pg), copy = fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
    PQfinish(pg);
    struct pollfd end = {.fd = copy, .events = POLLIN};
    if (copy < 0)
        return;
    poll(&end, 1, HANG_UP_MILLISECONDS);
    close(copy);
}

/* ---- queries ---- */

static int fail_by_query(migrate_job *j, const char *doing)
{
    char line[512];
    failure_first_line(PQerrorMessage(j->pg), line, sizeof line);
    bool lost = PQstatus(j->pg) == CONNECTION_BAD;
    return fail(j, lost ? APUS_EUNAVAILABLE : APUS_EQUERY, "migrations: %s: %s", doing, line);
}

static int query(migrate_job *j, const char *sql, const char *doing)
{
    PGresult *r = PQexec(j->pg, sql);
    ExecStatusType status = PQresultStatus(r);
    PQclear(r);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK ? 0 : fail_by_query(j, doing);
}

static int query_with(migrate_job *j, const char *sql, const char *first, const char *second)
{
    const char *values[] = {first, second};
    PGresult *r = PQexecParams(j->pg, sql, second ? 2 : 1, NULL, values, NULL, NULL, 0);
    ExecStatusType status = PQresultStatus(r);
    PQclear(r);
    return status == PGRES_COMMAND_OK ? 0 : fail_by_query(j, "cannot write schema_migrations");
}

static bool query_is_true(migrate_job *j, const char *sql)
{
    PGresult *r = PQexec(j->pg, sql);
    bool is = PQresultStatus(r) == PGRES_TUPLES_OK && PQntuples(r) == 1 && *PQgetvalue(r, 0, 0) == 't';
    PQclear(r);
    return is;
}

/* Asked for again and again: a session that waits for a lock would hold up `create index concurrently` of the one that has it. */
static int lock(migrate_job *j)
{
    while (true) {
        if (j->stop)
            return fail(j, APUS_ECANCELED, "migrations: given up before they began");
        if (query_is_true(j, "select pg_try_advisory_lock(" LOCK_KEY ")"))
            return 0;
        if (PQstatus(j->pg) == CONNECTION_BAD)
            return fail_by_query(j, "cannot lock");
        if (clock_monotonic() >= j->lock_by)
            return fail(j, APUS_ELOCK, "migrations: another process has been migrating for too long");
        usleep(LOCK_POLL_MICROSECONDS);
    }
}

static int make_table(migrate_job *j)
{
    if (query_is_true(j, "select count(*) = 2 from information_schema.columns where table_name = 'schema_migrations'"
                         " and table_schema = current_schema() and column_name in ('version', 'checksum')"))
        return 0;
    return query(j, "create table if not exists schema_migrations (version varchar(128) primary key);"
                    "alter table schema_migrations add column if not exists checksum varchar(64)",
                 "cannot make the table schema_migrations");
}

static migration *find_version(migrate_job *j, const char *version)
{
    for (size_t i = 0; i < j->folder.count; i++)
        if (migration_compare_versions(j->folder.files[i].version, apus_cstr(version)) == 0)
            return &j->folder.files[i];
    return NULL;
}

/* Versions without a file are newer ones of a later release: an older one runs beside it. */
static int read_applied(migrate_job *j)
{
    j->has_table = query_is_true(j, "select to_regclass('schema_migrations') is not null");
    if (!j->has_table)
        return 0;
    PGresult *r = PQexec(j->pg, "select version, to_jsonb(m)->>'checksum' from schema_migrations m");
    bool read = PQresultStatus(r) == PGRES_TUPLES_OK;
    for (int i = 0; i < PQntuples(r); i++) {
        migration *m = find_version(j, PQgetvalue(r, i, 0));
        if (!m)
            continue;
        m->applied = true;
        snprintf(m->recorded, sizeof m->recorded, "%s", PQgetvalue(r, i, 1));
    }
    PQclear(r);
    return read ? 0 : fail_by_query(j, "cannot read schema_migrations");
}

static int check_applied(migrate_job *j)
{
    for (size_t i = 0; i < j->folder.count; i++) {
        const migration *m = &j->folder.files[i];
        if (m->applied && *m->recorded && strcmp(m->recorded, m->checksum) != 0)
            return fail(j, APUS_EVALIDATION, "%s/%s:1: the file was changed after it was applied: put it back as it was, and "
                        "write a new migration", j->path, m->name);
    }
    return 0;
}

/* ---- a section ---- */

static int line_of_statement(const migration_section *s, int index)
{
    sql_scan scan = {s->sql.ptr, s->sql.ptr + s->sql.len, s->line};
    apus_str statement;
    int line = s->line;
    for (int i = 0; i <= index && sql_next(&scan, &statement, &line); i++)
        ;
    return line;
}

static int fail_in_section(migrate_job *j, const migration *m, const PGresult *r, int line)
{
    const char *words = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
    bool lost = PQstatus(j->pg) == CONNECTION_BAD;
    return fail(j, lost ? APUS_EUNAVAILABLE : APUS_EQUERY, "%s/%s:%d: %s", j->path, m->name, line,
                words ? words : lost ? "the connection to Postgres was lost" : "COPY is not for migrations");
}

/* Sends some SQL and takes its results. The line where it failed comes from Postgres, or from how many statements did not. */
static int run_sql(migrate_job *j, const migration *m, apus_str sql, const migration_section *s, int line)
{
    int done = 0, code = 0;
    char *text = apus_strdup(sql);
    if (!text || !PQsendQuery(j->pg, text)) {
        free(text);
        return fail_by_query(j, "cannot send");
    }
    for (PGresult *r; (r = PQgetResult(j->pg)); PQclear(r)) {
        ExecStatusType status = PQresultStatus(r);
        if (status == PGRES_COPY_IN)
            PQputCopyEnd(j->pg, "COPY is not for migrations");
        done++;
        if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY || code)
            continue;
        const char *position = PQresultErrorField(r, PG_DIAG_STATEMENT_POSITION);
        code = fail_in_section(j, m, r, position ? sql_line_at(sql, line, strtoul(position, NULL, 10))
                                        : s ? line_of_statement(s, done - 1) : line);
        if (PQstatus(j->pg) == CONNECTION_BAD || status == PGRES_COPY_BOTH || status == PGRES_COPY_OUT) {
            PQclear(r);
            break;
        }
    }
    free(text);
    return code;
}

static int run_each(migrate_job *j, const migration *m, const migration_section *s)
{
    sql_scan scan = {s->sql.ptr, s->sql.ptr + s->sql.len, s->line};
    apus_str statement;
    int line, code = 0;
    while (!code && sql_next(&scan, &statement, &line))
        code = run_sql(j, m, statement, NULL, line);
    return code;
}

static int record(migrate_job *j, const migration *m, bool up)
{
    char version[129];
    snprintf(version, sizeof version, "%.*s", (int)m->version.len, m->version.ptr);
    if (up)
        return query_with(j, "insert into schema_migrations (version, checksum) values ($1, $2)", version, m->checksum);
    return query_with(j, "delete from schema_migrations where version = $1", version, NULL);
}

/* A section that ends its transaction is applied in part, or without its record: nothing of it may run. */
static int check_section(migrate_job *j, const migration *m, bool up)
{
    const migration_section *s = up ? &m->parts.up : &m->parts.down;
    sql_scan scan = {s->sql.ptr, s->sql.ptr + s->sql.len, s->line};
    apus_str statement;
    int line;
    while (s->transaction && sql_next(&scan, &statement, &line)) {
        apus_str word = sql_transaction_word(statement);
        if (word.len)
            return fail(j, APUS_EVALIDATION, "%s/%s:%d: `%.*s` begins or ends a transaction, and the file is applied in one "
                        "with its record: take it out, or write `-- migrate:%s transaction:false`", j->path, m->name, line,
                        (int)word.len, word.ptr, up ? "up" : "down");
    }
    return 0;
}

/* The section and its record in one transaction; or, where the section wants none, the record after it. */
static int run_section(migrate_job *j, const migration *m, bool up)
{
    const migration_section *s = up ? &m->parts.up : &m->parts.down;
    if (!s->transaction) {
        int code = run_each(j, m, s);
        return code ? code : record(j, m, up);
    }
    int code = query(j, "begin", "cannot begin");
    code = code ? code : run_sql(j, m, s->sql, s, s->line);
    code = code ? code : record(j, m, up);
    code = code ? code : query(j, "commit", m->name);
    if (code && PQstatus(j->pg) == CONNECTION_OK)
        PQclear(PQexec(j->pg, "rollback"));
    return code;
}

/* ---- actions ---- */

/* Of migrations that dbmate applied, the checksum is not known: from now on it is. */
static int adopt(migrate_job *j)
{
    int code = 0;
    for (size_t i = 0; i < j->folder.count && !code; i++) {
        const migration *m = &j->folder.files[i];
        char version[129];
        snprintf(version, sizeof version, "%.*s", (int)m->version.len, m->version.ptr);
        if (m->applied && !*m->recorded)
            code = query_with(j, "update schema_migrations set checksum = $2 where version = $1", version, m->checksum);
    }
    return code;
}

static int prepare(migrate_job *j)
{
    int code = lock(j);
    code = code ? code : make_table(j);
    code = code ? code : read_applied(j);
    return code ? code : check_applied(j);
}

static int up(migrate_job *j)
{
    int code = prepare(j);
    for (size_t i = 0; i < j->folder.count && !code; i++)
        code = j->folder.files[i].applied ? 0 : check_section(j, &j->folder.files[i], true);
    code = code ? code : adopt(j);
    for (size_t i = 0; i < j->folder.count && !code; i++) {
        if (j->folder.files[i].applied)
            continue;
        if (j->stop)
            return fail(j, APUS_ECANCELED, "migrations: given up before %s", j->folder.files[i].name);
        code = run_section(j, &j->folder.files[i], true);
        j->changed += !code;
    }
    return code;
}

static int down(migrate_job *j)
{
    int code = prepare(j);
    const migration *last = NULL;
    for (size_t i = 0; i < j->folder.count; i++)
        last = j->folder.files[i].applied ? &j->folder.files[i] : last;
    if (code || !last)
        return code;
    if (!last->parts.down.line)
        return fail(j, APUS_EVALIDATION, "%s/%s:1: the file has no `-- migrate:down` line", j->path, last->name);
    code = check_section(j, last, false);
    code = code ? code : run_section(j, last, false);
    j->changed += !code;
    return code;
}

static int status(migrate_job *j)
{
    int code = read_applied(j);
    for (size_t i = 0; i < j->folder.count && !code; i++)
        buffer_printf(&j->lines, "[%c] %s\n", j->folder.files[i].applied ? 'X' : ' ', j->folder.files[i].name);
    return code;
}

static int work(void *arg)
{
    migrate_job *j = arg;
    int code = 0;
    if (!migration_folder_read(&j->folder, j->path, j->error, sizeof j->error))
        return APUS_EVALIDATION;
    j->pg = connect_blocking(&pg_direct_target);
    if (PQstatus(j->pg) == CONNECTION_OK) {
        PQsetNoticeReceiver(j->pg, drop_notice, NULL);
        code = j->action(j);
    } else {
        failure_first_line(PQerrorMessage(j->pg), j->error, sizeof j->error);
        code = APUS_EUNAVAILABLE;
    }
    disconnect(j->pg);
    migration_folder_free(&j->folder);
    return code;
}

static void hurry(void *arg)
{
    migrate_job *j = arg;
    j->stop = true;
}

static int run(apus_task *task, int (*action)(migrate_job *j), const char *folder, int *changed, buffer *out)
{
    migrate_job *j = apus_task_alloc(task, sizeof *j);
    *j = (migrate_job){.action = action, .path = folder, .lock_by = clock_monotonic() + LOCK_NANOSECONDS};
    if (changed)
        *changed = 0;
    if (circuit_state() == PG_UNUSED)
        return apus_task_fail(task, APUS_EUNAVAILABLE, "migrations: DATABASE_URL is not set");
    permit held = permit_take_side();
    if (held == PERMIT_NONE)
        return apus_task_fail(task, APUS_EPOOL, "migrations: every connection of DB_POOL_MAX is in use");
    buffer_init(&j->lines, NULL, 0, LIMIT_RESPONSE_BODY);
    int code = task_offload(task, work, hurry, j);
    permit_return(held, NULL);
    if (out)
        buffer_append_str(out, buffer_str(&j->lines));
    buffer_free(&j->lines);
    if (changed)
        *changed = j->changed;
    return code < 0 && *j->error ? apus_task_fail(task, code, "%s", j->error) : code;
}

int pg_migrate_up(apus_task *task, const char *folder, int *applied)
{
    return run(task, up, folder, applied, NULL);
}

int pg_migrate_down(apus_task *task, const char *folder, int *reverted)
{
    return run(task, down, folder, reverted, NULL);
}

int pg_migrate_status(apus_task *task, const char *folder, buffer *out)
{
    return run(task, status, folder, NULL, out);
}
