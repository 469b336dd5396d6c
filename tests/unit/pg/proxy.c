#include "proxy.h"

#include "fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PAIRS 64

typedef struct pair {
    int client, server; /* -1: free */
} pair;

static struct {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t acted;
    int wake[2], listener, port, accepted, orders, orders_done;
    proxy_mode ordered, mode; /* mode: the thread's */
    bool cut, end;
    pair pairs[PAIRS];
    struct sockaddr_storage upstream;
    socklen_t upstream_size;
} proxy = {.lock = PTHREAD_MUTEX_INITIALIZER, .acted = PTHREAD_COND_INITIALIZER};

static void find_upstream(void)
{
    char *words = NULL, *form = pg_url_for_libpq(test_url());
    PQconninfoOption *options = PQconninfoParse(form, &words);
    const char *host = "127.0.0.1", *port = "5432";
    for (PQconninfoOption *o = options; o && o->keyword; o++) {
        host = o->val && strcmp(o->keyword, "host") == 0 ? o->val : host;
        port = o->val && strcmp(o->keyword, "port") == 0 ? o->val : port;
    }
    memset(&proxy.upstream, 0, sizeof proxy.upstream);
    if (*host == '/') {
        struct sockaddr_un *un = (struct sockaddr_un *)&proxy.upstream;
        un->sun_family = AF_UNIX;
        snprintf(un->sun_path, sizeof un->sun_path, "%s/.s.PGSQL.%s", host, port);
        proxy.upstream_size = sizeof *un;
    } else {
        struct sockaddr_in *in = (struct sockaddr_in *)&proxy.upstream;
        in->sin_family = AF_INET;
        in->sin_port = htons((uint16_t)atoi(port));
        in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        proxy.upstream_size = sizeof *in;
    }
    PQconninfoFree(options);
    free(form);
}

static void listen_again(void)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons((uint16_t)proxy.port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof in;
    int on = 1;
    proxy.listener = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(proxy.listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(proxy.listener, (struct sockaddr *)&in, sizeof in) < 0 || listen(proxy.listener, 64) < 0)
        fail_msg("the proxy cannot listen: %s", strerror(errno));
    getsockname(proxy.listener, (struct sockaddr *)&in, &size);
    proxy.port = ntohs(in.sin_port);
}

static void drop(pair *p)
{
    close(p->client);
    close(p->server);
    p->client = p->server = -1;
}

/* false at the end. */
static bool obey(void)
{
    char byte;
    if (read(proxy.wake[0], &byte, 1) < 0)
        return true;
    pthread_mutex_lock(&proxy.lock);
    proxy.mode = proxy.ordered;
    bool end = proxy.end;
    if (proxy.cut)
        for (int i = 0; i < PAIRS; i++)
            if (proxy.pairs[i].client >= 0)
                drop(&proxy.pairs[i]);
    proxy.cut = false;
    if (proxy.mode == PROXY_REFUSE && proxy.listener >= 0) {
        close(proxy.listener);
        proxy.listener = -1;
    } else if (proxy.mode != PROXY_REFUSE && proxy.listener < 0) {
        listen_again();
    }
    proxy.orders_done = proxy.orders;
    pthread_cond_broadcast(&proxy.acted);
    pthread_mutex_unlock(&proxy.lock);
    return !end;
}

static void accept_one(void)
{
    int client = accept(proxy.listener, NULL, NULL);
    if (client < 0)
        return;
    pthread_mutex_lock(&proxy.lock);
    proxy.accepted++;
    pthread_mutex_unlock(&proxy.lock);
    int server = proxy.mode == PROXY_SLAM ? -1 : socket(proxy.upstream.ss_family, SOCK_STREAM, 0);
    pair *p = proxy.pairs;
    while (p < proxy.pairs + PAIRS && p->client >= 0)
        p++;
    if (server < 0 || p == proxy.pairs + PAIRS || connect(server, (struct sockaddr *)&proxy.upstream, proxy.upstream_size) < 0) {
        close(client);
        close(server);
        return;
    }
    *p = (pair){client, server};
}

static bool relay(int from, int to)
{
    char bytes[65536];
    ssize_t got = recv(from, bytes, sizeof bytes, 0);
    for (ssize_t sent = 0, n; sent < got; sent += n)
        if ((n = send(to, bytes + sent, (size_t)(got - sent), MSG_NOSIGNAL)) < 0)
            return false;
    return got > 0;
}

static void *serve(void *unused)
{
    (void)unused;
    for (bool more = true; more;) {
        struct pollfd fds[2 + PAIRS * 2] = {{proxy.wake[0], POLLIN, 0}, {proxy.listener, POLLIN, 0}};
        for (int i = 0; i < PAIRS; i++) {
            bool frozen = proxy.mode == PROXY_FREEZE;
            fds[2 + i * 2] = (struct pollfd){frozen ? -1 : proxy.pairs[i].client, POLLIN, 0};
            fds[3 + i * 2] = (struct pollfd){frozen ? -1 : proxy.pairs[i].server, POLLIN, 0};
        }
        if (poll(fds, 2 + PAIRS * 2, -1) < 0)
            continue;
        for (int i = 0; i < PAIRS; i++) {
            pair *p = &proxy.pairs[i];
            if ((fds[2 + i * 2].revents && !relay(p->client, p->server)) ||
                (fds[3 + i * 2].revents && !relay(p->server, p->client)))
                drop(p);
        }
        if (fds[1].revents)
            accept_one();
        if (fds[0].revents)
            more = obey();
    }
    return NULL;
}

static void order(proxy_mode mode, bool cut, bool end)
{
    pthread_mutex_lock(&proxy.lock);
    proxy.ordered = mode;
    proxy.cut = cut;
    proxy.end = end;
    proxy.orders++;
    if (write(proxy.wake[1], "", 1) != 1)
        fail_msg("%s", "the proxy cannot be told");
    while (proxy.orders_done != proxy.orders)
        pthread_cond_wait(&proxy.acted, &proxy.lock);
    pthread_mutex_unlock(&proxy.lock);
}

void proxy_open(void)
{
    find_upstream();
    for (int i = 0; i < PAIRS; i++)
        proxy.pairs[i].client = proxy.pairs[i].server = -1;
    proxy.end = proxy.cut = false;
    proxy.accepted = proxy.orders = proxy.orders_done = proxy.port = 0;
    proxy.mode = proxy.ordered = PROXY_PASS;
    listen_again();
    assert_int_equal(pipe(proxy.wake), 0);
    assert_int_equal(pthread_create(&proxy.thread, NULL, serve, NULL), 0);
}

void proxy_close(void)
{
    order(PROXY_PASS, true, true);
    pthread_join(proxy.thread, NULL);
    close(proxy.listener);
    close(proxy.wake[0]);
    close(proxy.wake[1]);
}

int proxy_port(void)
{
    return proxy.port;
}

void proxy_set(proxy_mode mode)
{
    order(mode, mode == PROXY_REFUSE || mode == PROXY_SLAM, false);
}

void proxy_cut(void)
{
    order(proxy.ordered, true, false);
}

int proxy_accepted(void)
{
    pthread_mutex_lock(&proxy.lock);
    int accepted = proxy.accepted;
    pthread_mutex_unlock(&proxy.lock);
    return accepted;
}
