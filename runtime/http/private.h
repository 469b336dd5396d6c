/* What the files of this room share. */
#ifndef HTTP_PRIVATE_H
#define HTTP_PRIVATE_H

#include "http/chunks.h"
#include "http/head.h"
#include "http/server.h"

#include <fcntl.h>
#include <h2o.h>
#include <h2o/http1.h>
#include <h2o/http2.h>
#include <netinet/in.h>

#define HTTP_LISTENERS 8
#define TRUST_NETWORKS 64
#define LINGERERS 1000      /* closed connections whose client has not yet read the answer */
#define ADMIN_CONNECTIONS 128
#define HTTP2_STREAMS 16    /* handled at once on one connection */
#define LEAST_BYTES_PER_SECOND 1024 /* of a body coming in or a response going out */

typedef struct connection connection;
typedef struct exchange exchange;
typedef struct lingerer lingerer;

/** Where a connection is. http_connection_enter is the one way from one to another. */
typedef enum connection_state {
    CONNECTION_HANDSHAKE, /* TLS */
    CONNECTION_IDLE,      /* no byte of a request */
    CONNECTION_HEAD,      /* a request has begun */
    CONNECTION_BODY,      /* its head was accepted */
    CONNECTION_BUSY,      /* it is being answered */
    CONNECTION_CLOSING,   /* its last bytes are being written */
    CONNECTION_STATES
} connection_state;

struct connection {
    connection *next, *previous; /* in the list of its state */
    connection *next_hook;
    http_server *server;
    h2o_socket_t *socket;
    h2o_socket_cb h2o_read;   /* h2o's callback behind ours */
    exchange *exchange;       /* HTTP/1's; NULL between requests */
    uint64_t since;           /* when it entered its state */
    uint64_t body_until;      /* more of the body is awaited until then */
    size_t waiting;           /* bytes of a body that is not whole, as upload.c counts them */
    size_t scanned;           /* of a head that is not complete */
    size_t head_length, body_limit;
    chunk_check chunks;
    size_t checked;           /* of the buffer: what lies behind it is new, and in chunks as it came */
    const http_refusal *refusal; /* of a pipelined request, reported, not yet answered */
    char *answer;             /* of a refusal */
    lingerer *lingerer;
    uint64_t served;
    unsigned open_streams, streams, aborted_streams; /* HTTP/2's */
    connection_state state;
    bool hook_queued, chunked, http2, linger, parked, doomed;
    bool unread;              /* the client sent more before its answer: no end of file will tell that it left */
    bool trusted;             /* the peer is a proxy whose X-Forwarded headers hold */
    unsigned char peer_length;
    char peer[INET6_ADDRSTRLEN];
};

typedef struct connection_list {
    connection *first, *last;
    size_t count;
} connection_list;

/** A request and its response. Lives in its own arena; ends when its fiber has ended and h2o has let go of it. */
struct exchange {
    apus_request request; /* first */
    arena memory;
    exchange *next, *previous; /* of the server's */
    http_server *server;
    connection *connection;    /* valid as long as `h2o` */
    h2o_req_t *h2o;            /* NULL: h2o has let go of it */
    h2o_generator_t generator;
    uint64_t sent_at;          /* 0: not answered yet */
    size_t sent_length;
    int runs;
    bool running, cancelled;
    char peer[INET6_ADDRSTRLEN];
    char id[24];
};

typedef struct listening {
    h2o_socket_t *socket; /* NULL: stopped */
    bool closing;         /* stopped, the last one on its socket: handshakes that had begun may end */
    http_listener of;
} listening;

struct http_server {
    loop *loop;
    const router *router;
    h2o_globalconf_t config;
    h2o_context_t context;
    h2o_accept_ctx_t accept;
    listening listeners[HTTP_LISTENERS];
    size_t listener_count;
    int spare;                /* a descriptor kept for telling a client that there is none */
    bool admin, draining, stopping;
    bool closing;             /* some listeners are */
    bool yielded;             /* to workers with fewer connections; not twice in a row */
    _Atomic uint32_t *share;  /* where other workers see how many connections this one has */
    connection_list lists[CONNECTION_STATES];
    size_t connections;
    size_t largest_body;      /* that any route takes */
    lingerer *lingerers;
    size_t lingerer_count;
    exchange *exchanges;
    loop_timer sweep, resume;
    loop_deferred turn_end;
    connection *hooks;        /* whose callback h2o has taken back */
    connection *fresh;        /* whose head is in `head` now */
    http_head head;
    int64_t in_flight, in_flight_told; /* requests without an answer; what of it is in http_counts */
    uint64_t requests;        /* that were given an id */
    char id_begin[16];
};

static inline connection *connection_of(h2o_socket_t *socket)
{
    return socket->on_close.data;
}

static inline http_server *server_of(const h2o_req_t *req)
{
    return H2O_STRUCT_FROM_MEMBER(http_server, context, req->conn->ctx);
}

/** The longest that so many bytes may take. */
static inline uint64_t transfer_time(size_t bytes)
{
    return (uint64_t)bytes * 1000000000u / LEAST_BYTES_PER_SECOND;
}

/* trust.c */
bool trust_configure(const char *list, char *error, size_t error_size);
bool trust_peer(const char *peer);
apus_str trust_client(apus_str forwarded_for, apus_str peer);

/* tls.c */
bool tls_configure(char *error, size_t error_size);
/** NULL: no TLS. */
SSL_CTX *tls_context(void);

/* listen.c */
/** How many descriptors clients may take in the process. */
typedef struct descriptor_room {
    uint64_t connections;
    size_t lingerers;
} descriptor_room;
extern descriptor_room http_room;
void listener_share(int fd);
/** true for the last. */
bool listener_unshare(int fd);

/* accept.c */
void accept_start(http_server *s);
/** Leaves the connections in the backlog to others, and takes them again. */
void accept_hold(http_server *s);
void accept_release(http_server *s);
/** Accepts who is in the backlog, and closes the listeners once handshakes under way have had their time. */
void accept_stop(http_server *s);
/** The same, and gives them no time. */
void accept_end(http_server *s);
/** Stops on the sockets that others may accept from. */
void accept_stop_inherited(http_server *s);
/** A connection was opened (1) or closed (-1). */
void accept_count(http_server *s, int change);

/* connection.c */
void http_connection_open(http_server *s, int fd, const struct sockaddr *address);
void http_connection_enter(connection *c, connection_state state);
/** After h2o is done with a request: waits for the next one, or is about to be closed. `body_length`: as h2o has decoded it. */
void http_connection_next(connection *c, bool persistent, size_t body_length);
/** Notices the client's leaving while its request is being handled. */
void http_connection_park(connection *c);
/** Answers with our own error and closes. Only where h2o reads. */
void http_connection_refuse(connection *c, const http_refusal *refusal);
/** Closes a connection that has nothing to say, unless bytes have just arrived. */
void http_connection_close_idle(connection *c);
/** Closes whatever it is doing. */
void http_connection_kill(connection *c);
/** Whether the client has closed its side, even when bytes are still unread. */
bool http_connection_is_gone(connection *c);
void http_connection_hook_all(http_server *s);

/* upload.c */
/** After each read that has left a body incomplete: waits for more of it. NULL, or why not. */
const http_refusal *upload_wait(connection *c);
/** Of a connection that has bytes waiting: its body is whole, or given up. */
void upload_end(connection *c);

/* linger.c */
/** Keeps the socket behind `fd` open after its owner closes it, until the client has read what was sent. */
lingerer *linger_prepare(http_server *s, int fd);
/** The owner has closed it. */
void linger_begin(lingerer *l);
/** Sends a last answer on a connection that was not taken, and closes. Owns `fd`. */
void linger_refuse(http_server *s, int fd, const http_refusal *refusal);
void linger_sweep(http_server *s, bool all);

/* server.c */
/** Something has begun that a sweep must look after. */
void server_sweep_soon(http_server *s);
uint32_t server_random(void);
/** A request has begun (1) or was answered (-1). */
void server_count_in_flight(http_server *s, int change);

/* answer.c */
/** A whole response with `{"detail":…}` and `connection: close`, to be freed with memory_free. NULL without memory. */
char *answer_text(http_server *s, const http_refusal *refusal, size_t *length);
/** The same through h2o. */
void answer_send(h2o_req_t *req, const http_refusal *refusal);
/** What h2o answers by itself (a broken chunk, a body too large) in our words. */
void answer_register_filter(h2o_pathconf_t *path);

extern const http_refusal refusal_timeout, refusal_too_large, refusal_too_large_chunks, refusal_busy, refusal_uploads,
    refusal_memory, refusal_chunks, refusal_path, refusal_internal, refusal_closing;

/* report.c */
/** Tells the hook of a refused request, of which `head` holds what was read. */
void report_refusal(const connection *c, http_head *head, const http_refusal *refusal);
/** The same for a request of HTTP/1 that begins the input. Fills the server's head. */
void report_refusal_of_input(connection *c, const http_refusal *refusal);

/* exchange.c */
int exchange_on_request(h2o_handler_t *self, h2o_req_t *req);
/** h2o has let go of a request: its response is written, or its client gone. */
void exchange_on_dispose(h2o_logger_t *self, h2o_req_t *req);
void exchange_let_go(exchange *x);
void exchange_cancel(exchange *x, int reason);

/* write.c */
/** Once, before the first response. false without descriptors. */
bool write_learn(http_server *s);
/** Sends the response that the request holds. On the request's fiber; its bytes stay until h2o has let go. */
void exchange_write(exchange *x);

/* http2.c */
void http2_begin(exchange *x);
/** Fills the head from h2o's. NULL, or a refusal. */
const http_refusal *http2_head(http_head *head, h2o_req_t *h2o);
/** Copies every slice of the head into the task's memory. */
void http2_keep_head(http_head *head, apus_task *task);

#endif
