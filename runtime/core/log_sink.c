/*
 * Each thread that logs owns a ring with one reader, so that nothing on its side waits or locks. The writer thread wakes by
 * time, not by line: it naps between passes while there is something to write, is woken early by a ring that fills, and parks
 * when nothing came. A line therefore costs its thread a copy, and a system call only where it ends a park or a nap.
 */
#define _GNU_SOURCE /* sem_clockwait, pthread_setname_np */
#include "core/log_sink.h"

#include "core/clock.h"
#include "core/limits.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#define RINGS (LIMIT_LOG_THREADS + 1) /* the first is shared by the threads that found no ring of their own */
#define RING_SIZE ((size_t)LIMIT_LOG_BUFFER)
#define NAP_SECONDS 0.02
#define WAKE_AT ((size_t)128 * 1024) /* bytes in a ring that end a nap: few enough to stay in the cache */
#define POLL_MILLISECONDS 100 /* between looks whether the log was closed meanwhile */
#define AT_EXIT_SECONDS 1.0

typedef struct ring {
    _Alignas(64) _Atomic size_t head; /* bytes ever put in, by the ring's owner */
    size_t base;                      /* the head that is at bytes[0]: moved by the owner, while the ring is empty */
    char *bytes;
    _Alignas(64) _Atomic size_t tail; /* bytes ever taken out, by the writer */
    atomic_bool owned;
} ring;

/* What the writer thread is doing, so that whoever logs knows whether to wake it. */
enum writer_state { WRITER_BUSY, WRITER_NAPPING, WRITER_PARKED };

static struct sink {
    ring rings[RINGS];
    pthread_mutex_t shared; /* owns rings[0] */
    pthread_key_t key;      /* gives a thread's ring back when the thread ends */
    pthread_t thread;
    sem_t wake, done;
    _Atomic int writer;
    atomic_bool open;
    atomic_bool closing;   /* the writer ends after one more pass */
    atomic_bool abandoned; /* log_sink_close waits no longer: the writer touches the descriptor no more */
    _Atomic uint64_t dropped;
    /* the writer's own: */
    int fd;
    log_sink_note *note;
    uint64_t reported;
    bool cut; /* the last write ended inside a line */
} sink = {.shared = PTHREAD_MUTEX_INITIALIZER};

static _Thread_local ring *own_ring;

static void count_dropped(uint64_t lines)
{
    atomic_fetch_add_explicit(&sink.dropped, lines, memory_order_relaxed);
}

uint64_t log_sink_dropped(void)
{
    return atomic_load_explicit(&sink.dropped, memory_order_relaxed);
}

bool log_sink_is_open(void)
{
    return atomic_load_explicit(&sink.open, memory_order_acquire);
}

/* The side of the threads that log. */

static void ring_release(void *ended)
{
    ring *r = ended;
    own_ring = NULL;
    atomic_store_explicit(&r->owned, false, memory_order_release);
}

static ring *ring_claim(void)
{
    for (size_t i = 1; i < RINGS; i++) {
        ring *r = &sink.rings[i];
        if (!atomic_load_explicit(&r->owned, memory_order_relaxed) &&
            !atomic_exchange_explicit(&r->owned, true, memory_order_acquire)) {
            pthread_setspecific(sink.key, r);
            return own_ring = r;
        }
    }
    return own_ring = &sink.rings[0];
}

static size_t ring_at(const ring *r, size_t position)
{
    return (position - r->base) % RING_SIZE;
}

/*
 * Bytes that now wait in the ring, or 0 when the line does not fit. An empty ring starts again at its beginning, so that only as
 * much of it is ever touched as was once needed. The store is sequentially consistent, as the writer's parking is: one of the
 * two sees the other.
 */
static size_t ring_put(ring *r, const char *line, size_t n)
{
    size_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
    size_t tail = atomic_load_explicit(&r->tail, memory_order_acquire);
    if (RING_SIZE - (head - tail) < n)
        return 0;
    if (head == tail)
        r->base = head;
    size_t at = ring_at(r, head), first = RING_SIZE - at < n ? RING_SIZE - at : n;
    memcpy(r->bytes + at, line, first);
    memcpy(r->bytes, line + first, n - first);
    atomic_store(&r->head, head + n);
    return head + n - tail;
}

static void wake_writer(bool early)
{
    int state = atomic_load(&sink.writer);
    if (state == WRITER_BUSY || (state == WRITER_NAPPING && !early))
        return;
    if (atomic_exchange(&sink.writer, WRITER_BUSY) != WRITER_BUSY)
        sem_post(&sink.wake);
}

static void put_and_wake(ring *r, const char *line, size_t n)
{
    size_t waiting = ring_put(r, line, n);
    if (waiting == 0)
        count_dropped(1);
    wake_writer(waiting == 0 || waiting >= WAKE_AT);
}

void log_sink_put(const char *line, size_t n)
{
    ring *r = own_ring ? own_ring : ring_claim();
    if (r != &sink.rings[0]) {
        put_and_wake(r, line, n);
        return;
    }
    pthread_mutex_lock(&sink.shared);
    put_and_wake(r, line, n);
    pthread_mutex_unlock(&sink.shared);
}

/* The side of the writer. */

static uint64_t count_lines(const char *bytes, size_t n)
{
    uint64_t lines = 0;
    for (const char *p = bytes, *end = bytes + n; (p = memchr(p, '\n', (size_t)(end - p))); p++)
        lines++;
    return lines;
}

/* Writes, however long the reader takes. The bytes written, or -1. */
static ssize_t write_patiently(const struct iovec *parts, int count)
{
    while (!atomic_load(&sink.abandoned)) {
        ssize_t n = writev(sink.fd, parts, count);
        if (n >= 0 || (errno != EINTR && errno != EAGAIN))
            return n;
        if (errno == EAGAIN)
            poll(&(struct pollfd){.fd = sink.fd, .events = POLLOUT}, 1, POLL_MILLISECONDS);
    }
    return -1;
}

/* After a write that broke off inside a line, the next begins on a line of its own. */
static bool mend(void)
{
    struct iovec end = {(void *)(uintptr_t)"\n", 1};
    if (sink.cut && write_patiently(&end, 1) == 1)
        sink.cut = false;
    return !sink.cut;
}

static int ring_parts(const ring *r, size_t tail, size_t head, struct iovec parts[2])
{
    size_t at = ring_at(r, tail), n = head - tail, first = RING_SIZE - at < n ? RING_SIZE - at : n;
    parts[0] = (struct iovec){r->bytes + at, first};
    parts[1] = (struct iovec){r->bytes, n - first};
    return parts[1].iov_len ? 2 : 1;
}

static void ring_discard(ring *r, size_t tail, size_t head)
{
    struct iovec parts[2] = {{0}};
    for (int i = ring_parts(r, tail, head, parts); i-- > 0;)
        count_dropped(count_lines(parts[i].iov_base, parts[i].iov_len));
    atomic_store_explicit(&r->tail, head, memory_order_release);
}

/* Writes what the ring holds. Returns 1 when there was something, -1 when the sink refused it, 0 when it was empty. */
static int ring_drain(ring *r)
{
    size_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed), head = atomic_load(&r->head);
    if (tail == head)
        return 0;
    bool whole = mend();
    for (size_t start = tail; whole && tail != head;) {
        struct iovec parts[2];
        int count = ring_parts(r, tail, head, parts);
        ssize_t n = write_patiently(parts, count);
        if (n < 0) {
            sink.cut = tail != start && r->bytes[ring_at(r, tail - 1)] != '\n';
            whole = false;
        } else {
            tail += (size_t)n;
            atomic_store_explicit(&r->tail, tail, memory_order_release);
        }
    }
    if (!whole)
        ring_discard(r, tail, head);
    return whole ? 1 : -1;
}

/* Once the sink takes lines again, one of them says how many are missing. */
static void report_dropped(void)
{
    uint64_t dropped = log_sink_dropped();
    if (dropped == sink.reported)
        return;
    apus_str line = sink.note(dropped - sink.reported);
    struct iovec part = {(void *)(uintptr_t)line.ptr, line.len};
    if (mend() && write_patiently(&part, 1) == (ssize_t)part.iov_len)
        sink.reported = dropped;
}

/* One round over all rings; whether any held something. */
static bool writer_pass(void)
{
    bool any = false, whole = true;
    for (size_t i = 0; i < RINGS; i++) {
        int drained = ring_drain(&sink.rings[i]);
        any = any || drained != 0;
        whole = whole && drained >= 0;
    }
    if (any && whole)
        report_dropped();
    return any;
}

static bool rings_are_empty(void)
{
    for (size_t i = 0; i < RINGS; i++)
        if (atomic_load(&sink.rings[i].head) != atomic_load_explicit(&sink.rings[i].tail, memory_order_relaxed))
            return false;
    return true;
}

static struct timespec after(double seconds)
{
    uint64_t at = clock_monotonic() + clock_nanoseconds(seconds);
    return (struct timespec){.tv_sec = (time_t)(at / 1000000000u), .tv_nsec = (long)(at % 1000000000u)};
}

/* A wake that was meant for an earlier sleep only makes this one shorter. */
static void writer_nap(void)
{
    struct timespec until = after(NAP_SECONDS);
    atomic_store(&sink.writer, WRITER_NAPPING);
    if (!atomic_load(&sink.closing))
        sem_clockwait(&sink.wake, CLOCK_MONOTONIC, &until);
    atomic_store(&sink.writer, WRITER_BUSY);
}

static void writer_park(void)
{
    atomic_store(&sink.writer, WRITER_PARKED);
    if (rings_are_empty() && !atomic_load(&sink.closing))
        sem_wait(&sink.wake);
    atomic_store(&sink.writer, WRITER_BUSY);
}

static void *writer_run(void *unused)
{
    for (;;) {
        bool last = atomic_load(&sink.closing); /* read before the pass: nothing that came before it is left behind */
        bool any = writer_pass();
        if (last)
            break;
        if (!any)
            writer_park();
        writer_nap();
    }
    sem_post(&sink.done);
    return unused;
}

/* Opening and closing. */

static int sink_prepare(void)
{
    static bool prepared;
    if (prepared)
        return 0;
    /* Touched as it fills, and in small pages: a thread that logs little costs little. */
    char *bytes = mmap(NULL, RINGS * RING_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (bytes == MAP_FAILED)
        return -errno;
    madvise(bytes, RINGS * RING_SIZE, MADV_NOHUGEPAGE);
    int error = pthread_key_create(&sink.key, ring_release);
    if (error) {
        munmap(bytes, RINGS * RING_SIZE);
        return -error;
    }
    for (size_t i = 0; i < RINGS; i++)
        sink.rings[i].bytes = bytes + i * RING_SIZE;
    prepared = true;
    return 0;
}

/* The thread takes no signals: they belong to the program's own threads, and SIGPIPE is told by the write. */
static int writer_start(void)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&sink.thread, NULL, writer_run, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error == 0)
        pthread_setname_np(sink.thread, "log");
    return -error;
}

static void close_at_exit(void)
{
    log_sink_close(AT_EXIT_SECONDS);
}

/* Whether the writer of a log that was closed before it could end still has the rings. */
static bool is_held(void)
{
    if (!atomic_load(&sink.abandoned))
        return false;
    if (sem_trywait(&sink.done) < 0)
        return true;
    atomic_store(&sink.abandoned, false);
    return false;
}

int log_sink_open(int fd, log_sink_note *note)
{
    static bool registered;
    if (log_sink_is_open() || is_held())
        return -EBUSY;
    int error = sink_prepare();
    if (error)
        return error;
    sink.fd = fd;
    sink.note = note;
    sink.reported = log_sink_dropped();
    sink.cut = false;
    sem_init(&sink.wake, 0, 0);
    sem_init(&sink.done, 0, 0);
    atomic_store(&sink.closing, false);
    atomic_store(&sink.writer, WRITER_BUSY);
    error = writer_start();
    if (error)
        return error;
    if (!registered)
        registered = atexit(close_at_exit) == 0;
    atomic_store_explicit(&sink.open, true, memory_order_release);
    return 0;
}

void log_sink_close(double seconds)
{
    if (!atomic_exchange(&sink.open, false))
        return;
    struct timespec until = after(seconds > 0 ? seconds : 0);
    int waited;
    atomic_store(&sink.closing, true);
    atomic_store(&sink.writer, WRITER_BUSY);
    sem_post(&sink.wake);
    while ((waited = sem_clockwait(&sink.done, CLOCK_MONOTONIC, &until)) < 0 && errno == EINTR)
        ;
    if (waited == 0) {
        pthread_join(sink.thread, NULL);
    } else { /* it hangs in a write that may never return; when it does, the rest counts as dropped */
        atomic_store(&sink.abandoned, true);
        pthread_detach(sink.thread);
    }
}
