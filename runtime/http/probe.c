#include "http/probe.h"

#include <openssl/ssl.h>
#include <string.h>
#include <unistd.h>

/* The certificate is not verified: it names the service, not the address by which its own host reaches it. */
static int probe_tls(int fd, const char *request, int length, char *answer, int size)
{
    int got = -1;
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL *tls = context ? SSL_new(context) : NULL;
    if (tls && SSL_set_fd(tls, fd) == 1 && SSL_connect(tls) == 1 && SSL_write(tls, request, length) == length)
        got = SSL_read(tls, answer, size);
    SSL_free(tls);
    SSL_CTX_free(context);
    return got;
}

int http_probe(int fd, bool tls, const char *request, char *answer, size_t size)
{
    size_t length = strlen(request);
    if (tls)
        return probe_tls(fd, request, (int)length, answer, (int)size);
    return write(fd, request, length) == (ssize_t)length ? (int)read(fd, answer, size) : -1;
}
