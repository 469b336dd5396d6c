/* The fortified inline definitions of these functions would stand in the way of ours. */
#undef _FORTIFY_SOURCE
#include "pg/hold.h"

#include <errno.h>
#include <libpq-fe.h>
#include <sys/socket.h>

static _Thread_local int held = -1;
static _Thread_local uint64_t received, sends;

void hold_begin(int socket)
{
#ifndef LIBPQ_HAS_SEND_PIPELINE_SYNC
    held = socket;
#else
    (void)socket;
#endif
}

void hold_end(void)
{
    held = -1;
}

uint64_t hold_sends(void)
{
    return sends;
}

uint64_t hold_received(void)
{
    return received;
}

#pragma GCC visibility push(default)

/** As in libc, but for a socket that is held. */
ssize_t send(int fd, const void *bytes, size_t size, int flags)
{
    if (fd == held) {
        errno = EAGAIN;
        return -1;
    }
    sends++;
    return sendto(fd, bytes, size, flags, NULL, 0);
}

/** As in libc; libpq tries to read when it could not send, which a held socket is spared too. */
ssize_t recv(int fd, void *bytes, size_t size, int flags)
{
    if (fd == held) {
        errno = EAGAIN;
        return -1;
    }
    ssize_t count = recvfrom(fd, bytes, size, flags, NULL, NULL);
    if (count > 0)
        received += (uint64_t)count;
    return count;
}

#pragma GCC visibility pop
