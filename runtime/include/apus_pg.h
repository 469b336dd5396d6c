/* Postgres: statements as waits, rows as structs. Every call takes a request or a task. */
#ifndef APUS_PG_H
#define APUS_PG_H

#include "apus_model.h"
#include "apus_task.h"

/* A compiler then says where in the application a mistake stands, not which macro met it. */
#pragma GCC system_header

#pragma GCC visibility push(default)

/*
 * A handler that returns 0 although its last Postgres call failed answers with that failure, so that
 * `if (pg_one(…) == 0) return http_error(req, 404, …);` is enough; pg_forgive takes it back.
 */

/** One typed parameter. Made by PG. */
typedef struct pg_value {
    apus_kind kind;
    bool null;
    bool untyped; /* Postgres takes the type from the parameter's place, as it does for texts and JSON */
    union {
        int64_t integer;
        double number;
        bool boolean;
        apus_str text; /* text, or JSON */
        struct {
            const void *items;
            size_t len;
            apus_kind kind;
        } list;
        apus_uuid uuid;
        apus_datetime datetime;
    } as;
} pg_value;

typedef struct pg_params {
    const pg_value *values;
    size_t count;
} pg_params;

pg_value pg_from_int(int64_t value);
/** What `a != b` and `true` are in C: no type of its own, so that it can be a boolean. */
pg_value pg_from_c_int(int value);
pg_value pg_from_double(double value);
pg_value pg_from_bool(bool value);
pg_value pg_from_str(apus_str value);
pg_value pg_from_text(const char *value);
pg_value pg_from_uuid(apus_uuid value);
pg_value pg_from_datetime(apus_datetime value);
pg_value pg_from_json(apus_json value);
pg_value pg_from_opt_int(apus_opt_int value);
pg_value pg_from_opt_double(apus_opt_double value);
pg_value pg_from_opt_bool(apus_opt_bool value);
pg_value pg_from_opt_str(apus_opt_str value);
pg_value pg_from_opt_uuid(apus_opt_uuid value);
pg_value pg_from_opt_datetime(apus_opt_datetime value);

pg_value pg_from_value(pg_value value);
pg_value pg_from_list(const void *items, size_t len, enum apus_presence is, apus_kind kind);

/**
 * A list as a parameter, an array: `PG(PG_ARRAY(in->ids))` for `where id = any($1)`. Of int64_t, double, bool, apus_str, apus_uuid or
 * apus_datetime, whose types are those of single parameters; texts take theirs from their place. A text with ptr NULL is null, and a
 * list with `is` APUS_NULL; one that was not sent is empty.
 */
#define PG_ARRAY(list)                                                                                                 \
    pg_from_list((list).items, (list).len, (list).is,                                                                  \
                 _Generic((list).items, int64_t *: APUS_KIND_INT, double *: APUS_KIND_DOUBLE, bool *: APUS_KIND_BOOL,  \
                          apus_str *: APUS_KIND_STR, apus_uuid *: APUS_KIND_UUID, apus_datetime *: APUS_KIND_DATETIME))

#define PG_ARG(x)                                                                                                      \
    _Generic((x), bool: pg_from_bool, int: pg_from_c_int, long: pg_from_int, long long: pg_from_int,                   \
             double: pg_from_double, apus_str: pg_from_str, char *: pg_from_text, const char *: pg_from_text,          \
             apus_uuid: pg_from_uuid, apus_datetime: pg_from_datetime, apus_json: pg_from_json,                        \
             apus_opt_int: pg_from_opt_int, apus_opt_double: pg_from_opt_double, apus_opt_bool: pg_from_opt_bool,      \
             apus_opt_str: pg_from_opt_str, apus_opt_uuid: pg_from_opt_uuid,                                           \
             apus_opt_datetime: pg_from_opt_datetime, pg_value: pg_from_value)(x)
#define PG_EACH_1(a) PG_ARG(a)
#define PG_EACH_2(a, ...) PG_ARG(a), PG_EACH_1(__VA_ARGS__)
#define PG_EACH_3(a, ...) PG_ARG(a), PG_EACH_2(__VA_ARGS__)
#define PG_EACH_4(a, ...) PG_ARG(a), PG_EACH_3(__VA_ARGS__)
#define PG_EACH_5(a, ...) PG_ARG(a), PG_EACH_4(__VA_ARGS__)
#define PG_EACH_6(a, ...) PG_ARG(a), PG_EACH_5(__VA_ARGS__)
#define PG_EACH_7(a, ...) PG_ARG(a), PG_EACH_6(__VA_ARGS__)
#define PG_EACH_8(a, ...) PG_ARG(a), PG_EACH_7(__VA_ARGS__)
#define PG_EACH_9(a, ...) PG_ARG(a), PG_EACH_8(__VA_ARGS__)
#define PG_EACH_10(a, ...) PG_ARG(a), PG_EACH_9(__VA_ARGS__)
#define PG_EACH_11(a, ...) PG_ARG(a), PG_EACH_10(__VA_ARGS__)
#define PG_EACH_12(a, ...) PG_ARG(a), PG_EACH_11(__VA_ARGS__)
#define PG_EACH_13(a, ...) PG_ARG(a), PG_EACH_12(__VA_ARGS__)
#define PG_EACH_14(a, ...) PG_ARG(a), PG_EACH_13(__VA_ARGS__)
#define PG_EACH_15(a, ...) PG_ARG(a), PG_EACH_14(__VA_ARGS__)
#define PG_EACH_16(a, ...) PG_ARG(a), PG_EACH_15(__VA_ARGS__)
#define PG_EACH_17(a, ...) PG_ARG(a), PG_EACH_16(__VA_ARGS__)
#define PG_EACH_18(a, ...) PG_ARG(a), PG_EACH_17(__VA_ARGS__)
#define PG_EACH_19(a, ...) PG_ARG(a), PG_EACH_18(__VA_ARGS__)
#define PG_EACH_20(a, ...) PG_ARG(a), PG_EACH_19(__VA_ARGS__)
#define PG_EACH_21(a, ...) PG_ARG(a), PG_EACH_20(__VA_ARGS__)
#define PG_EACH_22(a, ...) PG_ARG(a), PG_EACH_21(__VA_ARGS__)
#define PG_EACH_23(a, ...) PG_ARG(a), PG_EACH_22(__VA_ARGS__)
#define PG_EACH_24(a, ...) PG_ARG(a), PG_EACH_23(__VA_ARGS__)
#define PG_EACH_PICK(a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16, a17, a18, a19, a20, a21, a22, \
                     a23, a24, name, ...) name
#define PG_EACH(...) \
    PG_EACH_PICK(__VA_ARGS__, PG_EACH_24, PG_EACH_23, PG_EACH_22, PG_EACH_21, PG_EACH_20, PG_EACH_19, PG_EACH_18, PG_EACH_17, \
                 PG_EACH_16, PG_EACH_15, PG_EACH_14, PG_EACH_13, PG_EACH_12, PG_EACH_11, PG_EACH_10, PG_EACH_9, \
                 PG_EACH_8, PG_EACH_7, PG_EACH_6, PG_EACH_5, PG_EACH_4, PG_EACH_3, PG_EACH_2, PG_EACH_1, )(__VA_ARGS__)
/**
 * A statement's parameters, at most twenty-four, typed by their C types: `PG(in->item_id, in->name)`. A text with ptr NULL is null.
 * They mean what the same literal would in the SQL text: an int64_t is an integer (bigint when it needs to be), a double is
 * numeric, a text, a JSON or an `int` becomes what its place asks for. Where Postgres cannot tell, write `$1::text`. An enum is none
 * of these: give its text, `apus_enum_text(colour, in->colour)`.
 */
#define PG(...)                                                                          \
    ((pg_params){(const pg_value[]){PG_EACH(__VA_ARGS__)},                               \
                 sizeof((const pg_value[]){PG_EACH(__VA_ARGS__)}) / sizeof(pg_value)})
/** No parameters. */
#define PG_NONE ((pg_params){NULL, 0})

int pg_task_one(apus_task *task, apus_model_fn model, void *out, const char *sql, pg_params params);
int pg_task_list(apus_task *task, apus_model_fn model, void *list, const char *sql, pg_params params);
int pg_task_exec(apus_task *task, const char *sql, pg_params params);
int pg_task_begin(apus_task *task);
int pg_task_commit(apus_task *task);
int pg_task_rollback(apus_task *task);
int pg_task_tx(apus_task *task, int (*body)(apus_task *task, void *arg), void *arg);
int pg_task_lease(apus_task *task);
void pg_task_release(apus_task *task);
void pg_task_forgive(apus_task *task);
const char *pg_task_sqlstate(const apus_task *task);
const char *pg_task_constraint(const apus_task *task);

/**
 * The first row into `out`, columns by the model's member names. 1 with a row, 0 without, negative APUS_E… on error
 * (apus_error tells more). The sql text must stay valid as long as the process: it names the prepared statement.
 */
#define pg_one(ctx, model, out, sql, params) \
    pg_task_one(APUS_TASK(ctx), (model), APUS_IS_A(model, out), (sql), (params))
/** All rows into a `LISTOF(struct T)`, in the arena. The number of rows, or negative. */
#define pg_list(ctx, model, list, sql, params) \
    pg_task_list(APUS_TASK(ctx), (model), APUS_IS_LIST_OF(model, list), (sql), (params))
/**
 * Runs a statement for its effect. The number of rows affected, or negative; APUS_EOUTCOME when it changes something, and the
 * connection broke or the deadline passed before the answer came. What changes its session (SET, set_config, advisory locks,
 * temporary tables) is refused without a transaction or a lease: others' statements share the connection.
 */
#define pg_exec(ctx, sql, params) pg_task_exec(APUS_TASK(ctx), (sql), (params))
/**
 * A transaction on a connection of its own, until pg_commit or pg_rollback; rolled back when the handler ends without either.
 * The task's statements run in it, and those of its jobs in apus_gather, one after the other. BEGIN is sent with the first one.
 */
#define pg_begin(ctx) pg_task_begin(APUS_TASK(ctx))
/** 0, or negative; APUS_EOUTCOME when the connection broke, or the deadline passed, before the answer came. */
#define pg_commit(ctx) pg_task_commit(APUS_TASK(ctx))
#define pg_rollback(ctx) pg_task_rollback(APUS_TASK(ctx))
/** `body(task, arg)` in a transaction: committed when it returns 0 or more, else rolled back. Returns its result, or commit's error. */
#define pg_tx(ctx, body, arg) pg_task_tx(APUS_TASK(ctx), (body), (arg))
/** A connection of its own without a transaction (session state, advisory locks), until pg_release. */
#define pg_lease(ctx) pg_task_lease(APUS_TASK(ctx))
#define pg_release(ctx) pg_task_release(APUS_TASK(ctx))
/** The last call's failure shall not fail the request. */
#define pg_forgive(ctx) pg_task_forgive(APUS_TASK(ctx))
/** The SQLSTATE of the last error (five characters), or "". */
#define pg_sqlstate(ctx) pg_task_sqlstate(APUS_TASK(ctx))
/** The constraint that the last error names, or "". */
#define pg_constraint(ctx) pg_task_constraint(APUS_TASK(ctx))

/** Several statements sent at once, behind one sync point: one round trip; an error in one fails those after it. */
typedef struct pg_batch pg_batch;
pg_batch *pg_task_batch(apus_task *task);
#define pg_batch_begin(ctx) pg_task_batch(APUS_TASK(ctx))
/** Adds a statement; `out` is filled, and `*found` (may be NULL) set to 0 or 1, by pg_batch_run. */
void pg_batch_one_as(pg_batch *batch, apus_model_fn model, void *out, int *found, const char *sql, pg_params params);
#define pg_batch_one(batch, model, out, found, sql, params) \
    pg_batch_one_as((batch), (model), APUS_IS_A(model, out), (found), (sql), (params))
void pg_batch_list_as(pg_batch *batch, apus_model_fn model, void *list, const char *sql, pg_params params);
#define pg_batch_list(batch, model, list, sql, params) \
    pg_batch_list_as((batch), (model), APUS_IS_LIST_OF(model, list), (sql), (params))
void pg_batch_exec(pg_batch *batch, int *affected, const char *sql, pg_params params);
/** Sends all and waits for all. 0, or the first error. */
int pg_batch_run(pg_batch *batch);

/** One notification. */
typedef struct pg_event {
    apus_str channel, payload; /* until the next call for the channel, or the task's end */
} pg_event;
int pg_task_listen_next(apus_task *task, apus_str channel, pg_event *event);
/**
 * Waits for the next notification on the channel (LISTEN is shared by the process; a task subscribes at its first call and
 * until its end; between calls notifications queue up to a ceiling, past which the oldest are dropped). 0, or negative.
 */
#define pg_listen_next(ctx, channel, event) pg_task_listen_next(APUS_TASK(ctx), (channel), (event))

#pragma GCC visibility pop

#endif
