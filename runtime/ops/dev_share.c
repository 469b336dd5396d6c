#define _GNU_SOURCE /* memfd_create */
#include "ops/dev_share.h"

#include "core/limits.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRIES 100

/*
 * `sequence` is odd while the texts are being written: a reader looks at it before and after. All of it is atomic, so that no
 * byte is read later than the second look.
 */
typedef struct share {
    _Atomic uint32_t sequence;
    _Atomic uint32_t at[DEV_TEXTS], length[DEV_TEXTS]; /* of each text in `bytes` */
    _Atomic char bytes[];
} share;

static share *shared;
static size_t shared_size;

static bool map(int fd, int protection)
{
    struct stat of;
    if (fd < 0 || fstat(fd, &of) < 0 || !S_ISREG(of.st_mode) || (size_t)of.st_size < sizeof *shared)
        return false;
    void *memory = mmap(NULL, (size_t)of.st_size, protection, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED)
        return false;
    shared = memory;
    shared_size = (size_t)of.st_size;
    return true;
}

int dev_share_make(void)
{
    int fd = memfd_create(INHERITED_DEV, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd >= 0 && ftruncate(fd, (off_t)LIMIT_DEV_PAGE) == 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) == 0 &&
        map(fd, PROT_READ | PROT_WRITE))
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

bool dev_share_open(int fd)
{
    return map(fd, PROT_READ);
}

void dev_share_close(void)
{
    if (shared)
        munmap(shared, shared_size);
    shared = NULL;
}

bool dev_share_is_open(void)
{
    return shared != NULL;
}

void dev_share_write(const apus_str texts[DEV_TEXTS])
{
    size_t at = 0;
    atomic_fetch_add(&shared->sequence, 1);
    for (int i = 0; i < DEV_TEXTS; i++) {
        size_t room = shared_size - sizeof *shared - at, length = texts[i].len < room ? texts[i].len : room;
        for (size_t k = 0; k < length; k++)
            atomic_store_explicit(&shared->bytes[at + k], texts[i].ptr[k], memory_order_release);
        atomic_store(&shared->at[i], (uint32_t)at);
        atomic_store(&shared->length[i], (uint32_t)length);
        at += length;
    }
    atomic_fetch_add(&shared->sequence, 1);
}

static bool read_once(enum dev_text which, buffer *out)
{
    uint32_t before = atomic_load(&shared->sequence);
    size_t at = atomic_load(&shared->at[which]), length = atomic_load(&shared->length[which]), room = shared_size - sizeof *shared;
    char *to = before % 2 || at > room || length > room - at ? NULL : buffer_reserve(out, length);
    if (!to)
        return false;
    for (size_t k = 0; k < length; k++)
        to[k] = atomic_load_explicit(&shared->bytes[at + k], memory_order_acquire);
    if (atomic_load(&shared->sequence) != before)
        return false;
    out->len += length;
    return true;
}

bool dev_share_read(enum dev_text which, buffer *out)
{
    for (int i = 0; shared && i < TRIES; i++)
        if (read_once(which, out))
            return true;
    return false;
}
