/* A connection's states: entered here, and decided here from what is true of the connection. */
#include "pg/circuit.h"
#include "pg/private.h"

#include "core/log.h"
#include "core/memory.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

static bool is_open(connection_state state)
{
    return state != CONNECTION_FREE && state != CONNECTION_DIALING && state != CONNECTION_CLOSING;
}

static bool is_used(connection_state state)
{
    return is_open(state) && state != CONNECTION_IDLE;
}

static void list_remove(connection_list *list, connection *c)
{
    *(c->previous ? &c->previous->next : &list->first) = c->next;
    *(c->next ? &c->next->previous : &list->last) = c->previous;
    c->next = c->previous = NULL;
    list->count--;
}

/* By index: statements fill the connections one after the other, and the last ones fall idle. */
static void list_insert(connection_list *list, connection *c)
{
    connection *before = list->last;
    while (before && before->index > c->index)
        before = before->previous;
    c->previous = before;
    c->next = before ? before->next : list->first;
    *(before ? &before->next : &list->first) = c;
    *(c->next ? &c->next->previous : &list->last) = c;
    list->count++;
}

/* Which states may follow which. */
static const uint16_t successors[CONNECTION_STATES] = {
    [CONNECTION_FREE] = 1 << CONNECTION_DIALING,
    [CONNECTION_DIALING] = 1 << CONNECTION_IDLE | 1 << CONNECTION_FREE,
    [CONNECTION_IDLE] = 1 << CONNECTION_BUSY | 1 << CONNECTION_QUIET | 1 << CONNECTION_LEASED | 1 << CONNECTION_CLOSING |
                        1 << CONNECTION_FREE,
    [CONNECTION_BUSY] = 1 << CONNECTION_IDLE | 1 << CONNECTION_QUIET | 1 << CONNECTION_CLOSING | 1 << CONNECTION_FREE,
    [CONNECTION_QUIET] = 1 << CONNECTION_IDLE | 1 << CONNECTION_BUSY | 1 << CONNECTION_CLOSING | 1 << CONNECTION_FREE,
    [CONNECTION_LEASED] = 1 << CONNECTION_SETTLING | 1 << CONNECTION_IDLE | 1 << CONNECTION_CLOSING | 1 << CONNECTION_FREE,
    [CONNECTION_SETTLING] = 1 << CONNECTION_IDLE | 1 << CONNECTION_CLOSING | 1 << CONNECTION_FREE,
    [CONNECTION_CLOSING] = 1 << CONNECTION_FREE,
};

void connection_enter(connection *c, connection_state state)
{
    pg_pool *p = c->pool;
    connection_state before = c->state;
    if (before == state)
        return;
    assert(successors[before] >> state & 1);
    list_remove(&p->lists[before], c);
    c->state = state;
    list_insert(&p->lists[state], c);
    if (is_open(before) != is_open(state))
        is_open(state) ? count_up(&pg_counts.size, 1) : count_down(&pg_counts.size);
    if (is_used(before) != is_used(state))
        is_used(state) ? count_up(&pg_counts.in_use, 1) : count_down(&pg_counts.in_use);
    if (state == CONNECTION_IDLE) {
        c->idle_since = p->loop->now;
        c->wanted = false;
    }
    if (state == CONNECTION_IDLE || state == CONNECTION_FREE)
        pool_wake(p);
}

static void readable(void *arg)
{
    connection *c = arg;
    pg_pool *p = c->pool;
    uint64_t before = hold_received();
    p->now = clock_monotonic();
    bool alive = PQconsumeInput(c->pg);
    c->unanswered += hold_received() - before;
    connection_answers(c);
    c->broken |= !alive || PQstatus(c->pg) == CONNECTION_BAD;
    connection_judge(c);
    if (p->waiting.count || p->leases.count)
        pool_wake(p);
    pool_finish(p);
}

static void writable(void *arg)
{
    connection *c = arg;
    connection_flush(c);
    connection_judge(c);
}

static void hear_notice(void *arg, const PGresult *notice)
{
    (void)arg;
    char line[256];
    failure_first_line(PQresultErrorMessage(notice), line, sizeof line);
    log_printf(LOG_DEBUG, "Postgres: %s", line);
}

static bool watch_copy(connection *c, PGconn *pg)
{
    c->socket = fcntl(PQsocket(pg), F_DUPFD_CLOEXEC, 0);
    c->watch = c->socket < 0 ? NULL : loop_watch_open(c->pool->loop, c->socket, readable, writable, c);
    if (!c->watch && c->socket >= 0)
        close(c->socket);
    if (!c->watch)
        c->socket = -1;
    return c->watch;
}

bool connection_open(connection *c, PGconn *pg)
{
    uint64_t lifetime = clock_nanoseconds(pg_options.max_lifetime), tenth = lifetime / 10;
    if (!c->prepared && (c->prepared = memory_alloc(LIMIT_PG_STATEMENTS * sizeof *c->prepared)))
        memset(c->prepared, 0, LIMIT_PG_STATEMENTS * sizeof *c->prepared);
    if (!c->prepared || PQsetnonblocking(pg, 1) != 0 || !PQenterPipelineMode(pg) || !watch_copy(c, pg)) {
        PQfinish(pg);
        return false;
    }
    c->pg = pg;
    c->expires_at = clock_monotonic() + lifetime - tenth + (uint64_t)((double)tenth * 2 * random_below(1000) / 1000);
    PQsetNoticeReceiver(pg, hear_notice, NULL);
    circuit_reached();
    connection_enter(c, CONNECTION_IDLE);
    return true;
}

/* All that is in flight was abandoned: a cancel can hit no stranger. What does not end is closed after a while. */
static void end_abandoned(connection *c)
{
    uint64_t now = clock_monotonic();
    c->due = 0;
    if (c->groups != c->abandoned || (!c->groups && !c->cancel))
        return;
    if (!c->settle_by)
        c->settle_by = now + PG_SETTLE_TIME;
    if (now >= c->settle_by) {
        connection_close(c);
        return;
    }
    if (c->groups && !c->cancel && now >= c->cancel_at)
        cancel_start(c);
    c->due = !c->cancel && c->cancel_at > now && c->cancel_at < c->settle_by ? c->cancel_at : c->settle_by;
}

static void be_idle(connection *c)
{
    if (c->retire || PQtransactionStatus(c->pg) != PQTRANS_IDLE) {
        connection_close(c);
        return;
    }
    c->settling = c->session_used = c->rolled_back = c->reset = false;
    c->due = c->cancel_at = c->settle_by = 0;
    c->proven = true;
    c->pool->dial_failures = 0;
    connection_enter(c, CONNECTION_IDLE);
}

/* What asyncpg's and Postgres's own resets undo, but for prepared statements. Each behind a sync point of its own. */
static void reset_session(connection *c)
{
    static const char *const resets[] = {
        "select pg_advisory_unlock_all()", "close all", "unlisten *", "set session authorization default", "reset all",
        "discard temp",
    };
    for (size_t i = 0; i < sizeof resets / sizeof *resets; i++)
        connection_send_own(c, resets[i]);
}

/* Given back: what was sent ends or is cancelled, then the transaction is rolled back, then the session is reset. */
static void settle_on(connection *c)
{
    connection_enter(c, CONNECTION_SETTLING);
    if (!c->settle_by)
        c->settle_by = clock_monotonic() + PG_SETTLE_TIME;
    c->due = c->settle_by;
    if (c->groups || c->cancel) {
        if (clock_monotonic() >= c->settle_by)
            connection_close(c);
        else if (c->groups == c->abandoned)
            end_abandoned(c);
        return;
    }
    bool clean = PQtransactionStatus(c->pg) == PQTRANS_IDLE;
    if (!clean && !c->rolled_back) {
        c->rolled_back = true;
        connection_send_own(c, "rollback");
    } else if (clean && c->session_used && !c->reset && pg_options.prepare) {
        c->reset = true;
        reset_session(c);
    } else {
        be_idle(c);
    }
}

void connection_judge(connection *c)
{
    if (!is_open(c->state))
        return;
    if (c->broken) {
        connection_close(c);
    } else if (c->lease) {
        connection_enter(c, CONNECTION_LEASED);
    } else if (c->settling) {
        settle_on(c);
    } else if (!c->groups && !c->cancel) {
        be_idle(c);
    } else if (c->abandoned || c->cancel || c->retire || c->wanted) {
        connection_enter(c, CONNECTION_QUIET);
        end_abandoned(c);
    } else {
        connection_enter(c, CONNECTION_BUSY);
    }
}

void connection_lease(connection *c, pg_lease *lease)
{
    lease->connection = c;
    c->lease = lease;
    connection_judge(c);
}

void connection_settle(connection *c)
{
    c->lease->connection = NULL;
    c->lease = NULL;
    c->settling = true;
    connection_judge(c);
}

static void gone(connection *c)
{
    if (c->watch)
        loop_watch_close(c->watch);
    if (c->socket >= 0)
        close(c->socket);
    permit_return(c->permit, &c->pool->own_permit);
    c->permit = PERMIT_NONE;
    c->watch = NULL;
    c->socket = -1;
    c->due = 0;
    connection_enter(c, CONNECTION_FREE);
}

/* What was still under way is read and dropped; the end is what counts. */
static void hung_up(void *arg)
{
    connection *c = arg;
    char dropped[4096];
    ssize_t count;
    do
        count = recv(c->socket, dropped, sizeof dropped, MSG_DONTWAIT);
    while (count > 0);
    if (count == 0 || (errno != EAGAIN && errno != EINTR))
        gone(c);
}

/* A server that takes connections and ends them at once is not to be asked again and again without a pause. */
static void judge_dial(const connection *c)
{
    if (!c->proven && !c->retire && clock_monotonic() < c->idle_since + PG_YOUNG)
        pool_back_off(c->pool);
}

/* Everything but the slot, its ring and its permit. */
static void forget(connection *c)
{
    judge_dial(c);
    c->broken = true;
    connection_fail_all(c);
    if (c->lease)
        lease_lose(c->lease);
    cancel_forget(c);
    if (c->watch)
        loop_watch_close(c->watch);
    c->watch = NULL;
    c->lease = NULL;
    c->proven = c->broken = c->fatal = c->retire = c->wanted = c->primed = false;
    c->settling = c->session_used = c->rolled_back = c->reset = false;
    c->cancel_at = c->settle_by = c->unanswered = 0;
    if (c->prepared)
        memset(c->prepared, 0, LIMIT_PG_STATEMENTS * sizeof *c->prepared);
    circuit_lost();
    count_up(&pg_counts.closed, 1);
}

/*
 * The permit stays taken until Postgres has closed its end too, which it does when the backend is gone from its tables: else the
 * next connection would be one too many for a moment.
 */
void connection_close(connection *c)
{
    forget(c);
    bool lost = PQsocket(c->pg) < 0; /* libpq has seen the end already */
    PQfinish(c->pg);
    c->pg = NULL;
    connection_enter(c, CONNECTION_CLOSING);
    if (!lost && c->socket >= 0)
        c->watch = loop_watch_open(c->pool->loop, c->socket, hung_up, hung_up, c);
    c->due = clock_monotonic() + PG_HANG_UP_TIME;
    if (c->watch)
        pool_wake(c->pool);
    else
        gone(c);
}

void connection_drop(connection *c)
{
    if (c->dial)
        dial_cancel(c->dial);
    c->dial = NULL;
    if (is_open(c->state)) {
        forget(c);
        PQfinish(c->pg);
        c->pg = NULL;
    }
    if (c->state != CONNECTION_FREE)
        gone(c);
}
