#include "ops/notify.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define LONGEST_MESSAGE 1024

bool notify_wanted(void)
{
    const char *path = getenv("NOTIFY_SOCKET");
    return path && *path;
}

/* The socket's address: a path, or a name in the abstract namespace when it begins with @. Its length, 0 when it does not fit. */
static socklen_t address_of(const char *path, struct sockaddr_un *address)
{
    size_t length = strlen(path);
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (length >= sizeof address->sun_path)
        return 0;
    memcpy(address->sun_path, path, length);
    if (*path == '@')
        address->sun_path[0] = '\0';
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
}

void notify_send(const char *format, ...)
{
    char message[LONGEST_MESSAGE];
    struct sockaddr_un address;
    const char *path = getenv("NOTIFY_SOCKET");
    socklen_t length = path && *path ? address_of(path, &address) : 0;
    int fd = length ? socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0) : -1;
    if (fd < 0)
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    (void)!sendto(fd, message, strlen(message), MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&address, length);
    close(fd);
}
