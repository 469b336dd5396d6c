/* The ceilings of everything that grows. Sizes are bytes. */
#ifndef CORE_LIMITS_H
#define CORE_LIMITS_H

#define LIMIT_ARENA_CHUNK (16 * 1024)                 /* first and recycled chunk of a request's arena */
#define LIMIT_ARENA_POOLED 256                        /* chunks that a worker keeps for the next requests */
#define LIMIT_REQUEST_MEMORY ((size_t)64 * 1024 * 1024) /* of one request's arena */
#define LIMIT_BODY ((size_t)32 * 1024 * 1024)           /* of a request: what is made of it lies in its arena, too */
#define LIMIT_RESPONSE_BODY ((size_t)32 * 1024 * 1024)  /* of a JSON answer that we write */
#define LIMIT_SETTINGS 256                            /* set by environment or flag */
#define LIMIT_APP_SETTINGS 64                         /* that an application declares */
#define LIMIT_MIDDLEWARE 32                           /* of an application; each lies on the stack of those that it calls */
#define LIMIT_LOG_LINE (16 * 1024)                    /* one line */
#define LIMIT_LOG_VALUE (2 * 1024)                    /* one value in a line, before escapes */
#define LIMIT_LOG_BUFFER (1024 * 1024)                /* lines waiting for the sink, per thread that logs; a power of two */
#define LIMIT_LOG_THREADS 32                          /* with a buffer of their own; others share one */
#define LIMIT_VALIDATION_ERRORS 1000                  /* of one request */
#define LIMIT_HEADERS 100                             /* of one request */
#define LIMIT_MODEL_DEPTH 64                          /* nested models */
#define LIMIT_WAITING_BODIES ((size_t)16 * 1024 * 1024) /* of all bodies that have not come whole: a quarter of a small pod */
#define LIMIT_FIBER_STACK (64 * 1024)                 /* of one fiber, the guard page apart */
#define LIMIT_FIBERS_POOLED 128                       /* idle stacks that a worker keeps */
#define LIMIT_GATHER 256                              /* jobs of one apus_gather */
#define LIMIT_JSON_DEPTH 1000                         /* nested arrays and objects, whatever MAX_DEPTH says */
#define LIMIT_PATTERN_MATCHES 100000                  /* steps of one PCRE2 match */
#define LIMIT_INTEGER_DIGITS 4300                     /* of an integer in text, as CPython's */
#define LIMIT_PG_QUEUE 4096                           /* statements waiting for a connection, per worker */
#define LIMIT_PG_IN_FLIGHT 32                         /* statements on one pipelined connection */
#define LIMIT_PG_RESULT ((size_t)32 * 1024 * 1024)    /* one result */
#define LIMIT_PG_STATEMENTS 500                       /* prepared statements of one connection */
#define LIMIT_PG_EVENTS 1024                          /* notifications queued for one task */
#define LIMIT_ROUTES 10000
#define LIMIT_DEV_FILES 20000                         /* that `app dev` watches, folders included */
#define LIMIT_DEV_MEMORY ((size_t)4 * 1024 * 1024)    /* of their names */
#define LIMIT_DEV_OUTPUT (64 * 1024)                  /* of a build's or a server's messages, as the page shows them */
#define LIMIT_DEV_PAGE ((size_t)1024 * 1024)          /* the page, its state and its script */

#endif
