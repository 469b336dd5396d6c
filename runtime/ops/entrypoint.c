/* What scripts/entrypoint.sh does, for images without a shell: puts a key from the environment into its file, then becomes the program. */
#include "ops/process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define EXIT_NOT_FOUND 127

/* The folders that a path needs, as `mkdir -p` makes them. */
static int make_folders(const char *path)
{
    char folder[PATH_MAX];
    if ((size_t)snprintf(folder, sizeof folder, "%s", path) >= sizeof folder) {
        errno = ENAMETOOLONG;
        return -1;
    }
    for (char *slash = strchr(folder + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(folder, 0700) < 0 && errno != EEXIST)
            return -1;
        *slash = '/';
    }
    return 0;
}

static int write_all(int fd, const char *text)
{
    for (size_t left = strlen(text); left;) {
        ssize_t written = write(fd, text, left);
        if (written < 0 && errno != EINTR)
            return -1;
        if (written > 0) {
            text += written;
            left -= (size_t)written;
        }
    }
    return 0;
}

static int write_key(const char *path, const char *key)
{
    int fd = make_folders(path) < 0 ? -1 : open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || fchmod(fd, 0600) < 0 || write_all(fd, key) < 0 || write_all(fd, "\n") < 0 || fsync(fd) < 0) {
        fprintf(stderr, "PRIVATE_KEY_PATH=%s: cannot write the key: %s\n", path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return -1;
    }
    return close(fd);
}

int command_entrypoint(int argc, char **argv)
{
    char *key = getenv("PRIVATE_KEY");
    const char *path = getenv("PRIVATE_KEY_PATH");
    int first = argc > 1 && strcmp(argv[1], "--") == 0 ? 2 : 1;
    if (key && *key && path && *path) {
        if (write_key(path, key) < 0)
            return 1;
        explicit_bzero(key, strlen(key)); /* from /proc/PID/environ too, for when this process serves */
        unsetenv("PRIVATE_KEY");
    }
    if (first >= argc)
        return ENTRYPOINT_SERVE;
    execvp(argv[first], argv + first);
    fprintf(stderr, "entrypoint: %s: %s\n", argv[first], strerror(errno));
    return EXIT_NOT_FOUND;
}
