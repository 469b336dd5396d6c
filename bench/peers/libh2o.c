/*
 * What libh2o costs by itself: its own event loop, one registered path, one handler.
 * Usage: libh2o PORT
 */
#include <arpa/inet.h>
#include <err.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <h2o.h>

#define IDLE_CONNECTIONS_STAY_MS 75000

static h2o_accept_ctx_t accept_ctx;

static int hello(h2o_handler_t *self, h2o_req_t *req)
{
    static h2o_generator_t generator = {NULL, NULL};
    h2o_iovec_t body = h2o_iovec_init(H2O_STRLIT("{\"message\":\"hello from FastAPI\"}"));

    (void)self;
    if (!h2o_memis(req->method.base, req->method.len, H2O_STRLIT("GET")))
        return -1;
    req->res.status = 200;
    req->res.reason = "OK";
    req->res.content_length = body.len;
    h2o_add_header(&req->pool, &req->res.headers, H2O_TOKEN_CONTENT_TYPE, NULL, H2O_STRLIT("application/json"));
    h2o_start_response(req, &generator);
    h2o_send(req, &body, 1, H2O_SEND_STATE_FINAL);
    return 0;
}

static void on_accept(h2o_socket_t *listener, const char *error)
{
    h2o_socket_t *connection;

    if (error == NULL && (connection = h2o_evloop_socket_accept(listener)) != NULL)
        h2o_accept(&accept_ctx, connection);
}

static int listen_on(const char *port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((unsigned short)strtoul(port, NULL, 10)),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, SOMAXCONN) < 0)
        err(1, "listening on port %s", port);
    return fd;
}

int main(int argc, char **argv)
{
    static h2o_globalconf_t config;
    static h2o_context_t context;

    if (argc != 2)
        errx(2, "usage: libh2o PORT");

    h2o_config_init(&config);
    config.http1.req_timeout = IDLE_CONNECTIONS_STAY_MS;
    h2o_hostconf_t *host = h2o_config_register_host(&config, h2o_iovec_init(H2O_STRLIT("default")), 65535);
    h2o_pathconf_t *root = h2o_config_register_path(host, "/", 0);
    h2o_create_handler(root, sizeof(h2o_handler_t))->on_req = hello;

    h2o_context_init(&context, h2o_evloop_create(), &config);
    accept_ctx.ctx = &context;
    accept_ctx.hosts = config.hosts;
    h2o_socket_t *listener = h2o_evloop_socket_create(context.loop, listen_on(argv[1]), H2O_SOCKET_FLAG_DONT_READ);
    h2o_socket_read_start(listener, on_accept);

    for (;;)
        h2o_evloop_run(context.loop, INT32_MAX); /* -1 only says that a signal came */
}
