/* The pool at work: groups of statements wait, are sent on a connection, and are answered. */
#ifndef PG_PRIVATE_H
#define PG_PRIVATE_H

#include "pg/dial.h"
#include "pg/failure.h"
#include "pg/hold.h"
#include "pg/permit.h"
#include "pg/pool.h"
#include "pg/text.h"

#define PG_MILLISECOND 1000000u /* nanoseconds */
#define PG_SECOND 1000000000u

#define PG_SPILL_AGE (10 * PG_MILLISECOND)   /* a connection whose statement runs longer gets no further ones */
#define PG_SLOW_AGE (100 * PG_MILLISECOND)   /* a text that ran longer gets a connection without others for a while */
#define PG_SLOW_FOR 16                       /* runs of it */
#define PG_SETTLE_TIME (5 * (uint64_t)PG_SECOND)     /* for what was abandoned to end; then its connection is closed */
#define PG_CANCEL_AGAIN (250 * PG_MILLISECOND) /* a cancel that came before its statement is repeated */
#define PG_YOUNG (1 * (uint64_t)PG_SECOND)   /* a connection that breaks sooner, and has done nothing, counts as a dial that failed */
#define PG_HANG_UP_TIME (3 * (uint64_t)PG_SECOND) /* for Postgres to close its end; then the permit goes back all the same */
#define PG_IDLE_TIME (60 * (uint64_t)PG_SECOND)   /* an unused connection above the least number is closed */
#define PG_LEND_AGE (100 * PG_MILLISECOND)        /* one unused for so long is closed when another worker's pool is short of one */
#define PG_BATCH_MAX 4096                    /* statements of a batch */
#define PG_CANCELS_MAX 2                     /* threads of the pool that wait for PQcancel, in the process */

/** The struct that holds a member. */
#define containing(type, member, pointer) ((type *)(void *)((char *)(pointer) - offsetof(type, member)))

typedef struct connection connection;
typedef struct pg_group pg_group;
typedef struct pg_lease pg_lease;

/** What a statement's rows are for. */
typedef enum pg_want { PG_WANT_EFFECT, PG_WANT_ROW, PG_WANT_LIST } pg_want;

/** One statement: on its fiber's stack, or in the arena for a batch. */
typedef struct pg_statement {
    struct pg_statement *next;
    const char *sql;
    pg_text *text;   /* once its group runs */
    pg_bound bound;
    pg_want want;
    const apus_model *model;
    void *out;       /* a struct, or a LISTOF */
    int *count;      /* where a batch wants `result` */
    const row_plan *plan;
    int result;      /* rows */
    size_t capacity; /* of the list */
    size_t bytes;    /* of its rows so far */
    bool named;      /* sent as a prepared statement */
} pg_statement;

/** What it means for a group that its connection is lost after it was sent. */
typedef enum pg_loss {
    PG_LOSS_HARMLESS, /* it changes nothing, or its transaction is rolled back */
    PG_LOSS_WRITE,    /* unknown, unless the server said that it ended before it ran */
    PG_LOSS_COMMIT,   /* unknown */
} pg_loss;

/** Which list a group is on. */
typedef enum group_place {
    GROUP_NOWHERE,
    GROUP_QUEUED, /* pool->waiting, pool->leases or pool->direct */
    GROUP_SENT,   /* none: its connection's expectations name it */
    GROUP_DONE,   /* pool->done */
} group_place;

/** Statements behind one sync point, or (without statements) the wait for a lease. Lives as long as its wait. */
struct pg_group {
    pg_group *next, *previous;
    group_place place;
    struct group_list *list;
    fiber_wait wait;
    apus_task *task;
    pg_pool *pool;
    connection *connection; /* the lease's, or where it was sent */
    pg_statement *first;
    unsigned count;
    pg_lease *grant; /* what a group without statements waits for */
    bool leased;     /* runs on its connection and nowhere else */
    bool retried;
    bool slow;
    bool left; /* its wait ended while Postgres had it */
    pg_loss loss;
    uint64_t queued_at, taken_at;
    pg_failure failure;
};

typedef struct group_list {
    pg_group *first, *last;
    size_t count;
} group_list;

/* queue.c */
void group_append(group_list *list, pg_group *g, group_place place);
void group_prepend(group_list *list, pg_group *g, group_place place);
void group_unlink(pg_group *g);

/** What libpq's next result belongs to. */
typedef enum expectation_kind { EXPECT_PREPARED, EXPECT_RESULT, EXPECT_DEALLOCATED, EXPECT_SYNC } expectation_kind;

typedef struct expectation {
    expectation_kind kind;
    bool answered;       /* its result came; what follows is libpq's NULL */
    bool abandoned;      /* nobody waits for it any more */
    bool slow;           /* SYNC: no others are to be sent behind it */
    unsigned statements; /* SYNC: of the group */
    pg_group *group;     /* NULL: nobody waits, or it is the connection's own */
    pg_statement *statement;
    pg_text *text;       /* NULL, or used once for this expectation */
} expectation;

/** States of a connection; each is also the list of its pool that the connection is on. */
typedef enum connection_state {
    CONNECTION_FREE,     /* pool->lists[FREE]: a place for one */
    CONNECTION_DIALING,  /* pool->lists[DIALING]: name resolution, TCP, TLS, authentication */
    CONNECTION_IDLE,     /* pool->lists[IDLE]: no transaction, nothing in flight */
    CONNECTION_BUSY,     /* pool->lists[BUSY]: shared; statements in flight, takes more */
    CONNECTION_QUIET,    /* pool->lists[QUIET]: shared; statements in flight or a cancel under way, takes no more */
    CONNECTION_LEASED,   /* pool->lists[LEASED]: one task's */
    CONNECTION_SETTLING, /* pool->lists[SETTLING]: given back; what is left, ROLLBACK, reset */
    CONNECTION_CLOSING,  /* pool->lists[CLOSING]: until Postgres has hung up; holds its permit */
    CONNECTION_STATES,
} connection_state;

/** What a connection knows of a text. */
typedef struct prepared {
    uint32_t serial; /* of the text prepared here; 0: none */
    bool stale;      /* to be deallocated before it is prepared again */
    const row_plan *proven; /* its result here had this plan's columns */
} prepared;

typedef struct cancel_job cancel_job;

struct connection {
    connection *next, *previous; /* in the list of its state, by index where order matters */
    connection_state state;
    pg_pool *pool;
    unsigned index;
    permit permit;
    dial *dial;
    PGconn *pg;
    int socket; /* a copy of libpq's, which libpq cannot close: it is watched, and outlives PGconn until Postgres hung up; or -1 */
    loop_watch *watch;
    uint64_t expires_at, idle_since, head_since;
    uint64_t due; /* when its state is to be looked at again; 0: not before something happens */

    expectation *ring; /* capacity is a power of two */
    unsigned ring_head, ring_count, ring_capacity;
    unsigned groups, statements, abandoned, slow_groups; /* in flight */
    unsigned unflushed; /* groups that libpq still holds */
    bool primed;        /* libpq was told to give the head's rows one by one */
    bool proven;        /* it has done something */
    bool broken, fatal; /* fatal: the server announced the end before the head was done */
    bool retire;        /* takes no more, closes when idle */
    bool wanted;        /* kept for a waiting lease */
    pg_lease *lease;
    bool settling, session_used, rolled_back, reset;
    cancel_job *cancel;
    uint64_t cancel_at, settle_by; /* 0: at once; not settling */
    uint64_t unanswered;           /* bytes received since the last result */
    prepared *prepared;            /* LIMIT_PG_STATEMENTS, by the texts' slots */
};

typedef struct connection_list {
    connection *first, *last;
    size_t count;
} connection_list;

/** What pg_counts has not been told yet; `waiting` is what it was told. */
typedef struct pool_tally {
    uint64_t waiting, acquires, wait_nanoseconds, statements, errors;
} pool_tally;

/** A worker's pool. All of it belongs to its loop's thread. */
struct pg_pool {
    loop *loop;
    uint64_t now; /* of the work that is being done: read once for all statements of a turn */
    connection_list lists[CONNECTION_STATES];
    connection **slots;
    size_t slot_count;
    size_t least;        /* connections kept open */
    bool own_permit;     /* the guaranteed one is free */
    bool draining, closed;
    group_list waiting, leases, direct, done;
    loop_timer timer;
    pool_tally tally;
    pg_texts texts;
    unsigned dial_failures; /* in a row, while other connections live */
    uint64_t dial_after;
};

extern pg_target pg_main_target, pg_direct_target;

/** The calling thread's pool, or NULL. */
pg_pool *pool_current(void);
/** A worker's share of DB_POOL_MIN. */
size_t pool_share(int worker);
/** A connection's dial ended. */
void pool_dialed(void *arg, PGconn *pg, const char *error);
/** Has everything looked at that waits, at the end of this turn. */
void pool_wake(pg_pool *p);
/** After a dial that came to nothing: the next one waits, longer each time. Of several at once the first counts. */
void pool_back_off(pg_pool *p);
/** Posted to a pool's loop when the database was reached again, or got out of reach. */
void pool_circuit_changed(void *unused);
/** Posted to a pool's loop when another pool is short of connections. */
void pool_lend(void *unused);
/* queue.c */
/** Puts a group in its queue. */
void pool_submit(pg_pool *p, pg_group *g);
/** Takes a group out of wherever it is. */
void pool_withdraw(pg_group *g);
/** Fails the first group of a queue; the words are joined. */
void pool_fail_first(pg_pool *p, group_list *list, int code, const char *words, const char *reason);
/** Fails all that wait for a connection, as unavailable. */
void pool_fail_queued(pg_pool *p, const char *words, const char *reason);
/** The group's wait ends: at the next pool_finish. */
void pool_done(pg_pool *p, pg_group *g);
/** Wakes the fibers of groups that are done. */
void pool_finish(pg_pool *p);

/* connection.c: its states */
/** The one place where a connection changes its state and its list. */
void connection_enter(connection *c, connection_state state);
/** Takes over a new connection of libpq's; false, and that is closed, without the memory or the descriptor for it. */
bool connection_open(connection *c, PGconn *pg);
/** Puts a connection into the state that its facts ask for, and does what that state wants. */
void connection_judge(connection *c);
/** Closes it; what it has in flight fails. */
void connection_close(connection *c);
/** Closes it without waiting for Postgres, to free its memory. */
void connection_drop(connection *c);
void connection_lease(connection *c, pg_lease *lease);
/** The lease gives it back, in whatever state it is. */
void connection_settle(connection *c);

/* pipeline.c: what goes over it */
/** Sends a group behind a sync point. When that fails, the connection is broken and the group with it. */
void connection_send(connection *c, pg_group *g);
/** Sends a statement of the connection's own, for its effect. */
void connection_send_own(connection *c, const char *sql);
/** Hands to the kernel what libpq holds. */
void connection_flush(connection *c);
/** The group's wait ended early: its answers will be dropped. */
void connection_abandon(connection *c, pg_group *g);
/** Fails what is in flight; what never left goes back to the queue. */
void connection_fail_all(connection *c);
/** Drops the first expectation. */
void expectation_pop(connection *c);
/** Forgets what a group's statements have received, for another run. */
void group_reset(pg_group *g);

/* answers.c */
/** Takes what libpq has. */
void connection_answers(connection *c);

static inline expectation *expectation_at(const connection *c, unsigned index)
{
    return &c->ring[(c->ring_head + index) & (c->ring_capacity - 1)];
}

/* cancel.c */
/** Asks Postgres to end what runs on the connection; connection_judge is called when the asking has ended. */
void cancel_start(connection *c);
/** The connection goes: nobody is told of the end. */
void cancel_forget(connection *c);

/* lease.c */
/** A task's exclusive connection. In the task's arena; made at the first lease, used again for the next. */
struct pg_lease {
    connection *connection; /* NULL: none now */
    bool lost;              /* it broke, or was cut off: until the lease is given back */
    bool session;           /* by pg_lease: outlives a transaction */
    bool transaction;
    bool begin_pending;     /* BEGIN goes with the first statement, behind the same sync point */
    unsigned timeout_ms;    /* 0, or a statement_timeout that goes with the first statement */
};

/** The task's lease, or that of the task whose job it is; NULL when there is none now. */
pg_lease *lease_of(const apus_task *task);
/** The lease's connection goes; its task hears of it at its next call. */
void lease_lose(pg_lease *lease);

/* statement.c */
/** Submits a group from its task's fiber and waits. 0 or the failure's code, which is in the task then. */
int group_run(pg_group *g);
/** The same for a group whose statements have their sql and parameters; finds their texts. */
int group_run_statements(pg_group *g);
/** Leaves the failure in the task; its code. */
int task_take_failure(apus_task *task, const pg_failure *f);

/** A number below `limit` (not 0); for jitter alone. */
uint32_t random_below(uint32_t limit);

static inline void count_up(_Atomic uint64_t *counter, uint64_t more)
{
    atomic_fetch_add_explicit(counter, more, memory_order_relaxed);
}

static inline void count_down(_Atomic uint64_t *counter)
{
    atomic_fetch_sub_explicit(counter, 1, memory_order_relaxed);
}

#endif
